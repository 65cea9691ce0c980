"""Classification: accuracy, over classes too, and of each stage of a backbone, from what was predicted of each item."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from inkbench.tasks.metrics.items import Items, Resampler, WeightedMean
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

TOP = 5

METRICS = (
    Metric("accuracy", "1", "max", "share of items whose best-scored class is the true one; equal scores: the first"),
    Metric("balanced-accuracy", "1", "max", "mean of recall over the classes that have items"),
    Metric("f1", "1", "max", "mean over the classes that have items of 2 right / (true + predicted)"),
    Metric(
        "top5", "1", "max", "share of items whose true class is among the five best, where there are more than five"
    ),
    Metric("recall", "1", "max", "recall[CLASS]: share of a class's items that are right"),
)
"""``accuracy[stage1]`` and so on are the same of a head on an earlier stage of the backbone, 1 the finest;
``accuracy[5-shot]`` the mean over draws of classifiers that had five examples of each class."""

STUDENT = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448),
    *(2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484),
)
"""97.5 % quantiles of Student's t of 1, 2, ... degrees of freedom; a scoring program on a server has no scipy."""

_STAGE = re.compile(r"stage(\d+)")
_SHOT = re.compile(r"(\d+)-shot")


def score_items(
    predictions: Sequence[Mapping[str, np.ndarray]],
    truths: Sequence[Mapping[str, np.ndarray]],
    *,
    classes: Sequence[str],
    ids: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """Score each prediction on its item.

    A prediction holds ``scores`` (K,), more is more likely, and may hold ``stages`` (S, K), the same of heads on the
    backbone's stages, fine to coarse. A truth holds ``label`` (), a place in ``classes`` (K).

    Items: ``truth`` and ``predicted`` (N,), names of classes; ``label`` (N,), the true class's place; ``rank`` (N,),
    how many classes stand before the true one (of equal scores the first); ``among`` (N,), K; ``stages.stage``, from
    1, and ``stages.right``, whether a stage of item ``stages.item`` is right: empty where there are none. A prediction
    by few examples also holds ``picks`` (S, R) and ``shots`` (S,), the class that each of R draws picks and the
    examples that it had of each; its items add ``share`` (N,), the share of the draws with most examples that are
    right, and ``shots.item``, ``shots.shot``, ``shots.draw``, ``shots.right``.

    Raises ValueError for scores of another shape or that are not finite and for a label that is no class, naming the
    item by ``ids`` or its place.
    """
    if len(predictions) != len(truths):
        raise ValueError(f"there must be one prediction for each truth, not {len(predictions)} for {len(truths)}")
    count, total = len(truths), len(classes)
    names = list(ids) if ids is not None else [f"{k} (0-based)" for k in range(count)]
    labels = np.array([_label(truth, total, names[k]) for k, truth in enumerate(truths)], dtype=np.int64)
    best, rank = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    stages: list[tuple[int, int, bool]] = []
    for k, prediction in enumerate(predictions):
        scores = _finite(prediction["scores"], (total,), f"scores of item {names[k]}")
        own = scores[labels[k]]
        best[k] = scores.argmax()
        rank[k] = (scores > own).sum() + (scores[: labels[k]] == own).sum()
        if "stages" in prediction:
            several = _finite(prediction["stages"], (len(prediction["stages"]), total), f"stages of item {names[k]}")
            stages += [(k, stage, row.argmax() == labels[k]) for stage, row in enumerate(several, start=1)]
    rows = np.array(stages, dtype=np.int64).reshape(-1, 3)
    listed = np.asarray(list(classes), dtype=np.str_)
    drawn = _of_draws(predictions, labels, names) if count and "picks" in predictions[0] else {}
    return {
        **drawn,
        "truth": listed[labels],
        "predicted": listed[best],
        "label": labels,
        "rank": rank,
        "among": np.full(count, total),
        "stages.item": rows[:, 0],
        "stages.stage": rows[:, 1],
        "stages.right": rows[:, 2].astype(bool),
    }


def _of_draws(
    predictions: Sequence[Mapping[str, np.ndarray]], labels: np.ndarray, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the items of predictions by few examples."""
    shots = np.asarray(predictions[0]["shots"], dtype=np.int64)
    shape = (len(shots), np.asarray(predictions[0]["picks"]).shape[-1])
    wrong = next((k for k, one in enumerate(predictions) if np.shape(one.get("picks", ())) != shape), None)
    if wrong is not None:
        raise ValueError(f"picks of item {names[wrong]} have another shape than {shape}")
    right = np.stack([np.asarray(one["picks"]) for one in predictions]) == labels[:, None, None]
    item, shot, draw = (axis.ravel() for axis in np.indices(right.shape))
    return {
        "share": right[:, shots.argmax()].mean(1),
        "shots.item": item,
        "shots.shot": shots[shot],
        "shots.draw": draw,
        "shots.right": right.ravel(),
    }


def _label(truth: Mapping[str, np.ndarray], total: int, name: str) -> int:
    label = int(truth["label"])
    if not 0 <= label < total:
        raise ValueError(f"label of item {name} is {label}; there are {total} classes, from 0")
    return label


def _finite(values: np.ndarray, shape: tuple[int, ...], what: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{what} have shape {array.shape}, not {shape}")
    if wrong := array.size - int(np.isfinite(array).sum()):
        raise ValueError(f"{what}: {wrong} of {array.size} values NaN or infinite")
    return array


def classes_of(items: Items) -> list[str]:
    """Return the classes that have items, in their order."""
    _, first = np.unique(items["label"], return_index=True)
    return [str(name) for name in np.asarray(items["truth"])[first]]


def _right(items: Items) -> np.ndarray:
    first: np.ndarray = np.asarray(items["rank"]) == 0
    return first


def _share_right(items: Items) -> np.ndarray:
    """Return how right each item's prediction is, in [0, 1]: over draws where several were made."""
    found: np.ndarray = np.asarray(items["share"] if "share" in items else _right(items), dtype=np.float64)
    return found


def resampler(items: Items, metric: str) -> Resampler:
    """Return a metric as a function of the items' weights; NaN where they leave nothing.

    Raises ValueError for others.
    """
    everyone = np.ones(len(items["rank"]))
    if metric == "accuracy":
        return WeightedMean(_share_right(items), everyone)
    if metric == "top5" and _ranks_matter(items):
        return WeightedMean((np.asarray(items["rank"]) < TOP).astype(np.float64), everyone)
    if metric in ("balanced-accuracy", "f1"):
        return _over_classes(items, metric)
    base, _, part = metric.partition("[")
    part = part.removesuffix("]")
    if base == "accuracy" and (stage := _STAGE.fullmatch(part)) and int(stage[1]) in items["stages.stage"]:
        return _of_stage(items, int(stage[1]))
    if base == "accuracy" and (shot := _SHOT.fullmatch(part)) and int(shot[1]) in _shots(items):
        rows = np.asarray(items["shots.shot"]) == int(shot[1])
        draws = np.asarray(items["shots.draw"])[rows].max(initial=0) + 1
        right = np.bincount(items["shots.item"][rows], items["shots.right"][rows], len(everyone))
        return WeightedMean(right / draws, everyone)
    if base == "recall" and part in items["truth"]:
        mine = (np.asarray(items["truth"]) == part).astype(np.float64)
        return WeightedMean(mine * _right(items), mine)
    raise ValueError(f"no metric {metric}; there are: {', '.join(_named(items))}")


def _of_stage(items: Items, stage: int) -> WeightedMean:
    """Return the accuracy of a stage over the items that have one."""
    rows = np.asarray(items["stages.stage"]) == stage
    present, right = np.zeros(len(items["rank"])), np.zeros(len(items["rank"]))
    present[items["stages.item"][rows]] = 1.0
    right[items["stages.item"][rows]] = items["stages.right"][rows]
    return WeightedMean(right, present)


def _over_classes(items: Items, metric: str) -> Callable[[np.ndarray], float]:
    """Return the mean over classes of recall or of F1, from sums over each class's items."""
    names, codes = np.unique(items["truth"], return_inverse=True)
    place = np.searchsorted(names, items["predicted"])
    known = names[np.minimum(place, len(names) - 1)] == items["predicted"]  # a class without items is in no mean
    guessed = np.where(known, place, len(names))
    right = _right(items)

    def value(weights: np.ndarray) -> float:
        true = np.bincount(codes, weights, len(names))
        hits = np.bincount(codes, weights * right, len(names))
        present = true > 0
        if not present.any():
            return float("nan")
        if metric == "balanced-accuracy":
            return float((hits[present] / true[present]).mean())
        predicted = np.bincount(guessed, weights, len(names) + 1)[:-1]
        return float((2 * hits[present] / (true[present] + predicted[present])).mean())

    return value


def _shots(items: Items) -> list[int]:
    """Return the numbers of examples that were tried; none of predictions that are no few-shot ones."""
    return np.unique(items["shots.shot"]).tolist() if "shots.shot" in items else []


def _over_draws(items: Items, shot: int) -> tuple[float, float, int]:
    """Return the mean accuracy of the draws with so many examples, half its 95 % interval (Student's t), the draws."""
    rows = np.asarray(items["shots.shot"]) == shot
    draws = np.asarray(items["shots.draw"])[rows]
    reached = np.bincount(draws, items["shots.right"][rows]) / np.bincount(draws)
    freedom = len(reached) - 1
    half = (STUDENT[freedom - 1] if freedom <= len(STUDENT) else 2.0) * reached.std(ddof=1) / np.sqrt(len(reached))
    return float(reached.mean()), float(half), len(reached)


def _ranks_matter(items: Items) -> bool:
    return bool(len(items["among"]) and items["among"][0] > TOP)


def _named(items: Items) -> list[str]:
    """Return the names of all metrics of these items."""
    if "share" in items:
        return ["accuracy", *(f"accuracy[{shot}-shot]" for shot in _shots(items))]
    return [
        "accuracy",
        *(f"accuracy[stage{stage}]" for stage in np.unique(items["stages.stage"])),
        "balanced-accuracy",
        "f1",
        *(["top5"] if _ranks_matter(items) else []),
        *(f"recall[{name}]" for name in classes_of(items)),
    ]


def aggregate(items: Items, weights: np.ndarray | None = None) -> dict[str, float]:
    """Compute all metrics in [0, 1]; ``weights`` (N,) are whole multiplicities of the items.

    Metrics without items are left out.
    """
    if weights is None:
        weights = np.ones(len(items["rank"]))
    values = {name: resampler(items, name)(weights) for name in _named(items)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def counts(items: Items) -> dict[str, int]:
    """Count the items that each metric rests on: all of them, or those of its class."""
    per_class = {f"recall[{name}]": int((np.asarray(items["truth"]) == name).sum()) for name in classes_of(items)}
    return {name: per_class.get(name, len(items["rank"])) for name in _named(items)}


def notes(items: Items) -> list[str]:
    """Return notes for the reader: classes without items, that one class was predicted for all, draws of examples."""
    lines = []
    for shot in _shots(items):
        mean, half, draws = _over_draws(items, shot)
        interval = f"{max(mean - half, 0):.3f}, {min(mean + half, 1):.3f}"
        if half == 0:
            lines.append(f"{shot}-shot: all draws of examples agree; has the training split so many of each class?")
        lines.append(f"{shot}-shot accuracy {mean:.3f}, 95 % interval over {draws} draws of examples [{interval}]")
    if lacking := int(items["among"][0]) - len(classes_of(items)):
        total = int(items["among"][0])
        lines.append(f"classes without a test item, excluded from means over classes: {lacking} of {total}")
    if len(set(np.asarray(items["predicted"]))) == 1 and len(classes_of(items)) > 1 and "share" not in items:
        lines.append(f"'{items['predicted'][0]}' was predicted for every item")
    return lines


SCORER = Scorer(
    metrics=METRICS,
    score_items=score_items,
    aggregate=aggregate,
    counts=counts,
    resampler=resampler,
    notes=notes,
)
"""What the task is scored by."""
