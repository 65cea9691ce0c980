"""Names to classes without importing them: rooms, entry points, lone files."""

import importlib.metadata
import sys

import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.errors import UsageError

SOURCE = '''"""A method of somebody else's package."""
from inkbench.benchmark.api import Method


class Theirs(Method):
    """Theirs."""

    name = "theirs"
'''


def test_the_rooms_are_read_not_imported():
    before = set(sys.modules)
    entries = registry.entries("methods")
    assert {"random", "imagenet", "jigsaw"} <= set(entries)
    assert "Noroozi" in entries["jigsaw"].summary
    assert not {name for name in set(sys.modules) - before if name.startswith("inkbench.methods.")}
    assert registry.load("methods", "jigsaw").name == "jigsaw"


def test_a_method_or_a_task_is_a_file_or_a_folder_and_what_lies_beside_it_there_is_none(tmp_path, monkeypatch):
    lone, folder = tmp_path / "methods" / "theirs.py", tmp_path / "methods" / "others"
    folder.mkdir(parents=True)
    lone.write_text(SOURCE)
    (folder / "method.py").write_text(SOURCE.replace('"theirs"', '"others"'))
    (folder / "helper.py").write_text(SOURCE.replace('"theirs"', '"helper"'))
    (folder / "task.py").write_text(SOURCE.replace('"theirs"', '"no-method"'))
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    registry.installed.cache_clear()
    try:
        found = {name: entry.module for name, entry in registry.installed("methods").items()}
        assert found == {"others": "inkbench.methods.others.method", "theirs": "inkbench.methods.theirs"}
    finally:
        registry.installed.cache_clear()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'saliency'"):
        registry.find("tasks", "salency")


def test_entry_points_of_other_packages_are_found(tmp_path, monkeypatch):
    (tmp_path / "their_package.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    point = importlib.metadata.EntryPoint("theirs", "their_package:Theirs", "inkbench.methods")
    found = importlib.metadata.entry_points

    def entry_points(group):
        return [point] if group == "inkbench.methods" else found(group=group)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    registry.installed.cache_clear()
    try:
        assert registry.entries("methods")["theirs"].summary == "A method of somebody else's package."
        assert "their_package" not in sys.modules
        assert registry.load("methods", "theirs").name == "theirs"
    finally:
        registry.installed.cache_clear()
        sys.modules.pop("their_package", None)


@pytest.mark.seconds
def test_a_lone_file_is_keyed_by_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    first = registry.find("methods", f"{path}:Theirs")
    assert registry.load_entry(first, "methods").name == "theirs"
    path.write_text(SOURCE + "\n# changed\n")
    assert registry.find("methods", f"{path}:Theirs").checksum != first.checksum


@pytest.mark.parametrize(
    ("source", "asked", "says"),
    [
        (SOURCE, "Their", "did you mean 'Theirs'"),
        ("class Theirs(:", "Theirs", "not valid Python"),
        (SOURCE + "\nraise RuntimeError('at import')", "Theirs", "RuntimeError: at import"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(source, asked, says, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(UsageError, match=says) as refusal:
        registry.load("methods", f"{path}:{asked}")
    assert "\n" not in str(refusal.value)
