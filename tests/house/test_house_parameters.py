"""No function of the product takes more than six parameters."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("benchmark", "tasks", "methods", "leaderboards", "submissions")
MOST = 6


def crowded(source):
    """The names of the functions with too many parameters, without ``self`` and ``cls``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            if len(names) - (names[:1] in (["self"], ["cls"])) > MOST:
                yield node.name


@pytest.mark.seconds
def test_functions_take_at_most_six_parameters():
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    found = {(str(file.relative_to(ROOT)), name) for file in files for name in crowded(file.read_text())}
    assert found == set()


def test_a_seventh_parameter_is_found():
    assert list(crowded("class A:\n    def few(self, a, b, c, d, e, f): ...\n")) == []
    assert list(crowded("def many(a, b, c, d, /, e, *, f, g): ...\n")) == ["many"]
