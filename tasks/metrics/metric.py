"""What a figure is called and how it is defined."""

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
