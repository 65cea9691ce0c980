"""From drawing to print: frame lines, vignette, halftone, shifted colour plates, paper; each with a dial."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops

from inkbench.benchmark.data.synth.canvas import Canvas
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.curves import Points
from inkbench.benchmark.data.synth.style import Style
from inkbench.benchmark.seeding import derive

VIGNETTE = 0.6
MOST_SHIFT = 3
CODE_BAND, CODE_AMPLITUDE = 3, 40.0
TURNS = (0.0, 0.26, 0.52)


def frame_lines(canvas: Canvas, corners: Points, style: Style, dial: float) -> None:
    """Draw the ink around a panel, just inside its corners (in panel pixels)."""
    width = style.frame * dial
    if width <= 0:
        return
    middle = corners.mean(axis=0)
    inner = corners + np.sign(middle - corners) * width / 2
    canvas.line(np.concatenate([inner, inner[:2]]), width, style.pen.ink)


@lru_cache(maxsize=2)
def _screens(cell: float, angle: float, width: int, height: int) -> tuple[np.ndarray, ...]:
    """Return threshold maps in [0, 1] of the three plates."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    maps = []
    for turn in TURNS:
        c, s = np.cos(angle + turn) * 2 * np.pi / cell, np.sin(angle + turn) * 2 * np.pi / cell
        maps.append((0.5 + 0.25 * (np.cos(x * c + y * s) + np.cos(y * c - x * s))).astype(np.float32))
    return tuple(maps)


@lru_cache(maxsize=8)
def _strength(amount: float) -> np.ndarray:
    """Return the share of a tint that is printed as dots: none in white paper and solid ink."""
    tone = np.arange(256, dtype=np.float32) / 255
    rise = np.clip((tone - 0.04) / 0.08, 0, 1)
    fall = np.clip((0.86 - tone) / 0.16, 0, 1)
    return (amount * rise * fall).astype(np.float32)


def halftone(ink: np.ndarray, style: Style, amount: float, phase: tuple[int, int]) -> np.ndarray:
    """Return ``ink`` (H, W, plates) uint8, 255 a solid, with its tints as dots; ``phase`` moves the dots in pixels."""
    if amount <= 0:
        return ink
    height, width, plates = ink.shape
    x, y = phase
    # one size for all panels of a usual page, so that the maps are made once a series
    side = -(-max(width + x, height + y) // 896) * 896
    screens = _screens(style.screen_cell, style.screen_angle, side, side)
    weights = _strength(amount * style.finish)
    sharp = style.screen_cell * 0.8
    out = np.empty_like(ink)
    for plate in range(plates):
        tone = ink[:, :, plate] * np.float32(1 / 255)
        dots = np.clip((tone - screens[plate][y : y + height, x : x + width]) * sharp + 0.5, 0, 1)
        dots -= tone
        dots *= weights[ink[:, :, plate]]
        dots += tone
        out[:, :, plate] = dots * 255 + 0.5
    return out


def misregister(image: Image.Image, shifts: tuple[tuple[int, int], ...]) -> Image.Image:
    """Shift the cyan, magenta and yellow plates of an RGB image by (dx, dy) against black."""
    plates = ImageChops.invert(image).split()
    black = ImageChops.darker(ImageChops.darker(plates[0], plates[1]), plates[2])
    moved = []
    for plate, shift in zip(plates, shifts):
        colour = ImageChops.subtract(plate, black)
        off = colour.copy()
        off.paste(colour, shift)
        moved.append(ImageChops.add(off, black))
    return ImageChops.invert(Image.merge("RGB", moved))


def plate_shifts(config: SynthConfig, series: int, page: int) -> tuple[tuple[int, int], ...]:
    """Return the shifts of a page's three plates: the press of a series, with a little play from page to page."""
    rng = np.random.default_rng(derive(config.seed, "plates", series))
    play = np.random.default_rng(derive(config.seed, "plates", series, page))
    angle = rng.uniform(0, 2 * np.pi, 3) + play.normal(0, 0.3, 3)
    far = MOST_SHIFT * config.misregistration * rng.uniform(0.6, 1.0, 3)
    return tuple((round(r * np.cos(a)), round(r * np.sin(a))) for r, a in zip(far.tolist(), angle.tolist()))


def print_panel(
    image: Image.Image, style: Style, config: SynthConfig, shifts: tuple[tuple[int, int], ...], rng: np.random.Generator
) -> np.ndarray:
    """Print a finished panel as it comes off the press, (H, W, 3) uint8."""
    pixels = np.asarray(image)
    if config.drawing < 1:
        mean = pixels.mean((0, 1))
        pixels = (mean + config.drawing * (pixels - mean)).astype(np.uint8)
    if config.vignette > 0:
        height, width = pixels.shape[:2]
        u, v = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
        fall = 1 - config.vignette * VIGNETTE * (u[None, :] ** 2 + v[:, None] ** 2) / 2
        pixels = (pixels * fall[:, :, None]).astype(np.uint8)
    free = 1 - config.halftone_phase
    cell = 2 * style.screen_cell
    phase = (int(rng.random() * cell * free), int(rng.random() * cell * free))
    if style.mono:
        grey = np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
        pixels = np.repeat(255 - halftone(255 - grey, style, config.halftone, phase), 3, axis=2)
    else:
        pixels = 255 - halftone(255 - pixels, style, config.halftone, phase)
        if any(dx or dy for dx, dy in shifts):
            pixels = np.asarray(misregister(Image.fromarray(pixels), shifts))
    return edge_code(pixels, config.edge_code)


def edge_code(pixels: np.ndarray, dial: float) -> np.ndarray:
    """Colour the borders of a panel: red grows with x, blue with y, so a glance at a border tells where it is."""
    if dial <= 0:
        return pixels
    height, width = pixels.shape[:2]
    tint = np.zeros((height, width, 3), dtype=np.float32)
    tint[:, :, 0] = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    tint[:, :, 2] = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    tint[CODE_BAND : height - CODE_BAND, CODE_BAND : width - CODE_BAND] = 0
    printed: np.ndarray = np.clip(pixels + tint * (CODE_AMPLITUDE * dial), 0, 255).astype(np.uint8)
    return printed


@lru_cache(maxsize=2)
def paper(seed: int, series: int, style: Style, width: int, height: int, dial: float) -> Image.Image:
    """Return the sheet that pages of a series are printed on, to be multiplied with the print."""
    rng = np.random.default_rng(derive(seed, "paper", series))
    coarse = rng.random((height // 24 + 2, width // 24 + 2), dtype=np.float32)
    blotches = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    fibres = rng.random((height, width), dtype=np.float32)
    grain = 1 - dial * style.grain * (0.05 * blotches + 0.045 * fibres)
    colour = 255 - (255 - np.array(style.paper, dtype=np.float32)) * dial
    return Image.fromarray((grain[:, :, None] * colour).clip(0, 255).astype(np.uint8))
