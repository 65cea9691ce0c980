"""Settings of the drawn comics: how much is drawn, how large, and the dials of the print."""

from __future__ import annotations

from inkbench.benchmark.config import Config, setting


class SynthConfig(Config):
    """Settings of ``synth``; the dials lie in [0, 1], and 0 removes an effect without a trace."""

    series: int = setting(32, "series drawn: 3/8 train, 1/8 validation, the rest test, styles in turn", ge=6, le=512)
    pages: int = setting(10, "pages of each series", ge=1, le=400)
    panels: int = setting(9, "most panels of a page", ge=2, le=12)
    seed: int = setting(0, "seed of everything drawn", ge=0, lt=2**31)
    width: int = setting(600, "width of a page in pixels", ge=300, le=3000)
    height: int = setting(850, "height of a page in pixels", ge=400, le=4000)
    viewers: int = setting(8, "simulated viewers of each page", ge=1, le=100)
    vignette: float = setting(0.15, "dial: darkening towards the corners of a panel", ge=0, le=1)
    misregistration: float = setting(
        0.3, "dial: colour plates shifted against the black one (1: up to 3 px)", ge=0, le=1
    )
    halftone: float = setting(0.4, "dial: strength of the dots that tints are printed with", ge=0, le=1)
    halftone_phase: float = setting(
        0.0, "dial: 1 locks the dots to the panel's corner, 0 leaves their phase to chance", ge=0, le=1
    )
    frame_lines: float = setting(1.0, "dial: ink of the lines around panels", ge=0, le=1)
    edge_code: float = setting(
        0.0, "dial: position written as a faint tint along a panel's borders, a planted shortcut", ge=0, le=1
    )
    drawing: float = setting(
        1.0, "dial: how far what is drawn stands out from its panel's mean colour; 0: blank panels", ge=0, le=1
    )
    paper: float = setting(0.7, "dial: colour and grain of the paper", ge=0, le=1)

    presets = {"smoke": {"pages": 1, "panels": 4}}
