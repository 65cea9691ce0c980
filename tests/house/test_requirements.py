"""What is declared is what is imported; constraint files hold names and versions alone and agree with the bounds."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = ("benchmark", "leaderboards", "methods", "submissions", "tasks", "inkbench")
NAMES = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "lightning_fabric": "lightning-fabric",
    "faster_coco_eval": "faster-coco-eval",
    "pytorch_metric_learning": "pytorch-metric-learning",
    "typing_extensions": "typing-extensions",
}
OF_EXTRAS = {"lmdb", "onnx", "onnxscript", "torch_fidelity", "submitit", "mkdocs"}
"""Asked for at run time and refused with the extra's name where they are missing."""
CONSTRAINTS = sorted((ROOT / "requirements").glob("*.txt"))


def imported():
    """Top-level names of all imports of the product."""
    found = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"inkbench", "benchmark"}


def base():
    return {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}


@pytest.mark.seconds
def test_every_import_is_declared_and_every_base_dependency_imported():
    used = {canonicalize_name(NAMES.get(name, name)) for name in imported() - OF_EXTRAS}
    assert used == base()


def test_there_are_constraints_of_the_newest_and_of_the_lowest():
    assert {path.name.partition("-")[0] for path in CONSTRAINTS} == {"newest", "lowest"}


@pytest.mark.parametrize("path", CONSTRAINTS, ids=lambda path: path.stem)
def test_constraints_are_names_and_versions_alone(path):
    for line in path.read_text().splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9A-Za-z.!]*", line), line


def test_constraints_agree_with_the_bounds():
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    needs = {canonicalize_name(need.name): need for need in map(Requirement, lines)}
    for path in CONSTRAINTS:
        pins = dict(line.split("==") for line in path.read_text().splitlines())
        for name, need in needs.items():
            bounds = [one.version for one in need.specifier if one.operator == ">="]
            if path.name.startswith("lowest") and bounds:
                assert Version(pins[name]) == Version(bounds[0]), name
            if name in pins:
                assert need.specifier.contains(pins[name], prereleases=True), (path.name, name)
