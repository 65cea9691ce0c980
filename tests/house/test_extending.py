"""The pages on extending: their code runs, their commands work, their examples are files of one's own."""

import json
import re
import tomllib

import pytest
from conftest import ROOT
from plugin_files import strips

from inkbench.benchmark.cli.main import main
from inkbench.benchmark.data.locate import open_dataset
from inkbench.leaderboards.declared import load

PAGES = sorted(path for path in (ROOT / "docs" / "extending").glob("*.md") if path.stem != "index")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)


def test_there_is_a_page_for_each_kind():
    assert [page.stem for page in PAGES] == ["dataset", "format", "method", "metric", "table", "task"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_on_a_page_runs(page):
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), {})
    for text in blocks(page, "toml"):
        load.parse(page.stem, tomllib.loads(text), str(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_counts_the_lines_of_its_one_file(page):
    named = re.search(r"`(examples/\w+\.py)`", page.read_text())
    whole = (ROOT / named[1]).read_text() if named else (blocks(page, "python") + blocks(page, "toml"))[0]
    assert f"\nFiles touched: 1. Lines: {len(whole.splitlines())}.\n" in page.read_text()


def test_the_readme_shows_the_example_as_it_is():
    assert f"```python\n{(ROOT / 'examples' / 'rotation.py').read_text()}```" in (ROOT / "README.md").read_text()


def test_examples_import_what_a_plugin_may():
    for example in EXAMPLES:
        assert "from benchmark" not in example.read_text()
        assert f"examples/{example.name}" in "".join(page.read_text() for page in PAGES)


def test_the_example_of_a_dataset_is_checked_described_and_run_on(cli, tmp_path):
    data, plugin = (
        f"hand-cut:{strips(tmp_path / 'strips', lines=('s9,0,1,1,2,2',))}",
        ("--plugin", ROOT / "examples" / "hand_cut.py"),
    )
    checked = cli("data", "check", data, *plugin, "--results", tmp_path / "r")
    assert checked.returncode == 1, "a face of a panel that is not there"
    assert "faces.csv:26" in checked.stdout + checked.stderr
    assert "24" in checked.stdout
    run = cli(
        *("--method", "random", "--task", "detection", "--data", data, "--preset", "smoke", *plugin),
        *("--set", "detection.steps=2", "--set", "detection.side=64", "--set", "detection.classes=face"),
        *("--results", tmp_path / "r"),
    )
    assert run.returncode == 0, run.stderr
    assert "random" in run.stdout
    told = cli("rescore", "--results", tmp_path / "r")
    assert told.returncode == 1
    assert "random on detection: no dataset 'hand-cut'" in told.stderr
    assert "--plugin FILE.py" in told.stderr
    assert cli("rescore", *plugin, "--results", tmp_path / "r").returncode == 0


def test_a_layout_is_a_class_of_a_file_too(tmp_path):
    folder = strips(tmp_path / "strips")
    opened = open_dataset(f"{ROOT / 'examples' / 'hand_cut.py'}:HandCut:{folder}", "smoke", (), tmp_path / "r")
    assert (opened.reader, opened.root) == ("hand-cut", folder)


def test_a_declared_table_is_described(tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text(blocks(ROOT / "docs" / "extending" / "table.md", "toml")[0])
    assert main(["describe", str(file)]) == 0
    said = capsys.readouterr().out
    assert "mine: Rotation beside nothing" in said
    assert "row jigsaw, without a gap: method = jigsaw, jigsaw.gap = False" in said
    assert main(["describe", str(file), "--json"]) == 0
    assert [row["label"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["nothing", "jigsaw, without a gap"]


def test_the_example_of_a_method_runs(cli, with_synth):
    run = cli(
        *("--method", f"{ROOT / 'examples' / 'rotation.py'}:Rotation", "--task", "saliency", "--preset", "smoke"),
        *("--set", "pretrain.images=64", "--set", "saliency.steps=2", "--results", with_synth),
    )
    assert run.returncode == 0, run.stderr
    assert "rotation" in run.stdout
