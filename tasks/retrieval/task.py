"""Found again after print and scan: the original of a damaged panel or page, among all others of the test series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from inkbench.benchmark.api import (
    Dataset,
    Item,
    Placement,
    Predictions,
    Split,
    Task,
    TaskConfig,
    Truth,
    View,
    setting,
)  # fmt: skip
from inkbench.benchmark.config import BACKBONE_TRIALS
from inkbench.benchmark.data.damage.catalogue import Damage
from inkbench.benchmark.data.damage.items import read_item, with_damage
from inkbench.benchmark.seeding import derive
from inkbench.submissions.formats.embeddings import FORMAT
from inkbench.tasks.metrics.copy_detection import SCORER
from inkbench.tasks.metrics.retrieval import scaled, squared_distances

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

SCAN = "-scan"
"""What the id of a query has behind that of its original."""
THUMBNAIL = 16
SMALL = 128
"""Side that images are squashed to before the trivial baselines look at them."""
SHOWN, NEAREST = 5, 4
DAMAGE = "print-and-scan"


class RetrievalConfig(TaskConfig):
    """Settings of retrieval."""

    unit: Literal["panel", "page"] = setting("panel", "what is found again: panels, or whole pages")
    strength: int = setting(1, "strength of print and scan (docs/robustness.md)", ge=1, le=3)
    side: int = setting(128, "side in pixels of the square input; aspect is lost", ge=16)
    pairs: int = setting(
        512, "originals of training and validation that are shown, spread evenly, with their scans", ge=2
    )
    dim: int = setting(128, "length of the trained head's vector", ge=2)
    temperature: float = setting(0.1, "temperature of NT-Xent", "Chen et al. 2020", gt=0)
    steps: int = setting(300, "updates of the trained head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(64, "images per step, half of them originals, over all devices", ge=4)
    presets: ClassVar = {
        "smoke": {"side": 64, "pairs": 24, "steps": 20, "batch": 16},
        "standard": {
            "side": 224,
            "pairs": 4_096,
            "steps": 2_000,
            "batch": 256,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
        "paper": {
            "side": 224,
            "pairs": 16_384,
            "steps": 8_000,
            "batch": 512,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
    }


class Retrieval(Task[RetrievalConfig]):
    """The same page or panel found again after print and scan: every scan is a query, all originals its gallery."""

    name = "retrieval"
    Config = RetrievalConfig
    scorer = SCORER
    prediction_format = FORMAT
    protocols: ClassVar = {"zeroshot@1": "frozen", "linear@1": "frozen", "finetune@1": "finetune"}
    trivial = ("chance", "pixels", "phash")
    caches_features = True

    def __init__(self, config: RetrievalConfig) -> None:
        super().__init__(config)
        self._images: dict[str, Item] = {}
        """The items of which a truth was asked, by id: what trivial baselines open."""

    def needs(self) -> frozenset[str]:
        """Return panels or pages; nothing need be annotated."""
        return frozenset({self.view().kind})

    def view(self) -> View:
        """Squash the whole image."""
        return View(self.config.side, "squash", "pages" if self.config.unit == "page" else "panels")

    def items(self, dataset: Dataset, split: Split) -> list[Item]:
        """Return originals, all of test and some of the other splits, each followed by its scan, the query."""
        originals = dataset.items(self.view().kind, split)
        if split != "test" and len(originals) > self.config.pairs:
            originals = [originals[k] for k in np.linspace(0, len(originals) - 1, self.config.pairs).astype(int)]
        damage = Damage(DAMAGE, self.config.strength)
        return [item for one in originals for item in (one, with_damage(replace(one, id=one.id + SCAN), damage))]

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return ``copy`` (), the id of the original, ``query`` () bool, ``series`` () and the item's own ``id`` ()."""
        del width, height
        self._images[item.id] = item
        query = item.id.endswith(SCAN) and bool(item.damage)
        return {
            "copy": np.array(item.id.removesuffix(SCAN) if query else item.id),
            "query": np.array(query),
            "series": np.array(item.series),
            "id": np.array(item.id),
        }

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return a code of the original, the same for it and its scan."""
        del placement
        return {"copy": np.array([derive(str(truth["copy"]))], dtype=np.int64)}

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return features as they are, of length 1, or a linear layer that is trained on pairs."""
        from inkbench.tasks.retrieval.copy_heads import CopyHead, UnitFeatures

        if not self.steps(protocol):
            return UnitFeatures()
        return CopyHead(backbone.width, self.config.dim, self.config.temperature)

    def steps(self, protocol: str) -> int:
        """Return the number of steps: none where features are compared as they are."""
        return 0 if protocol.startswith("zeroshot") else int(self.config.steps)

    def sampler(self, truths: Sequence[Truth]) -> Callable[[int, int, int], np.ndarray]:
        """Draw originals with their scans: as many as fill a batch, each pair at once."""
        rows: dict[str, list[int]] = {}
        for row, truth in enumerate(truths):
            rows.setdefault(str(truth["copy"]), []).append(row)
        pairs = np.array([of for of in rows.values() if len(of) == 2], dtype=np.int64).reshape(-1, 2)

        def draw(seed: int, step: int, batch: int) -> np.ndarray:
            rng = np.random.default_rng(derive(seed, "copies", step))
            chosen = rng.permutation(len(pairs))[: max(batch // 2, 2)]
            return pairs[chosen].T.ravel()

        return draw

    def reads(self, protocol: str) -> Literal["maps", "vector"]:
        """Return the backbone's one vector."""
        del protocol
        return "vector"

    def decode(self, outputs: Tensor, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Return unit vectors (B, D) as ``embedding`` float32 (D,) each."""
        del truths, placements
        return [{"embedding": row} for row in outputs.float().cpu().numpy()]

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict by random vectors, by a thumbnail's pixels, or by the perceptual hash of the leak check."""
        del train, placements
        if name == "chance":
            return [{"embedding": row} for row in np.random.default_rng(0).standard_normal((len(test), 256))]
        look = {"pixels": thumbnail, "phash": hash_bits}.get(name)
        if look is None:
            raise ValueError(f"retrieval has no trivial baseline '{name}'; it has {', '.join(self.trivial)}")
        return [{"embedding": look(read_item(self._images[str(truth["id"])]))} for truth in test]

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Return the same original."""
        del box
        return truth

    def album(
        self, items: Sequence[Item], truths: Sequence[Truth], predictions: Predictions, options: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Draw a few scans, each with its original and the nearest of the gallery."""
        from inkbench.benchmark.drawing.copies import Query, draw_copies

        del options
        query = np.array([bool(truth["query"]) for truth in truths])
        copies = np.array([str(truth["copy"]) for truth in truths])
        asked, gallery = (np.flatnonzero(of) for of in (query & np.isin(copies, copies[~query]), ~query))
        if not len(asked) or "embedding" not in predictions[0]:
            return {}
        vectors = np.asarray(scaled(np.stack([prediction["embedding"].ravel() for prediction in predictions])))
        rows = []
        for place in asked[np.unique(np.linspace(0, len(asked) - 1, min(SHOWN, len(asked))).astype(int))]:
            near = squared_distances(vectors[place][None], vectors[gallery])[0]
            nearest = gallery[np.argsort(near, kind="stable")[:NEAREST]]
            right = gallery[copies[gallery] == copies[place]][0]
            rank = int((near < near[gallery == right]).sum()) + 1
            shown = [(read_item(items[other]), bool(copies[other] == copies[place])) for other in nearest]
            rows.append(Query(read_item(items[place]), read_item(items[right]), rank, shown))
        return {"copies": draw_copies(rows)}


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Shrink an image uint8 (h, w, 3) to float32 (768,) in [0, 1]: 16 x 16 pixels of three channels."""
    from PIL import Image

    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32).ravel() / 255


def hash_bits(pixels: np.ndarray) -> np.ndarray:
    """Return the 256 bits of an image's perceptual hash (docs/leaks.md), float32: squared distance is Hamming's."""
    from PIL import Image

    from inkbench.benchmark.data.leaks.hashes import both

    grey = Image.fromarray(pixels).resize((SMALL, SMALL), Image.Resampling.BILINEAR).convert("L")
    return np.unpackbits(both(grey)[0].view(np.uint8)).astype(np.float32)
