"""The workplace of experiments: one device, one plan, one results folder, and its data as resized images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from inkbench.benchmark.api import Item, View
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.cache import Caching
from inkbench.benchmark.data.cache import build as build_cache
from inkbench.benchmark.data.cached import Cached, ImageCache
from inkbench.benchmark.data.packed import Pack
from inkbench.benchmark.data.strips import build_strips
from inkbench.benchmark.planning.experiment import Plan
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine

Made = TypeVar("Made")


class Workspace:
    """One device, one plan, one results folder; of several ranks the first alone writes."""

    def __init__(
        self,
        request: Request,
        work: Plan,
        device: engine.Device,
        store: Store,
        progress: Progress,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.request, self.plan, self.device = request, work, device
        self.store, self.progress, self.report = store, progress, report
        self.first = device.fabric.global_rank == 0
        self.prepared: set[str] = set()

    def agree(self, decide: Callable[[], str]) -> str:
        """Return the decision of rank 0, on every rank."""
        return self.device.fabric.broadcast(decide() if self.first else "", src=0)

    def prepare(self, data: Dataset) -> None:
        """Draw what is drawn by a program, once; the other ranks wait."""
        if str(data.root) in self.prepared:
            return
        if self.first:
            data.prepare(self.progress)
            data.settle()
            for warning in data.warnings:
                self.progress.say(f"{data.name}: {warning}")
        self.device.fabric.barrier()
        self.prepared.add(str(data.root))

    def training(self, data: Dataset, items: list[Item], view: View, window: str) -> Cached:
        """Return the images of a pretraining: strips, where each step takes a square at a ``window`` of its own."""
        if window == "centre" or view.fit != "crop":
            return self.resized(data, items, view)
        return self._built(build_strips, data, items, view)

    def resized(self, data: Dataset, items: list[Item], view: View) -> ImageCache:
        """Return the resized images of items from the cache; rank 0 builds it, the others open it."""
        return self._built(build_cache, data, items, view)

    def _built(self, build: Callable[..., Made], data: Dataset, items: list[Item], view: View) -> Made:
        folder, pack = self.store.root / "cache" / "images", Pack.of(data.root, self.store.root)
        caching = Caching(folder, data.fingerprint(), self.progress, self.request.threads, pack)
        return self.in_turn(lambda: build(items, view, caching))

    def in_turn(self, make: Callable[[], Made]) -> Made:
        """Return what ``make`` gives: rank 0 makes it and leaves it in the results folder, where the others find it."""
        if self.first:
            made = make()
            self.device.fabric.barrier()
            return made
        self.device.fabric.barrier()
        return make()

    def phase(self, seconds: float, devices: int = 1) -> dict[str, float]:
        """Return a record's entry on a phase that took so long on so many devices."""
        return {
            "wall_s": round(seconds, 3),
            "device_s": round(seconds * devices, 3),
            "peak_mib": round(engine.peak_memory_mib(self.device), 1),
        }
