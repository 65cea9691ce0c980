"""Rooms import only what lies below them; what still does not is listed here, and the list only gets shorter."""

import shutil

import layers
import pytest

BACKWARD: set[tuple[str, str]] = set()
"""Imports that point back up, each until what it needs has moved."""


def test_every_module_lies_in_a_room():
    rooms = {room for line in layers.ORDER for room in line}
    assert {layers.room_of(module) for module in layers.modules()} <= rooms


def test_no_room_is_named_without_a_module():
    """A module that moved leaves the list too."""
    modules = layers.modules()
    elsewhere = [name for name in layers.ELSEWHERE if not any(f"{one}.".startswith(f"{name}.") for one in modules)]
    assert elsewhere == []
    assert {layers.room_of(module) for module in modules} == {room for line in layers.ORDER for room in line}


def test_the_picture_of_the_design_is_made_from_the_same_list():
    picture = "\n".join("  ".join(line) for line in layers.ORDER)
    assert f"```\n{picture}\n```" in (layers.ROOT / "docs" / "design.md").read_text()


@pytest.mark.seconds
def test_imports_point_down_but_for_those_listed():
    assert layers.backward(layers.arrows()) == BACKWARD


@pytest.mark.seconds
def test_no_rooms_import_each_other_in_a_circle():
    assert layers.knots(layers.arrows()) == []


@pytest.mark.parametrize(
    "line",
    [
        "from inkbench.benchmark.cli import launch",
        "from inkbench.leaderboards.build import build",
        "import inkbench.benchmark.planning.planner",
        "def late():\n    from inkbench.benchmark.running.worker import main",
    ],
)
@pytest.mark.seconds
def test_an_arrow_back_is_seen(tmp_path, line):
    copy = tmp_path / "copy"
    for package in layers.PACKAGES:
        shutil.copytree(
            layers.ROOT / package, copy / package, ignore=shutil.ignore_patterns("published", "__pycache__")
        )
    planted = copy / "benchmark" / "store" / "locks.py"
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    seen = layers.backward(layers.arrows(copy)) - BACKWARD
    assert {a for a, _ in seen} == {"benchmark.store.locks"}
    assert "store" in set().union(*layers.knots(layers.arrows(copy)))


def test_what_is_imported_for_types_alone_is_no_arrow(tmp_path):
    file = tmp_path / "one.py"
    file.write_text("if TYPE_CHECKING:\n    from inkbench.benchmark.planning.planner import make\n")
    assert layers.imports(file, ["benchmark.plan"]) == set()
