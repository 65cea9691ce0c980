"""The truth that a submission is scored against: a folder of a dataset, read as the saliency task reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.api import Item, Split, Truth
from benchmark.data.dataset import SPLITS
from benchmark.data.images import BadImage, size_of
from benchmark.data.locate import open_dataset
from benchmark.errors import Refusal
from tasks.saliency import Saliency, SaliencyConfig


@dataclass(frozen=True, slots=True)
class Reference:
    """The items of one split by their stems, in the dataset's order."""

    items: dict[str, Item]

    def truth(self, stem: str) -> Truth:
        """What the task takes for true of an item: ``map``, ``fixations``, ``image_size``. Raises Refusal."""
        item = self.items[stem]
        try:
            return Saliency(SaliencyConfig()).truth(item, *size_of(item.path))
        except BadImage as problem:
            raise Refusal(f"the reference cannot be read: {problem}; mend the file, or leave the item out") from None


def read_reference(folder: Path, split: str) -> Reference:
    """The saliency items of ``split`` in ``folder`` (AI4VA's layout, or any that offers saliency). Raises Refusal."""
    if split not in SPLITS:
        raise Refusal(f"no split '{split}'; there are: {', '.join(SPLITS)}")
    data = open_dataset(str(folder), "quick", (), Path("results"))
    if "saliency" not in data.offers():
        raise Refusal(f"{folder} ({data.name}) has no saliency maps; the reference is a folder with {AI4VA}")
    which: Split = next(name for name in SPLITS if name == split)
    items = Saliency(SaliencyConfig()).items(data, which)
    if not items:
        raise Refusal(f"{folder} has no saliency maps in its {split} split")
    return Reference(by_stem(items))


AI4VA = "images/<split>/NAME.jpg and maps/<split>/NAME.png"


def by_stem(items: list[Item]) -> dict[str, Item]:
    """Items by the name that their map has in a flat zip. Raises Refusal where two share one."""
    found: dict[str, Item] = {}
    for item in items:
        stem = stem_of(item.id)
        if stem in found:
            raise Refusal(f"items {found[stem].id} and {item.id} would both be {stem} in a flat zip")
        found[stem] = item
    return found


def stem_of(item: str) -> str:
    """The stem of an item's file in a flat zip: the last part of its id."""
    return item.rsplit("/", 1)[-1]
