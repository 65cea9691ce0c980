"""Signals as requests: what is raised where, and with which status."""

import os
import signal
import threading

import pytest

from inkbench.benchmark import stopping
from inkbench.benchmark.cli.main import main
from inkbench.benchmark.progress import Progress


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch):
    monkeypatch.setattr(stopping, "_asked", [])
    for name in stopping.SCHEDULED:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("number", stopping.STOPS)
def test_a_step_stops_after_the_signal_and_not_before(number):
    heard, done = [], []

    def steps():
        with stopping.at_next_step(heard.append), Progress(quiet=True).bar("steps", 10) as bar:
            for step in range(10):
                if step == 4:
                    os.kill(os.getpid(), number)
                done.append(step)
                bar.advance()

    with pytest.raises(stopping.Stopped) as stop:
        steps()
    assert (done, heard) == ([0, 1, 2, 3, 4], [number])
    assert stop.value.status == 128 + number


def test_what_is_short_stops_where_it_is():
    def work():
        with stopping.at_once():
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail("it went on")

    with pytest.raises(stopping.Stopped, match="SIGTERM"):
        work()


@pytest.mark.parametrize("name", stopping.SCHEDULED)
def test_a_scheduled_unit_is_to_be_continued(name, monkeypatch):
    monkeypatch.setenv(name, "3")
    assert stopping.Stopped(signal.SIGTERM).status == 75


def test_the_handlers_of_before_are_back_afterwards():
    before = [signal.getsignal(number) for number in stopping.STOPS]
    with stopping.at_once(), stopping.at_next_step(), stopping.ignored():
        assert [signal.getsignal(number) for number in stopping.STOPS] != before
        os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in stopping.STOPS] == before
    assert stopping.times_asked() == 0


def test_a_thread_of_a_program_leaves_its_signals_alone():
    seen = []

    def work():
        with stopping.at_once():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_command_says_one_line_and_gives_its_status(monkeypatch, capsys):
    from inkbench.benchmark.cli import verbs

    def table(words):
        del words
        os.kill(os.getpid(), signal.SIGHUP)

    monkeypatch.setitem(verbs.RUN, "table", table)
    assert main(["table"]) == 129
    assert capsys.readouterr().err == "stopped by SIGHUP; run the same command to resume\n"
