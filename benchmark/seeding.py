"""Randomness as a function of (seed, purpose, step or item), never of a carried generator."""

from __future__ import annotations

import hashlib


def derive(*parts: int | str) -> int:
    """Return a 63-bit seed that depends on every part and its order; equal on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
