"""The board of several tasks: every figure as its own table has it."""

from dataclasses import replace

from inkbench.leaderboards import render
from inkbench.leaderboards.combine.overall import overall
from inkbench.leaderboards.combine.side_by_side import BEST_TRIVIAL
from inkbench.leaderboards.table import About, Block, Cell, Head, Note, NoteKind, Row, RowKind, Setup, Table


def row(label, value, differs=False, best=False, kind=RowKind.COMPARED):
    extra = {"differs": True} if differs else {}
    cells = {
        "primary": Cell(f"{value:.3f} [0.100, 0.900]", value, 0.1, 0.9, best, extra, f"{value:.3f}"),
        "p": Cell("0.01"),
    }
    return Row(label, "done", cells, kind=kind, name=label.partition(":")[2])


def table(task, *blocks, direction="max", called="synth"):
    heads = (Head("primary", "m ↑", direction, primary=True, interval=True), Head("p", "p"))
    about = About(task, "frozen@1", f"{called} abc (simulated)", "", "quick", called)
    notes = (Note("simulated: drawn", NoteKind.DATA), Note("other"))
    return Table(f"{task}-frozen-{called}-quick", task, "", heads, blocks, notes, about)


RESNET = Setup("test_resnet", 64, "frozen")
PIXELS = row("trivial:pixels", 0.7, kind=RowKind.BEST_TRIVIAL)
SALIENCY = table(
    "saliency",
    Block(
        RESNET,
        (
            row("trivial:uniform", 0.1, kind=RowKind.TRIVIAL),
            row("trivial:centre", 0.2, kind=RowKind.BEST_TRIVIAL),
            row("random", 0.3, kind=RowKind.CONTROL),
            row("jigsaw", 0.5, differs=True, best=True),
            row("reference:truth", 0.9, kind=RowKind.REFERENCE),
        ),
    ),
    Block(Setup("test_vit", 64, "frozen"), (row("random", 0.25), row("mae", 0.26))),
)
FAILED = Row("jigsaw", "failed", {"primary": Cell("failed")})
REID = table("reid", Block(Setup("test_resnet", 48, "frozen"), (PIXELS, FAILED)))


def test_methods_by_tasks_in_blocks_of_backbones():
    board = overall([SALIENCY, REID])
    assert board.name == "overall-synth-quick"
    assert [str(block.setup) for block in board.blocks] == ["test_resnet", "test_vit"]
    assert [head.label for head in board.columns] == ["saliency\nfrozen@1\nm ↑", "reid\nfrozen@1\nm ↑"]
    first = {row.label: row for row in board.blocks[0].rows}
    assert list(first) == [BEST_TRIVIAL, "random", "jigsaw"]
    saliency, reid = (head.key for head in board.columns)
    assert first["jigsaw"].cells[saliency].text == "0.500*"
    assert first["jigsaw"].cells[saliency].best
    assert first["jigsaw"].cells[reid].text == "failed"
    assert first[BEST_TRIVIAL].cells[saliency].text == "0.200 (centre)"
    assert first[BEST_TRIVIAL].cells[reid].text == "0.700 (pixels)"
    assert reid not in first["random"].cells
    assert "simulated: drawn" in board.notes
    for renderer in render.RENDERERS.values():
        assert "0.5" in renderer(board)


def test_data_whose_name_has_dashes_keeps_it():
    one, other = (
        table("saliency", *SALIENCY.blocks, called="open-mantra"),
        table("reid", *REID.blocks, called="open-mantra"),
    )
    assert overall([one, other]).name == "overall-open-mantra-quick"


def test_one_table_alone_is_no_board():
    assert overall([REID]) is None


def test_blocks_of_other_settings_are_columns_of_their_own():
    tenth = Block(replace(RESNET, changes=("saliency.label_fraction=0.1",)), (row("random", 0.2),))
    board = overall([table("saliency", Block(RESNET, (row("random", 0.3),)), tenth)])
    assert [head.label.split("\n")[3:] for head in board.columns] == [[], ["saliency.label_fraction=0.1"]]
    [random] = board.blocks[0].rows
    assert [cell.value for cell in random.cells.values()] == [0.3, 0.2]
