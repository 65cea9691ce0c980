"""The ways in which face and body become one vector, by name; what they do is in ``fusion``, which needs torch."""

from __future__ import annotations

from typing import Literal

Fusion = Literal[
    "cat",
    "sum",
    "mean",
    "favor_face",
    "favor_body",
    "coeff_sum",
    "self_attn",
    "face_to_body_attn",
    "weighted",
    "attention",
]
