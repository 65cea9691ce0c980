"""What a plugin imports: the contracts of methods, tasks, datasets and metrics, and the small types they share."""

from __future__ import annotations

import warnings

from inkbench.benchmark.config import Config, TaskConfig, setting
from inkbench.benchmark.contracts.dataset import Box, Dataset, Item, Kind, Split
from inkbench.benchmark.contracts.method import Context, Method, Stage, WeightsInfo
from inkbench.benchmark.contracts.metric import ItemMetric
from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.contracts.task import Reads, Task
from inkbench.benchmark.contracts.view import Placement, Predictions, Seen, Truth, View
from inkbench.benchmark.errors import InkbenchError, NotApplicable, RunError, UsageError
from inkbench.tasks.metrics.items import Items
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

__all__ = [
    "Box",
    "Config",
    "Context",
    "Dataset",
    "Item",
    "ItemMetric",
    "Items",
    "Kind",
    "Method",
    "Metric",
    "NotApplicable",
    "Placement",
    "PredictionFormat",
    "Predictions",
    "Reads",
    "RunError",
    "Scorer",
    "Seen",
    "Split",
    "Stage",
    "Task",
    "TaskConfig",
    "Truth",
    "UsageError",
    "View",
    "WeightsInfo",
    "setting",
]

FORMER = {"Refusal": UsageError, "CellError": RunError, "Declined": NotApplicable, "Given": WeightsInfo}
"""What plugins imported before, by the names of then."""


def __getattr__(name: str) -> type[InkbenchError] | type[WeightsInfo]:
    """Return a class by its former name, with a warning. Raises AttributeError for what never was."""
    if name not in FORMER:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    warnings.warn(f"{name} is called {FORMER[name].__name__} now", DeprecationWarning, stacklevel=2)
    return FORMER[name]
