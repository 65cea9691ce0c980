"""``--robustness``: frozen runs on damaged images, at once or later, beside a run that knows nothing of it."""

import json

import numpy as np
import pytest
from record_files import written

from inkbench.benchmark.api import NotApplicable
from inkbench.benchmark.data.damage.catalogue import DAMAGES, Damage, all_damages, cut_box
from inkbench.benchmark.data.damage.items import with_damage
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning import planner
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.job import job_of, task_data
from inkbench.benchmark.running.stored_network import network_again
from inkbench.benchmark.running.verify import check
from inkbench.benchmark.running.verify_again import ScoredAgain
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store.proof import stamped
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.damaged_data import damaged_data, damaged_truths
from inkbench.benchmark.training.head_loop import predict

WORDS = (
    *("--method", "random", "--task", "classification", "--protocol", "linear@1,knn@1,finetune@1", "--preset", "smoke"),
    *("--set", "classification.steps=4", "--set", "classification.finetune_steps=2", "--threads", "1"),
)


@pytest.fixture(scope="module")
def folders(cli, first_run, tmp_path_factory):
    """Results of the same command: without damage, with it at once, and asked for it later."""
    found = {}
    for name, times in (("plain", ((),)), ("once", (("--robustness",),)), ("later", ((), ("--robustness",)))):
        results = found[name] = tmp_path_factory.mktemp(name) / "results"
        results.mkdir()
        (results / "cache").symlink_to(first_run[1] / "cache")
        for words in times:
            done = cli(*WORDS, *words, "--results", results)
            assert done.returncode == 0, done.stderr
        found[f"{name} said"] = done
    return found


def told(results):
    return {(record["method"], record["protocol"]): record for record in written(results)}


def files(results, suffix):
    return {path.name: path.read_bytes() for path in (results / "cells").rglob(f"*{suffix}")}


def test_every_frozen_row_of_a_backbone_has_it_and_no_other(folders):
    for (method, protocol), record in told(folders["once"]).items():
        wanted = method == "random" and protocol != "finetune@1"
        assert ("robustness" in record) == wanted, (method, protocol)
        if wanted:
            assert list(record["robustness"]["under"]) == list(map(str, all_damages()))
            assert record["robustness"]["chance"] == pytest.approx(1 / 12)


def test_nothing_of_the_clean_run_changes(folders):
    plain, once = folders["plain"], folders["once"]
    assert told(plain).keys() == told(once).keys()
    for key, record in told(plain).items():
        other = told(once)[key]
        for name in ("id", "work", "identity", "metrics", "items", "predictions", "calibration", "curve", "chosen"):
            assert record.get(name) == other.get(name), (key, name)
    assert files(plain, ".items.npz") == files(once, ".items.npz")
    assert files(plain, ".predictions.npz").items() <= files(once, ".predictions.npz").items()


def test_asked_for_later_it_is_the_same_to_the_last_bit(folders):
    once, later = folders["once"], folders["later"]
    assert files(once, ".predictions.npz") == files(later, ".predictions.npz")
    for key, record in told(once).items():
        parts = [{**of.get("robustness", {}), "phase": None} for of in (record, told(later)[key])]
        assert parts[0] == parts[1]
    assert "train classification head" not in folders["later said"].stderr


def test_a_table_shows_it(folders):
    for name in ("once", "later"):
        assert "robustness" in folders[f"{name} said"].stdout
    assert "robustness" not in folders["plain said"].stdout


def test_figures_under_damage_are_proven_and_an_edit_is_found(folders, tmp_path, capsys):
    store = Store(folders["once"])
    again = ScoredAgain(store, Progress(quiet=True))
    assert check(store, [], again) == 0
    [path] = [path for path in store.paths() if told(store.root)["random", "knn@1"]["id"] == path.stem]
    kept = path.read_bytes()
    edited = json.loads(kept)
    edited["robustness"]["under"]["grey@2"]["figure"]["value"] += 0.25
    path.write_text(json.dumps(edited))
    assert check(store, [path.stem], None) == 1, "the checksum"
    path.write_text(json.dumps(stamped(edited)))
    capsys.readouterr()
    assert check(store, [path.stem], again) == 1, "and with a checksum that was made again, the predictions"
    assert "under grey@2, its predictions there give" in capsys.readouterr().out
    path.write_bytes(kept)
    predictions = store.predictions_path(edited["work"]).with_name(
        edited["robustness"]["under"]["crop@1"]["predictions"]["file"]
    )
    whole = predictions.read_bytes()
    predictions.write_bytes(whole[:-1] + b"x")
    assert check(store, [path.stem], None) == 1
    assert "under crop@1" in capsys.readouterr().out
    predictions.write_bytes(whole)
    assert check(store, [path.stem], again) == 0


def test_without_its_network_a_run_is_not_tested_and_says_how_to_mend_it(cli, folders):
    results = folders["plain"]
    for path in (results / "networks").glob("*"):
        path.unlink()
    done = cli(*WORDS, "--robustness", "--results", results)
    assert done.returncode == 1
    assert "run it again with --force" in done.stderr
    assert "robustness" in told(results)["random", "knn@1"], "heads that are fitted at once are fitted again"
    assert told(results)["random", "linear@1"]["status"] == "done", "the clean figures stay"


@pytest.mark.parametrize("protocol", ["linear@1", "knn@1"])
def test_under_no_damage_the_stored_head_predicts_what_it_did(folders, protocol):
    """The control: identity through the same code gives the clean predictions, bit by bit."""
    results = folders["once"]
    record = next(r for r in Store(results).records() if (r.method, r.protocol) == ("random", protocol))
    request = Request.model_validate({**record.request.resolved, "robustness": False})
    device = engine.start(1, request.precision, request.threads)
    data = open_dataset(request.data, request.preset, request.sets, results)
    plan = planner.make(request, device, data, data)
    experiment = next(one for one in plan.experiments if one.id == record.id)
    workspace = Workspace(request, plan, device, Store(results), Progress(quiet=True), lambda event: None)
    workspace.prepare(data)
    clean, views = task_data(workspace, experiment, "test"), experiment.task.views()
    same = damaged_data(
        experiment.task, clean, Damage("identity", 3), lambda name, items: workspace.resized(data, items, views[name])
    )
    net, backbone = network_again(workspace, experiment, record)
    predictions = predict(job_of(workspace, experiment), net, backbone, same, "identity")
    for now, before in zip(predictions, Store(results).read_predictions(record), strict=True):
        assert all(np.array_equal(now[name], before[name]) for name in before)


def test_a_plan_without_a_frozen_run_is_refused(folders):
    results = folders["once"]
    words = {"methods": ("random",), "tasks": ("classification",), "protocols": ("finetune",), "preset": "smoke"}
    request = Request(**words, robustness=True, results=results, threads=1)
    data = open_dataset("synth", "smoke", (), results)
    with pytest.raises(UsageError, match="add --protocol frozen"):
        planner.make(request, engine.start(1, "32", 1), data, data)


def test_truths_of_cut_images_are_those_of_what_is_left(references):
    """Detection and segmentation: against the truth made anew of the cut image's own boxes and mask."""
    for name, reference in references.items():
        item, truth = reference.items[0], reference.truths[0]
        box = (3, 5, 60, 70)
        if name in ("saliency", "inpainting"):
            with pytest.raises(NotApplicable, match=r"\w"):
                reference.task.cut(truth, box)
        elif name == "segmentation":
            assert np.array_equal(reference.task.cut(truth, box)["mask"], truth["mask"][5:70, 3:60])
        elif name == "detection":
            cut = reference.task.cut(truth, box)
            painted = [painted_box(boxes, 60, 70)[5:, 3:] for boxes in truth["boxes"]]
            seen = [pixels for pixels in painted if pixels.any()]
            assert len(cut["boxes"]) == len(seen)
            for boxes, pixels in zip(cut["boxes"], seen, strict=True):
                assert np.array_equal(painted_box(boxes, 57, 65), pixels)
            assert cut["size"].tolist() == [57, 65]
        else:
            assert reference.task.cut(truth, box) is truth
        assert with_damage(item, Damage("crop", 1)).id == item.id


def painted_box(box, width, height):
    """The pixels of an image whose middles lie in a box."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    return np.outer((y > box[1]) & (y < box[3]), (x > box[0]) & (x < box[2]))


def test_only_cut_borders_change_truths(references):
    class Clean:
        def __init__(self, reference):
            self.items, self.truths = reference.items, reference.truths
            self.placements = [reference.task.view().place(200, 100) for _ in self.items]

    reference = references["detection"]
    for name in DAMAGES:
        truths = damaged_truths(reference.task, Clean(reference), Damage(name, 2))
        assert (truths is reference.truths) == (name != "crop")
    x0, y0, x1, y1 = cut_box(200, 100, 2, reference.items[0].id)
    assert truths is reference.truths
    cut = damaged_truths(reference.task, Clean(reference), Damage("crop", 2))[0]
    assert cut["size"].tolist() == [x1 - x0, y1 - y0]
    assert (cut["boxes"][:, 2:] <= [x1 - x0, y1 - y0]).all()
    assert y0 >= 0
