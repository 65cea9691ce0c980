"""``--method predictions:DIR``: maps and boxes from anywhere are a row, paired and tested like any other."""

import json

import numpy as np
import pytest
from PIL import Image
from record_files import written

from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.tasks.metrics.maps import centre_map

SALIENCY = ("--task", "saliency", "--preset", "smoke", "--set", "saliency.steps=4", "--method")


def drawn(results):
    """The copy of synth that a smoke run has drawn."""
    [root] = [path for path in (results / "cache" / "synth").iterdir() if (path / "labels").is_dir()]
    return Synth(root)


@pytest.fixture
def centre(with_synth, tmp_path):
    """A colleague's maps: a Gaussian on the middle of every test image, as 8-bit pictures."""
    folder = tmp_path / "deepgaze"
    folder.mkdir()
    grid = centre_map(24, 24)
    for item in drawn(with_synth).items("saliency", "test"):
        Image.fromarray((255 * grid / grid.max()).astype(np.uint8)).save(folder / f"{item.id}.png")
    return folder


@pytest.mark.slow
def test_maps_are_a_row_beside_the_others(cli, with_synth, centre):
    done = cli(*SALIENCY, f"predictions:{centre},random", "--results", with_synth)
    assert done.returncode == 0, done.stderr
    assert "\npredictions:deepgaze " in done.stdout
    records = {record["method"]: record for record in written(with_synth)}
    ours, theirs = records["trivial:centre"], records["predictions:deepgaze"]
    assert theirs["metrics"]["cc"]["value"] == pytest.approx(ours["metrics"]["cc"]["value"], abs=0.01)
    assert theirs["metrics"]["cc"]["n"] == ours["metrics"]["cc"]["n"]
    tables = json.loads(next((with_synth / "tables").glob("saliency*.json")).read_text())
    row = next(row for block in tables["blocks"] for row in block["rows"] if row["label"] == "predictions:deepgaze")
    assert row["cells"]["p"]["value"] is not None, "tested against random"
    again = cli(*SALIENCY, f"predictions:{centre}", "--results", with_synth)
    assert "predictions:deepgaze on saliency, seed 0: already finished" in again.stderr
    changed = next(centre.iterdir())
    Image.new("L", (24, 24), 7).save(changed)
    other = cli(*SALIENCY, f"predictions:{centre}", "--results", with_synth)
    assert other.returncode == 0, other.stderr
    assert len([r for r in written(with_synth) if r["method"] == "predictions:deepgaze"]) == 2


def test_what_is_missing_or_no_file_is_told(cli, with_synth, centre, tmp_path):
    nowhere = cli(*SALIENCY, f"predictions:{tmp_path / 'nowhere'}", "--results", with_synth)
    assert nowhere.returncode == 2
    assert "there is no file or folder" in nowhere.stderr
    lost = sorted(centre.iterdir())[0]
    lost.unlink()
    failed = cli(*SALIENCY, f"predictions:{centre}", "--results", with_synth, "--no-baseline")
    assert failed.returncode == 1
    assert lost.stem in failed.stderr
    (tmp_path / "empty").mkdir()
    empty = cli(*SALIENCY, f"predictions:{tmp_path / 'empty'}", "--results", with_synth)
    assert empty.returncode == 2
    assert "is empty" in empty.stderr


def test_true_boxes_as_a_list_and_as_a_dictionary_have_every_optimum(cli, with_synth, tmp_path):
    """COCO's list and CoMix's dictionary of the true boxes: AP 1 in both."""
    data = drawn(with_synth)
    items = data.items("panels", "test")
    categories = {"face": 7, "body": 2}
    images = [{"id": k, "file_name": item.id} for k, item in enumerate(items, start=1)]
    found = [
        {
            "image_id": k,
            "category_id": categories[box.label],
            "bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0],
            "score": 0.9,
        }
        for k, item in enumerate(items, start=1)
        for box in item.boxes
        if box.label in categories
    ]
    named = [{"id": 7, "name": "face"}, {"id": 2, "name": "character"}]
    comix = {"images": images, "categories": named, "annotations": [{"id": n, **box} for n, box in enumerate(found, 1)]}
    (tmp_path / "comix.json").write_text(json.dumps(comix))
    by_name = [{**box, "image_id": items[box["image_id"] - 1].id, "category_id": ["face", "body"].index(
        {7: "face", 2: "body"}[box["category_id"]]) + 1} for box in found]  # fmt: skip
    (tmp_path / "list.json").write_text(json.dumps(by_name))
    words = ("--task", "detection", "--preset", "smoke", "--no-baseline", "--results", with_synth, "--method")
    done = cli(*words, f"predictions:{tmp_path / 'comix.json'},predictions:{tmp_path / 'list.json'}")
    assert done.returncode == 0, done.stderr
    for record in written(with_synth):
        assert record["metrics"]["ap"]["value"] == pytest.approx(1), record["method"]
        assert record["metrics"]["voc"]["value"] == pytest.approx(1)
