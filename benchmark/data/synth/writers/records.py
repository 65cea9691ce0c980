"""STL-10's and CIFAR-10's binary files: panels made small, their scenes as classes (more than ten of them)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.data.synth.semantic import SCENES, scene_of
from inkbench.benchmark.data.synth.writers.files import Series, panels_of, write_lines

STL10_SIDE, CIFAR_SIDE, CIFAR_BATCHES = 96, 32, 5


def write_stl10(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``{train,test}_{X,y}.bin`` and ``class_names.txt``: labels from 1, pixels by channel and column."""
    root.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        pixels, codes = _small(drawn, series, part, STL10_SIDE)
        (root / f"{part}_X.bin").write_bytes(pixels.transpose(0, 3, 2, 1).tobytes())
        (root / f"{part}_y.bin").write_bytes((codes + 1).astype(np.uint8).tobytes())
    write_lines(root / "class_names.txt", SCENES)


def write_cifar(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``data_batch_1.bin`` to ``_5``, ``test_batch.bin``, ``batches.meta.txt``: label and pixels by row."""
    root.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        pixels, codes = _small(drawn, series, part, CIFAR_SIDE)
        rows = np.concatenate(
            [codes[:, None].astype(np.uint8), pixels.transpose(0, 3, 1, 2).reshape(len(codes), -1)], axis=1
        )
        if part == "test":
            (root / "test_batch.bin").write_bytes(rows.tobytes())
        else:
            for k, batch in enumerate(np.array_split(rows, CIFAR_BATCHES), start=1):
                (root / f"data_batch_{k}.bin").write_bytes(batch.tobytes())
    write_lines(root / "batches.meta.txt", SCENES)


def _small(drawn: Path, series: list[Series], part: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the panels of a part, uint8 (n, side, side, 3), and their scenes; validation series train too."""
    pixels, codes = [], []
    for one, name, panel in panels_of(series):
        if (one["split"] == "test") == (part == "test"):
            with Image.open(drawn / str(one["series"]) / "panels" / f"{name}.jpg", formats=("JPEG",)) as image:
                pixels.append(np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)))
            codes.append(SCENES.index(scene_of(panel)))
    return np.stack(pixels), np.array(codes)
