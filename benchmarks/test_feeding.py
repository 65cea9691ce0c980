"""Does pretraining feed the device? The real loop against the same step on batches that already lie in memory.

Run: ``python -m pytest benchmarks/test_feeding.py``. Figures are ratios of interleaved pairs in one run.
"""

import statistics
import time

import numpy as np
import pytest
import torch

from benchmark import engine, pretrain
from benchmark.api import Item
from benchmark.backbones import Backbone
from benchmark.config import PretrainSettings
from benchmark.data.cache import ImageCache
from benchmark.progress import Progress
from methods.jigsaw import Jigsaw

PAIRS = 7
PANELS = 2_000


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "auto", torch.get_num_threads())


def memory_mapped_panels(folder, side):
    """Panels as the real loop reads them: a memory-mapped file of uint8 squares."""
    path = folder / "panels.npy"
    pixels = np.random.default_rng(0).integers(0, 256, (PANELS, side, side, 3), dtype=np.uint8)
    np.save(path, pixels)
    items = [Item(str(k), path, str(k // 100), "train") for k in range(PANELS)]
    return ImageCache(items, np.load(path, mmap_mode="r"), np.full((PANELS, 2), side), [])


@pytest.mark.parametrize(("name", "steps"), [("test_resnet", 24), ("resnet18", 8)])
def test_the_loop_feeds_the_device(name, steps, device, tmp_path, benchmark):
    settings = PretrainSettings()
    method = Jigsaw(Jigsaw.Config.resolve("jigsaw", "quick", {}))
    view = next(iter(method.views().values()))
    panels = {"image": memory_mapped_panels(tmp_path, view.side)}
    torch.manual_seed(0)
    backbone = Backbone(name)
    nets, optimizers = pretrain.setup(device, method, method.build(backbone))
    raw = [pretrain._batch(device, panels, settings, 0, step) for step in range(4)]
    nothing = engine.Checkpoint(tmp_path / "none" / "c.pt", device)

    def real():
        began = time.perf_counter()
        pretrain.drive(
            device, method, backbone, panels, settings, 0, steps, nets, optimizers, nothing, Progress(quiet=True)
        )
        nothing.remove()
        return time.perf_counter() - began

    def in_memory():
        began = time.perf_counter()
        for step in range(steps):
            context = engine.context(device, 0, "pretrain", step, steps)
            pretrain.update(device, backbone, method, raw[step % len(raw)], context, nets, optimizers)
        return time.perf_counter() - began

    def augmentation():
        began = time.perf_counter()
        for step in range(steps):
            context = engine.context(device, 0, "pretrain", step, steps)
            with device.autocast(backbone):
                method.appearance(
                    method.cut(raw[step % len(raw)]["image"], context.generator).pixels, context.generator
                )
        return time.perf_counter() - began

    for run in (real, in_memory, augmentation):
        run()
    triples = [(real(), in_memory(), augmentation()) for _ in range(PAIRS)]
    fed = statistics.median(memory / loop for loop, memory, _ in triples)
    share = statistics.median(augment / memory for _, memory, augment in triples)
    benchmark.extra_info.update(backbone=name, fed=round(fed, 3), augmentation_share=round(share, 3), pairs=PAIRS)
    benchmark.pedantic(in_memory, rounds=1)
    print(
        f"\n{name}: real loop / in memory {fed:.3f} (at least 0.85), augmentation {share:.3f} of a step (at most 0.40)"
    )
    rate = settings.batch * steps / statistics.median(memory for _, memory, _ in triples)
    print(
        f"{name}: {rate:.0f} images/s in memory; spread of the ratio "
        f"{min(m / r for r, m, _ in triples):.3f} to {max(m / r for r, m, _ in triples):.3f}, n = {PAIRS} pairs"
    )
    assert fed >= 0.85
    assert share <= 0.40
