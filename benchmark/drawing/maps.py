"""Saliency maps over the image they belong to, truth and prediction side by side."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkbench.tasks.metrics.maps import resize_map

HEIGHT = 300
GAP = 6
LABEL = 22
STOPS = np.array([(0, 0, 0), (70, 10, 110), (200, 40, 80), (250, 150, 30), (255, 255, 170)], dtype=np.float64)
"""Colours of the scale from no gaze to most gaze; equal steps look equally far apart."""


def draw_maps(
    image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, fixations: np.ndarray | None = None, note: str = ""
) -> np.ndarray:
    """Image | truth | prediction with labels, uint8 (H, W, 3).

    ``image`` uint8 (H, W, 3); the maps are (h, w) of any size, each shown relative to its own maximum;
    ``fixations`` (k, 2) in pixels of the image are dots on the truth; ``note`` stands behind "prediction".
    """
    height, width = image.shape[:2]
    size = (max(round(width * HEIGHT / height), 60), HEIGHT)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    panes = [Image.fromarray(pane) for pane in (small, overlay(small, truth), overlay(small, prediction))]
    if fixations is not None:
        pen = ImageDraw.Draw(panes[1])
        for x, y in (np.asarray(fixations) + 0.5) * (size[0] / width, size[1] / height):
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill="white", outline="black")
    dots = "" if fixations is None or not len(fixations) else " (dots: fixations)"
    labels = ("image", f"truth{dots}", f"prediction {note}".strip())
    sheet = Image.new("RGB", (3 * size[0] + 2 * GAP, HEIGHT + LABEL), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for k, (pane, label) in enumerate(zip(panes, labels, strict=True)):
        sheet.paste(pane, (k * (size[0] + GAP), LABEL))
        pen.text((k * (size[0] + GAP) + 2, 2), label, "black", font)
    return np.asarray(sheet)


def overlay(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A map in colours over a paled grey image, uint8 (H, W, 3); the more, the more opaque."""
    height, width = image.shape[:2]
    heat = resize_map(values, height, width).astype(np.float64)
    heat = (heat - heat.min()) / max(heat.max() - heat.min(), 1e-300)
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float64)[..., None] * 0.6 + 80
    place = np.linspace(0, 1, len(STOPS))
    colours = np.stack([np.interp(heat, place, STOPS[:, channel]) for channel in range(3)], axis=-1)
    alpha = np.clip(heat * 1.6, 0, 0.85)[..., None]
    mixed: np.ndarray = (grey * (1 - alpha) + colours * alpha).round().astype(np.uint8)
    return mixed
