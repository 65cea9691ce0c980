"""The readers on the real data that lies outside the repository."""

from collections import Counter

import numpy as np

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.cache import Caching, build
from inkbench.benchmark.data.layouts.open_mantra import SPLIT
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.progress import Progress


def every(dataset, kind):
    return [item for split in SPLITS for item in dataset.items(kind, split)]


def test_open_mantra(shared, tmp_path):
    dataset = open_dataset(str(shared / "data/open-mantra"), "quick", (), tmp_path)
    pages, panels = every(dataset, "pages"), every(dataset, "panels")
    assert dataset.reader == "open-mantra"
    assert (len(pages), len(panels)) == (214, 1_069)
    assert Counter(box.label for page in pages for box in page.boxes) == {"panel": 1_069, "text": 1_592}
    assert {item.series: item.split for item in panels} == dict(SPLIT)
    assert dataset.warnings == []
    assert len({item.id for item in panels}) == 1_069
    some = panels[::40]
    cache = build(some, View(48), Caching(tmp_path / "cache", dataset.fingerprint(), Progress(quiet=True), threads=2))
    assert cache.failures == []
    assert cache.sizes.tolist() == [[item.crop[2] - item.crop[0], item.crop[3] - item.crop[1]] for item in some]
    assert cache.images.std() > 50, "manga is black on white"


def test_manga109_whose_images_are_missing(shared, tmp_path):
    """Three books of the authors' own example: every page is there, each without its image."""
    dataset = open_dataset(str(shared / "data/manga109-dummy"), "quick", (), tmp_path)
    pages = every(dataset, "pages")
    assert dataset.reader == "manga109"
    assert Counter(page.series for page in pages) == {"TitleA": 5, "TitleB": 3, "TitleC_with_custom_tag": 3}
    assert not any(page.path.exists() for page in pages)
    assert Counter(box.label for page in pages for box in page.boxes) == {"body": 7, "text": 7, "panel": 5, "face": 3}
    people = {box.identity for page in pages for box in page.boxes if box.label in ("face", "body")}
    assert people == {"00000003", "00000010", "00000012", None, "00000017"}, "Others is nobody"
    assert dataset.warnings == []
    assert dataset.fingerprint()


def test_osie_in_the_layout_of_ai4va(shared, tmp_path):
    dataset = open_dataset(str(shared / "data/osie-ai4va-layout"), "quick", (), tmp_path)
    items = every(dataset, "saliency")
    assert dataset.reader == "ai4va"
    assert dataset.photographs
    assert dataset.offers() == {"saliency", "fixations"}
    assert Counter(item.split for item in items) == {"train": 125, "val": 25, "test": 25}
    fixations = [item.fixations for item in items]
    assert sum(map(len, fixations)) == 24_345
    assert dataset.warnings == []
    points = np.concatenate(fixations)
    assert (points.min(axis=0) >= 0).all()
    assert (points.max(axis=0) <= (799, 599)).all()
    first = next(item for item in items if item.id == "1001")
    assert np.allclose(first.fixations[0], (394.5, 264.7))


def test_fixations_lie_where_the_maps_are_bright(shared, tmp_path):
    """The maps are the fixations blurred: one pixel to either side would lower the mean brightness under them."""
    from inkbench.benchmark.data.images import read_rgb

    dataset = open_dataset(str(shared / "data/osie-ai4va-layout"), "quick", (), tmp_path)
    moved = {}
    for shift in (-12, 0, 12):
        bright = []
        for item in dataset.items("saliency", "test"):
            grey = read_rgb(item.map)[..., 0].astype(float)
            x, y = np.clip(np.rint(item.fixations + shift), 0, (799, 599)).astype(int).T
            bright.append((grey[y, x].mean() - grey.mean()) / grey.std())
        moved[shift] = np.mean(bright)
    assert moved[0] > max(moved[-12], moved[12])
    assert moved[0] > 1


def test_golden_age_pages_as_a_plain_folder(shared, tmp_path):
    dataset = open_dataset(str(shared / "data/golden-age-1915"), "quick", (), tmp_path)
    assert dataset.reader == "folder"
    items = every(dataset, "panels")
    assert {item.series for item in items} == {"Bobby-Make-Believe_1915"}, "what their names share"
    assert Counter(item.split for item in items) == {"train": 4}, "one series cannot be held out of itself"
    cache = build(items, View(64, "pad"), Caching(tmp_path / "cache", dataset.fingerprint(), Progress(quiet=True)))
    assert len(cache.items) == 4
    assert cache.sizes[:, 0].tolist() == [975] * 4
