"""Where things lie: methods and tasks by themselves, what one of them alone uses beside it."""

from pathlib import PurePosixPath

import layers
import pytest

from inkbench.benchmark import registry

SHARED = ("losses", "networks", "pretext")
"""The rooms below ``benchmark`` of what several methods and tasks use."""


def plugins() -> dict[str, str]:
    """Every module of a method or task by name, with that method's or task's: ``methods.dino``."""
    found = {}
    for name, path in layers.modules().items():
        parts = name.split(".")
        if parts[0] in ("methods", "tasks") and parts[1] != "metrics":
            found[name] = ".".join(parts[:2])
            whole = len(parts) == 2 or (path.parent / f"{parts[0].removesuffix('s')}.py").is_file()
            assert whole, f"{path}: a folder of a method or a task holds method.py or task.py"
    return found


def test_methods_and_tasks_never_import_each_other():
    owner, files = plugins(), layers.modules()
    crossing = {
        (name, other)
        for name, of in owner.items()
        for other in layers.imports(files[name], files)
        if owner.get(other, of) != of
    }
    assert crossing == set()


@pytest.mark.parametrize("room", SHARED)
@pytest.mark.seconds
def test_what_one_method_or_task_alone_uses_lies_beside_it(room):
    owner, files = plugins(), layers.modules()
    users: dict[str, set[str]] = {name: set() for name in files if layers.room_of(name) == room}
    for name in files:
        for other in layers.imports(files[name], files) & set(users):
            users[other].add(owner.get(name, name))
    assert {name: of for name, of in users.items() if len(of) == 1 and of <= set(owner.values())} == {}


def test_no_product_file_is_above_300_lines():
    """A file is one idea; a longer one holds two."""
    long = {
        name: lines for name, path in layers.modules().items() if (lines := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_every_module_of_layouts_is_a_reader():
    """What readers share, and what one does beside its files, lies in ``reading``."""
    readers = {entry.module for entry in registry.installed("datasets").values()}
    layouts = {f"inkbench.{name}" for name in layers.modules() if name.startswith("benchmark.data.layouts.")}
    assert layouts <= readers


def test_no_folder_is_left_for_what_has_no_room():
    assert "parts" not in {PurePosixPath(path.relative_to(layers.ROOT)).parts[1] for path in layers.modules().values()}
