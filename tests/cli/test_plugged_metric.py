"""A metric in a file of its own: scored from stored predictions, behind its task's own, named by the record."""

import json
import shutil

import numpy as np
import pytest
from conftest import ROOT

from inkbench.benchmark import registry
from inkbench.benchmark.api import ItemMetric, RunError
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.scorers import _with, scorer_of
from inkbench.tasks.metrics.saliency import SCORER
from inkbench.tasks.saliency import Saliency


class Peak(ItemMetric):
    """The largest value; none where the truth is empty."""

    name, task, direction = "peak", "saliency", "min"

    def value(self, prediction, truth):
        return float(prediction["map"].max()) if truth["map"].any() else float("nan")


MAPS = [np.eye(4) * k for k in (1.0, 2.0, 4.0)]
TRUTHS = [{"map": np.eye(4)}, {"map": np.zeros((4, 4))}, {"map": np.tri(4)}]


def items_of(scorer):
    return scorer.score_items([{"map": one} for one in MAPS], TRUTHS, ids=["a", "b", "c"])


def test_it_stands_behind_the_tasks_own_which_stay_as_they_are():
    scorer = _with(SCORER, Peak())
    items, own = items_of(scorer), items_of(SCORER)
    assert scorer.primary == SCORER.primary
    assert {name: scorer.aggregate(items)[name] for name in SCORER.aggregate(own)} == SCORER.aggregate(own)
    assert list(scorer.aggregate(items))[-1] == "peak"
    assert scorer.definition("peak").direction == "min"


def test_it_is_the_mean_over_the_items_that_have_it_under_weights_too():
    scorer = _with(SCORER, Peak())
    items = items_of(scorer)
    weights = np.array([3.0, 5.0, 1.0])
    assert scorer.aggregate(items)["peak"] == 2.5
    assert scorer.counts(items)["peak"] == 2
    assert scorer.resampler(items, "peak")(weights) == scorer.aggregate(items, weights)["peak"] == 1.75
    assert "peak" not in scorer.aggregate(items_of(SCORER)), "items of before have no such figure"


def test_a_metric_that_fails_names_itself_and_the_item():
    class Broken(Peak):
        def value(self, prediction, truth):
            return 1 / 0

    with pytest.raises(RunError, match="metric peak, item a: ZeroDivisionError"):
        items_of(_with(SCORER, Broken()))


def test_the_name_of_another_metric_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "x.py"
    file.write_text((ROOT / "examples" / "ink_contrast.py").read_text().replace('"contrast"', '"sim"'))
    monkeypatch.setitem(registry._plugged, "metrics", {})
    registry.plug(file)
    with pytest.raises(UsageError, match="metric 'sim' is one of saliency's own"):
        scorer_of("saliency")
    assert Saliency.scorer is SCORER


def test_rows_that_are_there_are_scored_by_it_and_no_head_is_trained(cli, with_synth, tmp_path):
    file = tmp_path / "mine.py"
    shutil.copy(ROOT / "examples" / "ink_contrast.py", file)
    words = ("--method", "random", "--task", "saliency", "--preset", "smoke", "--set", "saliency.steps=2")
    plugged, where = ("--plugin", file), ("--results", with_synth)
    assert cli(*words, *where).returncode == 0
    before = records(with_synth)
    done = cli(*words, *plugged, *where)
    assert done.returncode == 0, done.stderr
    assert "(contrast is new); no head is trained" in done.stderr
    assert "contrast ↑" in done.stdout
    after = [record for record in records(with_synth) if record not in before]
    assert {record["work"] for record in after} == {record["work"] for record in before}
    version = next(iter(after))["identity"]["metrics"]["contrast"]
    assert version.startswith("1-"), "the file's checksum is in the id of the record"
    assert len(version) == 18
    told = cli("rescore", *where)
    assert told.returncode == 1
    assert "also scored by contrast of a plugin file; name it with --plugin FILE.py" in told.stderr
    assert cli("rescore", *plugged, *where).returncode == 0
    for words in ((), plugged):
        report = cli("report", *words, *where)
        assert report.returncode == 0, report.stderr
        pages = "".join(page.read_text() for page in (with_synth / "report").rglob("*.html"))
        assert "contrast" in pages, "a stored figure is shown as it is"
    assert "contrast" in cli("list", "metrics", *plugged).stdout
    assert "How far gaze" in cli("describe", "contrast", *plugged).stdout


def records(results):
    return [json.loads(path.read_text()) for path in (results / "cells").rglob("*.json")]
