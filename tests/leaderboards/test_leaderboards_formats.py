"""Tables as HTML and LaTeX: well formed, whatever words the records hold."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from test_leaderboards_render import FIXED

from inkbench.leaderboards import render
from inkbench.leaderboards.table import Block, Cell, Head, Note, Row, Setup, Table

WORDS = r"""<script>alert("x")</script> & 50 % of $100 #1 \input{x} {a_b} ~^ | * é ✓ [h]"""
CELL = Cell(WORDS, WORDS, best=True)
HOSTILE = Table(
    "hostile",
    WORDS,
    WORDS,
    (Head("primary", WORDS),),
    (Block(Setup(WORDS), (Row(WORDS, "done", {"primary": CELL}, (WORDS,)),), (Note(WORDS),)),),
    (Note(WORDS),),
)
TABLES = pytest.mark.parametrize("table", [FIXED, HOSTILE], ids=["fixed", "hostile"])


class Page(HTMLParser):
    """What a browser would see: tags, opened and closed in order, and texts."""

    def __init__(self, source):
        super().__init__()
        self.open, self.texts, self.tags = [], [], set()
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html_shows_hostile_words_as_words():
    page = Page(render.html(HOSTILE))
    assert page.open == []
    assert "script" not in page.tags
    assert page.texts.count(WORDS) == 9, (
        "title, h1, subtitle, block, column, label, cell, the block's and table's notes"
    )
    assert f"1: {WORDS}" in page.texts


def commands_of(source):
    """The LaTeX commands of a source; fails where braces or environments do not close, or a comment begins."""
    depth, opened, found = 0, [], []
    for match in re.finditer(r"\\([A-Za-z]+|.)(?:\{([a-z]+)\})?|([{}])|(%)", source):
        command, argument, brace, comment = match.groups()
        assert not comment
        depth += {"{": 1, "}": -1}.get(brace, 0)
        assert depth >= 0
        if command == "begin":
            opened.append(argument)
        elif command == "end":
            assert opened.pop() == argument
        elif command:
            found.append(command)
    assert (depth, opened) == (0, [])
    return found


@TABLES
def test_tex_is_well_formed(table):
    source = render.tex(table).partition("\n")[2]
    commands = commands_of(source)
    assert {"toprule", "midrule", "bottomrule"} <= set(commands)
    assert "input" not in commands
    widths = {line.count(" & ") for line in source.replace(r"\&", "").split("\n") if " & " in line}
    assert widths == {len(table.columns)}


@TABLES
def test_tex_compiles(table, tmp_path):
    compiler = shutil.which("pdflatex") or shutil.which("tectonic")
    if compiler is None:
        pytest.skip("no pdflatex and no tectonic on this machine")
    preamble = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,amssymb}\begin{document}"
    (tmp_path / "t.tex").write_text(preamble + "\n" + render.tex(table) + r"\end{document}" + "\n")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if compiler.endswith("pdflatex") else []
    done = subprocess.run([compiler, *options, "t.tex"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "t.pdf").stat().st_size > 1000
