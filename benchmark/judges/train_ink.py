"""Train the judge ``ink``, the fixed evaluator of painted faces: who is drawn, on characters of a synth of its own.

Run: ``python -m inkbench.benchmark.judges.train_ink --out DIR [--cache DIR]`` writes ``ink.safetensors`` and its card
``ink.json``; about five minutes of training on one core, the same bytes again on the same machine with the same
packages. The characters are those of all series of a copy that is drawn from another seed than the default's, so that
no series of any benchmark's split is among them. What the judge is worth is measured on the default copy's validation
series.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from inkbench.benchmark.api import Item
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.data.images import read_rgb
from inkbench.benchmark.data.reading.panel_windows import hole_of
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.files import checksum, write_atomic, write_json
from inkbench.benchmark.store.provenance import DECIDING, versions
from inkbench.tasks.metrics.ink_net import EMBEDDING, Ink, look
from inkbench.tasks.metrics.retrieval import CHANCE, retrieval

SIDE = 64
SEED = 64_064
SERIES, PAGES = 64, 8
LEAST = 20
"""Smallest longer side, px, of a face that is learnt from."""
EPOCHS, BATCH, LR = 12, 64, 2e-3
SCALE, MARGIN = 16.0, 0.2
"""The cosine softmax: logits are SCALE cos, that of the right character SCALE (cos - MARGIN) (Wang et al. 2018)."""


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces uint8 (N, 3, 64, 64) with the character, series and panel of each (N,)."""

    pixels: Tensor
    identity: np.ndarray
    series: np.ndarray
    panel: np.ndarray


def faces_of(panels: list[Item]) -> Faces:
    """Return the squares of all faces of panels that are large enough, as ``inpainting`` cuts them."""
    pixels, names = [], []
    for panel in panels:
        boxes = [box for box in panel.boxes if box.label == "face" and max(box.x1 - box.x0, box.y1 - box.y0) >= LEAST]
        if not boxes:
            continue
        image = Image.fromarray(read_rgb(panel.path, panel.crop))
        for box in boxes:
            face = image.crop(hole_of(box, image.size)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            pixels.append(np.asarray(face))
            names.append((str(box.identity), panel.series, panel.id))
    identity, series, panel_ids = (np.array(column) for column in zip(*names, strict=True))
    return Faces(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(), identity, series, panel_ids)


def augmented(faces: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror, move and scale faces by up to a tenth, with other brightness and contrast; uint8 as before."""
    count = len(faces)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    scale, zero = uniform(0.9, 1.1), torch.zeros(count)
    theta = torch.stack([scale * mirror, zero, uniform(-0.1, 0.1), zero, scale, uniform(-0.1, 0.1)], 1).view(-1, 2, 3)
    grid = functional.affine_grid(theta, [count, 3, SIDE, SIDE], align_corners=False)
    moved = functional.grid_sample(faces.float(), grid, padding_mode="border", align_corners=False)
    contrast, light = uniform(0.8, 1.2).view(-1, 1, 1, 1), uniform(-20, 20).view(-1, 1, 1, 1)
    return ((moved - 127.5) * contrast + 127.5 + light).clamp(0, 255).round().byte()


def train(faces: Faces, progress: Progress) -> Ink:
    """Train the judge to tell the characters of ``faces`` apart; in eval mode, weights rounded to float16."""
    torch.manual_seed(derive(SEED, "ink"))
    codes = torch.from_numpy(np.unique(faces.identity, return_inverse=True)[1])
    net, count = Ink(), len(codes)
    proxies = nn.Parameter(torch.randn(int(codes.max()) + 1, EMBEDDING))
    optimizer = torch.optim.AdamW([*net.parameters(), proxies], lr=LR, weight_decay=0.05)
    steps = EPOCHS * (count // BATCH)
    with progress.bar("train ink", steps * BATCH) as bar:
        for step in range(steps):
            epoch, place = divmod(step, count // BATCH)
            order = np.random.default_rng(derive(SEED, "ink epoch", epoch)).permutation(count)
            chosen = torch.from_numpy(order[place * BATCH : (place + 1) * BATCH])
            generator = torch.Generator().manual_seed(derive(SEED, "ink step", step))
            for group in optimizer.param_groups:
                group["lr"] = LR * 0.5 * (1 + math.cos(math.pi * step / steps))
            embedded = functional.normalize(net(augmented(faces.pixels[chosen], generator))[1])
            cosines = embedded @ functional.normalize(proxies).T
            right = functional.one_hot(codes[chosen], len(proxies))
            loss = functional.cross_entropy(SCALE * (cosines - MARGIN * right), codes[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            bar.advance(BATCH, f"loss {loss.item():.3f}")
    return net.half().float().eval()


def measured(net: Ink, faces: Faces) -> dict[str, Any]:
    """Measure how well a judge finds characters again: nearest by cosine in the series, own panel left out."""
    embedded = functional.normalize(look(net, faces.pixels)[1]).numpy()
    found = retrieval(embedded, faces.identity, faces.series, faces.panel)
    return {
        "faces": len(faces.identity),
        "series": len(np.unique(faces.series)),
        "rank-1": round(float(np.nanmean(found["p@1"])), 4),
        "map@r": round(float(np.nanmean(found["map@r"])), 4),
        "chance": round(float(np.nanmean(found[CHANCE])), 4),
    }


def drawn(config: SynthConfig, cache: Path, progress: Progress) -> Synth:
    """Return a copy of synth, drawn where it is missing."""
    data = Synth(cache / Synth(cache, config).fingerprint(), config)
    data.prepare(progress)
    return data


def main() -> None:
    """Draw, train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for ink.safetensors and ink.json")
    parser.add_argument("--cache", type=Path, default=Path("results/cache/synth"), help="where synth is drawn")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    progress = Progress()
    own = drawn(SynthConfig(series=SERIES, pages=PAGES, seed=SEED), asked.cache, progress)
    default = drawn(SynthConfig(), asked.cache, progress)
    learnt = faces_of([panel for split in SPLITS for panel in own.items("panels", split)])
    net = train(learnt, progress)
    state = {name: _stored(value) for name, value in net.state_dict().items() if "num_batches" not in name}
    content = save(state)
    card = {
        "name": "ink",
        "what": "features and embeddings of faces of 64 x 64 px, trained to tell drawn characters apart",
        "data": {"synth": own.config.model_dump(mode="json"), "fingerprint": own.fingerprint(), "series": "all"},
        "trained_on": {"faces": len(learnt.identity), "characters": len(np.unique(learnt.identity))},
        "settings": {
            "seed": SEED, "epochs": EPOCHS, "batch": BATCH, "lr": LR, "scale": SCALE, "margin": MARGIN,
            "smallest_face_px": LEAST,
        },
        "held_out": {
            "fingerprint": default.fingerprint(),
            "val": measured(net, faces_of(default.items("panels", "val"))),
        },
        "packages": versions(DECIDING),
        "sha256": checksum(content),
    }  # fmt: skip
    write_json(asked.out / "ink.json", card)
    write_atomic(asked.out / "ink.safetensors", content)
    print(json.dumps(card["held_out"]))


def _stored(value: Tensor) -> Tensor:
    return value.half().contiguous()


if __name__ == "__main__":
    main()
