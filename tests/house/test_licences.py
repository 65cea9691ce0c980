"""What inkbench needs may be used by whoever may use inkbench: the licences of all that an installation brings."""

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PERMISSIVE = {
    *(
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "HPND",
        "ISC",
        "LLVM-exception",
        "MIT",
    ),
    *("MIT-CMU", "PSF-2.0", "Unlicense", "Zlib"),
}
OF_ITS_FILES_ALONE = {"MPL-2.0"}
"""Asks that changes to its own files are shared; nothing of what uses them."""
ACCEPTED = PERMISSIVE | OF_ITS_FILES_ALONE
WORDS = {
    "2-clause BSD License": "BSD-2-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "FreeBSD": "BSD-2-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Words of packages that do not name an SPDX identifier."""
NVIDIA = re.compile(r"nvidia-.*|cuda-toolkit")
"""Comes with torch's wheels for GPUs, under NVIDIA's own terms; the wheels for CPUs do without."""


def needed(without: str = "") -> dict[str, Distribution]:
    """All that a plain installation brings here, by name; without a package and what it alone asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting, found = [Requirement(line) for line in project["dependencies"]], {}
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if name in (*found, without) or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(need.name)
        except PackageNotFoundError:  # for another system
            continue
        waiting += [Requirement(line) for line in found[name].requires or ()]
    return found


def licence_of(package: Distribution) -> str:
    """The licence as the package states it: an expression, a word, its classifiers, the first line of its file."""
    told = package.metadata
    if expression := told.get("License-Expression"):
        return expression
    word = (told.get("License") or "").strip()
    if word and word != "UNKNOWN" and "\n" not in word:
        return word
    kinds = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License :: ")]
    if kinds:
        return " OR ".join(WORDS.get(kind, kind) for kind in kinds)
    files = [file for file in package.files or () if re.match(r"LICEN[CS]E|COPYING", file.name)]
    return next((line.strip() for file in files for line in file.read_text().splitlines() if line.strip()), "")


def accepted(licence: str) -> bool:
    """Whether every part of an expression is accepted; of what is offered ``OR`` another one is enough."""
    if licence in WORDS:
        licence = WORDS[licence]
    for part in re.split(r"\s+AND\s+", licence.replace("(", "").replace(")", "")):
        choices = re.split(r"\s+OR\s+", part)
        if not any(all(one in ACCEPTED for one in re.split(r"\s+WITH\s+", choice)) for choice in choices):
            return False
    return True


@pytest.mark.parametrize(
    ("licence", "fine"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0-or-later", False),
        ("LicenseRef-Own", False),
        ("", False),
    ],
)
def test_expressions_are_read(licence, fine):
    assert accepted(licence) is fine


@pytest.mark.slow
def test_every_dependency_has_a_licence_that_asks_nothing_of_users():
    packages = needed()
    assert len(packages) > 30
    others = {name: licence_of(package) for name, package in packages.items() if not NVIDIA.fullmatch(name)}
    assert {name: licence for name, licence in others.items() if not accepted(licence)} == {}


@pytest.mark.slow
def test_what_nvidia_licenses_comes_with_torch_alone():
    assert not [name for name in needed(without="torch") if NVIDIA.fullmatch(name)]
