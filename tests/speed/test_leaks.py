"""The leak check, measured: recall on changed panels, false positives, and time and memory up to a million hashes.

Run: ``python -m pytest tests/speed/test_leaks.py -s``. Recall and false positives are of drawn panels, and of the real
ones of open-mantra where INKBENCH_SHARED holds them.
"""

import os
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from changed import CHANGES

from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.cache import _square
from inkbench.benchmark.data.images import Decoded, read_rgb
from inkbench.benchmark.data.leaks.compare import THRESHOLD
from inkbench.benchmark.data.leaks.hashes import SEEN, both, hashes
from inkbench.benchmark.data.leaks.search import differences, nearest
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
QUERIES = 1_000


def synth(folder: Path) -> Synth:
    data = Synth(folder / "synth", SynthConfig(series=24, pages=6))
    data.prepare(QUIET)
    return data


def mantra(folder: Path):
    root = Path(os.environ.get("INKBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data/open-mantra"
    if not root.is_dir():
        pytest.skip("no open-mantra: set INKBENCH_SHARED")
    return open_dataset(str(root), "quick", (), folder)


def changed_hash(image: Image.Image) -> np.ndarray:
    square = _square(Decoded(image, 1, *image.size), SEEN)
    return both(Image.fromarray(square.pixels).convert("L"))


@pytest.mark.parametrize("source", [synth, mantra])
def test_recall_and_false_positives(source, tmp_path, benchmark):
    data = source(tmp_path)
    items = [item for split in SPLITS for item in data.items("panels", split)]
    known = hashes(items, data.fingerprint(), tmp_path, QUIET)
    words = known.words[known.known]
    items = [item for item, there in zip(items, known.known, strict=True) if there]
    columns, series = np.ascontiguousarray(words.transpose(1, 2, 0)), np.array([item.series for item in items])
    blocks = [differences(words[k : k + 256], columns)[series[k : k + 256, None] != series] for k in
              range(0, len(words), 256)]  # fmt: skip
    apart = np.concatenate(blocks)
    blank = int((~known.known).sum())
    print(f"\n{data.name}: {len(items)} panels, {blank} blank; {len(apart) // 2:,} pairs of two series")
    print(f"  the nearest {apart.min()} bits; {(apart <= THRESHOLD).sum() // 2} at most {THRESHOLD}")
    some = np.linspace(0, len(items) - 1, min(len(items), 400)).astype(int)
    images = [Image.fromarray(read_rgb(items[k].path, items[k].crop)) for k in some]
    worst = 1.0
    for change in CHANGES:
        planted = np.array([changed_hash(change(image)) for image in images])
        distance = np.array(
            [differences(planted[k : k + 1], words[row][None].transpose(1, 2, 0))[0, 0] for k, row in enumerate(some)]
        )
        recall = float((distance <= THRESHOLD).mean())
        worst = min(worst, recall)
        print(f"  {change.__name__:18} recall {recall:.3f}  median {np.median(distance):.0f} bits")
        benchmark.extra_info[change.__name__] = recall
    benchmark.pedantic(lambda: [changed_hash(image) for image in images[:50]], rounds=1)
    assert worst >= 0.95
    assert (apart <= THRESHOLD).mean() <= 1e-5


@pytest.mark.parametrize("references", [10_000, 100_000, 1_000_000])
def test_scaling_of_the_search(references, benchmark):
    """Random hashes; some of the queries are references with 20 bits turned round, which must all be found."""
    rng = np.random.default_rng(0)
    library = rng.integers(0, 2**64, (references, 2, 4), dtype=np.uint64)
    queries = rng.integers(0, 2**64, (QUERIES, 2, 4), dtype=np.uint64)
    planted = rng.choice(references, QUERIES // 10, replace=False)
    for k, row in enumerate(planted):
        queries[k] = library[row]
        for bit in rng.choice(256, 20, replace=False):
            queries[k, :, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    tracemalloc.start()
    began = time.perf_counter()
    rows, distance = benchmark.pedantic(lambda: nearest(queries, library), rounds=1)
    taken = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert (rows[: len(planted)] == planted).all()
    assert (distance[: len(planted)] == 20).all()
    assert (distance[len(planted) :] > THRESHOLD).all()
    own = library.nbytes / 2**20
    print(f"\n{QUERIES:,} queries, {references:,} references: {taken:.1f} s, {taken / QUERIES / references * 1e9:.2f} "
          f"ns a pair, peak {peak:.0f} MiB (the references are {own:.0f})")  # fmt: skip
    assert peak < own + 64
