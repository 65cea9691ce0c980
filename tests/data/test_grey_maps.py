"""Maps of measurements and label images: the stored numbers, or one line; never what a picture would show."""

import json

import numpy as np
import pytest
from pictures_of import draw
from PIL import Image

from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.grey_map import flat, read_map
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.data.label_map import read_labels
from inkbench.benchmark.data.layouts.ai4va import Ai4va
from inkbench.benchmark.data.layouts.voc import Voc
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training.task_data import TaskData
from inkbench.tasks.metrics import saliency
from inkbench.tasks.saliency import Saliency, SaliencyConfig

QUIET = Progress(quiet=True)
WIDE, TALL = 24, 16


def gaze(top=255, dtype=np.uint8, at=(9, 5)):
    """A map with one peak of height ``top``, (16, 24); it takes many values and is zero nowhere."""
    y, x = np.mgrid[:TALL, :WIDE]
    return (
        top * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 60) + (1 if np.dtype(dtype).kind == "u" else 0)
    ).astype(dtype)


def figures(truth, predicted):
    items = saliency.score_items([{"map": predicted}], [{"map": truth, "fixations": np.zeros((0, 2))}])
    return {name: float(items[name][0]) for name in ("cc", "kld", "sim")}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("eight.png", gaze()),
        ("eight-in-sixteen.png", gaze(250, np.uint16)),
        ("twelve.png", gaze(4000, np.uint16)),
        ("twelve.tif", gaze(4000, np.uint16)),
        ("sixteen.png", gaze(65_000, np.uint16)),
        ("thirty-two.tif", gaze(3_000_000, np.int32)),
        ("unit.tif", gaze(0.7, np.float32)),
        ("above-one.tif", gaze(7.5, np.float32)),
        ("large.tif", gaze(1e20, np.float32)),
        ("density.tif", gaze(1e-6, np.float32)),
    ],
)
def test_a_map_s_own_values_come_back_and_a_perfect_prediction_is_perfect(tmp_path, name, values):
    Image.fromarray(values).save(tmp_path / name)
    read = read_map(tmp_path / name)
    assert np.array_equal(read, values)
    assert len(np.unique(read)) == len(np.unique(values))
    perfect = figures(read, values)
    assert perfect["cc"] == pytest.approx(1, abs=1e-9)
    assert perfect["kld"] == pytest.approx(0, abs=1e-9)
    assert perfect["sim"] == pytest.approx(1, abs=1e-9)


def saved(tmp_path, kind):
    """The same eight-bit map, as tools save it."""
    grey = Image.fromarray(gaze())
    opaque, half, black = (Image.new("L", grey.size, value) for value in (255, 120, 0))
    palette = grey.copy()
    palette.putpalette([255 - value for value in range(256) for _ in range(3)])
    palette.putdata([255 - value for value in gaze().ravel().tolist()])
    seen = gaze() > 30
    red = np.dstack([np.where(seen, 255, 0), np.zeros_like(seen), np.zeros_like(seen), np.where(seen, gaze(), 0)])
    made = {
        "RGB, all grey": Image.merge("RGB", [grey] * 3),
        "RGBA, opaque": Image.merge("RGBA", [grey] * 3 + [opaque]),
        "RGBA, of one opacity": Image.merge("RGBA", [grey] * 3 + [half]),
        "LA, opaque": Image.merge("LA", [grey, opaque]),
        "a palette of greys": palette,
        "one colour, transparent": Image.merge("RGBA", [opaque, black, black, grey]),
        "black, transparent": Image.merge("LA", [Image.new("L", grey.size, 0), grey]),
        "one colour where anything is seen": Image.fromarray(red.astype(np.uint8)),
    }  # fmt: skip
    made[kind].save(tmp_path / "a.png")
    return read_map(tmp_path / "a.png"), np.where(seen, gaze(), 0) if "anything" in kind else gaze()


@pytest.mark.parametrize(
    "kind",
    ["RGB, all grey", "RGBA, opaque", "RGBA, of one opacity", "LA, opaque", "a palette of greys",
     "one colour, transparent", "black, transparent", "one colour where anything is seen"],
)  # fmt: skip
def test_greys_in_colours_and_opacities_that_are_the_map_are_read_value_for_value(tmp_path, kind):
    read, wanted = saved(tmp_path, kind)
    assert np.array_equal(read, wanted)


def jet(values):
    """A map in the colours that most plots give it, uint8 (h, w, 3)."""
    v = values.astype(float)[..., None] / 255
    return (255 * np.clip(1.5 - np.abs(4 * v - [3, 2, 1]), 0, 1)).astype(np.uint8)


def refused(tmp_path, kind):
    grey, path = gaze(), tmp_path / ("a.tif" if "float" in kind or "white" in kind else "a.png")
    deep = np.zeros((TALL, WIDE, 3), np.uint16)
    if kind == "colours":
        Image.fromarray(jet(grey)).save(path)
    elif kind == "a palette of colours":
        image = Image.fromarray(grey)
        image.putpalette(jet(np.arange(256, dtype=np.uint8)[None])[0].ravel().tolist())
        image.save(path)
    elif kind == "greys and opacities":
        Image.fromarray(np.dstack([grey] * 3 + [grey[::-1]])).save(path)
    elif kind == "CMYK":
        path = tmp_path / "a.jpg"
        Image.fromarray(grey).convert("CMYK").save(path)
    elif kind == "float below zero":
        Image.fromarray(gaze(1, np.float32) - 0.5).save(path)
    elif kind == "float that is none":
        values = gaze(1, np.float32)
        values[3, 3] = np.nan
        Image.fromarray(values).save(path)
    elif kind == "white is zero":
        Image.fromarray(gaze(4000, np.uint16)).save(path, tiffinfo={262: 0})
    else:
        _save_rgb16(path, deep + gaze(200, np.uint16)[..., None])
    return path


def _save_rgb16(path, values):
    """A PNG of three channels of 16 bits, written by hand: Pillow writes none."""
    import struct
    import zlib

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("colours", "is RGB, not grey.*save one channel of grey"),
        ("a palette of colours", "is P, not grey"),
        ("greys and opacities", "both its colours and its transparency vary"),
        ("CMYK", "is CMYK, not grey"),
        ("float below zero", "values below zero"),
        ("float that is none", "has NaN values"),
        ("white is zero", "white is zero"),
        ("RGB of 16 bits", "several channels of 16 bits"),
    ],
)
def test_what_holds_no_single_number_a_pixel_is_refused_with_the_mend(tmp_path, kind, told):
    with pytest.raises(BadImage, match=told):
        read_map(refused(tmp_path, kind))


def test_a_map_is_turned_as_its_file_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(gaze()).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_map(tmp_path / "a.png"), np.rot90(gaze(), -1))


def folder(root, **maps):
    """Images of three splits with a map each; ``maps`` by the name of the image instead of a good one."""
    for split, names in (("train", ("a", "b", "c", "d")), ("val", ("e", "f")), ("test", ("g", "h", "i"))):
        for k, name in enumerate(names):
            draw(root / f"images/{split}/{name}.jpg", 60, 40, seed=ord(name))
            (root / f"maps/{split}").mkdir(parents=True, exist_ok=True)
            values = maps.get(name, gaze(at=(3 + 4 * k, 6)))
            Image.fromarray(values).save(root / f"maps/{split}/{name}.png")
    return Ai4va(root)


def test_empty_and_constant_and_coloured_maps_are_errors_by_name(tmp_path):
    zero, even = np.zeros((TALL, WIDE), np.uint8), np.full((TALL, WIDE), 9, np.uint8)
    report = examine(folder(tmp_path, g=zero, h=even, a=jet(gaze())), QUIET)
    assert sorted(report.errors) == [
        "maps/test/g.png is 0 everywhere: nothing can be scored against it; fix it, or leave its image out",
        "maps/test/h.png is 9 everywhere: nothing can be scored against it; fix it, or leave its image out",
        "maps/train/a.png cannot be read: is RGB, not grey: it does not say which value a colour means; save one "
        "channel of grey, 8 or 16 bits or floats",
    ]
    assert flat(gaze()) is None


def test_a_run_leaves_out_what_check_calls_an_error_and_says_so_before_it_trains(tmp_path):
    zero, even = np.zeros((TALL, WIDE), np.uint8), np.full((TALL, WIDE), 9, np.uint8)
    data = folder(tmp_path, g=zero, h=even, a=jet(gaze()))
    task = Saliency(SaliencyConfig(side=32))

    def seen(split):
        from inkbench.benchmark.data.cache import Caching, build

        items = task.items(data, split)
        place = tmp_path / "cache" / split
        place.mkdir(parents=True)
        return TaskData.of(
            task, items, lambda view, parts: build(parts, task.views()[view], Caching(place, "k", QUIET))
        )

    test, train = seen("test"), seen("train")
    assert [item.id for item in test.items] == ["i"]
    assert {failure["item"]: failure["reason"].partition(": ")[2][:15] for failure in test.failures} == {
        "g": "is 0 everywhere",
        "h": "is 9 everywhere",
    }
    assert [failure["item"] for failure in train.failures] == ["a"]


# --- label images
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_labels_in_several_channels_that_are_alike_are_those_labels(tmp_path, mode):
    labels = np.random.default_rng(0).integers(0, 21, (9, 11), dtype=np.uint8)
    grey = Image.fromarray(labels)
    channels = [grey] * (len(mode) - (mode[-1] == "A")) + [Image.new("L", grey.size, 255)] * (mode[-1] == "A")
    Image.merge(mode, channels).save(tmp_path / "a.png")
    assert np.array_equal(read_labels(tmp_path / "a.png"), labels)


def test_labels_are_turned_as_their_file_says(tmp_path):
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    exif = Image.Exif()
    exif[0x0112] = 8
    for name in ("a.png", "a.tif"):
        Image.fromarray(labels).save(tmp_path / name, exif=exif)
        assert np.array_equal(read_labels(tmp_path / name), np.rot90(labels, 1))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("transparent", "transparent pixels"),
        ("colours", "is RGB; a label image is a palette or grey file"),
        ("jpeg", "is a JPEG, which changes the numbers"),
        ("fractions", "numbers that are not whole"),
        ("deep", "several channels of 16 bits"),
    ],
)
def test_label_images_that_are_pictures_are_refused(tmp_path, how, told):
    labels = np.random.default_rng(0).integers(0, 21, (9, 11), dtype=np.uint8)
    path = tmp_path / {"jpeg": "a.jpg", "fractions": "a.tif"}.get(how, "a.png")
    if how == "transparent":
        Image.fromarray(np.dstack([labels, labels])).save(path)
    elif how == "colours":
        Image.fromarray(jet(labels * 12)).save(path)
    elif how == "jpeg":
        Image.fromarray(labels).save(path)
    elif how == "fractions":
        Image.fromarray(labels.astype(np.float32) + 0.5).save(path)
    else:
        _save_rgb16(path, np.zeros((9, 11, 3), np.uint16) + labels[..., None])
    with pytest.raises(BadImage, match=told):
        read_labels(path)


def test_masks_of_0_and_255_are_all_void_and_told(tmp_path):
    for k in range(3):
        draw(tmp_path / f"JPEGImages/{k}.jpg", 30, 30, seed=k)
        (tmp_path / "SegmentationClass").mkdir(exist_ok=True)
        mask = np.zeros((30, 30), np.uint8)
        mask[5:20, 5:20] = 255
        Image.fromarray(mask).save(tmp_path / f"SegmentationClass/{k}.png")
    report = examine(Voc(tmp_path), QUIET)
    assert any("all 3 label images contain only 0, 255, and 255 means void" in line for line in report.warnings)
    assert json.dumps(report.json())
