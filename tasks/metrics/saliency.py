"""Saliency metrics per image on the truth map's own grid, and their means over images and styles.

Definitions where the field disagrees: the eps of KLD and the variant of AUC are in the names; SIM is without
min-max scaling; NSS has ddof 0. Figures that need fixations are NaN for images without, and never mixed with
those that need a map alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from inkbench.tasks.metrics import auc, compat, maps
from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

KLD = "kld[eps=2.2204e-16]"
MODES = ("mit", "ai4va-legacy")
"""Other codes' definitions, computed beside ours where they are asked for; see ``compat``."""
METRICS = (
    Metric("cc", "", "max", "Pearson correlation of prediction and truth map, mean over images", 2),
    Metric("auc[density]", "", "max", "expected AUC of fixations drawn from the truth map against all pixels", 2),
    Metric(KLD, "nats", "min", "KL(truth || prediction) of sum-normalised maps, natural log, MIT's eps", 2),
    Metric("sim", "", "max", "sum of the smaller of the two sum-normalised maps (no min-max scaling)", 2),
    Metric("nss[density]", "", "max", "z-score (ddof 0) of the prediction expected at a draw from the truth map", 2),
    Metric(
        "nss", "", "max", "mean z-score (ddof 0) of the prediction at fixations, each in the pixel of nearest centre", 2
    ),
    Metric("auc[judd]", "", "max", "AUC-Judd: unfixated pixels as negatives, thresholds at fixations, no jitter", 2),
    Metric("auc[uniform]", "", "max", "AUC of fixations against all pixels, exact, ties one half", 2),
    Metric("auc[shuffled]", "", "max", "sAUC: fixations against those of all other images, exact, ties one half", 2),
    Metric(
        "auc[borji]",
        "",
        "max",
        "AUC-Borji: fixations against random pixels, thresholds .1 apart, 100 seeded splits; a pixel that is fixated "
        "twice counts twice (once in AUC_Borji.m)",
        2,
    ),
    Metric(
        "ig[centre]", "bits", "max", "information gain a fixation over a Gaussian on the centre (sigma a quarter)", 2
    ),
    Metric("sim[mit]", "", "max", "MIT's SIM: both maps min-max scaled first", 2),
    Metric("nss[mit]", "", "max", "MIT's NSS: deviation with N - 1, each fixated pixel once", 2),
    Metric("auc[judd,mit]", "", "max", "MIT's AUC_Judd.m to the letter, without its jitter", 2),
    Metric("ig[mit]", "bits", "max", "MIT's InfoGain over the centre map, both min-max scaled", 2),
    Metric(
        "nss[ai4va-legacy]", "", "max", "the shipped AI4VA script: z-score times the stored truth, mean over pixels", 2
    ),
    Metric(
        "kld[ai4va-legacy]", "nats", "min", "the shipped AI4VA script: KL of each column, no eps, mean over columns", 2
    ),
    Metric(
        "auc[ai4va-legacy]", "", "max", "the shipped AI4VA script: scikit-learn's AUC, which refuses grey truths", 2
    ),
)
"""Predictions are worked on in float64. A fixation (x, y) is in the pixel whose centre is nearest, as ``pixels_at``
has it: pysaliency cuts fractions off instead, which moves half of fractional fixations by a pixel."""


def served(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without the mode that needs scipy and scikit-learn."""
    return {**options, "modes": tuple(mode for mode in options.get("modes", ()) if mode != "ai4va-legacy")}


def column(metric: str) -> str:
    """Return the name of a metric's array in the items; a dot in it would mark a ragged group."""
    return "kld" if metric == KLD else metric


def mode_of(metric: str) -> str | None:
    """Return the mode that a metric belongs to, None for our own."""
    return next((mode for mode in MODES if metric.endswith((f"[{mode}]", f",{mode}]"))), None)


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    ids: Sequence[str] | None = None,
    others: Sequence[np.ndarray] | None = None,
    modes: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Return figures of every image: arrays (N,) float64 named by ``column``, plus ``height``, ``width``, ``empty``.

    A prediction holds ``map`` (h', w'), a non-negative density or any map where more is more salient (never a
    log-density); it is resized to the truth's grid by ``maps.resize_map``. A truth holds ``map`` (h, w) and may
    hold ``fixations`` (k, 2) in pixels of the image and ``image_size`` (2,), width and height. An image whose
    truth map is all zero is ``empty``: every figure of it is NaN. ``others`` are the places (m, 2) where each item's
    other images were looked at (``looked_at``), by default those of the other truths. Raises ValueError for a
    prediction or truth that is not finite, naming the item by ``ids`` or its place.
    """
    if len(predictions) != len(truths):
        raise ValueError(f"there must be one prediction for each truth, not {len(predictions)} for {len(truths)}")
    asked = [metric.name for metric in METRICS if mode_of(metric.name) in (None, *modes)]
    result = {column(name): np.full(len(truths), np.nan) for name in asked}
    refused = np.zeros(len(truths), dtype="U120")
    result |= {name: np.zeros(len(truths), dtype=np.int64) for name in ("height", "width")}
    result["empty"] = np.zeros(len(truths), dtype=bool)
    places = [looked_at(truth) for truth in truths] if others is None else []
    for k, (prediction, truth) in enumerate(zip(predictions, truths, strict=True)):
        name = ids[k] if ids is not None else f"{k} (0-based)"
        target = _checked(truth["map"], f"truth map of item {name}")
        result["height"][k], result["width"][k] = target.shape
        predicted = _checked(prediction["map"], f"predicted map of item {name}")
        if target.min() < 0:
            raise ValueError(f"truth map of item {name} has negative values; it must be a density")
        if target.max() == 0:
            result["empty"][k] = True
            continue
        predicted, fixated = _on_grid(predicted, target.shape, truth)
        elsewhere = others_of(places, k) if others is None else others[k]
        ranged = maps.in_range(target)
        figures = _figures(predicted, ranged, fixated, elsewhere)
        if "mit" in modes:
            figures |= compat.mit(predicted, ranged, fixated)
        if "ai4va-legacy" in modes:
            legacy, refused[k] = compat.ai4va_legacy(predicted, target)
            figures |= legacy
        for metric, value in figures.items():
            result[column(metric)][k] = value
    if "ai4va-legacy" in modes:
        result["refused"] = refused
    return result


def _on_grid(
    prediction: np.ndarray, shape: tuple[int, ...], truth: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Resize the prediction to the truth's grid, float64, and return it with the fixated pixels (k,)."""
    predicted = maps.in_range(maps.resize_map(maps.in_range(prediction), *shape))
    if not len(truth.get("fixations", ())):
        return predicted, np.zeros(0, dtype=np.int64)
    width, height = (int(side) for side in truth["image_size"])
    return predicted, maps.fixated_pixels(truth["fixations"], (width, height), (shape[0], shape[1]))


def _checked(values: np.ndarray, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{what} has shape {array.shape}; it must be (height, width)")
    wrong = array.size - int(np.isfinite(array.astype(np.float64)).sum())
    if wrong:
        raise ValueError(f"{what} has {wrong} of {array.size} values that are NaN or infinite")
    return array


def looked_at(truth: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the places looked at in an image, (k, 2) in shares of its sides; a truth as ``score_items`` takes it."""
    if not len(truth.get("fixations", ())):
        return np.zeros((0, 2))
    width, height = (int(side) for side in truth["image_size"])
    return maps.relative_places(truth["fixations"], (width, height))


def others_of(places: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Return the places where all images but the ``k``-th were looked at, (m, 2)."""
    return np.concatenate([np.zeros((0, 2)), *places[:k], *places[k + 1 :]])


def _figures(predicted: np.ndarray, target: np.ndarray, fixated: np.ndarray, others: np.ndarray) -> dict[str, float]:
    """Compute all figures of one image on its grid; those that need fixations only where there are any.

    ``fixated`` (k,) flat pixels; ``others`` (m, 2): where the other images were looked at, in shares of their sides.
    """
    ranks = auc.average_ranks(predicted)
    figures = {
        "cc": maps.cc(predicted, target),
        "auc[density]": auc.auc_density(ranks, target),
        KLD: maps.kld(predicted, target),
        "sim": maps.sim(predicted, target),
        "nss[density]": maps.nss_density(predicted, target),
    }
    if fixated.size:
        figures |= {
            "nss": maps.nss(predicted, fixated),
            "auc[judd]": auc.auc_judd(predicted, fixated),
            "auc[uniform]": auc.auc_uniform(ranks, fixated),
            "auc[borji]": auc.auc_borji(predicted, fixated),
            "ig[centre]": maps.information_gain(predicted, maps.centre_map(*target.shape), fixated),
        }
        if len(others):
            elsewhere = maps.pixels_at(others, target.shape)
            figures["auc[shuffled]"] = auc.auc_shuffled(predicted, fixated, elsewhere)
    return figures


def _named(items: Items) -> Iterator[str]:
    """Yield every metric of ``items``, then every metric of every style (``cc@toon``) where there are several."""
    names = [metric.name for metric in METRICS if column(metric.name) in items]
    yield from names
    styles = sorted({str(style) for style in items.get("style", ())} - {""})
    if len(styles) > 1:
        yield from (f"{name}@{style}" for style in styles for name in names)


def _values(items: Items, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the values (N,) of a metric, zero where it is undefined, and its defined places (N,) bool."""
    name, _, style = metric.partition("@")
    values = np.asarray(items[column(name)], dtype=np.float64)
    defined = np.isfinite(values)
    if style:
        defined &= np.asarray(items["style"]) == style
    return np.where(defined, values, 0.0), defined


def resampler(items: Items, metric: str) -> Resampler:
    """Return the weighted mean of a metric (or ``metric@style``) over the images that have it, prepared for many calls.

    NaN where the weights leave no such image.
    """
    values, defined = _values(items, metric)
    return WeightedMean(values, defined.astype(np.float64))


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute means over images, of all and of each style; ``weights`` (N,) are multiplicities, one each by default.

    A metric that no image has is left out.
    """
    if weights is None:
        weights = np.ones(len(items["cc"]))
    means = {name: resampler(items, name)(weights) for name in _named(items)}
    return {name: value for name, value in means.items() if np.isfinite(value)}


def notes(items: Items) -> list[str]:
    """Return the results of the AI4VA challenge's script on these images, where that mode was asked for."""
    if "refused" not in items:
        return []
    looked_at = ~np.asarray(items["empty"])
    total = int(looked_at.sum())
    lines = []
    for said in sorted(set(items["refused"][looked_at]) - {""}):
        many = int((items["refused"][looked_at] == said).sum())
        lines.append(f"auc[ai4va-legacy] is undefined for {many} of {total} images: {said}")
    for name in ("nss[ai4va-legacy]", "kld[ai4va-legacy]"):
        wrong = int((~np.isfinite(items[name][looked_at])).sum())
        if wrong:
            lines.append(f"{name} is not finite for {wrong} of {total} images, which its mean excludes")
    return lines


def counts(items: Items) -> dict[str, int]:
    """Count the images that each figure of ``aggregate`` is the mean of."""
    return {name: n for name in _named(items) if (n := int(_values(items, name)[1].sum()))}


SCORER = Scorer(
    metrics=METRICS,
    score_items=score_items,
    aggregate=aggregate,
    counts=counts,
    resampler=resampler,
    notes=notes,
    served=served,
    column=column,
)
"""What the task is scored by."""
