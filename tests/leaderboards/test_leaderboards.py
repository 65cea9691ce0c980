"""Figures, marks and words of tables made from records."""

import csv
import io

import numpy as np
import pytest
import scipy.stats
from leaderboard_records import detection_items, everything, record, rows, saliency_items, toy_items, usual
from record_files import data_used

from inkbench.benchmark import registry
from inkbench.benchmark.sources import Entry
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.mark.seconds
def test_figures_are_those_of_the_items(store):
    records = usual(store)
    found = rows(build.build(store, records, "t"))["jigsaw"].cells
    ours, control = saliency_items(0.40, 2), saliency_items(0.35, 1)
    sums = np.array([(ours["cc"] - control["cc"])[ours["series"] == name].sum() for name in np.unique(ours["series"])])
    theirs = scipy.stats.permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=2**16)
    assert found["primary"].value == pytest.approx(ours["cc"].mean())
    assert found["primary"].low < ours["cc"].mean() < found["primary"].high
    assert found["difference"].value == pytest.approx(ours["cc"].mean() - control["cc"].mean())
    assert found["difference"].low < found["difference"].value < found["difference"].high
    assert found["p"].extra["unadjusted"] == pytest.approx(theirs.pvalue)
    assert found["p"].extra["exact"] is True
    assert found["n"].text == "192/16/1"
    assert found["images"].value == 40_000


def test_a_paired_interval_is_narrower_than_two_apart(store):
    """Both rows are resampled with the same series and items: what they share cancels."""
    found = rows(build.build(store, usual(store), "t"))
    difference = found["jigsaw"].cells["difference"]
    apart = [found[name].cells["primary"].high - found[name].cells["primary"].low for name in ("jigsaw", "random")]
    assert difference.high - difference.low < 0.8 * np.hypot(*apart)


def test_holm_covers_the_column(store):
    records = usual(store)
    alone = rows(build.build(store, records, "t"))["jigsaw"].cells["p"]
    records += [record(store, f"x{k}", f"method{k}", saliency_items(0.35, 10 + k)) for k in range(3)]
    among = rows(build.build(store, records, "t"))["jigsaw"].cells["p"]
    assert alone.value == alone.extra["unadjusted"] == among.extra["unadjusted"]
    assert among.value == pytest.approx(4 * among.extra["unadjusted"])


def test_one_seed_says_so(store):
    for shown in everything(build.build(store, usual(store), "t"))[:2]:
        assert "Single seed" in shown


@pytest.mark.parametrize("status", ["failed", "declined"])
def test_what_did_not_run_is_a_row_with_its_reason(store, status):
    records = [*usual(store), record(store, "d0", "imagenet", None, status=status, reason="no weights within reach")]
    table = build.build(store, records, "t")
    row = rows(table)["imagenet"]
    assert row.status == status
    assert all(cell.value is None for cell in row.cells.values())
    for shown in everything(table):
        assert "no weights within reach" in shown
        assert status in shown
    lines = {line["row"]: line for line in csv.DictReader(io.StringIO(render.csv(table)))}
    assert lines["imagenet"]["primary"] == ""
    assert lines["jigsaw"]["primary"] != ""


def test_a_seed_that_failed_is_told_beside_those_that_did_not(store):
    records = [*usual(store), record(store, "j1", "jigsaw", None, seed=1)]
    row = rows(build.build(store, records, "t"))["jigsaw"]
    assert row.status == "done"
    assert any("seed 1, out of memory" in mark for mark in row.marks)


def test_nothing_finished_is_still_a_table(store):
    table = build.build(store, [record(store, "j0", "jigsaw", None)], "t")
    assert "out of memory" in render.text(table)


def test_few_series_give_no_mark(store):
    few = {"series": 4, "each": 30}
    records = [
        record(store, "r0", "random", saliency_items(0.1, 1, **few)),
        record(store, "j0", "jigsaw", saliency_items(0.6, 2, **few)),
    ]
    table = build.build(store, records, "t")
    text = render.text(table)
    assert "few series" in text
    assert "*" not in text.split("few series")[0].split("---")[-1]
    assert "•" not in text
    assert "**0" not in render.markdown(table)


@pytest.mark.parametrize(("series", "words"), [(1, "one test series"), (4, "4 test series: intervals"), (16, None)])
def test_intervals_from_few_series_say_so(store, series, words):
    items = saliency_items(0.3, 1, series=series)
    table = build.build(store, [record(store, "r0", "random", items), record(store, "j0", "jigsaw", items)], "t")
    told = [note for note in table.notes if "test series" in note and not note.startswith("few series")]
    assert len(told) == (words is not None)
    assert not told or words in told[0]


def test_enough_series_give_marks(store):
    text = render.text(build.build(store, usual(store), "t"))
    assert "few series" not in text
    assert "*" in text
    assert "• 0." in text


def test_best_and_all_not_distinguishable_from_it_are_bold(store):
    records = [*usual(store), record(store, "k0", "twin", saliency_items(0.40, 5))]
    table = build.build(store, records, "t")
    best = {label for label, row in rows(table).items() if row.cells["primary"].best}
    assert best == {"jigsaw", "twin"}
    assert render.markdown(table).count("**0.") == 2


def test_smaller_is_better_where_the_metric_says_so(store, monkeypatch):
    monkeypatch.setitem(registry._plugged["tasks"], "toy", Entry("toy", "toy_task", "Toy", "", "tests"))
    records = [
        record(store, "t0", "trivial:mean", toy_items(2.0, 0), task="toy"),
        record(store, "r0", "random", toy_items(1.5, 1), task="toy"),
        record(store, "j0", "jigsaw", toy_items(1.0, 2), task="toy"),
    ]
    table = build.build(store, records, "t")
    found = rows(table)
    assert found["jigsaw"].cells["primary"].best
    assert not found["random"].cells["primary"].best
    assert found["jigsaw"].cells["difference"].value < 0
    assert found["jigsaw"].cells["p"].value <= 0.01
    assert "median ↓" in render.text(table)
    assert "not informative" not in render.text(table)


def test_a_budget_at_which_nothing_beats_the_trivial_row_is_not_informative(store):
    records = [
        record(store, "t0", "trivial:centre", saliency_items(0.5, 0)),
        record(store, "t1", "trivial:uniform", saliency_items(0.0, 0)),
        record(store, "r0", "random", saliency_items(0.35, 1)),
        record(store, "j0", "jigsaw", saliency_items(0.40, 2)),
    ]
    for shown in everything(build.build(store, records, "t"))[:2]:
        assert "not informative: no row beats the trivial baseline trivial:centre at this budget" in shown


def test_departures_are_marked(store):
    chance = {"accuracy": {"value": 0.04, "trivial": 1 / 24, "n": 100, "learnt": False}}
    records = [
        *usual(store),
        record(store, "i0", "imagenet", saliency_items(0.5, 5)),
        record(store, "s0", "seen", saliency_items(0.4, 6), transductive=True),
        record(store, "n0", "lost", saliency_items(0.35, 7), pretext=chance),
    ]
    table = build.build(store, records, "t")
    found = rows(table)
    assert found["imagenet"].cells["images"].text == "outside"
    for label, words in (
        ("imagenet", "External weights"),
        ("seen", "transductive"),
        ("lost", "Pretext task not learned"),
    ):
        assert [mark for mark in found[label].marks if mark.startswith(words)], label
        assert all(words in shown for shown in everything(table))
    assert found["jigsaw"].cells["pretext"].text == "accuracy 0.390 > 0.042"
    assert found["lost"].cells["pretext"].text.endswith("not learned")


@pytest.mark.parametrize(("key", "words"), [("simulated", "simulated"), ("photographs", "not comics")])
def test_data_that_is_no_comic_says_so(store, key, words):
    data = data_used("d", fingerprint="g" * 20)
    plain = build.build(store, usual(store, data=data), "t")
    assert all(words not in shown for shown in everything(plain))
    table = build.build(store, usual(store, data={**data, key: True}), "t")
    assert words in render.text(table).split("\n\n")[0]
    assert words in render.markdown(table)


@pytest.mark.seconds
def test_set_metrics_of_detection(store):
    records = [
        record(store, "t0", "trivial:constant-box", detection_items(0.0), task="detection"),
        record(store, "r0", "random", detection_items(0.3, 1), task="detection"),
        record(store, "j0", "jigsaw", detection_items(0.7, 2), task="detection"),
    ]
    table = build.build(store, records, "t")
    row = rows(table)["jigsaw"]
    assert row.cells["primary"].best
    assert row.cells["p"].value <= 0.01
    assert {"ap50", "ap75", "ar100", "ap[face]", "ap[body]"} <= set(row.cells)
    assert row.metrics["ap50[face]"] == records[2].metrics["ap50[face]"].value


def test_unreadable_images_are_counted(store):
    lost = [{"item": f"s00/{k:03d}_0", "reason": "truncated JPEG"} for k in range(3)]
    records = usual(store, exclusions={"unreadable": lost})
    assert "unreadable images excluded: 3, e.g. s00/000_0 (truncated JPEG)" in render.text(
        build.build(store, records, "t")
    )
