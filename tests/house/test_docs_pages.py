"""Every method and task has a page, and the pages of methods show every setting with its default and its presets."""

import json
import re

import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.registry import ROOT

PRESETS = ("smoke", "standard", "paper")


def told(value):
    """A value as pages write it: JSON without brackets and quotes."""
    if isinstance(value, list | tuple):
        return ", ".join(told(one) for one in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)


def settings_table(config):
    """Rows of the settings of a method, as its page shows them."""
    fields, defaults = config.model_fields, config().model_dump(mode="json")
    yield "| setting | quick (default) | smoke | standard | paper | what | from |"
    yield "|---|---|---|---|---|---|---|"
    laid = {preset: config.resolve("x", preset).model_dump(mode="json") for preset in PRESETS}
    for name, field in fields.items():
        cells = [f"`{told(laid[p][name])}`" if laid[p][name] != defaults[name] else "" for p in PRESETS]
        source = (field.json_schema_extra or {}).get("source", "")
        yield "| " + " | ".join([f"`{name}`", f"`{told(defaults[name])}`", *cells, field.description, source]) + " |"


@pytest.mark.parametrize("room", ["methods", "tasks"])
def test_everything_has_a_page_that_names_a_command_and_its_pictures_exist(room):
    for name in registry.names(room):
        page = ROOT / "docs" / room / f"{name}.md"
        text = page.read_text()
        assert text.startswith(f"# {name}\n")
        assert "python run_benchmark.py" in text
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
            file = (page.parent / picture).resolve()
            assert file.is_file(), f"{page} shows {picture}"
            assert file.stat().st_size < 300_000


def test_the_page_of_data_has_a_row_for_every_layout():
    table = (ROOT / "docs/data.md").read_text().partition("| name | what | files | gives |\n")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert named == set(registry.names("datasets")) - {"synth"}


def read(rows):
    """Rows of a Markdown table as dictionaries, by the first cell; cells without backticks."""
    cells = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in rows]
    return {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}


@pytest.mark.parametrize(
    "name", [name for name in registry.names("methods") if name not in ("imagenet", "random", "scratch")]
)
def test_the_page_of_a_method_shows_every_setting_with_its_values(name):
    config = registry.load("methods", name).Config
    page = (ROOT / "docs" / "methods" / f"{name}.md").read_text().splitlines()
    start = next(k for k, line in enumerate(page) if line.startswith("| setting |"))
    shown = read([line for line in page[start:] if line.startswith("|")])
    expected = read(list(settings_table(config)))
    assert list(shown) == list(expected) == list(config.model_fields)
    for setting, row in expected.items():
        assert {column: shown[setting][column] for column in row} == row, setting


def test_tests_that_the_page_on_reliability_names_are_there():
    named = re.findall(r"`([a-z_/]*test_[a-z_]+\.py)`", (ROOT / "docs" / "reliability.md").read_text())
    assert len(set(named)) > 20
    assert [name for name in named if not (ROOT / "tests" / name.removeprefix("tests/")).is_file()] == []
