"""Every command that a page shows is one that the program takes: parsed, its names and settings resolved, not run."""

import argparse

import documented
import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.cli import launch, main
from inkbench.benchmark.planning.request import check_names, check_settings

COMMANDS = documented.everywhere()


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
