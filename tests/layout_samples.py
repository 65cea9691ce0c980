"""A tiny hand-made folder of each layout, with its traps: what tests of readers and the fuzzer start from."""

import json
from pathlib import Path

import numpy as np
from pictures_of import draw, write
from PIL import Image

WIDE, TALL = 100, 80
MANGA = """<?xml version="1.0" encoding="UTF-8"?>
<book title="Another name than the file's">
<characters><character id="01" name="A"/><character id="02" name="Other"/></characters>
<pages>
<page index="0" width="100" height="80"/>
<page index="3" width="100" height="80">
<frame id="a" xmin="0" ymin="0" xmax="50" ymax="80"/><frame id="b" xmin="50" ymin="0" xmax="104" ymax="80"/>
<body id="c" xmin="10" ymin="10" xmax="40" ymax="70" character="01"/>
<face id="d" xmin="60" ymin="20" xmax="70" ymax="30" character="02"/>
<text id="e" xmin="5" ymin="5" xmax="15" ymax="9">&amp; so</text>
<onomatopoeia id="f" xmin="0" ymin="0" xmax="9" ymax="9"/>
</page></pages></book>"""
SVG = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100" height="80">
<svg class="Page"><image xlink:href="x.jpg"/><polygon points="0,0 100,0 100,80 0,80"/></svg>
<svg class="Line"><polygon points="12,12 30,12 30,16 12,16"/></svg>
<svg class="Panel"><polygon points="-5,0 50,0 50,80 -5,80"><metadata rank="1"/></polygon>
<polygon points="50 0 100 0 100 80 50 80"><metadata rank="2"/></polygon></svg>
<svg class="Balloon"><polygon points="10,10 20,8 35,20 12,18"/></svg>
<svg class="Character"><polygon points="60,30.5 80,30.5 70,60"/></svg>
</svg>"""
CATEGORIES = [{"id": 7, "name": "Face"}, {"id": 1, "name": "panel"}, {"id": 2, "name": "cat"}]
MANTRA = [
    {
        "book_title": f"book{k}",
        "pages": [
            {
                "page_index": 0,
                "image_paths": {"ja": f"images/book{k}/ja/000.jpg"},
                "frame": [{"x": 0, "y": 0, "w": 50, "h": 80}, {"x": 50, "y": 0, "w": 50, "h": 90}],
                "text": [{"x": 5, "y": 5, "w": 10, "h": 12, "text_ja": "あ"}],
            }
        ],
    }
    for k in range(3)
]
VOC_XML = """<annotation><size><width>100</width><height>80</height></size>
<object><name>person</name><bndbox><xmin>11</xmin><ymin>1</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>50</xmax><ymax>50</ymax></bndbox></object>
<object><name>person</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>8</xmax><ymax>8</ymax></bndbox></object>
</annotation>"""
DUMMY_XML = """<annotation><object><name>person</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>1</ymax>
</bndbox></object></annotation>"""


def manga109(root: Path) -> Path:
    """Three books of pages 0 and 3; no image of page 0; a book without XML, an XML that is not listed."""
    for book in "ABC":
        write(root / f"annotations/{book}.xml", MANGA)
        draw(root / f"images/{book}/003.jpg", WIDE, TALL)
    write(root / "annotations/Stray.xml", MANGA)
    write(root / "books.txt", "A\nB\nC\nGone\n")
    return root


def ebdtheque(root: Path) -> Path:
    """Four pages of three albums; two pages are volumes of one; one SVG has no page, one page no SVG."""
    for name in ("CYB_BUBBLEGOM_T01_005", "CYB_BUBBLEGOM_T02_001", "INOUE_KYOUMEN_003", "LUBBIN_LESBLONDES_CO1_055"):
        write(root / f"GT/{name}.svg", SVG)
        if name != "INOUE_KYOUMEN_003":
            draw(root / f"Pages/{name}.jpg", WIDE, TALL)
    draw(root / "Pages/BARE_001.jpg", WIDE, TALL)
    return root


def coco_list(names: list[str], annotations: list[dict], categories: list[dict] = CATEGORIES) -> dict:
    images = [{"id": k, "file_name": name, "width": WIDE, "height": TALL} for k, name in enumerate(names)]
    return {"images": images, "categories": categories, "annotations": annotations}


def coco(root: Path) -> Path:
    """Two lists; ids from 0; an unknown category, a crowd, an annotation of no image, a box that reaches out."""
    boxes = [
        {"id": 0, "image_id": 0, "category_id": 1, "bbox": [0, 0, 50.5, 80]},
        {"id": 1, "image_id": 0, "category_id": 7, "bbox": [10, 10, 200, 5]},
        {"id": 2, "image_id": 0, "category_id": 2, "bbox": [0, 0, 1, 1]},
        {"id": 3, "image_id": 1, "category_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        {"id": 4, "image_id": 99, "category_id": 7, "bbox": [0, 0, 9, 9]},
    ]
    names = {"train": [f"{k}.jpg" for k in range(12)], "val": ["v0.jpg", "v1.jpg"]}
    for split, files in names.items():
        write(root / f"annotations/instances_{split}2017.json", json.dumps(coco_list(files, boxes)))
        for name in files:
            draw(root / f"{split}2017/{name}", WIDE, TALL)
    return root


def comix(root: Path) -> Path:
    """Books with hashed names, CoMix's categories, no balloon annotated."""
    names = ("panel", "character", "balloon", "text", "onomatopoeia", "link_sbsc", "face")
    categories = [{"id": k, "name": name} for k, name in enumerate(names, start=1)]
    boxes = [
        {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 100, 80]},
        {"id": 2, "image_id": 0, "category_id": 2, "bbox": [10, 10, 20, 30]},
        {"id": 3, "image_id": 0, "category_id": 6, "bbox": [10, 10, 20, 30]},
        {"id": 4, "image_id": 1, "category_id": 7, "bbox": [5, 5, 10, 10]},
    ]
    for split, book in (("train", "a1f0"), ("val", "b2e1"), ("test", "c3d2")):
        write(root / f"{split}.json", json.dumps(coco_list([f"{book}/0.jpg", f"{book}/1.jpg"], boxes, categories)))
        for page in range(2):
            draw(root / f"images/{book}/{page}.jpg", WIDE, TALL)
    return root


def dass_panels(root: Path) -> Path:
    """Panels of three books, bodies of classes 1, 5 and 6 kept apart."""
    entry = {"face": [[10, 10, 20, 20, 7]], "body": [[5, 5, 30, 60, 1], [50, 5, 70, 30, 5], [70, 5, 120, 30, 6]]}
    write(root / "annots/annotations.json", json.dumps({f"{book}/4_{k}.jpg": entry for book in "abc" for k in (10, 2)}))
    for book in "abc":
        for k in (2, 10):
            draw(root / f"images/{book}/4_{k}.jpg", WIDE, TALL)
    for split, book in zip(("train", "val", "test"), "abc", strict=True):
        write(root / f"{split}.txt", f"{book}/4\n")
    return root


def icartoonface(root: Path) -> Path:
    """Lists without a head; an image without a line; a face of nobody in the gallery."""
    for k in range(12):
        draw(root / f"icartoonface_dettrain/personai_icartoonface_dettrain_{k:05d}.jpg", WIDE, TALL)
    draw(root / "personai_icartoonface_detval/personai_icartoonface_detval_00000.jpg", WIDE, TALL)
    draw(root / "personai_icartoonface_detval/personai_icartoonface_detval_00001.jpg", WIDE, TALL)
    write(root / "icartoonface_dettrain.csv", "personai_icartoonface_dettrain_00000.jpg,10,10,30,40\n")
    rows = [(90, 60, 130, 70), (20, 20, 10, 10)]
    lines = [",".join(map(str, ("personai_icartoonface_detval_00000.jpg", *row, "face"))) for row in rows]
    write(root / "personai_icartoonface_detval.csv", "\n".join(lines) + "\n")
    for who in range(3):
        for k in range(2):
            draw(root / f"icartoonface_rectrain/{who:05d}/r{who}_{k}.jpg", WIDE, TALL)
            draw(root / f"icartoonface_rectest/t{who}_{k}.jpg", WIDE, TALL)
    train = [f"{who:05d}/r{who}_{k}.jpg 5 5 40 40" for who in range(3) for k in range(2)]
    test = [f"t{who}_{k}.jpg 5 5 40 40 {who if who < 2 else -1}" for who in range(3) for k in range(2)]
    write(root / "icartoonface_rectrain_det.txt", "\n".join(train) + "\n")
    write(root / "icartoonface_rectest_info.txt", "\n".join(test) + "\n")
    return root


def comic2k(root: Path) -> Path:
    """Train, test, and extra images with the dummy box; a box of 16 square pixels."""
    names = {"train": [f"1{k}" for k in range(12)], "test": ["20", "21"], "extra": ["30", "31", "10"]}
    for part, stems in names.items():
        write(root / f"ImageSets/Main/{part}.txt", "".join(f"{stem}\n" for stem in stems))
        for stem in (stem for stem in stems if not (part == "extra" and stem == "10")):
            draw(root / f"JPEGImages/{stem}.jpg", WIDE, TALL)
            write(root / f"Annotations/{stem}.xml", DUMMY_XML if part == "extra" else VOC_XML)
    return root


def voc(root: Path) -> Path:
    """Pages with panels and faces."""
    text = VOC_XML.replace("person", "face").replace("dog", "panel")
    for k in range(4):
        draw(root / f"JPEGImages/p{k}.jpg", WIDE, TALL)
        write(root / f"Annotations/p{k}.xml", text)
    write(root / "ImageSets/Main/train.txt", "p0\np1\n")
    write(root / "ImageSets/Main/test.txt", "p2  1\np3 -1\n")
    return root


def comics(root: Path) -> Path:
    """Three books; a page of advertisements; text of the OCR, with a comma and a line break in it."""
    rows = ["comic_no,page_no,panel_no,textbox_no,dialog_or_narration,text,x1,y1,x2,y2"]
    for book in range(3):
        for name in ("2_0", "2_1", "10_0"):
            draw(root / f"raw_panel_images/{book}/{name}.jpg", WIDE, TALL)
        rows.append(f'{book},2,0,0,1,"you, too ""short""\n!",5,5,60,20')
        rows.append(f"{book},2,0,1,2,later,-3,60,120,79")
    write(root / "COMICS_ocr_file.csv", "\n".join(rows) + "\n")
    write(root / "predadpages.txt", "0---10\n")
    return root


def ssupergan(root: Path) -> Path:
    """COMICS with faces, one of them unsure and one outside; windows of an older list; a list of panels."""
    comics(root)
    for book in range(3):
        lines = [f"{book}/{name}.jpg 10 10 40 45 0.95" for name in ("2_0", "2_1", "10_0")]
        write(root / f"golden_face_annot/{book}.txt", "\n".join([*lines, f"{book}/2_0.jpg -5 0 4 9 0.3"]) + "\n")
    names = ["1/2_0.jpg", "1/2_1.jpg", "1/10_0.jpg"]
    window, face = [10, 0, 90, 80], [20, 10, 50, 40]
    gone = [["9/2_0.jpg", *names[1:]], [[window, face]] * 3]
    write(root / "seq_panels_faces_conf_90.json", json.dumps({"1": gone, "0": [names, [[window, face]] * 3]}))
    listed = [{"path": f"/home/someone/comics/{book}/{name}.jpg"} for book in range(3) for name in ("2_0", "2_1")]
    write(root / "only_panel_data.json", json.dumps(listed))
    return root


def open_mantra(root: Path) -> Path:
    """Three books of a page each."""
    write(root / "annotation.json", json.dumps(MANTRA))
    for k in range(3):
        draw(root / f"images/book{k}/ja/000.jpg", WIDE, TALL)
    return root


def dcm772(root: Path) -> Path:
    """Three books of a page each, with classes 1, 5, 7 and 8."""
    for book in "abc":
        draw(root / f"images/{book}/0.jpg", WIDE, TALL)
        write(root / f"groundtruth/{book}/0.txt", "8 0 0 50 80\n1 5 5 30 70\n7 8 8 20 20\n5 30 5 45 30\n")
    write(root / "train.txt", "a/0\n")
    write(root / "val.txt", "b/0\n")
    write(root / "test.txt", "c/0\n")
    return root


def ai4va(root: Path) -> Path:
    """A page a split, square maps that stand for pages which are not, fixations from 1."""
    rows = ["image,subject,x,y"]
    for split, stem in (("train", "a_1"), ("val", "b_1"), ("test", "c_1")):
        draw(root / f"images/{split}/{stem}.jpg", WIDE, TALL)
        grey = draw(root / f"maps/{split}/{stem}.png", 32, 32)
        Image.open(grey).convert("L").save(grey)
        rows += [f"{stem}.jpg,0,1,1", f"{stem}.jpg,1,50.5,40", f"{stem}.jpg,1,500,40"]
    write(root / "fixations.csv", "\n".join(rows) + "\n")
    write(root / "series.json", json.dumps({s: {"split": p} for s, p in zip("abc", ("train", "val", "test"))}))
    return root


def char_reid(root: Path) -> Path:
    """A series a split, a character with a face and a body, a second with a face alone."""
    rows = ["series_id,page_id,type,index,char_index,x_0,y_0,x1,y_1"]
    for split, series in (("train", "10"), ("val", "20"), ("test", "30")):
        faces = {"a": [f"{series}_1_0_face_0"], "b": [f"{series}_1_0_face_1"]}
        write(root / f"{split}_char_faces.json", json.dumps(faces))
        write(root / f"{split}_char_bodies.json", json.dumps({"a": [f"{series}_1_0_body_0"]}))
        for k in range(2):
            draw(root / f"comics_crops_large_faces/{series}/1_0/{k}.jpg")
        draw(root / f"comics_crops/{series}/1_0/bodies/0.jpg")
        draw(root / f"raw_panel_images/{series}/1_0.jpg", WIDE, TALL)
        seen = [{"charId": "a", "charInstances": [{"face": f"{series}_1_0_face_0", "body": f"{series}_1_0_body_0"}]}]
        seen.append({"charId": "b", "charInstances": [{"face": f"{series}_1_0_face_1"}]})
        sequence = {"seq_id": "+".join(f"{series}_1_{k}" for k in range(4)), "annotations": seen}
        long = "validation" if split == "val" else split
        write(root / f"{long}_sequences.json", json.dumps([sequence]))
        rows += [f"{series},1_0,face,0,0,10,10,30,50", f"{series},1_0,body,0,0,5,5,60,99"]
    write(root / "merged_face_body.csv", "\n".join(rows) + "\n")
    return root


def stl10(root: Path) -> Path:
    """Twelve training and two test images of two classes, two folds."""
    root.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 12), ("test", 2)):
        (root / f"{part}_X.bin").write_bytes(np.zeros((count, 3 * 96 * 96), np.uint8).tobytes())
        (root / f"{part}_y.bin").write_bytes(bytes([1, 2] * (count // 2)))
    write(root / "class_names.txt", "bird\ncat\n")
    write(root / "fold_indices.txt", "0 1 2 3\n4 5 6\n")
    return root


def cifar(root: Path) -> Path:
    """The binary version, two images a batch."""
    root.mkdir(parents=True, exist_ok=True)
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        (root / f"{name}.bin").write_bytes(b"".join(bytes([label]) + bytes(3072) for label in (0, 1)))
    write(root / "batches.meta.txt", "plane\ncar\n\n")
    return root


SAMPLES = {
    "manga109": manga109, "ebdtheque": ebdtheque, "coco": coco, "comix": comix, "dass-panels": dass_panels,
    "icartoonface": icartoonface, "comic2k": comic2k, "voc": voc, "comics": comics, "ssupergan": ssupergan,
    "open-mantra": open_mantra, "dcm772": dcm772, "ai4va": ai4va, "comic_char_reid": char_reid, "stl10": stl10,
    "cifar": cifar,
}  # fmt: skip
"""By the name of the reader."""
