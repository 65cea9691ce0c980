"""The docstring of a public function says what it does; none opens with an embedded question."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("benchmark", "tasks", "methods", "leaderboards", "submissions")
OPENINGS = frozenset({"How", "That", "What", "When", "Where", "Whether", "Which", "Who"})


def questions(source: str) -> Iterator[str]:
    """Yield the names of the public functions and methods whose docstring opens with an embedded question."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            words = (ast.get_docstring(node) or "").split()
            if words and words[0].strip(",:;.") in OPENINGS:
                yield node.name


@pytest.mark.seconds
def test_docstrings_of_public_functions_are_no_questions():
    names = {str(file.relative_to(ROOT)): file for room in ROOMS for file in (ROOT / room).rglob("*.py")}
    assert names
    assert {name: found for name, file in names.items() if (found := list(questions(file.read_text())))} == {}


def test_a_question_is_found():
    assert list(questions('class A:\n    def lies(self):\n        """Where it lies."""\n')) == ["lies"]
    assert list(questions('def path():\n    """Return where it lies."""\n')) == []
