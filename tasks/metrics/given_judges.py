"""Judges whose weights are not ours to ship: the Inception of FID, its lower part, the networks of LPIPS.

A file is recognised by its name and SHA-256 in the folder ``$INKBENCH_JUDGES``, or where torch keeps what
torch-fidelity and torchvision download (``$TORCH_HOME/hub/checkpoints``). Nothing is downloaded from here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

HOME = "INKBENCH_JUDGES"
BATCH = 32
ONCE = "on a machine with network run once: python -c"


@dataclass(frozen=True, slots=True)
class Given:
    """A file of weights: its name, the SHA-256 that it begins with, and how to come by it."""

    file: str
    sha256: str
    fetch: str


FILES = {
    "inception": Given(
        "weights-inception-2015-12-05-6726825d.pth",
        "6726825d",
        f"pip install torch-fidelity; {ONCE} 'from torchmetrics.image.fid import FrechetInceptionDistance as F; F()'",
    ),
    "fd768": Given(
        "inception_fid2015_to_mixed7a_fp16.pth",
        "379ca3a09688f1924f5b3747913627b8272fa1b33996eb069b7d2b96e4adb249",
        "the network of FID cut off above Mixed_7a, in float16",
    ),
    "lpips-alex": Given(
        "alexnet-owt-7be5be79.pth",
        "7be5be79",
        f"{ONCE} 'import torchvision; torchvision.models.alexnet(weights=\"DEFAULT\")'",
    ),
    "lpips-squeeze": Given(
        "squeezenet1_1-b8a52dc0.pth",
        "b8a52dc0",
        f"{ONCE} 'import torchvision; torchvision.models.squeezenet1_1(weights=\"DEFAULT\")'",
    ),
    "lpips-squeeze-caffe": Given(
        "squeezenet1_1_imagenet_caffe.pth",
        "540952d66b04260cc1477fb7349eb867b3c80864128127d85509ac5336cc4d9a",
        "SqueezeNet 1.1 as its authors trained it, in torchvision's names",
    ),
}


def find(judge: str) -> Path:
    """Return the weights of a judge. Raises ValueError that says where they were looked for and how to come by them."""
    given = FILES[judge]
    for folder in _folders():
        path = folder / given.file
        if path.is_file():
            if not _sha256(path).startswith(given.sha256):
                raise ValueError(f"{path} is not the file that {judge} needs (its SHA-256 starts otherwise); remove it")
            return path
    looked = " or ".join(str(folder) for folder in _folders())
    raise ValueError(f"judge '{judge}' needs {given.file} in {looked}, or a folder named by {HOME}: {given.fetch}")


def require(judge: str) -> None:
    """Raise ValueError where a judge cannot be used here."""
    find(judge)
    if judge == "inception":
        try:
            import torch_fidelity  # noqa: F401
        except ImportError:
            raise ValueError("judge 'inception' needs a package that is not here: pip install torch-fidelity") from None


def features(judge: str, faces: np.ndarray) -> np.ndarray:
    """Return features (N, d) float32 of faces uint8 (N, h, w, 3): ``inception`` (d 2048) or ``fd768``.

    Raises ValueError.
    """
    import torch

    extract = _extractor(judge)
    with torch.no_grad():
        return torch.cat([extract(batch) for batch in _batches(faces)]).float().numpy()


def lpips(judge: str, faces: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Compute LPIPS v0.1 (Zhang et al., CVPR 2018) of faces and truths uint8 (N, h, w, 3), float64 (N,).

    Raises ValueError.
    """
    import torch

    net = _lpips_net(judge)
    with torch.no_grad():
        pairs = zip(_batches(faces), _batches(truths), strict=True)
        return torch.cat([net(a / 127.5 - 1, b / 127.5 - 1).flatten() for a, b in pairs]).double().numpy()


def _batches(faces: np.ndarray) -> Iterator[Any]:
    import torch

    for start in range(0, len(faces), BATCH):
        yield torch.from_numpy(faces[start : start + BATCH]).permute(0, 3, 1, 2)


def _folders() -> list[Path]:
    named = os.environ.get(HOME)
    hub = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser() / "hub" / "checkpoints"
    return [*([Path(named).expanduser()] if named else []), hub]


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _extractor(judge: str) -> Callable[[Any], Any]:
    return _inception(find(judge)) if judge == "inception" else _cut_off(find(judge))


def _inception(path: Path) -> Callable[[Any], Any]:
    """Load torch-fidelity's network: it resizes uint8 images to 299 px as TensorFlow did, and gives 2048 features."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(path)).eval()
    return lambda faces: net(faces)[0]


def _cut_off(path: Path) -> Callable[[Any], Any]:
    """Cut torchvision's Inception off at Mixed_6e, with the weights of FID: 768 features, pooled over space.

    FID's average pools do not count the padding. Input in [-1, 1], bilinear to 299 px.
    """
    import torch
    from torch.nn import functional
    from torchvision.models import inception_v3

    net = inception_v3(weights=None, aux_logits=False, init_weights=False).eval()
    state = {name: value.float() for name, value in torch.load(path, map_location="cpu", weights_only=True).items()}
    lacking = [name for name in net.load_state_dict(state, strict=False).missing_keys if not name.startswith("fc.")]
    if any(not name.startswith("Mixed_7") for name in lacking):
        raise ValueError(f"{path} lacks {lacking[0]}; it is not the network of FID")
    names = [name for name, _ in net.named_children()]
    blocks = [getattr(net, name) for name in names[: names.index("Mixed_6e") + 1]]
    for block in blocks:
        if hasattr(block, "branch_pool"):
            block.branch_pool.register_forward_pre_hook(lambda _, pooled: (_without_padding(pooled[0]),))

    def run(faces: Any) -> Any:
        seen = functional.interpolate(faces.float(), (299, 299), mode="bilinear", align_corners=False) / 127.5 - 1
        for block in blocks:
            seen = block(seen)
        return seen.mean((2, 3))

    return run


def _without_padding(pooled: Any) -> Any:
    """Correct averages of 3 x 3 px that counted a padding of zeros: divide by 6 px at edges, 4 in corners, instead."""
    import torch

    counts = [torch.full((length,), 3.0) for length in pooled.shape[2:]]
    for along in counts:
        along[0] -= 1
        along[-1] -= 1
    return pooled * (9 / (counts[0][:, None] * counts[1]))


@cache
def _lpips_net(judge: str) -> Any:
    """Build torchmetrics' network with its linear heads, and the backbone's weights from the file."""
    import torch
    from torchmetrics.functional.image.lpips import _NoTrainLpips

    kind: Any = judge.split("-")[1]
    net = _NoTrainLpips(net=kind, pnet_rand=True).eval()
    state = torch.load(find(judge), map_location="cpu", weights_only=True)
    for part in [module for module in net.net.modules() if isinstance(module, torch.nn.Sequential)]:
        for index, layer in part.named_children():
            start = f"features.{index}."
            layer.load_state_dict({k.removeprefix(start): v for k, v in state.items() if k.startswith(start)})
    return net
