"""A masked face painted from its panel, alone or with those before it: decoder and critics, KID, FID, identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from inkbench.benchmark.api import (
    Dataset,
    Item,
    NotApplicable,
    Placement,
    Predictions,
    Split,
    Task,
    Truth,
    UsageError,
    View,
)  # fmt: skip
from inkbench.benchmark.data.images import read_rgb
from inkbench.benchmark.seeding import derive
from inkbench.submissions.formats.images import FORMAT
from inkbench.tasks.inpainting.config import InpaintingConfig
from inkbench.tasks.inpainting.face_windows import closer, face_of, resized, surroundings
from inkbench.tasks.metrics import given_judges
from inkbench.tasks.metrics.inpainting import SCORER, SIDE, paste

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

SCORED = 2.0
"""Sides of the hole that the square measures on which the figures of the whole are taken."""
TELEA_RADIUS = 3.0


class Inpainting(Task[InpaintingConfig]):
    """Faces painted into holes of 64 x 64 px."""

    name = "inpainting"
    pipeline = "image-to-image"
    version = 2
    Config = InpaintingConfig
    scorer = SCORER
    prediction_format = FORMAT
    trivial = ("mean-face", "telea")
    references = ("previous-face",)
    caches_features = True
    cache_key = ("grid",)

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Refuse judges that are not here before any work is done."""
        del dataset
        for judge in self.config.judges:
            try:
                given_judges.require(judge)
            except ValueError as error:
                raise UsageError(f"inpainting.judges: {error}") from None
        return ()

    def needs(self) -> frozenset[str]:
        """Return windows of panels with a face to fill in."""
        return frozenset({"sequences"})

    def view(self) -> View:
        """Return the masked panel, or the square about its hole, squashed."""
        return View(self.config.side, "squash", "sequences")

    def views(self) -> dict[str, View]:
        """Return the masked panel and, with a context, the two before it, whole."""
        names = ("panel",) if self.config.context == "none" else ("panel", "previous", "before")
        return dict.fromkeys(names, self.view())

    def items(self, dataset: Dataset, split: Split) -> list[Item]:
        """Return faces that are large enough, each with its panel as the backbone is to see it."""
        found = []
        for item in dataset.items("sequences", split):
            hole = item.parts["panel"].hole
            assert hole is not None
            if max(hole[2] - hole[0], hole[3] - hole[1]) < self.config.smallest:
                continue
            found.append(replace(item, parts={**item.parts, "panel": self._shown(item.parts["panel"])}))
        return found

    def _shown(self, panel: Item) -> Item:
        frame = next((box for box in panel.boxes if box.label == "panel"), None)
        if self.config.surroundings is None or frame is None:
            return panel
        return closer(panel, round(frame.x1), round(frame.y1), self.config.surroundings)

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return ``face`` uint8 (64, 64, 3) of every face, and what training and scoring need of it.

        To train, where a critic wants it: ``square`` uint8 (g, g, 3), what the backbone sees but with the face, and
        ``hole`` (4,) in shares of it. To score: ``window``, ``hole``, ``identity``, ``series`` and ``panels`` (see the
        scorer), ``previous``, the face of the reference, and ``noise``, the seed of the item's sample.
        """
        del width, height
        assert item.hole is not None
        pixels = read_rgb(item.path, item.crop)
        face = face_of(pixels, item.hole)
        if item.split == "train":
            return {"face": face, **(self._square(item, pixels) if self.config.whole else {})}
        window, place = surroundings(pixels, item.hole, SCORED, SCORED * SIDE)
        reference = item.parts["reference"]
        shown = [item.parts[name].id for name in ("panel", "previous", "before")]
        return {
            "face": face,
            "window": paste(window, place, face),
            "hole": place,
            "identity": np.array(item.identity or ""),
            "series": np.array(item.series),
            "panels": np.array(shown),
            "previous": resized(read_rgb(reference.path, reference.crop), SIDE),
            "noise": np.array(derive("inpainting sample", item.id)),
        }

    def _square(self, item: Item, pixels: np.ndarray) -> Truth:
        panel = item.parts["panel"]
        assert item.hole is not None
        assert panel.hole is not None
        x, y = item.hole[0] - panel.hole[0], item.hole[1] - panel.hole[1]
        width, height = pixels.shape[1::-1]
        if panel.crop and panel.crop != item.crop:
            width, height = panel.crop[2] - panel.crop[0], panel.crop[3] - panel.crop[1]
        shares = np.array(panel.hole) / [width, height, width, height]
        square = resized(pixels[y : y + height, x : x + width], self.config.window)
        return {"square": square, "hole": shares.astype(np.float32)}

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return ``face`` uint8 (3, 64, 64), and if a critic needs it ``window`` uint8 (3, g, g) and its ``hole``."""
        del placement
        found = {"face": truth["face"].transpose(2, 0, 1)}
        if self.config.whole:
            found |= {"window": truth["square"].transpose(2, 0, 1), "hole": truth["hole"]}
        return found

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return the same painter for both families."""
        from inkbench.tasks.inpainting.face_painter import FacePainter, Sizes, Weights
        from inkbench.tasks.inpainting.panel_context import PanelContext

        del protocol
        c = self.config
        context = PanelContext(c.context, backbone.channels, c.grid, c.width, c.embed, c.hidden)
        weights = Weights(c.kl, c.local, c.whole)
        sizes = Sizes(c.latent, c.decoder, c.decoder_width, c.critic_width, c.window)
        return FacePainter(context, sizes, weights)

    def parameter_groups(self, head: nn.Module, lr: float) -> list[dict[str, Any]]:
        """Return the decoder's side and the critics, as DCGAN steps them (betas .5 and .999)."""
        sides: dict[bool, list[nn.Parameter]] = {False: [], True: []}
        for name, parameter in head.named_parameters():
            sides[name.startswith("critics.")].append(parameter)
        rates = {False: lr, True: lr * self.config.critic_lr}
        return [{"params": of, "lr": rates[side], "betas": (0.5, 0.999)} for side, of in sides.items() if of]

    def cached_features(self, features: list[Tensor]) -> list[Tensor]:
        """Average maps finer than the grid down to it: the head's input, in a fraction of the memory."""
        from inkbench.tasks.inpainting.panel_context import to_grid

        return to_grid(features, self.config.grid)

    def decode(self, outputs: Any, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Return ``face`` uint8 (64, 64, 3), the content of the hole; its surroundings stay as they were.

        With ``samples`` also ``sample``, what the decoder makes of a draw from the prior, a function of the item's id.
        """
        import torch

        del placements
        found = [{"face": face} for face in _pixels(outputs["face"])]
        if self.config.samples:
            draws = [np.random.default_rng(int(truth["noise"])).standard_normal(self.config.latent) for truth in truths]
            codes = torch.from_numpy(np.stack(draws)).to(outputs["face"])
            for prediction, sample in zip(found, _pixels(outputs["decoder"](codes)), strict=True):
                prediction["sample"] = sample
        return found

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict the mean training face, the surroundings carried into the hole, or the face of the reference."""
        del placements
        if name == "mean-face":
            mean = np.mean([truth["face"] for truth in train], axis=0, dtype=np.float64)
            return [{"face": np.asarray(mean.round().astype(np.uint8))} for _ in test]
        if name == "telea":
            return [{"face": telea(truth["window"], truth["hole"])} for truth in test]
        if name == "previous-face":
            return [{"face": truth["previous"]} for truth in test]
        raise ValueError(f"inpainting has no baseline or reference '{name}'")

    def score_options(self) -> dict[str, Any]:
        """Return the judges whose figures are computed besides those of the judge that is shipped."""
        return {"judges": self.config.judges}

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Raise NotApplicable: the hole is a share of the whole panel."""
        raise NotApplicable("a cut may go through the hole, whose place in the panel is part of the task")

    def pictures(
        self, images: Sequence[np.ndarray], truths: Sequence[Truth], predictions: Predictions
    ) -> dict[str, np.ndarray]:
        """Draw one sheet: the masked surroundings, the true ones, the painted ones, and a sample where there is one."""
        from inkbench.benchmark.drawing.rows import draw_rows

        del images
        columns: dict[str, list[np.ndarray]] = {"masked": [], "true": [], "painted": []}
        for truth, prediction in zip(truths, predictions, strict=True):
            blank = np.full_like(prediction["face"], 255)
            for column, face in (("masked", blank), ("true", truth["face"]), ("painted", prediction["face"])):
                columns[column].append(paste(truth["window"], truth["hole"], face))
            if "sample" in prediction:
                columns.setdefault("sample", []).append(prediction["sample"])
        return {"faces": draw_rows({name: _floats(of) for name, of in columns.items()})}


def telea(window: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill the hole of a window uint8 (h, w, 3) from its border (Telea, JGT 2004), as uint8 (64, 64, 3).

    Nothing in the hole is looked at: it is blanked first.
    """
    import cv2

    x0, y0, x1, y1 = (int(value) for value in hole)
    mask = np.zeros(window.shape[:2], dtype=np.uint8)
    mask[y0:y1, x0:x1] = 255
    blank = np.where(mask[..., None] > 0, 255, window).astype(np.uint8)
    filled = blank if mask.all() else cv2.inpaint(blank, mask, TELEA_RADIUS, cv2.INPAINT_TELEA)
    return resized(filled[y0:y1, x0:x1], SIDE)


def _pixels(faces: Tensor) -> np.ndarray:
    """Convert faces (B, 3, 64, 64) in [-1, 1] to uint8 (B, 64, 64, 3); unchanged where one is not finite."""
    values = faces.detach().float().cpu().numpy().transpose(0, 2, 3, 1)
    if not np.isfinite(values).all():
        return values
    return ((values + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def _floats(images: Sequence[np.ndarray]) -> Tensor:
    """Convert images uint8 of any size to float (N, 3, 128, 128) in [0, 1]."""
    import torch

    stacked = np.stack([resized(image, int(SCORED * SIDE)) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255
