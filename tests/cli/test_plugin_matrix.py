"""Which commands work with which kind of plugin: a method, a task, a dataset, a metric, a table, each in its own file.

All five meet in one small results folder; ``MATRIX`` says for every kind and command what is typed and what must be
seen, or why the command does not apply. The page ``docs/extending/index.md`` shows the same table.
"""

import json
import shutil
from dataclasses import dataclass

import pytest
from conftest import ROOT
from plugin_files import strips

METRIC = '''"""By how much the ink of a panel is thought to be more than it is."""

from inkbench.benchmark.api import ItemMetric


class Bias(ItemMetric):
    name = "bias"
    task = "ink-share"
    direction = "min"

    def value(self, prediction, truth):
        return float(prediction["share"]) - float(truth["share"])
'''
TABLE = """title = "Turns and ink"
task = "ink-share"
protocol = "frozen"
columns = [{ key = "primary" }, { key = "bias" }]
rows = [
    { label = "nothing", settings = { method = "random" } },
    { label = "four turns", settings = { method = "rotation", pretrain = { images = 32, held_out = 8 } } },
]
"""
FILES = {
    "method": "rotation.py",
    "task": "ink_share.py",
    "dataset": "hand_cut.py",
    "metric": "bias.py",
    "table": "turns.toml",
}
SMOKE = ("--preset", "smoke", "--data", "DATA")
SMALL = (*SMOKE, "--set", "pretrain.images=32", "--set", "pretrain.held_out=8")
"""As the table pins it: the row is one and the same."""
RUN = ("--method", "rotation", "--task", "ink-share", *SMALL)
TABLE_RUN = ("table", "turns", "--run", *SMOKE)
PACK = ("submit", "pack", "ROTATION", "--out", "ZIP")
REFERENCE = ("--reference", "DATA", "--task", "ink-share", "--preset", "smoke")
BUNDLE = ("submit", "bundle", *REFERENCE, "--out", "BUNDLE")
BOARD = ("submit", "leaderboard", "ZIPS", *REFERENCE)


@dataclass(frozen=True)
class Shown:
    """What is typed, and texts that are seen in its output or in ``pages``; ``status`` is 2 where it is refused."""

    words: tuple[str, ...]
    said: tuple[str, ...]
    status: int = 0
    pages: str = ""


OF_DATA = "not applicable: applies to datasets"
OF_ZIPS = "not applicable: no method is involved"
OF_RUNS = "not applicable: applies to runs"
VERIFIED = Shown(("verify", "--rescore"), (" hold, 0 do not\n",))
MATRIX: dict[str, dict[str, Shown | str]] = {
    "method": {
        "run": Shown(RUN, ("rotation file=rotation.py",)),
        "list": Shown(("list", "methods"), ("\nrotation  ", "by which quarter turn")),
        "describe": Shown(("describe", "rotation"), ("rotation.side = 96",)),
        "table": Shown(("table", "turns"), ("four turns",)),
        "table --run": Shown(TABLE_RUN, ("four turns", "pretrain rotation: 32 images")),
        "report": Shown(("report",), ("by which quarter turn",), pages="results/report/method-rotation.html"),
        "compare": Shown(("compare", "ROTATION", "RANDOM"), ("rotation file=rotation.py", "difference: ")),
        "rescore": Shown(("rescore",), ("rotation on ink-share, seed 0: error ",)),
        "verify": VERIFIED,
        "export": Shown(
            ("export", "rotation", "--out", "EXPORT"), ("pretrained by rotation",), pages="export/README.md"
        ),
        "audit": Shown(("audit", "--method", "rotation"), ("does not use tiles", "context_prediction, jigsaw"), 2),
        "data check": OF_DATA,
        "data info": Shown(("data", "info", "DATA"), (", rotation,",)),
        "submit pack": Shown(PACK, ('"method": "rotation"',), pages="zips/x.manifest.json"),
        "submit check": OF_ZIPS,
        "submit score": OF_ZIPS,
        "submit leaderboard": OF_ZIPS,
        "submit bundle": OF_ZIPS,
        "doctor": Shown(("doctor",), ("rotation of ",)),
    },
    "task": {
        "run": Shown(RUN, ("trivial:mean-share", "error ↓")),
        "list": Shown(("list", "tasks"), ("\nink-share  ",)),
        "describe": Shown(("describe", "ink-share"), ("ink-share.dark = 96",)),
        "table": Shown(("table", "turns"), ("task ink-share", "error ↓")),
        "table --run": Shown(TABLE_RUN, ("train ink-share head", "trivial:mean-share")),
        "report": Shown(("report",), ("How much ink is on a panel",), pages="results/report/task-ink-share.html"),
        "compare": Shown(("compare", "ROTATION", "RANDOM"), ("error on ink-share frozen@1",)),
        "rescore": Shown(("rescore",), ("trivial:mean-share on ink-share, seed 0: error ",)),
        "verify": VERIFIED,
        "export": Shown(
            ("export", "rotation", "--out", "EXPORT"), ("| ink-share | frozen@1 |",), pages="export/README.md"
        ),
        "audit": Shown(
            ("audit", "--method", "jigsaw", "--task", "ink-share", *SMALL, "--dry-run"), ("audit of jigsaw",)
        ),
        "data check": OF_DATA,
        "data info": Shown(("data", "info", "DATA"), ("tasks:     ink-share, retrieval\n",)),
        "submit pack": Shown(PACK, ('"task": "ink-share"',), pages="zips/x.manifest.json"),
        "submit check": Shown(("submit", "check", "ZIP", *REFERENCE), ("0 errors",)),
        "submit score": Shown(("submit", "score", "ZIP", *REFERENCE), ("\nerror ",)),
        "submit leaderboard": Shown(BOARD, ("error ↓",)),
        "submit bundle": Shown(BUNDLE, ("ink-share cannot be scored by a server", "; use submit score"), 2),
        "doctor": Shown(("doctor",), ("ink-share of ",)),
    },
    "dataset": {
        "run": Shown(RUN, ("data strips ",)),
        "list": Shown(("list", "datasets"), ("\nhand-cut  ",)),
        "describe": Shown(("describe", "hand-cut"), ("hand-cut: Strips that somebody cut by hand",)),
        "table": Shown(("table", "turns"), ("data strips ",)),
        "table --run": Shown(TABLE_RUN, ("data strips ",)),
        "report": Shown(("report",), ("strips",), pages="results/report/task-ink-share.html"),
        "compare": Shown(("compare", "ROTATION", "RANDOM"), ("data strips: ",)),
        "rescore": Shown(("rescore",), ("nothing changed",)),
        "verify": VERIFIED,
        "export": Shown(
            ("export", "rotation", "--out", "EXPORT"), ("| data | strips (fingerprint",), pages="export/README.md"
        ),
        "audit": Shown(
            ("audit", "--method", "jigsaw", "--task", "ink-share", *SMALL, "--dry-run"), ("audit of jigsaw",)
        ),
        "data check": Shown(("data", "check", "DATA"), ("hand-cut", "24")),
        "data info": Shown(("data", "info", "DATA"), ("read as hand-cut", "boxes:face, panels")),
        "submit pack": Shown(PACK, ('"layout": "hand-cut"',), pages="zips/x.manifest.json"),
        "submit check": Shown(("submit", "check", "ZIP", *REFERENCE), ("0 errors",)),
        "submit score": Shown(("submit", "score", "ZIP", *REFERENCE), ("\nerror ",)),
        "submit leaderboard": Shown(BOARD, ("data strips ",)),
        "submit bundle": "your own task is scored locally; with a built-in one it takes any dataset",
        "doctor": Shown(("doctor",), ("hand-cut of ",)),
    },
    "metric": {
        "run": Shown(RUN, ("bias ↓",)),
        "list": Shown(("list", "metrics"), ("bias  By how much",)),
        "describe": Shown(("describe", "bias"), ("bias: By how much",)),
        "table": Shown(("table", "turns"), ("bias ↓",)),
        "table --run": Shown(TABLE_RUN, ("bias ↓",)),
        "report": Shown(("report",), ("bias",), pages="results/report/task-ink-share.html"),
        "compare": Shown(("compare", "ROTATION", "RANDOM", "--metric", "bias"), ("bias on ink-share", "difference: ")),
        "rescore": Shown(("rescore",), ("nothing changed",)),
        "verify": VERIFIED,
        "export": Shown(("export", "rotation", "--out", "EXPORT"), ("| strips | bias | ",), pages="export/README.md"),
        "audit": "not applicable: no predictions are made",
        "data check": OF_DATA,
        "data info": OF_DATA,
        "submit pack": "not applicable: a zip contains predictions only",
        "submit check": "not applicable: a zip contains predictions only",
        "submit score": Shown(("submit", "score", "ZIP", *REFERENCE), ("\nbias ",)),
        "submit leaderboard": Shown(BOARD, ("bias ↓",)),
        "submit bundle": "not used by a server's scoring program",
        "doctor": Shown(("doctor",), ("bias of ",)),
    },
    "table": {
        "run": "its rows are run by table --run",
        "list": Shown(("list", "tables"), ("\nturns  ", "Turns and ink")),
        "describe": Shown(("describe", "turns"), ("row four turns: method = rotation",)),
        "table": Shown(("table", "turns"), ("Turns and ink", "results/tables/turns.md")),
        "table --run": Shown(TABLE_RUN, ("row 2 of 2",)),
        "report": Shown(("report",), ("Turns and ink",), pages="results/report/papers.html"),
        "compare": OF_RUNS,
        "rescore": OF_RUNS,
        "verify": OF_RUNS,
        "export": OF_RUNS,
        "audit": OF_RUNS,
        "data check": OF_DATA,
        "data info": OF_DATA,
        "submit pack": OF_RUNS,
        "submit check": OF_RUNS,
        "submit score": OF_RUNS,
        "submit leaderboard": "not applicable: it has the columns of its task",
        "submit bundle": OF_RUNS,
        "doctor": Shown(("doctor",), ("turns of ",)),
    },
}
VERBS = tuple(MATRIX["method"])
CELLS = [(kind, verb, cell) for kind, row in MATRIX.items() for verb, cell in row.items() if isinstance(cell, Shown)]


class Shop:
    """The five files, elsewhere than inkbench, and one results folder; a command is carried out once."""

    def __init__(self, cli, folder):
        self.cli, self.folder, self.done = cli, folder, {}
        for name in ("rotation.py", "ink_share.py", "hand_cut.py"):
            shutil.copy(ROOT / "examples" / name, folder / name)
        (folder / "bias.py").write_text(METRIC)
        (folder / "turns.toml").write_text(TABLE)
        (folder / "zips").mkdir()
        strips(folder / "strips")

    def run(self, words):
        """Carry out a command, everything plugged in; with what it needs before it."""
        if words not in self.done:
            if words != TABLE_RUN and words[0] not in ("list", "describe", "doctor", "data", "audit"):
                self.run(TABLE_RUN)
            if words != PACK and {"ZIP", "ZIPS"} & set(words):
                self.run(PACK)
            typed = [self.word(word) for word in words]
            plugins = [part for file in FILES.values() for part in ("--plugin", file)]
            self.done[words] = self.cli(*typed, *plugins, "--results", "results", cwd=self.folder)
        return self.done[words]

    def word(self, word):
        """The word of a command that stands for what is here."""
        known = {"DATA": "hand-cut:strips", "ZIP": "zips/x.zip", "ZIPS": "zips", "EXPORT": "export", "BUNDLE": "bundle"}
        return self.cell(word.lower()) if word in ("ROTATION", "RANDOM") else known.get(word, word)

    def cell(self, method):
        """The id of the record of a method."""
        records = (json.loads(path.read_text()) for path in (self.folder / "results" / "cells").rglob("*.json"))
        return next(record["id"] for record in records if record["method"] == method)


@pytest.fixture(scope="module")
def shop(cli, tmp_path_factory):
    return Shop(cli, tmp_path_factory.mktemp("shop"))


@pytest.mark.parametrize(("kind", "verb", "cell"), CELLS, ids=[f"{kind}-{verb}" for kind, verb, _ in CELLS])
def test_a_command_works_with_a_plugin(shop, kind, verb, cell):
    done = shop.run(cell.words)
    text = done.stdout + done.stderr
    assert done.returncode == cell.status, text
    assert cell.status == 0 or len(done.stderr.strip().splitlines()) == 1, "a refusal is one line"
    seen = (shop.folder / cell.pages).read_text() if cell.pages else "\n" + text
    for said in cell.said:
        assert said in seen, seen
    assert "not run" not in text


def test_every_kind_has_a_word_on_every_command():
    assert MATRIX.keys() == FILES.keys()
    assert all(tuple(row) == VERBS for row in MATRIX.values())


def test_the_page_shows_the_matrix():
    page = (ROOT / "docs" / "extending" / "index.md").read_text()
    lines = [f"| command | {' | '.join(MATRIX)} |", "|---" * (len(MATRIX) + 1) + "|"]
    for verb in VERBS:
        cells = [MATRIX[kind][verb] for kind in MATRIX]
        told = [cell if isinstance(cell, str) else "refused with one line" if cell.status else "yes" for cell in cells]
        lines.append(f"| `{verb}` | {' | '.join(told)} |")
    assert "\n".join(lines) in page


@pytest.mark.slow
def test_a_method_of_ones_own_that_cuts_tiles_is_audited(shop):
    (shop.folder / "tiles.py").write_text(
        "from inkbench.methods.jigsaw.method import Jigsaw\n\n\n"
        'class Tiles(Jigsaw):\n    """Tiles of a file of one\'s own."""\n\n    name = "tiles"\n'
    )
    done = shop.cli(
        *("audit", "--method", "tiles", "--task", "ink-share", "--preset", "smoke", "--data", "hand-cut:strips"),
        *("--set", "pretrain.images=32", "--set", "pretrain.held_out=8", "--no-retrain", "--results", "results"),
        *("--plugin", "tiles.py", "--plugin", "ink_share.py", "--plugin", "hand_cut.py"),
        cwd=shop.folder,
    )
    assert done.returncode == 0, done.stderr
    assert "tiles" in done.stdout
    assert "on shuffled labels" in done.stdout
