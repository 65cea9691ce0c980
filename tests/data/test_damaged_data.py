"""Damaged files in every layout: each is told and counted, and nothing else is lost, from the reader to a record."""

import json
import shutil

import pytest
from damage import SAID, UNREADABLE, damage, one_pixel
from submission_data import SETS, SMALL

from inkbench.benchmark import registry
from inkbench.benchmark.api import View
from inkbench.benchmark.config import settings_of
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.cache import Caching, build
from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.files import FileDataset, images_below, natural
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.data.synth.make import make
from inkbench.benchmark.data.synth.writers import WRITERS
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training.task_data import TaskData, part_of

pytestmark = pytest.mark.seconds

QUIET = Progress(quiet=True)
IMAGES = ("panels", "pages", "saliency", "faces", "bodies", "labelled", "segmented")
RECORDS = {"cifar", "stl10"}
"""Their images are records of a few large files, and a damaged one of these is refused (test_layouts_labelled.py)."""
LAYOUTS = sorted(set(WRITERS) - RECORDS)


@pytest.fixture(scope="module")
def whole_copies(tmp_path_factory):
    """Small comics in every layout."""
    root = tmp_path_factory.mktemp("whole") / "synth"
    make(root, SMALL, QUIET, WRITERS)
    return root


@pytest.fixture(scope="module")
def hurt_copies(whole_copies, tmp_path_factory):
    """A copy of every layout with seven damaged images each, and what was done to which file."""
    root = tmp_path_factory.mktemp("hurt") / "synth"
    shutil.copytree(whole_copies, root, copy_function=shutil.copyfile)
    done = {}
    for layout in LAYOUTS:
        data = open_dataset(str(whole_copies / layout), "quick", (), root.parent)
        kinds = data.offers() & set(IMAGES)
        used = {item.path for kind in kinds for split in SPLITS for item in data.items(kind, split)}
        files = sorted(used, key=lambda path: natural(str(path)))
        done[layout] = damage([root / file.relative_to(whole_copies) for file in files])
    return root, done


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.seconds
def test_check_tells_each_damaged_file_once(hurt_copies, layout, tmp_path):
    root, done = hurt_copies
    report = examine(open_dataset(str(root / layout), "quick", (), tmp_path), QUIET)
    told = [*report.errors, *report.warnings]
    for file, way in done[layout].items():
        name = str(file.relative_to(root / layout))
        own = [line for line in told if line.startswith(name) and SAID[way] in line]
        if way is one_pixel and not own:  # a label file whose only box of the image lies outside of that pixel
            assert any("box has no area in the image (left out)" in line for line in report.errors)
            continue
        assert len(own) == 1, (name, way.__name__, told)
        assert (own[0] in report.errors) == (way in UNREADABLE)
    unreadable = [line for line in report.errors if "cannot be read" in line]
    assert len(unreadable) == len(UNREADABLE), "no whole file is called damaged"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_run_loses_the_damaged_images_and_nothing_else(hurt_copies, whole_copies, layout, tmp_path):
    """Every kind of item that a layout offers, as squares; what a 1 x 1 page leaves of its panels is nothing."""
    root, done = hurt_copies
    whole = open_dataset(str(whole_copies / layout), "quick", (), tmp_path)
    hurt = open_dataset(str(root / layout), "quick", (), tmp_path)
    assert isinstance(hurt, FileDataset)
    damaged = {str(file.relative_to(root / layout)): way for file, way in done[layout].items()}
    for kind in sorted(whole.offers() & set(IMAGES)):
        before = {item.id: item for split in SPLITS for item in whole.items(kind, split)}
        items = [item for split in SPLITS for item in hurt.items(kind, split)]
        (tmp_path / kind).mkdir()
        cache = build(items, View(16, kind=kind), Caching(tmp_path / kind, hurt.fingerprint(), QUIET))
        for item in cache.items:
            before.pop(item.id)
        for name, item in before.items():
            assert str(item.path.relative_to(whole_copies / layout)) in damaged, f"{kind} {name} is lost"
        lost = {str(item.path.relative_to(root / layout)) for item in items} - {
            str(item.path.relative_to(root / layout)) for item in cache.items
        }
        shown = {str(item.path.relative_to(root / layout)) for item in items}
        must = {name for name, way in damaged.items() if way in UNREADABLE and name in shown}
        assert must <= lost <= set(damaged)
        assert {item for item, _ in cache.failures} | {item.id for item in cache.items} == {item.id for item in items}


@pytest.mark.parametrize("name", registry.names("tasks"))
def test_every_task_goes_on_without_the_damaged_images(hurt_copies, name, tmp_path):
    root, done = hurt_copies
    damaged = {file: way for ways in done.values() for file, way in ways.items()}
    data = Synth(root, SMALL)
    kind = registry.load("tasks", name)
    task = kind(kind.Config.resolve(name, "quick", settings_of(name, SETS.get(name, ()))))
    task.bind(data)
    seen = failed = 0
    for split in SPLITS:
        items = task.items(data, split)

        def squares(view, parts):
            folder = tmp_path / split / view  # noqa: B023
            folder.mkdir(parents=True)
            return build(parts, task.views()[view], Caching(folder, "key", QUIET))

        made = TaskData.of(task, items, squares)
        failures = {failure["item"] for failure in made.failures}
        assert len(made.items) == len(made.truths) == len(items) - len(failures)
        for item in items:
            files = {part.path for view in task.views() if (part := part_of(item, view)) is not None}
            if item.id in failures:
                assert files & set(damaged), f"{item.id} is lost without a damaged file"
            assert not (item.id not in failures and any(damaged.get(file) in UNREADABLE for file in files))
        assert all(failure["reason"] for failure in made.failures)
        seen, failed = seen + len(items), failed + len(failures)
    assert failed < seen / 2


def test_a_cell_on_damaged_pages_is_done_and_lists_them(cli, small_synth, tmp_path):
    root = tmp_path / "dcm"
    shutil.copytree(small_synth / "dcm772", root, copy_function=shutil.copyfile)
    pages = [page for page in images_below(root / "images") if page.parent.name in ("0", "1", "2", "3", "4", "5")]
    bad = pages[0]
    UNREADABLE[1](bad)
    words = ("--method", "random", "--task", "detection", "--preset", "smoke", "--no-baseline", "--data", root)
    tiny = ("--set", "detection.steps=2", "--set", "detection.side=64")
    done = cli(*words, *tiny, "--results", tmp_path / "results")
    assert done.returncode == 0, done.stderr
    record = json.loads(next((tmp_path / "results/cells").glob("*/*.json")).read_text())
    lost = {entry["item"]: entry["reason"] for entry in record["exclusions"]["unreadable"]}
    assert lost, "the damaged page's panels are counted"
    assert {item.rpartition("_")[0] for item in lost} == {f"{bad.parent.name}/{bad.stem}"}
    assert set(lost.values()) == {"is an empty file"}
