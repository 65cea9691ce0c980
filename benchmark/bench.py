"""Where cells are measured: one device, one plan, one results folder, and its data as squares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from benchmark import engine
from benchmark.api import Item, View
from benchmark.data.cache import build as build_cache
from benchmark.data.cached import Cached, ImageCache
from benchmark.data.dataset import Dataset, Split
from benchmark.data.packed import Pack
from benchmark.data.strips import build_strips
from benchmark.errors import CellError
from benchmark.planned import Plan
from benchmark.progress import Progress
from benchmark.request import Request
from benchmark.store import Store

T = TypeVar("T")


class Bench:
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
        """What rank 0 decides, on every rank."""
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

    def cache(self, data: Dataset, view: View, splits: tuple[Split, ...]) -> ImageCache:
        """The squares of all items of a view's kind in some splits. Raises CellError where there are none."""
        return self.squares(data, self._items(data, view, splits), view)

    def training(self, data: Dataset, view: View, splits: tuple[Split, ...], window: str) -> Cached:
        """What a pretraining sees: strips, where it takes a square at a ``window`` of its own at every step."""
        items = self._items(data, view, splits)
        if window == "centre" or view.fit != "crop":
            return self.squares(data, items, view)
        return self._built(build_strips, data, items, view)

    def squares(self, data: Dataset, items: list[Item], view: View) -> ImageCache:
        """The cache of items; rank 0 builds it, the others open it."""
        return self._built(build_cache, data, items, view)

    def _items(self, data: Dataset, view: View, splits: tuple[Split, ...]) -> list[Item]:
        items = [item for split in splits for item in data.items(view.kind, split)]
        if not items:
            raise CellError(f"{data.name} has no {view.kind} in its {' and '.join(splits)} series")
        return items

    def _built(self, build: Callable[..., T], data: Dataset, items: list[Item], view: View) -> T:
        folder, pack = self.store.root / "cache" / "images", Pack.of(data.root, self.store.root)

        def build_here() -> T:
            return build(items, view, folder, data.fingerprint(), self.progress, self.request.threads, pack)

        if self.first:
            cache = build_here()
            self.device.fabric.barrier()
            return cache
        self.device.fabric.barrier()
        return build_here()

    def phase(self, seconds: float, devices: int = 1) -> dict[str, float]:
        """What a record says of a phase that took so long on so many devices."""
        return {
            "wall_s": round(seconds, 3),
            "device_s": round(seconds * devices, 3),
            "peak_mib": round(engine.peak_memory_mib(self.device), 1),
        }
