"""Tables whose rows differ in backbone (``models``), and rows against those that they name (``continued``)."""

import numpy as np
import pytest
from leaderboard_records import everything, record, rows, saliency_items

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import across, build
from inkbench.leaderboards.declared import load, spec
from inkbench.leaderboards.declared.filled import filled
from inkbench.leaderboards.report.command import write_report
from inkbench.leaderboards.report.pareto import front
from inkbench.leaderboards.significance.two_rows import versus

WIDE = {"name": "vit_small_patch14_dinov2", "side": 224}
SIDE = {"task": {"side": 224, "steps": 300}, "method": {}, "backbone": {"mean": None}}
LEARNT = {"name": "dinov2-s", "data": "LVD-142M", "licence": "apache-2.0", "seen": "unknown"}
SIZE = {"parameters": 22_056_576, "gflop": 12.1, "images_per_s": 9.5, "batch": 8}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def of_two_backbones(store):
    """A small network and a transformer at another side, each with its random row, and a baseline without any."""
    record(store, "t0", "trivial:centre", saliency_items(0.2, 0))
    record(store, "r0", "random", saliency_items(0.35, 1))
    record(store, "i0", "imagenet", saliency_items(0.42, 2), supervision="labels")
    record(store, "j0", "jigsaw", saliency_items(0.40, 3))
    wide = {"backbone": WIDE, "settings": SIDE}
    record(store, "r1", "random", saliency_items(0.30, 4), **wide)
    given = {
        **wide,
        "given": True,
        "pretrain_data": None,
        "origin": LEARNT,
        "network": SIZE,
        "supervision": "self-supervised",
    }
    record(store, "d0", "dinov2-s", saliency_items(0.5, 5), **given)
    return store


def models(store, reference=""):
    declared = load.load("models")
    (table,) = build.declared_tables(store, spec.with_reference(declared, reference) if reference else declared)
    return table


def test_all_weights_stand_in_one_block_best_first_each_told_apart_by_its_backbone(store):
    table = models(of_two_backbones(store))
    (block,) = table.blocks
    assert [row.label for row in block.rows] == [
        "trivial:centre",
        "dinov2-s",
        "imagenet",
        "jigsaw",
        "random, test_resnet",
        "random, vit_small_patch14_dinov2",
    ]
    assert across.NOTE in table.notes
    assert str(block.setup) == "several backbones, frozen"


def test_the_reference_is_imagenet_or_the_row_that_is_asked_for(store):
    of_two_backbones(store)
    usual = {"": "imagenet", "dinov2-s": "dinov2-s", "imagenet, test_resnet": "imagenet"}
    for asked, label in {**usual, "random, test_resnet": "random, test_resnet"}.items():
        found = rows(models(store, asked))
        assert {name for name, row in found.items() if row.kind == "control"} == {label}
        compared = [row for row in found.values() if row.kind == "" and row.label != label]
        assert all(row.cells["p"].value is not None for row in compared)
    with pytest.raises(UsageError, match="no row 'dinov2-x'; did you mean 'dinov2-s'"):
        across.require_reference([models(store, "dinov2-x")], "dinov2-x")
    across.require_reference([models(store, "dinov2-s"), models(store, "dinov2-x")], "dinov2-s")
    with pytest.raises(UsageError, match="not of 'noroozi-5'"):
        spec.with_reference(load.load("noroozi-5"), "random")


def test_a_difference_and_its_unadjusted_p_are_those_of_compare(store):
    of_two_backbones(store)
    cells = rows(models(store))["dinov2-s"].cells
    told = versus(store, "d0", "i0")
    assert f"difference: {cells['difference'].text}" in told
    p = cells["p"].extra["unadjusted"]
    assert f"p {'<0.001' if p < 0.001 else f'{p:.3f}'}" in told
    assert p <= cells["p"].value <= 4 * p, "four rows are held against it"


def test_what_weights_are_stands_beside_their_figure(store):
    cells = rows(models(of_two_backbones(store)))["dinov2-s"].cells
    told = {key: cells[key].text for key in ("backbone", "side", "parameters", "gflop", "speed", "data", "licence")}
    assert told == {
        "backbone": "vit_small_patch14_dinov2",
        "side": "224",
        "parameters": "22.1",
        "gflop": "12.10",
        "speed": "10",
        "data": "LVD-142M",
        "licence": "apache-2.0",
    }
    assert cells["seen"].text == "unknown"
    assert rows(models(store))["jigsaw"].cells["seen"].text == "no", "its pretraining saw the training series alone"
    assert all(everything(models(store)))


def test_a_usual_table_has_these_columns_only_beside_given_weights(store):
    record(store, "r0", "random", saliency_items(0.35, 1), network=SIZE)
    record(store, "j0", "jigsaw", saliency_items(0.40, 3), network=SIZE)
    table = build.build(store, list(store.records()), "t")
    keys = {"data", "seen", "licence", "parameters", "gflop", "speed"}
    assert not keys & {head.key for head in table.columns}
    record(store, "g0", "dinov2-s", saliency_items(0.5, 5), given=True, origin=LEARNT, network=SIZE)
    table = build.build(store, list(store.records()), "t")
    assert keys <= {head.key for head in table.columns}
    assert rows(table)["jigsaw"].cells["data"].text == "synth"


def test_weights_that_were_begun_with_are_told_with_what_came_after(store):
    begun = {"init": "dinov2-s", "changed": {"init": "dinov2-s"}, "given": True, "origin": LEARNT}
    record(store, "j1", "jigsaw", saliency_items(0.45, 4), **begun)
    (table,) = build.declared_tables(store, load.load("models"))
    assert rows(table)["jigsaw init=dinov2-s"].cells["data"].text == "LVD-142M, then synth"


def test_other_task_settings_and_protocols_are_not_mixed(store):
    of_two_backbones(store)
    longer = {"task": {"side": 128, "steps": 900}, "method": {}, "backbone": {"mean": None}}
    record(store, "r9", "random", saliency_items(0.37, 6), settings=longer, changed={"saliency.steps": 900})
    record(store, "r8", "random", saliency_items(0.38, 7), protocol="finetune@1", family="finetune")
    tables = build.declared_tables(store, load.load("models"))
    assert [len(table.blocks) for table in tables] == [2, 1]
    assert len({table.name for table in tables}) == 2


def test_a_report_shows_it_where_there_are_two_backbones(store):
    record(store, "r0", "random", saliency_items(0.35, 1))
    record(store, "j0", "jigsaw", saliency_items(0.40, 3))
    assert not [table for table in filled(store, list(store.records()), []) if table.name.startswith("models")]
    of_two_backbones(store)
    assert [table for table in filled(store, list(store.records()), []) if table.name.startswith("models")]


def continued(store, init="imagenet"):
    """A given row, a pretext task from random and from it."""
    record(store, "r0", "random", saliency_items(0.35, 1))
    record(store, "i0", init.rpartition("/")[2], saliency_items(0.42, 2), given=True)
    record(store, "j0", "jigsaw", saliency_items(0.40, 3))
    name = init.rpartition("/")[2]
    record(
        store, "j1", "jigsaw", saliency_items(0.5, 4), given=True, init=name, pretraining="k1", changed={"init": name}
    )
    return store


def declared_continued():
    return spec.with_task(load.load("continued"), "saliency")


def test_continued_weights_stand_against_what_they_began_with_and_against_the_same_from_random(store):
    (table,) = build.declared_tables(continued(store), declared_continued())
    cells = rows(table)["imagenet, then jigsaw"].cells
    assert (cells["images"].text, cells["images"].value) == ("outside + 40,000", 40_000), "what the pretraining cost"
    assert rows(table)["imagenet"].cells["images"].text == "outside"
    for column, other in (("over_given", "i0"), ("over_fresh", "j0")):
        assert f"difference: {cells[column].text}" in versus(store, "j1", other)
    assert cells["p_given"].value == pytest.approx(cells["p_given"].extra["unadjusted"]), "one test in the column"
    assert rows(table)["jigsaw"].cells["over_given"].text == "–"
    assert rows(table)["imagenet, then simclr"].status == "not run"


def test_a_report_shows_continued_weights_where_there_are_some(store, monkeypatch):
    """Rows from random alone fill other tables; published boards of them stay as they are."""
    ours = spec.with_task(load.load("continued"), "saliency")
    monkeypatch.setattr(load, "names", lambda: ["continued"])
    monkeypatch.setattr(load, "load", lambda name: ours)
    record(store, "r0", "random", saliency_items(0.35, 1))
    record(store, "j0", "jigsaw", saliency_items(0.40, 3))
    assert list(filled(store, list(store.records()), [])) == []
    continued(store)
    assert [table.title for table in filled(store, list(store.records()), [])] == [ours.title]


def test_other_weights_take_the_place_of_imagenet(store):
    continued(store, "weights:w.pth")
    declared = spec.with_given(declared_continued(), "some/where/w.pth")
    assert [request["methods"] for request in spec.expand(declared)][1] == ("weights:some/where/w.pth",)
    assert spec.expand(declared)[3]["init"] == "weights:some/where/w.pth"
    (table,) = build.declared_tables(store, declared)
    assert rows(table)["weights:w.pth, then jigsaw"].cells["over_given"].value is not None
    named = spec.expand(spec.with_given(load.load("continued"), "dinov2-s"))
    assert {request["backbone"] for request in named} == {"dinov2-s"}, "rows from random are of its network"
    with pytest.raises(UsageError, match="start from what they say"):
        spec.with_given(load.load("noroozi-5"), "dinov2-s")


def test_only_a_table_of_columns_that_every_task_has_takes_another_task():
    assert spec.with_task(load.load("continued"), "saliency").task == "saliency"
    with pytest.raises(UsageError, match="--task: column 'ap' of table 'noroozi-4'"):
        spec.with_task(load.load("noroozi-4"), "saliency")
    with pytest.raises(UsageError, match="no task 'salience'"):
        spec.with_task(load.load("continued"), "salience")


ROW = {"label": "a", "settings": {"method": "jigsaw"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"across": True, "rows": [ROW]}, "it stands without"),
        ({"across": "yes"}, "it stands without"),
        ({"task": "saliency", "rows": [{**ROW, "against": {"given": "b"}}]}, "there is no row 'b' to hold it against"),
        ({"task": "saliency", "rows": [{**ROW, "against": {"gift": "a"}}]}, "no key 'gift'"),
        ({"task": "saliency"}, "has no"),
    ],
)
def test_a_table_file_that_is_wrong_is_refused_in_one_line(text, said):
    with pytest.raises(UsageError, match=said) as refused:
        load.parse("mine", {"title": "t", **text}, "mine.toml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("dear", [True, False])
@pytest.mark.parametrize("upwards", [True, False])
def test_the_front_is_what_nothing_beats_in_both(dear, upwards):
    """Against the definition, point by point: as good in both and better in one."""
    drawn = np.random.default_rng([dear, upwards]).integers(0, 6, (40, 30, 2)).astype(float)
    for points in drawn:
        merits = [((-1 if dear else 1) * cost, (1 if upwards else -1) * score) for cost, score in points]
        free = {
            tuple(point)
            for point, (a, b) in zip(points.tolist(), merits, strict=True)
            if not any((c >= a and d >= b) and (c > a or d > b) for c, d in merits)
        }
        found = front([tuple(point) for point in points.tolist()], dear, upwards)
        assert set(found) == free
        assert found == sorted(found)


@pytest.mark.seconds
def test_the_report_draws_it(store, tmp_path):
    of_two_backbones(store)
    record(store, "i1", "imagenet", saliency_items(0.43, 8), seed=1, network={"parameters": 10, "gflop": 0.1})
    record(
        store,
        "s0",
        "squeezenet1-1",
        saliency_items(0.4, 9),
        given=True,
        pretrain_data=None,
        origin=LEARNT,
        backbone={"name": "squeezenet1_1", "side": 128},
        network={**SIZE, "gflop": 0.5, "parameters": 722_496},
    )
    page = (write_report(store, tmp_path / "out", Progress(True)).parent / "papers.html").read_text()
    for words in ("Score against GFLOP an image", "Score against parameters", "Pareto front", "dinov2-s", across.NOTE):
        assert words in page
