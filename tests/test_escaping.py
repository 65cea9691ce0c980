"""Names that a terminal, a page or a spreadsheet would obey are shown: by each function, and where they are printed."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hostile_names import NAMES, obeyed
from leaderboard_records import record, saliency_items
from submission_data import gaze_folder, good, zipped

from inkbench.benchmark import escaping
from inkbench.benchmark.cli.main import main
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render

PLAIN = (
    "jigsaw",
    "context_prediction",
    "auc[judd]",
    "p < .05",
    "Noroozi & Favaro",
    "±0.1 → ↑",
    "Δ to random",
    "漫画 é",
)


class Tags(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.names, self.text = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.text.append(data)


# --- the functions
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_nothing_of_a_name_is_obeyed(name):
    for escape in (escaping.terminal, escaping.markdown, escaping.markdown_cell, escaping.csv, escaping.latex):
        shown = escape(name)
        assert not obeyed(shown)
        assert not set(shown) & set("\n\r\t")
        shown.encode()
    assert not obeyed(escaping.lines(name))
    assert escaping.lines(name).count("\n") == name.count("\n")


@pytest.mark.parametrize("name", PLAIN)
def test_plain_names_stay(name):
    assert escaping.terminal(name) == escaping.markdown_cell(name) == escaping.csv(name) == name


def test_html_holds_no_tag_and_no_attribute_of_a_name():
    for name in NAMES:
        page = Tags()
        page.feed(f'<p title="{escaping.html(name)}">{escaping.html(name)}</p>')
        assert (page.tags, page.names) == ({"p"}, {"title"})
        assert "".join(page.text) == escaping.terminal(name)


def test_markdown_begins_nothing_in_a_name():
    for name in NAMES:
        shown = escaping.markdown_cell(name)
        assert not re.search(r"<[a-zA-Z/!?]", shown)
        assert "](" not in shown
        assert not re.search(r"(?<!\\)(?:\\\\)*[`|]", shown), shown
        assert not re.search(r"&#?\w+;", shown.replace("&lt;", "").replace("&amp;", ""))


def test_a_spreadsheet_calculates_nothing_and_numbers_stay():
    for name in NAMES:
        assert not re.match(r"[=+\-@\t\r\n＝＋－＠]", escaping.csv(name))
    for number in (1, -0.5, None, True, "-0.5", "+1e3", "-inf", "12", "-", ""):
        assert escaping.csv(number) == number
    assert escaping.csv("=1+1") == "'=1+1"
    assert escaping.csv("-1+1") == "'-1+1"


def test_latex_runs_no_command_of_a_name():
    for name in NAMES:
        shown = escaping.latex(name)
        known = re.sub(
            r"\\(?:text(?:backslash|asciitilde|asciicircum|less|greater|bar|quotedbl)\{\}|[&%$#_{}])", "", shown
        )
        assert "\\" not in known
        assert not set(known) & set("&%$#_{}~^")


def test_json_is_read_as_it_was_and_shown_harmlessly():
    value = {"names": list(NAMES)}
    assert json.loads(escaping.json(value)) == value
    assert not obeyed(escaping.json(value))


# --- what is really printed
@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Records whose every name is hostile."""
    store = Store(tmp_path_factory.mktemp("hostile") / "results")
    names = [name.encode("utf-8", "backslashreplace").decode() for name in NAMES]  # no record holds half a character
    for place, name in enumerate(names):
        method, items = (name, saliency_items(0.3, place, 3, 2)) if place % 2 else ("jigsaw", None)
        told = {} if items else {"reason": name}
        record(store, f"{place:02}abc", method, items, changed={"jigsaw.gap": name}, notes=(name,), **told)
    return store


@pytest.mark.parametrize("form", render.RENDERERS)
def test_tables_in_every_format(results, form):
    for table in build.tables(results, list(results.records())):
        shown = render.RENDERERS[form](table)
        assert not obeyed(shown)
        shown.encode()
        assert "<script" not in shown or form in ("text", "csv", "json"), "tags are tags in pages alone"
        assert not re.search(r"(?<!\\)\\(?:input|write)", shown) or form in ("text", "csv", "json", "md", "html")
        if form == "csv":
            cells = [cell for row in csv.reader(io.StringIO(shown)) for cell in row]
            assert not [cell for cell in cells if re.match(r"[=@\t\r]|[+-][^\d.]", cell) and cell != "-"]
        if form == "json":
            labels = " ".join(row["label"] for block in json.loads(shown)["blocks"] for row in block["rows"])
            assert NAMES[1] in labels
        if form == "html":
            page = Tags()
            page.feed(shown)
            assert page.tags <= {
                *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "table", "thead"),
                *("tbody", "tr", "th", "td", "sup", "strong", "ul", "li", "br"),
            }


def test_lists_and_comparisons(results, capsys):
    for words in (["list", "runs"], ["list", "runs", "--json"], ["list", "runs", "--csv"], ["compare", "01", "02"]):
        main([*words, "--results", str(results.root)])
        said = capsys.readouterr()
        assert not obeyed(said.out + said.err)
    main(["list", "runs", "--results", str(results.root)])
    assert len(capsys.readouterr().out.splitlines()) == len(NAMES)


@pytest.mark.seconds
def test_the_report(results, tmp_path, capsys):
    assert main(["report", "--results", str(results.root), "--out", str(tmp_path / "report")]) == 0
    said = capsys.readouterr()
    assert not obeyed(said.out + said.err)
    pages = list((tmp_path / "report").glob("*.html"))
    assert len(pages) > 5
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not obeyed(text), page
        assert "<script>alert" not in text


def test_findings_on_a_submission_and_a_score(tmp_path, capsys):
    reference = gaze_folder(tmp_path / "reference")
    names = [name for name in NAMES if not name.startswith(("\x90", "byte")) and "/" not in name and "\\" not in name]
    path = zipped(tmp_path / "x.zip", good(**{name[:200]: b"x" for name in names}))
    for words in ((), ("--json",)):
        main(["submit", "check", str(path), "--reference", str(reference), *words])
        said = capsys.readouterr()
        assert not obeyed(said.out + said.err)
        assert not [line for line in said.out.splitlines() if line.startswith("error: fake")]


def test_data_check_of_hostile_names(tmp_path, capsys):
    for name in NAMES:
        if "/" not in name:
            (tmp_path / "data" / "series").mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / "series" / f"{name[:200]}.png").write_bytes(b"x")
    for words in ((), ("--json",)):
        main(["data", "check", str(tmp_path / "data"), "--results", str(tmp_path / "r"), "--quiet", *words])
        said = capsys.readouterr()
        assert not obeyed(said.out + said.err)
        assert not [line for line in said.out.splitlines() if line.startswith("error: fake")]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_refusals_are_one_line(name, tmp_path, capsys):
    words = ["submit", "check", f"{tmp_path}/{name}".replace("\0", "")[:300]]
    assert main(words) == 2
    said = capsys.readouterr()
    assert not obeyed(said.err)
    assert said.err.count("\n") == 1


def test_progress(capsys):
    for terminal in (False, True):
        progress = Progress(terminal=terminal)
        for name in NAMES:
            progress.say(name)
            with progress.bar("x" if terminal else name, 3) as bar:
                bar.advance(1, name)
        said = capsys.readouterr().err
        assert not obeyed(said) or terminal, "a terminal's bar moves its cursor itself"
        assert "\x1b[31mred" not in said


def test_an_error_says_what_it_says():
    assert str(UsageError("a\nb")) == "a\nb", "escaped where it is shown, not where it is made"
