"""Tables from records: what stands in them, and what they must say in words."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from leaderboard_records import detection_items, record, saliency_items, toy_items

from benchmark.errors import Refusal
from benchmark.store import Store
from leaderboards import board, compare, render
from leaderboards.table import BEST_NOTE, Block, Cell, Head, Row, Table

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def rows(table):
    return {row.label: row for block in table.blocks for row in block.rows}


def everything(table):
    return [render.text(table), render.markdown(table), render.csv(table), render.json(table)]


def usual(store, **over):
    """The three rows of a first run: a trivial baseline, the control, a method that helps."""
    return [
        record(store, "t0", "trivial:centre", saliency_items(0.2, 0), **over),
        record(store, "r0", "random", saliency_items(0.35, 1), **over),
        record(store, "j0", "jigsaw", saliency_items(0.40, 2), **over),
    ]


def test_figures_are_those_of_the_items(store):
    records = usual(store)
    found = rows(board.build(store, records, "t"))["jigsaw"].cells
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
    found = rows(board.build(store, usual(store), "t"))
    difference = found["jigsaw"].cells["difference"]
    apart = [found[name].cells["primary"].high - found[name].cells["primary"].low for name in ("jigsaw", "random")]
    assert difference.high - difference.low < 0.8 * np.hypot(*apart)


def test_holm_covers_the_column(store):
    records = usual(store)
    alone = rows(board.build(store, records, "t"))["jigsaw"].cells["p"]
    records += [record(store, f"x{k}", f"method{k}", saliency_items(0.35, 10 + k)) for k in range(3)]
    among = rows(board.build(store, records, "t"))["jigsaw"].cells["p"]
    assert alone.value == alone.extra["unadjusted"] == among.extra["unadjusted"]
    assert among.value == pytest.approx(4 * among.extra["unadjusted"])


def test_seeds_of_a_row_are_one_row(store):
    records = [record(store, "t0", "trivial:centre", saliency_items(0.2))]
    for seed in range(3):
        records.append(record(store, f"r{seed}", "random", saliency_items(0.35, seed), seed=seed))
        records.append(record(store, f"j{seed}", "jigsaw", saliency_items(0.45, 10 + seed), seed=seed))
    table = board.build(store, records, "t")
    found = rows(table)["jigsaw"]
    assert list(rows(table)) == ["trivial:centre", "random", "jigsaw"]
    assert found.cells["n"].text == "192/16/3"
    assert found.cells["primary"].value == pytest.approx(
        np.mean([saliency_items(0.45, 10 + seed)["cc"].mean() for seed in range(3)])
    )
    assert found.cells["difference"].extra["seeds"] == 3
    assert found.cells["p_trivial"].value < 0.05
    assert "these weights only" not in render.text(table)
    assert any("resampling seeds, series and items" in note for note in table.notes)


def test_one_seed_says_so(store):
    for shown in everything(board.build(store, usual(store), "t"))[:2]:
        assert "these weights only" in shown


def test_rows_with_other_seeds_are_compared_over_the_common_ones(store):
    records = [record(store, f"r{seed}", "random", saliency_items(0.35, seed), seed=seed) for seed in range(3)]
    records += [record(store, f"j{seed}", "jigsaw", saliency_items(0.45, 9), seed=seed) for seed in (1, 2, 4)]
    records.append(record(store, "k7", "late", saliency_items(0.45, 9), seed=7))
    found = rows(board.build(store, records, "t"))
    assert found["jigsaw"].cells["difference"].extra["seeds"] == 2
    assert any("seeds that both have: 1, 2" in mark for mark in found["jigsaw"].marks)
    assert found["late"].cells["difference"].value is None
    assert any(mark.startswith("no comparison") for mark in found["late"].marks)


@pytest.mark.parametrize("status", ["failed", "declined"])
def test_what_did_not_run_is_a_row_with_its_reason(store, status):
    records = [*usual(store), record(store, "d0", "imagenet", None, status=status, reason="no weights within reach")]
    table = board.build(store, records, "t")
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
    row = rows(board.build(store, records, "t"))["jigsaw"]
    assert row.status == "done"
    assert any("seed 1, out of memory" in mark for mark in row.marks)


def test_nothing_finished_is_still_a_table(store):
    table = board.build(store, [record(store, "j0", "jigsaw", None)], "t")
    assert "out of memory" in render.text(table)


def test_few_series_give_no_mark(store):
    few = {"series": 4, "each": 30}
    records = [
        record(store, "r0", "random", saliency_items(0.1, 1, **few)),
        record(store, "j0", "jigsaw", saliency_items(0.6, 2, **few)),
    ]
    table = board.build(store, records, "t")
    text = render.text(table)
    assert "few series" in text
    assert "*" not in text.split("few series")[0].split("---")[-1]
    assert "•" not in text
    assert "**0" not in render.markdown(table)


def test_enough_series_give_marks(store):
    text = render.text(board.build(store, usual(store), "t"))
    assert "few series" not in text
    assert "*" in text
    assert "• 0." in text


def test_best_and_all_not_distinguishable_from_it_are_bold(store):
    records = [*usual(store), record(store, "k0", "twin", saliency_items(0.40, 5))]
    table = board.build(store, records, "t")
    best = {label for label, row in rows(table).items() if row.cells["primary"].best}
    assert best == {"jigsaw", "twin"}
    assert render.markdown(table).count("**0.") == 2


def test_smaller_is_better_where_the_metric_says_so(store):
    records = [
        record(store, "t0", "trivial:mean", toy_items(2.0, 0), task="toy"),
        record(store, "r0", "random", toy_items(1.5, 1), task="toy"),
        record(store, "j0", "jigsaw", toy_items(1.0, 2), task="toy"),
    ]
    table = board.build(store, records, "t")
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
    for shown in everything(board.build(store, records, "t"))[:2]:
        assert "not informative: at this budget no row beats the trivial baseline trivial:centre" in shown


def test_no_difference_crosses_blocks(store):
    other = {"name": "resnet18", "side": 128}
    records = [*usual(store), record(store, "j9", "jigsaw", saliency_items(0.6, 9), backbone=other)]
    table = board.build(store, records, "t")
    assert [block.heading.split(",")[0] for block in table.blocks] == ["test_resnet", "resnet18"]
    alone = next(row for row in table.blocks[1].rows if row.label == "jigsaw")
    assert alone.cells["difference"].value is None
    assert alone.cells["p"].value is None
    assert alone.cells["p_trivial"].value is not None
    assert any(note.startswith("no control row random") for note in table.blocks[1].notes)
    here = next(row for row in table.blocks[0].rows if row.label == "jigsaw")
    assert here.cells["difference"].value == pytest.approx(0.05, abs=0.02)


def test_task_settings_make_blocks_and_name_them(store):
    wider = {"task": {"side": 128, "steps": 600}, "method": {}, "backbone": {"mean": None}}
    changed = {"changed": {"saliency.steps": 600}, "settings": wider}
    records = [*usual(store), record(store, "r6", "random", saliency_items(0.5, 3), **changed)]
    table = board.build(store, records, "t")
    assert [block.heading for block in table.blocks] == [
        "test_resnet, 128 px, frozen",
        "test_resnet, 128 px, frozen, saliency.steps=600",
    ]
    assert [row.label for row in table.blocks[1].rows] == ["random"]


def test_labels_tell_deviations_only(store):
    budget = {"pretrain.images": 99}
    settings = {
        "task": {"side": 128, "steps": 300},
        "method": {"gap": False},
        "backbone": {"mean": None},
        "pretrain": {"images": 99},
    }
    records = usual(store)
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2), changed=budget)
    records.append(
        record(
            store,
            "j1",
            "jigsaw",
            saliency_items(0.4, 3),
            changed={"jigsaw.gap": False, "jigsaw.milestones": [0.3, 0.6], **budget},
            settings=settings,
        )
    )
    table = board.build(store, records, "t")
    assert list(rows(table)) == ["trivial:centre", "random", "jigsaw", "jigsaw gap=false milestones=0.3,0.6"]
    assert "all pretrained rows: pretrain.images=99" in table.notes


def test_other_pretraining_data_and_starts_are_told(store):
    elsewhere = {"id": "open-mantra", "fingerprint": "m" * 20}
    records = [
        *usual(store),
        record(store, "j1", "jigsaw", saliency_items(0.4, 3), pretrain_data=elsewhere),
        record(store, "j2", "jigsaw", saliency_items(0.4, 4), changed={"init": "imagenet"}, given=True),
    ]
    found = rows(board.build(store, records, "t"))
    assert {"jigsaw", "jigsaw pretrain-data=open-mantra", "jigsaw init=imagenet"} <= set(found)
    assert any(mark.startswith("outside the budget") for mark in found["jigsaw init=imagenet"].marks)


def test_departures_are_marked(store):
    chance = {"accuracy": {"value": 0.04, "trivial": 1 / 24, "n": 100, "learnt": False}}
    records = [
        *usual(store),
        record(store, "i0", "imagenet", saliency_items(0.5, 5)),
        record(store, "s0", "seen", saliency_items(0.4, 6), transductive=True),
        record(store, "n0", "lost", saliency_items(0.35, 7), pretext=chance),
    ]
    table = board.build(store, records, "t")
    found = rows(table)
    assert found["imagenet"].cells["images"].text == "outside"
    for label, words in (("imagenet", "outside the budget"), ("seen", "transductive"), ("lost", "not learnt")):
        assert [mark for mark in found[label].marks if mark.startswith(words)], label
        assert all(words in shown for shown in everything(table))
    assert found["jigsaw"].cells["pretext"].text == "accuracy 0.390 > 0.042"
    assert found["lost"].cells["pretext"].text.endswith("not learnt")


@pytest.mark.parametrize(("key", "words"), [("simulated", "simulated"), ("photographs", "not comics")])
def test_data_that_is_no_comic_says_so(store, key, words):
    data = {"id": "d", "fingerprint": "g" * 20, "version": 1, "simulated": False, "photographs": False}
    plain = board.build(store, usual(store, data=data), "t")
    assert all(words not in shown for shown in everything(plain))
    table = board.build(store, usual(store, data={**data, key: True}), "t")
    assert words in render.text(table).split("\n\n")[0]
    assert words in render.markdown(table)


def test_versions_of_a_metric_are_not_mixed(store):
    records = usual(store)
    newer = {name: {**entry, "version": 2} for name, entry in records[2]["metrics"].items()}
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2), metrics=newer)
    with pytest.raises(Refusal, match=r"mix versions of metric cc.*run the older rows again"):
        board.build(store, records, "t")


def test_versions_of_a_protocol_are_not_mixed(store):
    records = usual(store)
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2), protocol="frozen@2")
    with pytest.raises(Refusal, match=r"mix versions of protocol: frozen@1 .*frozen@2"):
        board.build(store, records, "t")


def test_an_older_version_gives_way_to_a_newer_run(store):
    """Rows that were run again under a new protocol make a table, though the old records still lie there."""
    records = usual(store)
    for one in records:
        os.utime(store.record_path(one["id"]), (1, 1))
    again = [
        record(store, f"new{k}", method, saliency_items(0.5, k), protocol="frozen@2")
        for k, method in enumerate(("trivial:centre", "random", "jigsaw"))
    ]
    table = board.build(store, [*records, *again], "t")
    assert [row.records for row in rows(table).values()] == [("new0",), ("new1",), ("new2",)]
    assert any("newest whole one: protocol frozen@2" in note for note in table.blocks[0].notes)


def test_of_several_environments_the_whole_one_is_taken_and_named(store):
    """The newer environment has only one of two seeds: the row stays with the older, whole one."""
    old = {"packages": {"torch": "2.14.0"}, "device": "cpu", "world": 1, "threads": 2}
    records = []
    for seed in range(2):
        records.append(record(store, f"o{seed}", "random", saliency_items(0.3, seed), seed=seed, provenance=old))
        os.utime(store.record_path(f"o{seed}"), (1, 1))
    records.append(record(store, "n0", "random", saliency_items(0.3, 8)))
    table = board.build(store, records, "t")
    assert rows(table)["random"].records == ("o0", "o1")
    assert any("torch 2.14.0" in note for note in table.blocks[0].notes)


def test_one_table_for_each_protocol_and_dataset(store):
    other = {"id": "open-mantra", "fingerprint": "o" * 20, "simulated": False, "photographs": False}
    records = [
        *usual(store),
        record(store, "f0", "random", saliency_items(0.5), protocol="finetune@1", family="finetune"),
        record(store, "m0", "random", saliency_items(0.5), data=other),
        record(store, "d0", "random", detection_items(0.5), task="detection"),
    ]
    made = board.tables(store, records)
    assert [table.name for table in made] == [
        "saliency-frozen-synth-quick",
        "saliency-finetune-synth-quick",
        "saliency-frozen-open-mantra-quick",
        "detection-frozen-synth-quick",
    ]
    with pytest.raises(Refusal, match="one table holds one task"):
        board.build(store, records, "t")
    again = {**other, "fingerprint": "p" * 20}
    made = board.tables(store, [*records[4:5], record(store, "m1", "random", saliency_items(0.5), data=again)])
    assert len({table.name for table in made}) == 2


def test_statistics_are_kept(store, monkeypatch):
    """A second look opens no items: it gives the same table after they are gone."""
    records = usual(store)
    first = render.json(board.build(store, records, "t"))
    for one in records:
        store.items_path(one["id"]).unlink()
    assert render.json(board.build(store, records, "t")) == first
    monkeypatch.setattr(compare.statistics, "VERSION", 2)
    text = render.text(board.build(store, records, "t"))
    assert "per-item file j0.items.npz is missing; no interval, no p" in text


def test_items_that_are_not_the_record_s_are_not_used(store):
    records = usual(store)
    path = store.items_path("j0")
    path.write_bytes(store.items_path("r0").read_bytes())
    table = board.build(store, records, "t")
    row = rows(table)["jigsaw"]
    assert row.cells["primary"].low is None
    assert row.cells["p"].value is None
    assert any("j0" in note and "not the one it was made with" in note for note in table.notes)


def test_rows_on_other_items_are_not_compared(store):
    records = usual(store)
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2, each=11))
    row = rows(board.build(store, records, "t"))["jigsaw"]
    assert row.cells["difference"].value is None
    assert row.cells["primary"].low is not None
    assert any(mark.startswith("no comparison") for mark in row.marks)


def test_set_metrics_of_detection(store):
    records = [
        record(store, "t0", "trivial:constant-box", detection_items(0.0), task="detection"),
        record(store, "r0", "random", detection_items(0.3, 1), task="detection"),
        record(store, "j0", "jigsaw", detection_items(0.7, 2), task="detection"),
    ]
    table = board.build(store, records, "t")
    row = rows(table)["jigsaw"]
    assert row.cells["primary"].best
    assert row.cells["p"].value <= 0.01
    assert {"ap50", "ap75", "ar100", "ap[face]", "ap[body]"} <= set(row.cells)
    assert row.metrics["ap50[face]"] == records[2]["metrics"]["ap50[face]"]["value"]


def test_text_fits_a_terminal(store):
    records = [
        *usual(store),
        record(store, "j1", "jigsaw", saliency_items(0.4), changed={"jigsaw.generator": "middle"}),
    ]
    for line in render.text(board.build(store, records, "t")).split("\n\n", 1)[1].split("\n¹")[0].splitlines():
        assert len(line) <= render.WIDTH


def test_never_a_bare_plus_minus(store):
    for shown in everything(board.build(store, usual(store), "t")):
        assert "±" not in shown


def test_files_are_written_whole(store):
    table = board.build(store, usual(store), "t")
    path = board.write(store, table, "mine")
    assert path == store.root / "tables" / "mine.md"
    assert path.read_text() == render.markdown(table)
    loaded = json.loads(path.with_suffix(".json").read_text())
    row = loaded["blocks"][0]["rows"][2]
    assert row["label"] == "jigsaw"
    assert row["cells"]["primary"]["low"] < row["cells"]["primary"]["value"]
    lines = list(csv.DictReader(io.StringIO(path.with_suffix(".csv").read_text())))
    assert float(lines[2]["primary"]) == row["cells"]["primary"]["value"]
    assert float(lines[2]["p"]) == row["cells"]["p"]["value"]
    assert not list(path.parent.glob("*.tmp"))


FIXED = Table(
    name="fixed",
    title="A table | of everything",
    subtitle="task saliency, protocol frozen@1",
    columns=(
        Head("primary", "cc ↑\n[95 % interval]"),
        Head("difference", "Δ to random"),
        Head("p", "p vs\nrandom"),
        Head("kld", "kld[eps=2.2204e-16] ↓"),
        Head("reported:cc", "reported"),
    ),
    blocks=(
        Block(
            "test_resnet, 128 px, frozen",
            (
                Row(
                    "random",
                    "done",
                    {"primary": Cell("0.250 [0.200, 0.300]", 0.25, 0.2, 0.3)},
                    (),
                    {"cc": 0.25},
                    ("a",),
                ),
                Row(
                    "jigsaw gap=false",
                    "done",
                    {
                        "primary": Cell("0.500 [0.400, 0.600]", 0.5, 0.4, 0.6, best=True),
                        "difference": Cell("+0.250 [+0.150, +0.350]", 0.25, 0.15, 0.35),
                        "p": Cell("0.012*", 0.012, extra={"unadjusted": 0.006}),
                        "kld": Cell("1.500", 1.5),
                        "reported:cc": Cell("52.6", 52.6),
                    },
                    ("transductive: reads all", "not learnt: at chance"),
                    {"cc": 0.5, "kld": 1.5},
                    ("b", "c"),
                ),
                Row("late", "failed", {"primary": Cell("failed")}, ("failed: out of memory",), {}, ("d",)),
            ),
            ("not informative: at this budget",),
        ),
    ),
    notes=("simulated: drawn", BEST_NOTE),
)


@pytest.mark.parametrize(
    ("renderer", "suffix"), [(render.text, "txt"), (render.markdown, "md"), (render.csv, "csv"), (render.json, "json")]
)
def test_renderers_give_the_golden_files(renderer, suffix):
    assert renderer(FIXED) == (GOLDEN / f"board.{suffix}").read_text()


def test_tables_import_neither_torch_nor_pandas(store):
    usual(store)
    code = (
        "import sys\nfrom pathlib import Path\nfrom benchmark.store import Store\n"
        "from leaderboards import board, render\n"
        f"store = Store(Path({str(store.root)!r}))\n"
        "print(render.text(board.tables(store, list(store.records()))[0]))\n"
        "print('LOADED', [name for name in ('torch', 'timm', 'pandas', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "jigsaw" in done.stdout
    assert done.stdout.strip().endswith("LOADED []")
