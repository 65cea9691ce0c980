"""Does pretraining feed the device? The real loop against the same step on batches that already lie in memory.

Run: ``python -m pytest tests/speed/test_feeding.py``. Figures are ratios of interleaved pairs in one run.
"""

import statistics
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from inkbench.benchmark import registry
from inkbench.benchmark.api import Item
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.data.cache import strip_length
from inkbench.benchmark.data.cached import ImageCache, StripCache
from inkbench.benchmark.data.image_index import Held, ImageIndex
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.sealed import sum_of
from inkbench.benchmark.training import batches, engine, pretrain, updates
from inkbench.benchmark.training.learner import Learner

PAIRS = 7
PANELS = 2_000
RUN_S = 3.0
"""A run has as many steps as fit this time: long enough that the first batch, which nothing hides, weighs little."""
METHODS = [name for name in registry.names("methods") if registry.load("methods", name).pretrains]
BACKBONES = {"any": "resnet18", "vit": "test_vit"}


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "auto", torch.get_num_threads())


def memory_mapped_panels(folder, name, view):
    """Images as the real loop reads them: a memory-mapped file of squares, or of strips, wide and tall in turn."""
    path, side = folder / f"{name}.npy", view.side
    items = [Item(str(k), path, str(k // 100), "train", identity=str(k % 25)) for k in range(PANELS)]
    sizes = np.full((PANELS, 2), (4 * side, 3 * side))
    sizes[::2] = sizes[::2, ::-1]
    length = strip_length(view, 4, 3) if view.fit == "crop" else side
    pixels = np.random.default_rng(0).integers(0, 256, (PANELS, side, length, 3), dtype=np.uint8)
    np.save(path, pixels)
    mapped = np.load(path, mmap_mode="r")
    starts, wide = np.arange(PANELS) * 3 * side * length, sizes[:, 0] > sizes[:, 1]
    index = ImageIndex(np.arange(PANELS), sizes, starts, np.array([sum_of(one) for one in pixels], dtype=np.uint64), [])
    held = Held(folder, index, items, again=lambda item: pytest.fail(f"{item.id} is not as it was written"))
    if view.fit != "crop":
        return ImageCache(items, mapped, sizes, [], held=held)
    flat = np.asarray(mapped).reshape(-1)
    return StripCache(items, flat, starts, np.full(PANELS, length), wide, side, sizes, [], held)


class Nowhere(engine.Checkpoint):
    """Nothing is written: a run writes its state every 20 seconds, not at the end of 3."""

    def save(self, *state):
        del state


class Loop:
    """The steps of one method on one backbone, fed by the real loop or from memory."""

    def __init__(self, method_name, backbone_name, device, folder):
        kind = registry.load("methods", method_name)
        self.device, self.folder = device, folder
        preset = "standard" if device.torch.type == "cuda" else "quick"
        self.settings = PretrainSettings.resolve("pretrain", preset, {})
        self.method = kind(kind.Config.resolve(method_name, preset, {}))
        self.panels = {n: memory_mapped_panels(folder, n, view) for n, view in self.method.views().items()}
        torch.manual_seed(0)
        self.backbone = Backbone(backbone_name)
        self.learner = Learner(device, self.method, self.backbone, self.settings, 0)
        self.driven = updates.setup(device, self.method, self.method.build(self.backbone))
        labels = batches.labels_of(self.method, self.panels)
        self.raw = [batches.batch(device, self.panels, labels, self.settings, 0, step) for step in range(4)]
        self.steps = 2 * len(self.method.stages())
        for _ in range(3):  # the first ones are slow, whatever is fed
            taken = self.in_memory()
        self.steps = max(self.steps, round(self.steps * RUN_S / taken))

    def real(self):
        nothing = Nowhere(self.folder / "none" / "c.pt", self.device)
        began = time.perf_counter()
        pretrain.drive(self.learner, self.panels, self.steps, self.driven, nothing, Progress(quiet=True))
        self.wait()
        return time.perf_counter() - began

    def wait(self):
        """For a device that works beside this process."""
        if self.device.torch.type == "cuda":
            torch.cuda.synchronize()

    def contexts(self):
        for step in range(self.steps):
            context = engine.context(self.device, 0, "pretrain", step, self.steps)
            stage = updates.stage_at(self.method, context.progress)
            yield self.raw[step % len(self.raw)], replace(context, stage=stage)

    def in_memory(self):
        began = time.perf_counter()
        for batch, context in self.contexts():
            updates.update(self.learner, batch, context, self.driven)
        self.wait()
        return time.perf_counter() - began


@pytest.mark.parametrize(
    ("method", "backbone"),
    [("jigsaw", "test_resnet"), *((name, BACKBONES[registry.load("methods", name).backbones]) for name in METHODS)],
)
def test_the_loop_feeds_the_device(method, backbone, device, tmp_path, benchmark):
    loop = Loop(method, backbone, device, tmp_path)
    loop.real()
    pairs = [(loop.real(), loop.in_memory()) for _ in range(PAIRS)]
    ratios = sorted(memory / real for real, memory in pairs)
    fed = statistics.median(ratios)
    rate = loop.settings.batch * loop.steps / statistics.median(memory for _, memory in pairs)
    benchmark.extra_info.update(method=method, backbone=backbone, fed=round(fed, 3), pairs=PAIRS)
    benchmark.pedantic(loop.in_memory, rounds=1)
    print(
        f"\n{method} on {backbone}: real loop / in memory {fed:.3f} (at least 0.80; "
        f"{ratios[0]:.3f} to {ratios[-1]:.3f} in {PAIRS} pairs of {loop.steps} steps), {rate:.0f} images/s"
    )
    assert fed >= 0.80


def test_cutting_puzzles_is_a_small_part_of_a_step(device, tmp_path, benchmark):
    loop = Loop("jigsaw", "test_resnet", device, tmp_path)

    def augmentation():
        began = time.perf_counter()
        for batch, context in loop.contexts():
            with device.autocast(loop.backbone):
                loop.method.appearance(loop.method.cut(batch["image"], context.generator).pixels, context.generator)
        return time.perf_counter() - began

    augmentation()
    share = statistics.median(augmentation() / loop.in_memory() for _ in range(PAIRS))
    benchmark.extra_info.update(augmentation_share=round(share, 3), pairs=PAIRS)
    benchmark.pedantic(augmentation, rounds=1)
    print(f"\ncutting and colouring puzzles: {share:.3f} of a step on test_resnet (at most 0.40)")
    assert share <= 0.40


@pytest.mark.parametrize("method", ["jigsaw", "simclr", "mae"])
def test_checksums_are_a_small_part_of_feeding(method, device, tmp_path, benchmark):
    """On the smallest backbones, whose steps are the shortest."""
    loop = Loop(
        method, {"any": "test_resnet", "vit": "test_vit"}[registry.load("methods", method).backbones], device, tmp_path
    )
    bare = {name: replace(cache, held=None) for name, cache in loop.panels.items()}
    labels = batches.labels_of(loop.method, loop.panels)

    def reading(panels):
        began = time.perf_counter()
        for step in range(loop.steps):
            batches.batch(device, panels, labels, loop.settings, 0, step)
        return time.perf_counter() - began

    def holding():
        return reading(loop.panels) - reading(bare)

    holding()
    shares = sorted(holding() / loop.real() for _ in range(PAIRS))
    share = statistics.median(shares)
    benchmark.extra_info.update(method=method, checksums_share=round(share, 4), pairs=PAIRS)
    benchmark.pedantic(holding, rounds=1)
    print(f"\n{method}: checksums {share:.4f} of feeding (at most 0.03; {shares[0]:.4f} to {shares[-1]:.4f})")
    assert share <= 0.03
