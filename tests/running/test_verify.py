"""``verify``: what was edited in a results folder is found, half of it though every checksum was recomputed."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
from conftest import TINY
from record_edits import KINDS, Folder
from record_files import written

from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.verify import check
from inkbench.benchmark.running.verify_again import ScoredAgain
from inkbench.benchmark.store.store import Store

MUSEUM = Path(__file__).resolve().parents[1] / "museum"


@pytest.fixture
def measured(first_run, tmp_path):
    """A copy of the first run's records and cards, with its drawn data."""
    results = tmp_path / "results"
    shutil.copytree(first_run[1] / "cells", results / "cells")
    shutil.copytree(first_run[1] / "backbones", results / "backbones")
    (results / "cache").symlink_to(first_run[1] / "cache")
    return results


@pytest.fixture(scope="module")
def workshop(first_run, tmp_path_factory):
    """A folder whose records are laid anew for every edit, and what scores them again."""
    results = tmp_path_factory.mktemp("edited") / "results"
    results.mkdir()
    for name in ("backbones", "cache"):
        (results / name).symlink_to(first_run[1] / name)
    return results, ScoredAgain(Store(results), Progress(quiet=True)), first_run[1] / "cells"


def edit(workshop, kind, forged, number):
    """Lay the records, edit them once; the ids of what was edited."""
    results, _, whole = workshop
    shutil.rmtree(results / "cells", ignore_errors=True)
    shutil.copytree(whole, results / "cells")
    folder = Folder(results / "cells", random.Random(f"{kind.__name__} {number}"), forged)
    kind(folder)
    return folder.edited


def unedited(folder):
    """No edit."""


def found(workshop, capsys, forged):
    """The status of a check and the files that its findings name."""
    results, again, _ = workshop
    capsys.readouterr()
    status = check(Store(results), [], again if forged else None)
    lines = capsys.readouterr().out.splitlines()
    return status, {Path(line.partition(": ")[0]).stem for line in lines if line.startswith("cells")}, lines


def holds(workshop, capsys, kind, forged, number):
    """An edit is found, and nothing else beside it."""
    edited = edit(workshop, kind, forged, number)
    status, named, lines = found(workshop, capsys, forged)
    assert status == 1, (kind.__name__, number)
    assert named & edited, (kind.__name__, number, lines)
    assert named <= edited, (kind.__name__, number, lines)


@pytest.mark.seconds
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_edit_is_found(workshop, capsys, kind):
    holds(workshop, capsys, kind, False, 0)


@pytest.mark.seconds
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_edit_with_every_checksum_recomputed_is_found_by_its_predictions(workshop, capsys, kind):
    holds(workshop, capsys, kind, True, 0)


@pytest.mark.seconds
def test_what_validation_chose_lies_in_the_predictions_too(workshop, capsys):
    results, _, _ = workshop
    edit(workshop, unedited, True, 0)
    folder = Folder(results / "cells", random.Random(0), True)
    told = folder.some()
    told["calibration"] = {"threshold": 0.5}
    folder.write(told)
    status, named, lines = found(workshop, capsys, False)
    assert (status, named) == (1, folder.edited)
    assert "says that validation chose otherwise than its predictions do" in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("forged", [False, True], ids=["plain", "forged"])
def test_a_hundred_edits_are_found(workshop, capsys, forged):
    for number in range(50):
        holds(workshop, capsys, KINDS[number % len(KINDS)], forged, number + 1)
    print(f"50 of 50 edits {'with' if forged else 'without'} recomputed checksums found")


def test_what_was_not_edited_holds(cli, measured):
    for words in ((), ("--rescore",)):
        done = cli("verify", measured, *words)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert done.stdout.endswith("3 hold, 0 do not\n")
    assert cli("verify", "jigsaw", "--results", measured).stdout.startswith("1 record checked")


def test_what_is_edited_is_named_and_the_others_hold(cli, measured):
    path, told = next((p, t) for p in measured.glob("cells/*/*.json") if (t := json.loads(p.read_text()))["backbone"])
    told["metrics"]["ap"]["value"] = 0.999
    path.write_text(json.dumps(told))
    (measured / "cells" / "zz").mkdir()
    (measured / "cells" / "zz" / "zz.json").write_text("[" * 100_000)
    done = cli("verify", "--results", measured)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{path.relative_to(measured)}: does not match its checksum\n" in done.stdout
    assert f"{path.relative_to(measured)}: has ap 0.999, its items give 0." in done.stdout
    assert "cells/zz/zz.json: is not JSON (nested too deep)\n" in done.stdout
    assert done.stdout.endswith("4 records checked: 2 hold, 2 do not\n")


@pytest.mark.parametrize("words", [("nowhere",), ("--results", "nowhere"), ("cells-of-no-run",)])
def test_what_cannot_be_checked_is_refused(cli, measured, words):
    done = cli("verify", *words, cwd=measured)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert cli("verify", measured, "nobody").returncode == 2


@pytest.mark.parametrize("room", sorted(path.name for path in MUSEUM.iterdir()))
def test_records_of_before_a_checksum_are_read_and_called_not_sealed(capsys, room, tmp_path):
    shutil.copytree(MUSEUM / room, tmp_path / "results")
    assert check(Store(tmp_path / "results"), []) == 0
    told = capsys.readouterr().out
    records = written(MUSEUM / room)
    if all("checksum" in record for record in records):
        assert told.endswith(f"{len(records)} records checked: {len(records)} hold, 0 do not\n")
        return
    assert f"{len(records)} not sealed: " in told


@pytest.mark.slow
def test_a_run_does_not_believe_what_was_edited_and_does_it_again(cli, first_run, measured):
    before = {path: path.read_bytes() for path in measured.glob("cells/*/*.json")}
    path, told = next((p, json.loads(b)) for p, b in before.items() if json.loads(b)["method"] == "random")
    path.write_text(json.dumps({**told, "seed": 5}))
    for words in (("list", "runs"), ("list", "runs", "--json"), ("report",)):
        done = cli(*words, "--results", measured)
        assert done.returncode == 0, done.stderr
        assert "does not match its checksum" in done.stderr
        assert "invalid" in done.stdout or words == ("report",)
    page = (measured / "report" / "index.html").read_text()
    assert f"{told['id']}.json does not match its checksum" in page
    done = cli("compare", told["id"], told["id"], "--results", measured)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    done = cli("rescore", told["id"], "--results", measured)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), "only figures can be given back"
    done = cli("--method", "jigsaw", "--task", "detection", *TINY, "--results", measured)
    assert done.returncode == 0, done.stderr
    assert "recomputing: " in done.stderr
    assert done.stdout == first_run[0].stdout
    assert json.loads(path.read_text())["metrics"] == told["metrics"]
    assert check(Store(measured), []) == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named(measured, capsys):
    next(measured.glob("cells/*/*.items.npz")).chmod(0)
    assert check(Store(measured), []) == 1
    assert "its items cannot be read" in capsys.readouterr().out
