"""A sheet of one image under every damage, and the scans of many as files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.damage.catalogue import DAMAGES, KNOWN, STRENGTHS, Damage
from inkbench.benchmark.data.damage.items import read_item, with_damage
from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import write_atomic

SIDE = 190


def sheet(item: Item) -> bytes:
    """Draw an item clean and under each damage, a row for each strength, as a PNG. Raises BadImage."""
    names = [*DAMAGES, *(name for name in KNOWN if name not in DAMAGES and name != "identity")]
    drawn = Sheet(["clean", *names], column=SIDE)
    for strength in STRENGTHS:
        places = [Place(fit(read_item(item), SIDE, SIDE))]
        for name in names:
            places.append(Place(fit(read_item(with_damage(item, Damage(name, strength))), SIDE, SIDE)))
        drawn.row(places, f"strength {strength}")
    return drawn.png


def write_scans(items: Sequence[Item], folder: Path, progress: Progress) -> int:
    """Write items as they are seen, ``folder/ID.png``; return how many. Raises BadImage."""
    with progress.bar("scans", len(items)) as bar:
        for item in items:
            buffer = io.BytesIO()
            Image.fromarray(read_item(item)).save(buffer, "PNG")
            write_atomic(folder / f"{item.id}.png", buffer.getvalue())
            bar.advance(1)
    return len(items)
