"""The name and the definition of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """The definition of a figure; a change of definition raises ``version``."""

    name: str
    unit: str
    direction: Literal["max", "min"]
    help: str
    version: int = 1
