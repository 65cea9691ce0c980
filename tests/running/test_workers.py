"""What a parent does when a worker dies between two runs, and what a worker does whose parent is gone."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from inkbench.benchmark.running import supervisor
from inkbench.benchmark.running.worker import PARENT


@pytest.fixture
def deaths(monkeypatch, tmp_path):
    """Run a request whose workers end with these statuses, all of them between two runs or before the first."""

    def run(codes, begun):
        left = list(codes)

        def workers(request, skip, watched):
            watched.begun = begun
            return left.pop(0)

        monkeypatch.setattr(supervisor, "_workers", workers)
        status, planned = supervisor.run(SimpleNamespace(results=tmp_path))
        assert planned == []
        return status, len(codes) - len(left)

    return run


def test_a_worker_that_dies_between_two_runs_is_followed_by_another(deaths, capsys):
    assert deaths([-signal.SIGKILL, 0], begun=True) == (0, 2)
    assert "was killed by signal 9 (SIGKILL)" in (said := capsys.readouterr().err)
    assert "between two runs" in said


def test_workers_that_go_on_dying_end_the_command(deaths):
    assert deaths([1] * 9, begun=True) == (1, supervisor.MAX_IDLE_DEATHS)


def test_a_worker_that_dies_before_its_first_run_has_no_successor(deaths, capsys):
    assert deaths([1, 0], begun=False) == (1, 1)
    assert "before it began a run" in capsys.readouterr().err


@pytest.mark.parametrize(("parent", "status"), [(os.getpid, 0), (lambda: 1, 1)])
def test_a_worker_that_was_started_by_who_is_gone_ends_at_once(parent, status):
    code = "from inkbench.benchmark.running.worker import die_with_parent; die_with_parent()"
    environment = {**os.environ, PARENT: str(parent())}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == status
