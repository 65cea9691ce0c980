"""What a plugin imports: the contracts of methods, tasks, datasets and metrics, and the small types they share."""

from __future__ import annotations

from inkbench.benchmark.config import Config, TaskConfig, setting
from inkbench.benchmark.contracts.dataset import Box, Dataset, Item, Kind, Split
from inkbench.benchmark.contracts.method import Context, Given, Method, Stage
from inkbench.benchmark.contracts.metric import ItemMetric
from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.contracts.task import Task
from inkbench.benchmark.contracts.view import Placement, Predictions, Seen, Truth, View
from inkbench.benchmark.errors import CellError, Declined, Refusal
from inkbench.tasks.metrics.items import Items
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

__all__ = [
    "Box",
    "CellError",
    "Config",
    "Context",
    "Dataset",
    "Declined",
    "Given",
    "Item",
    "ItemMetric",
    "Items",
    "Kind",
    "Method",
    "Metric",
    "Placement",
    "PredictionFormat",
    "Predictions",
    "Refusal",
    "Scorer",
    "Seen",
    "Split",
    "Stage",
    "Task",
    "TaskConfig",
    "Truth",
    "View",
    "setting",
]
