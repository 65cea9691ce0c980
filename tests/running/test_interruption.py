"""kill -9 at any moment, run again: the same numbers and bytes. Two processes on one folder do each run once."""

import json
import time

import pytest
from conftest import TINY, start_cli
from interrupt import fingerprint, finished, kill_at

WORDS = ("--method", "jigsaw", "--task", "detection", *TINY)


@pytest.mark.slow
def test_a_run_killed_three_times_ends_as_an_undisturbed_one(cli, first_run, tmp_path):
    results = tmp_path / "results"
    killed = [kill_at(WORDS, results, "drawing", 2.0)]
    killed.append(kill_at(WORDS, results, "transfer", 0.5))
    there = finished(results)
    killed.append(kill_at(WORDS, results, "pretraining", 0.3))
    assert sum(killed) >= 2, f"too few of the kills hit a running command: {killed}"
    done = cli(*WORDS, "--results", results)
    assert done.returncode == 0, done.stderr
    assert there.items() <= finished(results).items(), "a finished run was run again"
    assert fingerprint(results) == fingerprint(first_run[1])
    assert done.stdout == first_run[0].stdout


@pytest.mark.slow
def test_two_processes_do_each_cell_once(with_synth, first_run):
    both = []
    for _ in range(2):
        both.append(start_cli(*WORDS, "--results", with_synth))
        time.sleep(0.5)
    outputs = [process.communicate(timeout=500) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    said = "\n".join(err for _, err in outputs)
    assert said.count("train detection head:") >= 2
    assert sum(line.startswith("test detection:") for line in said.splitlines()) == 2
    assert sum(line.startswith("pretrain jigsaw:") and " in " in line for line in said.splitlines()) == 1
    makers = {
        json.loads(path.read_text())["request"]["resolved"]["started"] for path in with_synth.glob("cells/*/*.json")
    }
    assert 1 <= len(makers) <= 2
    assert fingerprint(with_synth) == fingerprint(first_run[1])
    assert outputs[0][0] == outputs[1][0] == first_run[0].stdout
