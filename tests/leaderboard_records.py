"""Records and items as a run writes them, made from random scores, for the tests of the tables."""

from pathlib import Path

import numpy as np
import toy_scorer
from record_files import data_used, made

from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import render
from inkbench.tasks.metrics import detection, saliency

ROOT = Path(__file__).resolve().parent.parent
SERIES = 16
PER_SERIES = 12


def names(series=SERIES, each=PER_SERIES):
    return [f"s{s:02d}/{k:03d}_0" for s in range(series) for k in range(each)]


def who(ids):
    return {"id": np.array(ids), "series": np.array([name.split("/")[0] for name in ids])}


def saliency_items(quality, noise=0, series=SERIES, each=PER_SERIES):
    """Items whose correlation is ``quality`` on average; part of it is shared by a series."""
    ids = names(series, each)
    generator = np.random.default_rng([7, noise])
    shared = np.random.default_rng(3).normal(0, 0.05, series).repeat(each)
    cc = quality + shared + generator.normal(0, 0.05, len(ids))
    items = {saliency.column(metric.name): cc.copy() for metric in saliency.METRICS}
    return {**items, **who(ids), "empty": np.zeros(len(ids), dtype=bool)}


def detection_items(quality, noise=0, series=SERIES, each=4):
    """Items of a detector that finds a box with probability ``quality``."""
    ids = names(series, each)
    generator, fixed = np.random.default_rng([9, noise]), np.random.default_rng(5)
    predictions, truths = [], []
    for _ in ids:
        count = int(fixed.integers(1, 4))
        corner = fixed.uniform(0, 100, (count, 2))
        boxes = np.hstack([corner, corner + fixed.uniform(20, 60, (count, 2))])
        labels = fixed.integers(0, 2, count)
        found = generator.random(count) < quality
        wrong = generator.uniform(200, 300, (2, 2))
        predictions.append(
            {
                "boxes": np.vstack([boxes[found], np.hstack([wrong, wrong + 30])]),
                "scores": np.append(generator.uniform(0.4, 1, found.sum()), generator.uniform(0, 0.6, 2)),
                "labels": np.append(labels[found], [0, 1]),
            }
        )
        truths.append({"boxes": boxes, "labels": labels})
    return {**detection.score_items(predictions, truths, classes=("face", "body")), **who(ids)}


def toy_items(error, noise=0, series=SERIES, each=4):
    ids = names(series, each)
    return {"error": error + np.random.default_rng([11, noise]).gamma(2, 0.2, len(ids)), **who(ids)}


SCORERS = {"saliency": saliency.SCORER, "detection": detection.SCORER, "toy": toy_scorer.SCORER}


def entries(scorer, items):
    found = {}
    for name, value in scorer.aggregate(items).items():
        metric = scorer.definition(name)
        found[name] = {
            "value": value,
            "unit": metric.unit,
            "direction": metric.direction,
            "n": len(items["id"]),
            "version": metric.version,
        }
    return found


def record(store: Store, cell: str, method: str, items=None, task="saliency", seed=0, **over):
    """Write a record as a run does; finished with ``items``, failed without."""
    trivial = method.startswith("trivial:")
    scorer = SCORERS[task]
    pretrains = not trivial and method not in ("random", "imagenet")
    settings = {"task": {"side": 128, "steps": 300}}
    if not trivial:
        settings |= {"method": {"gap": True, "normalize": True, "color_jittering": True}, "backbone": {"mean": None}}
    if pretrains:
        settings["pretrain"] = {"images": 40_000, "batch": 64}
    data = data_used()
    value = {
        "status": "done" if items is not None else "failed",
        "method": method,
        "task": task,
        "data": data,
        "pretrain_data": data if pretrains else None,
        "seed": seed,
        "backbone": None if trivial else {"name": "test_resnet", "side": 128},
        "precision": None if trivial else "32",
        "settings": settings,
        "supervision": "none",
        "given": method == "imagenet",
        "transductive": False,
        "pretext": {"accuracy": {"value": 0.39, "trivial": 1 / 24, "n": 200, "learnt": True}} if pretrains else None,
        "primary": scorer.primary.name,
        "images_seen": 40_000 if pretrains else 0,
        "trials": [{"factor": 1.0}],
        "phases": {"train": {"wall_s": 12.0, "device_s": 12.0, "peak_mib": 300.0}},
        "provenance": {"packages": {"torch": "2.15.0", "timm": "1.0.31"}, "device": "cpu", "world": 1, "threads": 2},
    }
    if items is None:
        value |= {"reason": "out of memory at step 3", "log": f"logs/{cell}.log"}
    else:
        value["metrics"] = entries(scorer, items)
    return store.write(made(cell, **{**value, **over}), items)


def rows(table):
    return {row.label: row for block in table.blocks for row in block.rows}


def everything(table):
    return [renderer(table) for renderer in render.RENDERERS.values()]


def usual(store, **over):
    """The three rows of a first run: a trivial baseline, the control, a method that helps."""
    return [
        record(store, "t0", "trivial:centre", saliency_items(0.2, 0), **over),
        record(store, "r0", "random", saliency_items(0.35, 1), **over),
        record(store, "j0", "jigsaw", saliency_items(0.40, 2), **over),
    ]
