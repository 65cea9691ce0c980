"""The files that a scoring program needs, found by their imports: copies of the very files that score a run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import inkbench
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.registry import ROOT

if TYPE_CHECKING:
    from inkbench.benchmark.api import Task

OURS = "inkbench"
INIT = Path(inkbench.__file__).resolve()
ALLOWED = frozenset({"numpy", "PIL"})
"""What a server's image has beside Python."""
COMMAND = "python3 $program/score.py $input $output"
START = '''"""Scores a submission: python3 score.py INPUT OUTPUT (see submissions/program.py)."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit("this scoring program needs Python 3.11 or newer; run it in the competition's docker image")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: threads would only wait for each other

from {form} import FORMAT
from {scorer} import SCORER
from inkbench.submissions.program import main

sys.exit(main(sys.argv[1:], SCORER, FORMAT))
'''


def program(task: Task) -> dict[str, bytes]:
    """Build a scoring program by file: ``score.py``, its command, and what scorer and format import of ours.

    Raises UsageError where one of them is none of ours (a plugin's) or imports what a server lacks.
    """
    assert task.prediction_format is not None
    modules = (task.scorer.module, task.prediction_format.module)
    strange = [module for module in modules if _file(module) is None]
    if strange:
        raise UsageError(
            f"{task.name} cannot be scored by a server: {strange[0]} is not a module of inkbench; use submit score"
        )
    files = {"score.py": START.format(scorer=modules[0], form=modules[1]).encode()}
    told = f"command: {COMMAND}\ndescription: inkbench scores {task.name}\n".encode()
    files |= {"metadata": told, "metadata.yaml": told}
    for path in sorted(_closure(("inkbench.submissions.program", *modules))):
        foreign = sorted(_foreign(path))
        if foreign:
            raise UsageError(
                f"{task.name} cannot be scored by a server: {_place(path)} imports {foreign[0]}; use submit score"
            )
        files[_place(path)] = path.read_bytes()
    return files


def _place(path: Path) -> str:
    """Return the place of a file of ours in a program, and in an installed package."""
    return OURS + "/" + ("__init__.py" if path == INIT else path.relative_to(ROOT).as_posix())


def _closure(modules: Sequence[str]) -> set[Path]:
    """Return the files of ``modules``, of their imports of ours when imported, and of the packages about them.

    What a function imports is not followed: it is for what a server does not compute.
    """
    found: set[Path] = set()
    open_ = list(modules)
    while open_:
        module = open_.pop()
        path = _file(module)
        if path is None or path in found:
            continue
        found.add(path)
        open_ += [name for name in _imports(path) if name.partition(".")[0] == OURS]
        if "." in module:
            open_.append(module.rpartition(".")[0])
    return found


def _file(module: str) -> Path | None:
    """Return the file of a module of ours; None for an attribute of one."""
    first, *rest = module.split(".")
    if first != OURS:
        return None
    if not rest:
        return INIT
    base = ROOT.joinpath(*rest)
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _foreign(path: Path) -> set[str]:
    """Return the packages of others that a file imports."""
    tops = {name.partition(".")[0] for name in _imports(path)}
    return tops - {OURS} - ALLOWED - set(sys.stdlib_module_names)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return a file's imports on its own import; ``from a import b`` gives a and a.b, which may be a module."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.extend([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return tuple(found)
