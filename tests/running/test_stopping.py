"""TERM and HUP: a run stops at its next step with a checkpoint, says so in a line, and records nothing."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from conftest import TINY, start_cli
from interrupt import fingerprint, finished, stage

WORDS = ("--method", "jigsaw", "--task", "detection", *TINY)
CHILDREN = "/proc/{0}/task/{0}/children"


def started(results, wanted, timeout=200, **options):
    process = start_cli(*WORDS, "--results", results, **options)
    began = time.monotonic()
    while stage(results) != wanted:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < timeout
        time.sleep(0.02)
    return process


def stopped(process):
    """Status and standard error of a command, and how long it took to end."""
    began = time.monotonic()
    _, err = process.communicate(timeout=120)
    return process.returncode, err, time.monotonic() - began


def lines(err):
    return [line for line in err.splitlines() if line.startswith("stopped by")]


@pytest.mark.parametrize(
    ("number", "unit", "status"),
    [
        pytest.param(signal.SIGTERM, {}, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, {}, 129, marks=pytest.mark.soak),
        pytest.param(signal.SIGTERM, {"SLURM_JOB_ID": "7"}, 75, marks=pytest.mark.soak),
        pytest.param(signal.SIGTERM, {"INKBENCH_UNIT": "1"}, 75, marks=pytest.mark.soak),
    ],
)
def test_a_pretraining_stops_at_its_next_step_and_goes_on(cli, first_run, with_synth, number, unit, status):
    process = started(with_synth, "pretraining", env={**os.environ, **unit})
    time.sleep(0.5)
    before = finished(with_synth)
    process.send_signal(number)
    code, err, took = stopped(process)
    assert (code, len(lines(err))) == (status, 1), err
    assert lines(err) == [f"stopped by {signal.Signals(number).name}; run the same command to resume"]
    assert "Traceback" not in err
    assert finished(with_synth) == before, "a run was begun after the signal"
    records = [json.loads(path.read_text())["status"] for path in with_synth.glob("cells/*/*.json")]
    assert "failed" not in records
    assert took < 30
    done = cli(*WORDS, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    assert fingerprint(with_synth) == fingerprint(first_run[1])
    assert done.stdout == first_run[0].stdout


@pytest.mark.slow
def test_what_is_trained_when_it_stops_has_a_checkpoint(with_synth):
    words = ("--set", "pretrain.images=100000")
    process = start_cli(*WORDS, *words, "--results", with_synth)
    while stage(with_synth) != "pretraining" or len(list(with_synth.glob("cache/images/[!.]*"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(6)
    process.terminate()
    code, err, _ = stopped(process)
    assert code == 143, err
    assert len(list(with_synth.glob("checkpoints/*.pt"))) == 1


@pytest.mark.soak
def test_a_group_that_is_stopped_leaves_no_process(with_synth):
    process = started(with_synth, "pretraining")
    children = [int(child) for child in Path(CHILDREN.format(process.pid)).read_text().split()]
    assert children
    os.killpg(process.pid, signal.SIGTERM)
    code, err, _ = stopped(process)
    assert (code, len(lines(err))) == (143, 1), err
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.soak
def test_drawing_stops_and_goes_on(cli, first_run, tmp_path):
    results = tmp_path / "results"
    process = started(results, "drawing")
    time.sleep(6)
    process.terminate()
    code, err, _ = stopped(process)
    assert (code, len(lines(err))) == (143, 1), err
    done = cli(*WORDS, "--results", results)
    assert fingerprint(results) == fingerprint(first_run[1])
    assert done.stdout == first_run[0].stdout
