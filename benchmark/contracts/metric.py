"""A metric of one's own beside those of a task: a value for each item, whose mean over items is the figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from inkbench.benchmark.contracts.view import Truth


class ItemMetric(ABC):
    """A figure that is plugged in behind the metrics of ``task``; it never decides between trials nor ranks rows.

    ``direction`` says whether more or less of it is better; a change of definition raises ``version``.
    """

    name: ClassVar[str]
    task: ClassVar[str]
    version: ClassVar[int] = 1
    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["max", "min"]] = "max"

    @abstractmethod
    def value(self, prediction: Mapping[str, np.ndarray], truth: Truth) -> float:
        """The figure of one item, NaN where it has none; the arrays are those that the task's scorer is given."""
