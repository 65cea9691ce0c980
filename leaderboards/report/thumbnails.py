"""Small pictures of test items, from the files of their dataset where it lies as it did."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from inkbench.benchmark.contracts.dataset import KINDS, Dataset, Item
from inkbench.benchmark.data.images import BadImage, decode
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

SIDE = 160
QUALITY = 80


def dataset_of(store: Store, record: Record) -> Dataset:
    """Open the dataset that a run was measured on. Raises UsageError where it is missing here, or no longer the same.

    A plugin's reader is not run for the sake of pictures.
    """
    resolved = record.request.resolved
    name = resolved.get("data")
    if not isinstance(name, str) or name.partition(":")[0].endswith(".py"):
        raise UsageError("its reader is a plugin, or its record does not say where its data are")
    sets = [(str(key), str(value)) for key, value in resolved.get("sets", ())]
    data = open_dataset(name, record.preset, sets, store.root)
    if not data.root.is_dir():
        raise UsageError(f"its data are not at {data.root}")
    if data.fingerprint() != record.data.fingerprint:
        raise UsageError(f"the data at {data.root} have changed since the run")
    return data


def draw(store: Store, record: Record, wanted: Iterable[str], folder: Path, prefix: str) -> dict[str, str]:
    """Draw thumbnails of the items ``wanted`` as ``folder/PREFIX-N.jpg``: item id -> file name. Raises UsageError."""
    names = list(wanted)
    try:
        items = _found(dataset_of(store, record), names)
    except (RunError, OSError, ValueError, TypeError) as error:
        raise UsageError(" ".join(str(error).split()) or type(error).__name__) from error
    made = {}
    for place, name in enumerate(names):
        if name not in items:
            continue
        file = f"{prefix}-{place:03}.jpg"
        try:
            _write(items[name], folder / file)
        except BadImage:
            continue  # the record lists what cannot be read
        made[name] = file
    return made


def _found(data: Dataset, wanted: list[str]) -> dict[str, Item]:
    """Find the items by id, of the first kind whose test items have them all; of no kind, none."""
    for kind in KINDS:
        if kind not in data.offers():
            continue
        items = {item.id: item for item in data.items(kind, "test")}
        if all(name in items for name in wanted):
            return items
    return {}


def _write(item: Item, path: Path) -> None:
    item = next(iter(item.parts.values()), item)
    image = decode(item.path).image
    if item.crop is not None:
        image = image.crop(item.crop)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    image.save(path, "JPEG", quality=QUALITY, optimize=True)
