"""Write a constraint file: ``python requirements/make.py newest`` from what is installed, ``lowest`` from the bounds.

``newest-X.Y.txt`` pins every package that the base and the test extra pull in, as installed beside this interpreter;
``lowest-X.Y.txt`` pins what ``pyproject.toml`` names to its lower bound and leaves the rest to pip. Both hold names and
versions alone: no address of an index, no path.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("test", "docs")


def declared() -> list[Requirement]:
    """Return what the base and the extras name in ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in EXTRAS for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def newest() -> dict[str, str]:
    """Return every package that those pull in here, with its installed version."""
    found: dict[str, str] = {}
    waiting = [(need.name, frozenset(need.extras)) for need in declared()]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        key = (canonicalize_name(name), extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        found[key[0]] = installed.version.partition("+")[0]
        for line in installed.requires or ():
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                waiting.append((need.name, frozenset(need.extras)))
    return found


def lowest() -> dict[str, str]:
    """Return the lower bounds; what has none is left to pip."""
    found = {}
    for need in declared():
        bounds = [one.version for one in need.specifier if one.operator == ">="]
        if bounds:
            found[canonicalize_name(need.name)] = bounds[0]
    return found


def main(which: str) -> None:
    """Write the file of this interpreter's version."""
    python = ".".join(map(str, sys.version_info[:2]))
    pins = newest() if which == "newest" else lowest()
    lines = [f"{name}=={version}" for name, version in sorted(pins.items())]
    path = Path(__file__).with_name(f"{which}-{python}.txt")
    path.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} packages: {path.name}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not re.fullmatch("newest|lowest", sys.argv[1]):
        sys.exit("python requirements/make.py newest|lowest")
    main(sys.argv[1])
