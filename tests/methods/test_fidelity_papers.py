"""Every method is its paper's under the preset `paper`, or says on its page where not (tests/fidelity/papers.toml)."""

import re
import tomllib
from pathlib import Path

import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.registry import ROOT

pytestmark = pytest.mark.fidelity

PAPERS = tomllib.loads((Path(__file__).parents[1] / "fidelity/papers.toml").read_text())
HEADING = "## Not as in the paper"
LINES = [
    pytest.param(name, line, id=f"{name}-{line.get('setting') or line.get('thing') or line['gone']}")
    for name, paper in PAPERS.items()
    for line in paper["line"]
]


def section(name):
    """What the page of a method says under "Not as in the paper", in one line; empty where it has no such section."""
    page = (ROOT / "docs/methods" / f"{name}.md").read_text()
    _, there, rest = page.partition(f"\n{HEADING}\n")
    return " ".join(re.split(r"\n## ", rest)[0].split()) if there else ""


def at_paper(name, setting):
    """A setting's value under the preset ``paper``."""
    owner, dot, field = setting.partition(".")
    config = PretrainSettings if dot else registry.load("methods", name).Config
    resolved = config.resolve(owner if dot else name, "paper").model_dump(mode="json")
    return resolved[field if dot else setting]


def same(value, paper, others=()):
    if value is None:
        return "none" in others
    if isinstance(paper, float | int) and not isinstance(paper, bool):
        return isinstance(value, float | int) and value == pytest.approx(paper, rel=1e-6)
    if isinstance(paper, list):
        return isinstance(value, list) and value == pytest.approx(paper, rel=1e-6)
    return value == paper


def written(paper):
    """The ways in which a page may write a value."""
    if isinstance(paper, bool) or not isinstance(paper, float | int):
        return [str(paper).lower()]
    return [f"{paper:g}", f"{paper:,}", str(paper)]


def test_every_method_is_typed_and_has_the_section():
    assert sorted(PAPERS) == sorted(registry.names("methods"))
    for name in PAPERS:
        assert section(name), f"docs/methods/{name}.md has no section '{HEADING}'"


@pytest.mark.parametrize(("name", "line"), LINES)
def test_a_line_of_the_paper_holds_at_paper_or_is_named_on_the_page(name, line):
    if "gone" in line:
        assert list((ROOT / "tests").rglob(line["test"]))
        return
    told = section(name).lower()
    if "thing" in line:
        missing = [words for words in line["words"] if words.lower() not in told]
        assert not missing, f"{name}: the page's '{HEADING}' does not name {missing} ({line['paper']})"
        return
    value = at_paper(name, line["setting"])
    if same(value, line["paper"], line.get("or", ())):
        return
    values = [line["says"].lower()] if "says" in line else written(line["paper"])
    named = f"`{line['setting']}" in told and any(text in told for text in values)
    assert named, f"{name}.{line['setting']} is {value} at paper, not {line['paper']}, and the page does not say so"


@pytest.mark.parametrize("name", PAPERS)
def test_every_setting_that_a_source_is_named_for_is_typed(name):
    """A setting whose help says that a value comes from the paper or its code has a line of its own."""
    own = {line.get("setting") for line in PAPERS[name]["line"]}
    config = registry.load("methods", name).Config
    from_paper = {
        field
        for field, info in config.model_fields.items()
        if (info.json_schema_extra or {}).get("source", "inkbench") not in ("inkbench", "JigsawPanel", "VISSL")
    }
    assert from_paper <= own | set(PAPERS[name].get("of_ours", [])), name
