"""The judge ``ink``: the one fixed evaluator of painted faces, trained by ``benchmark.judges.train_ink`` and shipped.

No benchmarked backbone judges what was painted on top of it. The checksum of the judge's weights is part of the
definition of every figure that it gives: other weights are another version of them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("ink.safetensors")
CHECKSUM = "ecdcd4a9333f1f3832084f635ffe2b5003ad8ce723b3a016658e157fd0905faa"
"""SHA-256 of the weights that are shipped, as the card ``ink.json`` tells it."""
VERSION = int(CHECKSUM[:8], 16)
"""The version of the figures that this judge gives."""
SIDE = 64


def look(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, 128) and unit embeddings (N, 64), float32, of faces uint8 (N, 64, 64, 3).

    Raises ValueError.
    """
    import torch

    from inkbench.tasks.metrics import ink_net

    features, embedded = ink_net.look(_network(), torch.from_numpy(faces).permute(0, 3, 1, 2))
    lengths = embedded.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return features.numpy(), (embedded / lengths).numpy()


@cache
def _network() -> Any:
    """Load the judge with the weights of ``FILE``, where they are those of ``CHECKSUM``."""
    from safetensors.torch import load

    from inkbench.tasks.metrics.ink_net import Ink

    content = FILE.read_bytes() if FILE.is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != CHECKSUM:
        raise ValueError(f"{FILE} is missing or not the judge that this version scores with; restore it from git")
    net = Ink().eval()
    net.load_state_dict({name: value.float() for name, value in load(content).items()}, strict=False)
    return net
