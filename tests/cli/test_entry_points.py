"""A plugin that is installed as a package: known by its entry points, imported when it is named, hidden by no other."""

import os
import shutil

import pytest
from conftest import ROOT
from plugin_files import TABLE, strips

from inkbench.benchmark.registry import ROOMS, TABLES

SAYS = 'import sys\nprint("imported", file=sys.stderr)\n'
GOOD = {
    "methods": "rotation = their_package.rotation:Rotation",
    "tasks": "ink-share = their_package.ink_share:InkShare",
    "datasets": "hand-cut = their_package.hand_cut:HandCut",
    "metrics": "contrast = their_package.ink_contrast:InkContrast",
    "tables": "beside = their_package",
}
BAD = {
    "methods": "gone = no_package.at_all:Gone\njigsaw = bad_package:Jigsaw\nmisnamed = bad_package:Named",
    "tasks": "raises = bad_package.raises:Raises",
    "datasets": "fails = bad_package.raises:Fails",
    "metrics": "breaks = bad_package.raises:Breaks",
    "tables": "absent = bad_package\nwrong = bad_package",
}
NAMES = {"methods": "rotation", "tasks": "ink-share", "datasets": "hand-cut", "metrics": "contrast", "tables": "beside"}
RAISES = """
from inkbench.benchmark.api import Dataset, ItemMetric, Task
class Raises(Task):
    name = "raises"
class Fails(Dataset):
    name = "fails"
class Breaks(ItemMetric):
    name = "breaks"
    task = "saliency"
raise RuntimeError("at import")
"""


def written(folder, name, groups):
    """A package's metadata, as pip leaves them."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    text = "".join(f"[inkbench.{group}]\n{lines}\n" for group, lines in groups.items())
    (info / "entry_points.txt").write_text(text)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of packages: one that works, one in which everything is wrong."""
    folder = tmp_path_factory.mktemp("site")
    package, bad = folder / "their_package", folder / "bad_package"
    shutil.copytree(ROOT / "examples", package, ignore=shutil.ignore_patterns("__pycache__"))
    bad.mkdir()
    (package / "__init__.py").write_text(SAYS)
    (package / "beside.toml").write_text(TABLE)
    (bad / "__init__.py").write_text(f'{SAYS}\nclass Jigsaw:\n    name = "jigsaw"\nclass Named:\n    name = "other"\n')
    (bad / "raises.py").write_text(RAISES)
    (bad / "wrong.toml").write_text("title = \n")
    written(folder, "their-package", GOOD)
    written(folder, "bad-package", BAD)
    return folder


@pytest.fixture(scope="module")
def theirs(cli, site, tmp_path_factory):
    """Run a command where both packages are installed."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
    return lambda *words: cli(*words, env=environment, cwd=elsewhere)


def test_every_kind_has_a_group():
    assert set(GOOD) == {*ROOMS, TABLES}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("methods", ("'gone' of bad-package", "'jigsaw' is a name of inkbench", "Named calls itself 'other'")),
        ("tasks", ()),
        ("datasets", ()),
        ("metrics", ()),
        ("tables", ("'absent' of bad-package", "'wrong' of bad-package")),
    ],
)
def test_a_listing_has_it_without_importing_it_and_tells_what_is_broken(theirs, kind, told):
    done = theirs("list", kind)
    assert done.returncode == 0, done.stderr
    assert NAMES[kind] in [line.split()[0] for line in done.stdout.splitlines()]
    lines = done.stderr.splitlines()
    assert "imported" not in lines
    assert len(lines) == len(told)
    for said in told:
        assert sum(said in line for line in lines) == 1


@pytest.mark.parametrize("kind", NAMES)
def test_it_is_described_by_its_name(theirs, kind):
    done = theirs("describe", NAMES[kind])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{NAMES[kind]}: ")
    assert "imported" in done.stderr, "now that it is named; of a table the metric of a column"


@pytest.mark.parametrize(("name", "said"), [("gone", "no module no_package.at_all"), ("raises", "RuntimeError")])
def test_a_broken_one_that_is_named_is_refused_in_a_line(theirs, name, said):
    done = theirs("describe", name)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line != "imported"]
    assert "bad-package" in line
    assert said in line


def test_a_broken_one_that_nobody_named_hides_no_other(theirs, tmp_path):
    folder = strips(tmp_path / "strips")
    done = theirs("data", "info", folder, "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    assert "read as hand-cut" in done.stdout
    assert "rotation" in done.stdout
    assert "not ink-share" not in done.stdout
    lines = [line for line in done.stderr.splitlines() if line != "imported"]
    assert len(lines) == 2, "the dataset and the task that raise are left out, in a line each"
    assert all("at import" in line for line in lines)


@pytest.mark.slow
def test_its_table_is_run_with_its_method_and_its_metric(theirs, tmp_path):
    small = ("--set", "pretrain.images=64", "--set", "pretrain.held_out=16", "--set", "saliency.steps=2")
    done = theirs("table", "beside", "--run", "--preset", "smoke", *small, "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    assert "contrast" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row for row in rows if row[:2] == ["four", "turns"]], "the row of a package's method"
    assert "not run" not in done.stdout
    assert "breaks" in done.stderr, "the metric that cannot be loaded is told"
    report = theirs("report", "--results", tmp_path / "r")
    assert report.returncode == 0, report.stderr
    page = (tmp_path / "r" / "report" / "papers.html").read_text()
    assert "wrong.toml is not TOML" in page, "the table that cannot be read is told"
    assert "beside:" not in page, "theirs can be read: of other settings than its own it is not filled, without a fault"
