"""A newcomer types what each page on extending prints, in a folder that holds the page's own file and nothing else."""

import json
import re
import shutil
import time

import documented
import pytest
from conftest import ROOT
from plugin_files import strips

PAGES = {
    "method": ("saliency",),
    "task": ("ink-share",),
    "metric": ("saliency",),
    "dataset": ("detection",),
    "table": ("saliency",),
    "format": ("saliency-text",),
}
"""Each page with the tasks that its commands run."""
SEEN = {
    "method": "rotation.side = 96",
    "task": "error ",
    "metric": "How far gaze",
    "dataset": "read as hand-cut",
    "table": "my: Rotation beside nothing",
    "format": "0 errors",
}


def brought(page, folder):
    """Write the one file that a page is about where its commands look for it; gives its path."""
    text = (ROOT / "docs" / "extending" / f"{page}.md").read_text()
    if named := re.search(r"`(examples/\w+\.py)`", text):
        target = folder / named[1]
        target.parent.mkdir()
        shutil.copy(ROOT / named[1], target)
    else:
        target = folder / "my.toml"
        target.write_text(re.search(r"```toml\n(.*?)```", text, re.S)[1])
    return target


def first_cell(results):
    """The id of a finished row with a backbone."""
    records = [json.loads(path.read_text()) for path in sorted((results / "cells").rglob("*.json"))]
    return next(record["id"] for record in records if record["status"] == "done" and record["backbone"])


@pytest.mark.parametrize("page", [pytest.param(page, marks=pytest.mark.slow) for page in PAGES])
def test_a_page_does_what_it_says(cli, request, page, tmp_path, capsys):
    file, results = brought(page, tmp_path), tmp_path / "results"
    results.mkdir()
    if page != "dataset":
        (results / "cache").symlink_to(request.getfixturevalue("first_run")[1] / "cache")
    own = {path for path in tmp_path.rglob("*") if path.is_file()}
    if page == "dataset":
        strips(tmp_path / "DIR")
    commands = documented.on_page(ROOT / "docs" / "extending" / f"{page}.md")
    assert len(commands) >= 2
    said, began = "", time.monotonic()
    for command in commands:
        words = documented.small(command.words, PAGES[page])
        words = [first_cell(results) if word == "RUN" else word for word in words]
        done = cli(*words, cwd=tmp_path)
        assert done.returncode == 0, (str(command), words, done.stdout, done.stderr)
        said += done.stdout + done.stderr
    assert SEEN[page] in said
    assert own == {file}
    lines = len(file.read_text().splitlines())
    assert f"\nFiles touched: {len(own)}. Lines: {lines}.\n" in (ROOT / commands[0].page).read_text()
    with capsys.disabled():
        spent = time.monotonic() - began
        print(f"\n| {page} | {len(own)} file | {lines} lines | {len(commands)} commands | {spent:.0f} s |")
