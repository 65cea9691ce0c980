"""Painted faces against the true ones: distances of sets and of pairs of images, and identity, by fixed judges.

A feature distance carries the name of its features: ``ink`` is the extractor that the project ships, ``inception`` the
network of FID, and only its Fréchet distance is called ``fid``; ``fd768`` is the same network cut off. ``prior``:
samples of the prior instead of painted holes, columns of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inkbench.tasks.metrics import given_judges, ink
from inkbench.tasks.metrics.frechet import frechet
from inkbench.tasks.metrics.identity import cosine, rank1
from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean, count
from inkbench.tasks.metrics.kid import PairedKid, WeightedKid, blocks
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.pairs import MOST, l1, psnr, ssim
from inkbench.tasks.metrics.scorer import Scorer

SIDE = ink.SIDE
FEW = 2048
"""Images below which a Fréchet distance of Inception features carries a flag in its name."""
SSIM = "Gaussian 11 x 11, sigma 1.5, data range 255, edges reflected and counted"
VERSIONS = {"ink": ink.VERSION}
HOLE, WHOLE = "the hole at 64 x 64 px", "the square of two sides about the hole, the rest of it true"
PAINTED, PRIOR = "painted", "prior"
SETS = {
    "kid[ink,paired]": ("ink", PAINTED),
    "kid[ink]": ("ink", PAINTED),
    "fd[ink]": ("ink", PAINTED),
    "kid[ink,prior]": ("ink", PRIOR),
    "fd[ink,prior]": ("ink", PRIOR),
    "kid[inception,paired]": ("inception", PAINTED),
    "kid[inception]": ("inception", PAINTED),
    "fid": ("inception", PAINTED),
    "fid[n<2048]": ("inception", PAINTED),
    "kid[inception,prior]": ("inception", PRIOR),
    "fid[prior]": ("inception", PRIOR),
    "fid[prior,n<2048]": ("inception", PRIOR),
    "kid[fd768,paired]": ("fd768", PAINTED),
    "kid[fd768]": ("fd768", PAINTED),
    "fd768": ("fd768", PAINTED),
    "kid[fd768,prior]": ("fd768", PRIOR),
    "fd768[prior]": ("fd768", PRIOR),
}
"""The metrics of sets: whose features they compare, and which images with the true faces."""


def _of_set(name: str) -> Metric:
    judge, images = SETS[name]
    version = VERSIONS.get(judge, 1)
    if name.endswith(",paired]"):
        kind = "unbiased squared MMD of pairs (a face and its own truth are no pair), kernel (a.b / d + 1)^3,"
    elif name.startswith("kid"):
        kind = "KID: unbiased squared MMD over all pairs, as torch-fidelity's, kernel (a.b / d + 1)^3,"
        version += 1  # until then the paired one
    else:
        kind = "Fréchet distance, never to be compared at different n,"
    of = "painted faces" if images == PAINTED else "samples of the prior"
    return Metric(name, "", "min", f"{kind} of {judge} features of {of} and true faces", version)


FIRST = ("kid[ink,paired]", "kid[ink]", "fd[ink]")
METRICS = (
    *(_of_set(name) for name in FIRST),
    Metric("cosine[ink]", "", "max", "cosine of ink's embeddings of painted and true face", ink.VERSION),
    Metric("rank-1[ink]", "", "max", "share of painted faces nearest to a true one of their character", ink.VERSION),
    Metric("chance", "", "max", "rank-1 of a random order"),
    Metric("psnr[hole]", "dB", "max", f"10 log10(255^2 / MSE) of an image, at most 100, mean over images; {HOLE}"),
    Metric("psnr[whole]", "dB", "max", f"the same; {WHOLE}"),
    Metric("ssim[gauss11,hole]", "", "max", f"SSIM ({SSIM}), mean over images; {HOLE}"),
    Metric("ssim[gauss11,whole]", "", "max", f"the same; {WHOLE}"),
    Metric("l1[hole]", "", "min", f"mean absolute difference of values in [0, 1]; {HOLE}"),
    Metric("l1[whole]", "", "min", f"the same; {WHOLE}"),
    *(
        Metric(f"lpips[{name.partition('-')[2]}]", "", "min", f"LPIPS v0.1 over {name.partition('-')[2]}; {HOLE}")
        for name in given_judges.FILES
        if name.startswith("lpips")
    ),
    *(_of_set(name) for name in SETS if name not in FIRST),
)


def served(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without judges, which need torch: PSNR, SSIM and L1 are left."""
    return {**options, "judges": (), "judged": False}


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
    judges: Sequence[str] = (),
    judged: bool = True,
) -> dict[str, np.ndarray]:
    """Return figures of every item (N,) float64 by metric, and the features of sets, float32 (N, d):
    ``painted[JUDGE]``, ``true[JUDGE]``, and ``prior[JUDGE]`` where samples are given.

    A prediction holds ``face`` uint8 (64, 64, 3), what is painted into the hole, and may hold ``sample`` of that shape,
    drawn from the prior. A truth holds ``face``; ``window`` uint8 (h, w, 3), the hole's surroundings with the true face
    in them, and ``hole`` (4,) x0, y0, x1, y1 in it; ``identity`` (empty where unknown), ``series``, and ``panels``, the
    ids of the panels that are shown, its own first. ``judges``: of ``given_judges``, besides ``ink``, which is left out
    too unless ``judged``. Raises ValueError for a face that is no such image, naming the item, and for a judge whose
    weights are not here.
    """
    if len(predictions) != len(truths) or not truths:
        raise ValueError(f"there must be one prediction for each truth, not {len(predictions)} for {len(truths)}")
    names = ids if ids is not None else [f"{k} (0-based)" for k in range(len(truths))]
    sets = {
        "painted": _faces(predictions, "face", "painted face", names),
        "true": _faces(truths, "face", "true face", names),
    }
    sampled = {"sample" in prediction for prediction in predictions}
    if sampled == {True}:
        sets["prior"] = _faces(predictions, "sample", "sample of the prior", names)
    elif len(sampled) > 1:
        raise ValueError("some predictions hold a sample of the prior and some do not; there must be one for each")
    items: dict[str, np.ndarray] = {"block": blocks(len(truths))}
    if judged:
        items |= _seen_by_ink(sets, truths)
    items |= _pairs("hole", list(sets["painted"]), list(sets["true"]))
    pasted = [paste(truth["window"], truth["hole"], face) for face, truth in zip(sets["painted"], truths, strict=True)]
    items |= _pairs("whole", pasted, [np.asarray(truth["window"]) for truth in truths])
    for judge in judges:
        if judge.startswith("lpips"):
            items[f"lpips[{judge.partition('-')[2]}]"] = given_judges.lpips(judge, sets["painted"], sets["true"])
        else:
            items |= {f"{name}[{judge}]": given_judges.features(judge, faces) for name, faces in sets.items()}
    return items


def _seen_by_ink(sets: Mapping[str, np.ndarray], truths: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Compute the features of all sets, and whether painted faces have the identity of the true ones."""
    identity, series = (np.array([str(truth[key]) for truth in truths]) for key in ("identity", "series"))
    items: dict[str, np.ndarray] = {}
    embedded = {}
    for name, faces in sets.items():
        items[f"{name}[ink]"], embedded[name] = ink.look(faces)
    items["cosine[ink]"] = cosine(embedded["painted"], embedded["true"])
    items["rank-1[ink]"], items["chance"] = rank1(
        embedded["painted"], embedded["true"], identity, series, [truth["panels"] for truth in truths]
    )
    return items


def _faces(sources: Sequence[Mapping[str, np.ndarray]], key: str, what: str, names: Sequence[str]) -> np.ndarray:
    """Return the faces of all items, uint8 (N, 64, 64, 3)."""
    for name, source in zip(names, sources, strict=True):
        face = np.asarray(source[key])
        if face.shape != (SIDE, SIDE, 3):
            raise ValueError(f"{what} of item {name} has shape {face.shape}; it must be ({SIDE}, {SIDE}, 3)")
        if face.dtype != np.uint8:
            wrong = int((~np.isfinite(face)).sum()) if face.dtype.kind == "f" else 0
            told = (
                f"{wrong} of {face.size} values that are NaN or infinite" if wrong else f"values of type {face.dtype}"
            )
            raise ValueError(f"{what} of item {name} has {told}; it must be uint8")
    return np.stack([np.asarray(source[key]) for source in sources])


def paste(window: np.ndarray, hole: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Copy ``window`` uint8 (h, w, 3) with ``face`` uint8 (64, 64, 3) in ``hole`` (4,), resized to its size."""
    from PIL import Image

    x0, y0, x1, y1 = (int(value) for value in hole)
    whole = np.array(window)
    whole[y0:y1, x0:x1] = Image.fromarray(face).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR)
    return whole


def _pairs(where: str, images: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    both = list(zip(images, truths, strict=True))
    return {
        f"psnr[{where}]": np.array([psnr(*pair) for pair in both]),
        f"ssim[gauss11,{where}]": np.array([ssim(*pair) for pair in both]),
        f"l1[{where}]": np.array([l1(*pair) for pair in both]),
    }


def _named(items: Items) -> list[str]:
    """Return the metrics that these items have, in the order of ``METRICS``; of FID the one whose flag n asks for."""
    passed = ("fid", "fid[prior]") if count(items) < FEW else ("fid[n<2048]", "fid[prior,n<2048]")
    here = {name for name, (judge, images) in SETS.items() if f"{images}[{judge}]" in items and name not in passed}
    return [metric.name for metric in METRICS if metric.name in here or metric.name in items]


def resampler(items: Items, metric: str) -> Resampler:
    """Return a metric as a function of the items' multiplicities (N,); no model is opened."""
    if metric in items:
        values = np.asarray(items[metric], dtype=np.float64)
        defined = np.isfinite(values)
        return WeightedMean(np.where(defined, values, 0.0), defined.astype(np.float64))
    judge, images = SETS[metric]
    said, true = items[f"{images}[{judge}]"], items[f"true[{judge}]"]
    if metric.startswith("kid"):
        return (PairedKid if metric.endswith(",paired]") else WeightedKid)(said, true, items["block"])
    return lambda weights: frechet(said, true, weights, weights)


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute all figures; ``weights`` (N,) are multiplicities, one each by default.

    Figures without a value are left out.
    """
    if weights is None:
        weights = np.ones(count(items))
    values = {name: resampler(items, name)(weights) for name in _named(items)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """Count the faces that each figure rests on."""
    total = count(items)
    found = {name: int(np.isfinite(items[name]).sum()) if name in items else total for name in _named(items)}
    return {name: n for name, n in found.items() if n}


def notes(items: Items) -> list[str]:
    """Return notes on the figures: how many faces stand behind distances, equal images, faces of nobody known."""
    total = count(items)
    lines = []
    if total < FEW and "painted[ink]" in items:
        lines.append(
            f"Fréchet distances are biased upwards below {FEW:,} images (here {total}); use kid[ink,paired] to compare"
        )
    equal = int((items["psnr[hole]"] == MOST).sum())
    if equal:
        lines.append(f"painted faces identical to the true ones, counted as {MOST:g} dB: {equal} of {total}")
    lone = int(np.isnan(items.get("rank-1[ink]", np.zeros(0))).sum())
    if lone:
        lines.append(f"faces without rank-1 (no other panel shows a known face of the character): {lone} of {total}")
    return lines


SCORER = Scorer(
    metrics=METRICS,
    score_items=score_items,
    aggregate=aggregate,
    counts=counts,
    resampler=resampler,
    notes=notes,
    served=served,
)
"""What the task is scored by."""
