"""How much ink is on a panel: the share of dark pixels, read off a backbone's features by one linear layer."""

import numpy as np

from inkbench.benchmark.api import Metric, Scorer, Task, TaskConfig, View, setting
from inkbench.benchmark.data.images import read_rgb
from inkbench.submissions.formats.number_table import number_table

ERROR = Metric("error", "", "min", "mean absolute difference of the shares")


def score_items(predictions, truths, ids=None):
    """``error`` (N,): how far each predicted share is from the true one."""
    pairs = zip(predictions, truths, strict=True)
    return {"error": np.array([abs(float(one["share"]) - float(truth["share"])) for one, truth in pairs])}


class InkShareConfig(TaskConfig):
    """Settings of the task: those that every task has, and which pixels count as ink."""

    side: int = setting(96, "side in pixels of the square input", ge=32)
    dark: int = setting(96, "a pixel is ink where its grey value lies below this", ge=1, le=255)
    presets = {"smoke": {"side": 64, "steps": 20, "batch": 8}}


class InkShare(Task[InkShareConfig]):
    """The share of a panel that is ink."""

    name = "ink-share"
    Config = InkShareConfig
    scorer = Scorer.of_means([ERROR], score_items)
    prediction_format = number_table("share")
    trivial = ("mean-share",)

    def needs(self):
        return frozenset({"panels"})

    def view(self):
        return View(self.config.side, "squash")

    def truth(self, item, width, height):
        return {"share": np.float32((read_rgb(item.path, item.crop).mean(2) < self.config.dark).mean())}

    def target(self, truth, placement):
        return {"share": truth["share"]}

    def head(self, backbone, protocol):
        import torch

        class Head(torch.nn.Linear):
            def forward(self, features, targets=None):
                found = super().forward(features[-1].float().mean((2, 3)))[:, 0]
                return found if targets is None else (found - torch.stack([t["share"] for t in targets])).abs().mean()

        return Head(backbone.channels[-1], 1)

    def decode(self, outputs, truths, placements):
        return [{"share": np.float64(share)} for share in outputs.detach().cpu()]

    def predict_trivial(self, name, train, test, placements):
        return [{"share": np.float64(np.mean([truth["share"] for truth in train]))}] * len(test)
