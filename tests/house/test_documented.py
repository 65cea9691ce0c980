"""Every command that a page shows is one that the program takes: parsed, its names and settings resolved, not run."""

import argparse
import re

import documented
import numpy as np
import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.cli import launch, main
from inkbench.benchmark.planning.request import check_names, check_settings
from inkbench.tasks.metrics import detection

COMMANDS = documented.everywhere()


BLOCKS = [
    pytest.param(code, id=f"{page.relative_to(documented.ROOT)}-{number}")
    for page in documented.PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S), 1)
]


class Parsed(Exception):
    """The words were taken."""


def test_pages_show_commands():
    assert len(COMMANDS) > 100
    assert {command.words[0] for command in COMMANDS} >= {"--method", "table", "data", "submit", "audit", "report"}


def test_what_is_optional_or_a_comment_is_no_word(tmp_path):
    page = documented.ROOT / "docs" / "data.md"
    (made,) = [command for command in documented.on_page(page) if command.words[:2] == ("data", "get")]
    assert made.words == ("data", "get", "cifar-10", "--out", "/data")
    pages = {command.words for command in documented.on_page(documented.ROOT / "docs" / "submissions.md")}
    assert ("submit", "pack", "RUN", "--out", "X.zip") in pages
    assert any("codabench" in words for words in pages), "of alternatives the first"


@pytest.mark.parametrize("command", COMMANDS, ids=str)
@pytest.mark.seconds
def test_a_documented_command_is_taken(command, monkeypatch, tmp_path):
    monkeypatch.chdir(documented.ROOT)
    words = documented.with_files(command.words, tmp_path)
    if words[0].startswith("-"):
        monkeypatch.setattr(launch, "launch", _resolved)
        assert main.main(words) == 0, command
        return
    real = argparse.ArgumentParser.parse_args

    def parse_args(self, *args, **kwargs):
        real(self, *args, **kwargs)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    with pytest.raises(Parsed):
        main.main(words)


def _resolved(request):
    """Names and settings of a run, as ``prepare`` checks them, without looking for its data."""
    check_names(request)
    check_settings(request, set(registry.names("datasets")))
    return 0


@pytest.mark.parametrize("code", BLOCKS)
def test_a_python_block_of_a_page_runs(code):
    """Those that use items of two rows and another test find them."""
    exec(
        compile(code, "page", "exec"),
        {"items_a": _boxes(0.9), "items_b": _boxes(0.4), "other": argparse.Namespace(p=0.5)},
    )


def _boxes(share):
    """Items of detection: one box on each of 24 images of 8 series, found on a share of them."""
    truths = [{"boxes": np.array([[0.0, 0.0, 9.0, 9.0]]), "labels": np.array([0]), "size": np.array([9, 9])}] * 24
    found = [
        {**truths[0], "boxes": truths[0]["boxes"] * (k < share * 24), "scores": np.array([0.5])} for k in range(24)
    ]
    return {**detection.score_items(found, truths, classes=("face",)), "series": np.arange(24) // 3}
