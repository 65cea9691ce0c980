"""What is above a bound is refused in one line with the number it would be, before time or memory is spent."""

import os
import time
import tracemalloc

import pytest

from inkbench.benchmark.cli.main import main
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning import bounds
from inkbench.benchmark.planning.request import Request

RUN = ("--method", "jigsaw", "--task", "detection")
WIDE = ",".join(map(str, range(1, 60)))
AXES = ("detection.lr", "detection.steps", "detection.batch", "jigsaw.gap", "pretrain.images")
NAME = "x" * 300
PATH = "/".join(["y" * 200] * 21)
REFUSED = {
    "grid": ((*RUN, *(word for axis in AXES for word in ("--grid", f"{axis}={WIDE}"))), "asks for 1,429,848,598 runs"),
    "seeds": ((*RUN, "--seeds", "1001"), "--seeds 1,001: a run takes at most 1,000"),
    "no end of seeds": ((*RUN, "--seeds", "9" * 400), "--seeds about 10^400: a run takes"),
    "all and every seed": (
        ("--method", "all", "--task", "all", "--protocol", "all", "--seeds", "1000"),
        "x 1,000 seeds x 1 of --grid), and one command plans at most 10,000; split",
    ),
    "label fractions": ((*RUN, "--label-fraction", ",".join(["0.5"] * 6000)), "asks for 12,000 runs"),
    "devices": ((*RUN, "--devices", "1000000"), "--devices 1,000,000: one process runs on each GPU"),
    "name of a method": (("--method", NAME, "--task", "detection"), "a name of 300 bytes, and at most 255"),
    "name of a task": (("--method", "jigsaw", "--task", NAME), "a name of 300 bytes, and at most 255"),
    "name of a setting": ((*RUN, "--set", f"{NAME}=1"), "a name of 300 bytes, and at most 255"),
    "name of a backbone": ((*RUN, "--backbone", NAME), "a name of 300 bytes, and at most 255"),
    "results": ((*RUN, "--results", NAME), "--results 'xxx"),
    "results of a table": (("table", "noroozi-5", "--run", "--results", NAME), "a name of 300 bytes"),
    "results of an audit": (("audit", "--method", "jigsaw", "--results", NAME), "a name of 300 bytes"),
    "path of results": ((*RUN, "--results", f"/{PATH}"), "a path of 4,221 bytes, and at most 3,850"),
    "data": ((*RUN, "--data", f"./{NAME}"), "--data './xxx"),
    "named data": ((*RUN, "--data", f"own=/{PATH}"), "and at most 4,095 are taken; give a shorter one"),
    "weights": (("--method", "imagenet", "--task", "detection", "--weights", NAME), "--weights 'xxx"),
    "first weights": ((*RUN, "--init", f"/{PATH}"), "--init '/yyy"),
    "path of a method": (("--method", f"/{PATH}.py:X", "--task", "detection"), "a path of 4,226 bytes"),
}
TOLD_BY_THE_SYSTEM = {
    "report": ("report", "--results", f"./{NAME}"),
    "list": ("list", "runs", "--results", f"./{NAME}"),
    "data": ("data", "info", f"./{NAME}"),
    "data check": ("data", "check", f"/{PATH}"),
    "submission": ("submit", "check", f"{NAME}.zip"),
    "plugin": ("list", "methods", "--plugin", f"{NAME}.py"),
    "table": ("table", f"{NAME}.toml"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_above_a_bound_is_one_line_with_its_number(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words, says = REFUSED[name]
    began = time.process_time()
    assert main(list(words)) == 2
    assert time.process_time() - began < 20, "even where tasks or torch are imported first"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert says in err
    assert len(err) < 500, "what was typed is cut"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TOLD_BY_THE_SYSTEM)
def test_a_name_too_long_for_the_system_is_one_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INKBENCH_PLUGINS", "")
    assert main(list(TOLD_BY_THE_SYSTEM[name])) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err


def test_a_grid_is_counted_and_not_expanded():
    values = tuple(map(str, range(1000)))
    request = Request(methods=("jigsaw",), tasks=("detection",), grid=tuple((axis, values) for axis in AXES))
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(UsageError, match=r"2,000,000,000,000,000 runs .*1,000,000,000,000,000 of --grid"):
        bounds.check_bounds(request)
    took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 5
    assert peak < 20e6


def test_what_is_at_the_bounds_is_taken(tmp_path):
    cores = os.cpu_count()
    seeds = bounds.MOST_RUNS // 10
    grid = (("detection.lr", tuple("12345")),)
    request = Request(methods=("jigsaw",), tasks=("detection",), seeds=seeds, grid=grid, devices=cores)
    bounds.check_bounds(request.model_copy(update={"results": tmp_path / ("z" * 255)}))
    deep = "/".join(["d" * 100] * 40)[: 3850 - 1]
    bounds.check_bounds(request.model_copy(update={"results": bounds.Path(f"/{deep}")}))
    with pytest.raises(UsageError, match="a path of 3,851 bytes"):
        bounds.check_bounds(request.model_copy(update={"results": bounds.Path(f"/{deep}d")}))
    with pytest.raises(UsageError, match="asks for 12,000 runs"):
        bounds.check_bounds(request.model_copy(update={"grid": (("detection.lr", tuple("123456")),)}))


@pytest.mark.parametrize(("protocols", "count"), [(("frozen",), 1), (("both",), 2), (("frozen", "finetune"), 2)])
def test_protocols_are_counted(protocols, count):
    request = Request(methods=("jigsaw",), tasks=("detection", "reid"), protocols=protocols, seeds=10_000)
    with pytest.raises(UsageError, match=f"2 methods x {2 * count} protocols"):
        bounds._check_runs(request)


def test_a_worker_counts_the_devices_that_it_may_use():
    from inkbench.benchmark.training import engine

    with pytest.raises(UsageError, match=rf"--devices {os.cpu_count() + 1}: this machine has"):
        engine.start(os.cpu_count() + 1, "32", 1)
