"""The look of a series: its hand, palette, shading, print and lettering, all drawn from its number."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from random import Random
from typing import Literal

from inkbench.benchmark.data.synth.canvas import Colour, Pen, mix
from inkbench.benchmark.seeding import derive

Kind = Literal["realistic", "toon"]
BLACK: Colour = (18, 16, 22)
WHITE: Colour = (250, 249, 245)


@dataclass(frozen=True, slots=True)
class Palette:
    """Few inks for the whole series: its characters share them, so colour does not tell who is who."""

    skins: tuple[Colour, ...]
    hairs: tuple[Colour, ...]
    cloths: tuple[Colour, ...]
    walls: tuple[Colour, ...]
    greens: tuple[Colour, ...]
    skies: tuple[Colour, ...]
    accent: Colour


@dataclass(frozen=True, slots=True)
class Lettering:
    """The letterer's hand: sizes in page pixels."""

    height: float
    weight: float
    width: float
    slant: float
    jitter: float


@dataclass(frozen=True, slots=True)
class Style:
    """Everything that all pages of a series share."""

    kind: Kind
    heads: float
    pen: Pen
    wobble: float
    palette: Palette
    mono: bool
    letters: Lettering
    balloon: Literal["oval", "squarish", "bumpy"]
    caption: Colour
    gutter: int
    frame: float
    slanted: float
    screen_cell: float
    screen_angle: float
    paper: Colour
    grain: float
    eyes: tuple[str, ...]
    finish: float


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return a colour by hue, saturation and value in [0, 1]."""
    r, g, b = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return (round(r * 255), round(g * 255), round(b * 255))


def make_style(seed: int, series: int) -> Style:
    """Return the style of a series; even ones are drawn realistically, odd ones as toons."""
    rng = Random(derive(seed, "style", series))
    kind: Kind = "toon" if series % 2 else "realistic"
    toon = kind == "toon"
    mono = rng.random() < 0.2
    ink = BLACK if mono or rng.random() < 0.6 else mix(BLACK, hsv(rng.random(), 0.7, 0.45), 0.5)
    shading = rng.choice(("flat", "cel", "cel", "soft hatch") if toon else ("cel", "hatch", "hatch", "cel hatch"))
    tint = rng.choice(((150, 140, 190), (185, 150, 150), (150, 165, 185), (170, 160, 150)))
    pen = Pen(
        ink=ink,
        width=rng.uniform(1.5, 2.6) if toon else rng.uniform(0.9, 1.7),
        swell=rng.uniform(0.15, 0.75) if toon else rng.uniform(0.3, 0.9),
        shadow=(150, 150, 150) if mono else tint,
        depth=rng.uniform(0.7, 1.2) if "cel" in shading else 0.0,
        hatch=(0.0 if "hatch" not in shading else rng.uniform(0.6, 0.85) if toon else rng.uniform(0.9, 1.3)),
        dark=(rng.choice((-1, 1)) * rng.uniform(0.5, 0.8), rng.uniform(0.5, 0.75)),
    )
    return Style(
        kind=kind,
        heads=rng.uniform(2.7, 4.2) if toon else rng.uniform(5.8, 6.9),
        pen=pen,
        wobble=rng.choice((0.0, 0.006, 0.012)),
        palette=_grey_palette(rng) if mono else _palette(rng, toon),
        mono=mono,
        letters=Lettering(
            height=rng.uniform(7.4, 8.4),
            weight=rng.uniform(1.05, 1.5),
            width=rng.uniform(0.6, 0.74),
            slant=rng.choice((0.0, 0.0, 0.12, 0.2)),
            jitter=rng.uniform(0.0, 0.05),
        ),
        balloon=rng.choice(("oval", "squarish", "bumpy")),
        caption=WHITE if mono else rng.choice((WHITE, (252, 240, 170), (200, 228, 240), (250, 222, 190))),
        gutter=rng.randint(6, 16),
        frame=rng.uniform(1.4, 3.0) if toon else rng.uniform(0.9, 2.2),
        slanted=rng.choice((0.0, 0.0, 0.3, 0.6)),
        screen_cell=rng.uniform(2.8, 4.4),
        screen_angle=rng.uniform(0.1, 0.7),
        paper=rng.choice(((255, 255, 255), (252, 246, 230), (246, 236, 212), (249, 244, 238), (240, 228, 200))),
        grain=rng.uniform(0.2, 1.0),
        eyes=("dot", "oval", "big", "bean") if toon else ("almond", "narrow", "round", "lidded"),
        finish=rng.uniform(0.3, 1.0),
    )


def _palette(rng: Random, toon: bool) -> Palette:
    base = rng.random()
    strength = rng.uniform(0.5, 0.8) if toon else rng.uniform(0.3, 0.6)
    light = rng.uniform(0.85, 1.0) if toon else rng.uniform(0.7, 0.9)
    scheme = rng.choice(((0, 0.5, 0.08), (0, 0.33, 0.66), (0, 0.12, 0.58), (0, 0.42, 0.92)))
    cloths = tuple(hsv(base + shift, strength * rng.uniform(0.8, 1), light * rng.uniform(0.75, 1)) for shift in scheme)
    skin = hsv(rng.uniform(0.05, 0.085), rng.uniform(0.2, 0.45), rng.uniform(0.88, 1.0))
    dark_skin = hsv(rng.uniform(0.05, 0.08), rng.uniform(0.45, 0.6), rng.uniform(0.5, 0.72))
    hair = rng.choice(
        (hsv(0.08, 0.65, 0.35), hsv(0.11, 0.6, 0.9), hsv(0.04, 0.75, 0.6), (40, 36, 52), hsv(base, 0.5, 0.4))
    )
    return Palette(
        skins=(skin, skin, dark_skin) if rng.random() < 0.6 else (skin,),
        hairs=(hair, (40, 36, 52)),
        cloths=(*cloths, mix(WHITE, cloths[0], 0.08), (60, 60, 74)),
        walls=tuple(
            hsv(base + rng.uniform(-0.2, 0.5), rng.uniform(0.1, 0.4), rng.uniform(0.75, 0.95)) for _ in range(3)
        ),
        greens=tuple(
            hsv(rng.uniform(0.2, 0.4), strength * rng.uniform(0.5, 0.9), rng.uniform(0.5, 0.85)) for _ in range(3)
        ),
        skies=(
            hsv(rng.uniform(0.5, 0.6), rng.uniform(0.15, 0.45), rng.uniform(0.9, 1)),
            hsv(rng.uniform(0.02, 0.14), rng.uniform(0.2, 0.5), rng.uniform(0.92, 1)),
            hsv(rng.uniform(0.6, 0.72), rng.uniform(0.45, 0.7), rng.uniform(0.25, 0.45)),
        ),
        accent=hsv(base + rng.choice((0.5, 0.0, 0.15)), 0.85, 0.98),
    )


def _grey_palette(rng: Random) -> Palette:
    def greys(*values: float) -> tuple[Colour, ...]:
        shifted = [min(255, round(255 * (v + rng.uniform(-0.04, 0.04)))) for v in values]
        return tuple((v, v, v) for v in shifted)

    return Palette(
        skins=((246, 246, 246), (246, 246, 246), (190, 190, 190)),
        hairs=((30, 30, 32), (225, 225, 225)),
        cloths=greys(0.4, 0.62, 0.78, 0.95, 0.2),
        walls=greys(0.85, 0.75, 0.92),
        greens=greys(0.6, 0.72, 0.5),
        skies=greys(0.92, 0.8, 0.3),
        accent=(235, 235, 235),
    )
