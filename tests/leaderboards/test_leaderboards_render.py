"""Tables as text and files."""

import csv
import io
import json
import subprocess
import sys

import pytest
from leaderboard_records import ROOT, everything, record, saliency_items, usual

from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.table import BEST_NOTE, Block, Cell, Head, Note, NoteKind, Row, Setup, Table

GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_text_fits_a_terminal(store):
    records = [
        *usual(store),
        record(store, "j1", "jigsaw", saliency_items(0.4), changed={"jigsaw.generator": "middle"}),
    ]
    for line in render.text(build.build(store, records, "t")).split("\n\n", 1)[1].split("\n¹")[0].splitlines():
        assert len(line) <= render.WIDTH


def test_never_a_bare_plus_minus(store):
    for shown in everything(build.build(store, usual(store), "t")):
        assert "±" not in shown


def test_files_are_written_whole(store):
    table = build.build(store, usual(store), "t")
    path = build.write(store, table, "mine")
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
        Head("primary", "cc ↑", interval=True),
        Head("difference", "Δ to random"),
        Head("p", "p vs\nrandom"),
        Head("kld", "kld[eps=2.2204e-16] ↓"),
        Head("reported:cc", "reported"),
    ),
    blocks=(
        Block(
            Setup("test_resnet", 128, "frozen"),
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
                    ("transductive: reads all", "Pretext task not learned: at chance"),
                    {"cc": 0.5, "kld": 1.5},
                    ("b", "c"),
                ),
                Row("late", "failed", {"primary": Cell("failed")}, ("failed: out of memory",), {}, ("d",)),
            ),
            (Note("not informative: at this budget"),),
        ),
    ),
    notes=(Note("simulated: drawn", NoteKind.DATA), BEST_NOTE),
)


@pytest.mark.parametrize("form", render.RENDERERS)
def test_renderers_give_the_golden_files(form):
    suffix = form.replace("text", "txt")
    assert render.RENDERERS[form](FIXED) == (GOLDEN / f"board.{suffix}").read_text()


@pytest.mark.seconds
def test_tables_import_neither_torch_nor_pandas(store):
    usual(store)
    code = (
        "import sys\nfrom pathlib import Path\nfrom inkbench.benchmark.store.store import Store\n"
        "from inkbench.leaderboards import build, render\n"
        f"store = Store(Path({str(store.root)!r}))\n"
        "print(render.text(build.tables(store, list(store.records()))[0]))\n"
        "print('LOADED', [name for name in ('torch', 'timm', 'pandas', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "jigsaw" in done.stdout
    assert done.stdout.strip().endswith("LOADED []")


def test_a_terminal_leaves_out_what_differs_from_run_to_run(store):
    """The same command prints the same; files hold time and memory too."""
    table = build.build(store, usual(store), "t")
    assert [head.key for head in table.columns if head.volatile] == ["device", "memory"]
    assert "0.3 GiB" not in render.text(table)
    assert all("0.3 GiB" in render.RENDERERS[form](table) for form in ("md", "tex", "html", "json"))
    assert "device" in render.csv(table)
