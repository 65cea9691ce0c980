"""The former name of what plugins import: ``benchmark``, before there was ``inkbench.benchmark``."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType


class _Former(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``benchmark`` where ``inkbench.benchmark`` is meant: the same modules, not a second copy of them."""

    def __init__(self) -> None:
        self.said = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for ``benchmark`` and what lies in it."""
        del path, target
        if name.partition(".")[0] != "benchmark" or importlib.util.find_spec(f"inkbench.{name}") is None:
            return None
        if not self.said:
            self.said = True
            print(
                "a plugin imports benchmark, which is called inkbench.benchmark now; the former name will be removed",
                file=sys.stderr,
            )
        return importlib.util.spec_from_loader(name, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return the module itself, as it is."""
        found = importlib.import_module(f"inkbench.{spec.name}")
        self._own = found.__spec__
        return found

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is: nothing is run twice, and it keeps its own spec."""
        module.__spec__ = self._own


def former_name() -> None:
    """Make ``from benchmark.api import Method`` work, as plugins had it before there was ``inkbench``."""
    if not any(isinstance(finder, _Former) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Former())
