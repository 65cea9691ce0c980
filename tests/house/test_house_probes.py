"""Where the product looks up an attribute or a module by its name, and why it must; a new place fails."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("benchmark", "tasks", "methods", "leaderboards", "submissions")
PROBES = {"getattr", "hasattr", "import_module"}
FIELDS = "the fields of a dataclass or model of ours, by names that a list or its own class gives"
CLASSES = "the settings that map a dataset's labels to ours have the labels' names"
TIMM = "timm's models differ in what they have, and no type says which has what"
REASONS = {
    "benchmark/cli/data.py": "flags that only some of the verbs of `data` have",
    "benchmark/cli/launch.py": FIELDS,
    "benchmark/data/array_pickle.py": "what numpy's own pickles name, from a closed list",
    "benchmark/data/get/download.py": "`reason` is of some errors of urllib only",
    "benchmark/data/grey_map.py": "Pillow's `tile` is of images read from files only",
    "benchmark/data/layouts/coco.py": CLASSES,
    "benchmark/data/layouts/dass_panels.py": CLASSES,
    "benchmark/data/layouts/voc.py": CLASSES,
    "benchmark/data/synth/pool.py": "`sched_getaffinity` is not on every system",
    "benchmark/former_name.py": "modules by the names that they had, for plugins written then",
    "benchmark/networks/backbones.py": TIMM,
    "benchmark/networks/checkpoint_reading.py": TIMM,
    "benchmark/running/verify_again.py": FIELDS,
    "methods/dino/distillation.py": TIMM,
    "methods/mae/masked_tokens.py": TIMM,
    "benchmark/networks/tokens.py": TIMM,
    "benchmark/registry.py": "the module of a plugin, whose name an entry point gives",
    "benchmark/store/record.py": FIELDS,
    "benchmark/store/record_parts.py": FIELDS,
    "leaderboards/significance/item_statistics.py": FIELDS,
    "leaderboards/columns/cost.py": FIELDS,
    "leaderboards/render/csv.py": FIELDS,
    "leaderboards/groups.py": FIELDS,
    "leaderboards/table.py": FIELDS,
    "submissions/formats/grey.py": "Pillow's `tile` is of images read from files only",
    "tasks/metrics/given_judges.py": "the blocks of torchvision's Inception by their names",
}


def probes(source):
    """The calls that look something up by its name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in PROBES:
                yield called


@pytest.mark.seconds
def test_every_lookup_by_name_has_its_reason():
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    found = {str(file.relative_to(ROOT)) for file in files if list(probes(file.read_text()))}
    assert found == set(REASONS)


def test_a_new_lookup_is_found():
    assert list(probes("import importlib\nimportlib.import_module('a')\nhasattr(b, 'c')\nd.e\n")) == [
        "import_module",
        "hasattr",
    ]
