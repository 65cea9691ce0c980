"""How much ink is on a panel: the share of dark pixels, read off a backbone's features by one linear layer.

A task in a file of its own, with the scorer and the prediction format that are its own too:

    python run_benchmark.py --method random --task examples/ink_share.py:InkShare
"""

from __future__ import annotations

import csv
import io

import numpy as np

from inkbench.benchmark.api import Item, Metric, PredictionFormat, Scorer, Task, TaskConfig, View, setting
from inkbench.benchmark.data.images import read_rgb
from inkbench.submissions.formats.reading import bytes_of, read_folder

ERROR = Metric("error", "", "min", "mean absolute difference of the shares")


def score_items(predictions, truths, ids=None):
    """``error`` (N,): how far the predicted share is from the true one."""
    del ids
    pairs = zip(predictions, truths, strict=True)
    return {"error": np.array([abs(float(one["share"]) - float(truth["share"])) for one, truth in pairs])}


def aggregate(items, weights=None):
    """The mean over items; the usual resampler takes it as it is."""
    return {"error": float(np.average(items["error"], weights=weights))}


def counts(items):
    """How many panels it is the mean of."""
    return {"error": len(items["error"])}


SCORER = Scorer((ERROR,), score_items, aggregate, counts)


def read(source, ids, truths, options, findings=None):
    """One share for each item, from a folder or a file."""
    return read_folder(examine, source, ids, truths, options, findings)


def examine(files, ids, truths, options, report):
    """The lines of ``shares.csv``: id and share."""
    del truths, options
    data = bytes_of(files, "shares.csv", report)
    rows = list(csv.reader(io.StringIO((data or b"").decode())))[1:]
    if missing := set(ids or ()) - {row[0] for row in rows}:
        report.error("shares.csv", f"{len(missing)} panels are missing", "write a line for each")
    yield from ((row[0], {"share": np.float64(row[1])}) for row in rows)


def write(items, predictions, options, spec):
    """One file with a head and a line for each item."""
    del options, spec
    lines = [f"{item},{float(one['share'])!r}" for item, one in zip(items["id"], predictions, strict=True)]
    return {"shares.csv": "\n".join(["id,share", *lines, ""]).encode()}


class InkShareConfig(TaskConfig):
    """Settings of the task: those that every task has, and which pixels count as ink."""

    side: int = setting(96, "side in pixels of the square input", ge=32)
    dark: int = setting(96, "a pixel is ink where its grey value lies below this", ge=1, le=255)
    presets = {"smoke": {"side": 64, "steps": 20, "batch": 8}}


class InkShare(Task[InkShareConfig]):
    """The share of a panel that is ink."""

    name = "ink-share"
    Config = InkShareConfig
    scorer = SCORER
    prediction_format = PredictionFormat(("csv",), "shares.csv: id,share", read, examine, write)
    trivial = ("mean-share",)

    def needs(self):
        """Panels."""
        return frozenset({"panels"})

    def view(self):
        """The whole panel, squashed."""
        return View(self.config.side, "squash")

    def truth(self, item: Item, width, height):
        """The share of dark pixels."""
        del width, height
        return {"share": np.float32((read_rgb(item.path, item.crop).mean(2) < self.config.dark).mean())}

    def target(self, truth, placement):
        """The share itself."""
        del placement
        return {"share": truth["share"]}

    def head(self, backbone, protocol):
        """One linear layer on the averaged coarsest map."""
        import torch
        from torch import nn

        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.read = nn.Linear(backbone.channels[-1], 1)

            def forward(self, features, targets=None):
                found = self.read(features[-1].float().mean((2, 3)))[:, 0]
                return found if targets is None else (found - torch.stack([t["share"] for t in targets])).abs().mean()

        del protocol
        return Head()

    def decode(self, outputs, truths, placements):
        """The outputs as they are."""
        del truths, placements
        return [{"share": np.float64(share)} for share in outputs.detach().cpu()]

    def predict_trivial(self, name, train, test, placements):
        """The mean share of the training panels."""
        del name, placements
        return [{"share": np.float64(np.mean([truth["share"] for truth in train]))}] * len(test)
