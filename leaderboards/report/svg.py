"""Small drawings as inline SVG: axes, points, lines. Colours are the page's own, so that they turn with its theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from inkbench.benchmark.escaping import lines as lines_of
from inkbench.benchmark.escaping import terminal

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 46
LETTER, LINE = 6.2, 13
"""About how wide a letter and how high a line of a name is."""
SHAPES = 6
"""How many colours the style sheet has, ``.c0`` and on; further series take them again."""


@dataclass(frozen=True, slots=True)
class Point:
    """A dot: where, what its tooltip says, its colour, and a link."""

    x: float
    y: float
    tip: str
    colour: int = 0
    name: str = ""
    href: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from values to pixels with its ticks; ``log`` for counts that span decades."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        return round(self.start + (self._of(value) - self._of(self.low)) / self._span() * (self.end - self.start), 2)

    def ticks(self) -> list[float]:
        """Return round values inside the scale."""
        if self.log:
            low, high = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            decades = [10.0**k for k in range(low, high + 1, max(1, (high - low) // 5))]
            return decades if len(decades) > 1 else [self.low, self.high]
        step = nice_step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _of(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value

    def _span(self) -> float:
        return (self._of(self.high) - self._of(self.low)) or 1.0


def nice_step(span: float, about: int = 6) -> float:
    """Return 1, 2 or 5 times a power of ten, so that ``span`` has about ``about`` steps."""
    raw = (span or 1.0) / about
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)


def fitted(values: Sequence[float], start: float, end: float, log: bool = False) -> Axis:
    """Fit an axis to all values with a little room; a log axis only where all are positive."""
    low, high = min(values), max(values)
    if log and low > 0:
        spread = (high / low) ** 0.06 if high > low else 2.0
        return Axis(low / spread, high * spread, start, end, log=True)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return Axis(low - room, high + room, start, end)


def number(value: float) -> str:
    """Format a tick's label."""
    if value and abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:.4g}"


def scatter(
    title: str, x_label: str, y_label: str, points: Sequence[Point], log_x: bool = False, front: Line | None = None
) -> Markup:
    """Plot dots with tooltips and, where given, vertical intervals and a line; empty markup where there is no dot."""
    if not points:
        return Markup("")
    reach = [value for p in points for value in (p.y, p.low, p.high) if value is not None]
    x = fitted([p.x for p in points], LEFT, WIDTH - RIGHT, log_x)
    y = fitted(reach, HEIGHT - BOTTOM, TOP)
    taken: list[tuple[float, float, float]] = []
    body = _through(front, x, y, "front") if front else Markup("")
    body += Markup("").join(_dot(point, x, y, taken) for point in points)
    return _framed(Labels(title, x_label, y_label), x, y, body)


def lines(title: str, x_label: str, y_label: str, drawn: Sequence[Line]) -> Markup:
    """Plot lines with a legend below; empty markup where no line has two points."""
    drawn = [line for line in drawn if len(line.points) > 1]
    if not drawn:
        return Markup("")
    x = fitted([p[0] for line in drawn for p in line.points], LEFT, WIDTH - RIGHT)
    y = fitted([p[1] for line in drawn for p in line.points], HEIGHT - BOTTOM, TOP)
    body = Markup("")
    for place, line in enumerate(drawn):
        body += _through(line, x, y, f"line c{place % SHAPES}")
    legend = [(place % SHAPES, terminal(line.name)) for place, line in enumerate(drawn)] if len(drawn) > 1 else []
    return _framed(Labels(title, x_label, y_label), x, y, body, legend)


def _through(line: Line, x: Axis, y: Axis, style: str) -> Markup:
    path = " ".join(f"{x.at(a):g},{y.at(b):g}" for a, b in line.points)
    return Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(
        style, path, terminal(line.name)
    )


def forest(
    value: float, low: float | None, high: float | None, bounds: tuple[float, float], marks: Sequence[float], best: bool
) -> Markup:
    """Plot one row's figure and interval on the scale of its block; ``marks`` are vertical lines (the control)."""
    axis = Axis(*bounds, 4, 136)
    drawn = [Markup('<line class="ref" x1="{0}" x2="{0}" y1="0" y2="20"/>').format(axis.at(mark)) for mark in marks]
    if low is not None and high is not None:
        drawn.append(
            Markup('<line class="whisker" x1="{}" x2="{}" y1="10" y2="10"/>').format(axis.at(low), axis.at(high))
        )
    drawn.append(
        Markup('<circle class="{}" cx="{}" cy="10" r="4"/>').format("dot best" if best else "dot", axis.at(value))
    )
    return Markup(
        '<svg class="forest" viewBox="0 0 140 20" width="140" height="20" aria-hidden="true">{}</svg>'
    ).format(Markup("").join(drawn))


def _dot(point: Point, x: Axis, y: Axis, taken: list[tuple[float, float, float]]) -> Markup:
    at = (x.at(point.x), y.at(point.y))
    drawn = Markup("")
    if point.low is not None and point.high is not None:
        drawn += Markup('<line class="whisker c{}" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(
            point.colour % SHAPES, y.at(point.low), y.at(point.high), x=at[0]
        )
    drawn += Markup('<circle class="dot c{}" cx="{}" cy="{}" r="5"/>').format(point.colour % SHAPES, *at)
    if point.name:
        left = at[0] > (LEFT + WIDTH - RIGHT) * 0.6
        wide = LETTER * len(point.name)
        start = at[0] - 9 - wide if left else at[0] + 9
        height = _free(start, start + wide, at[1] + 4, taken)
        drawn += Markup('<text class="name" x="{}" y="{}" text-anchor="{}">{}</text>').format(
            at[0] + (-9 if left else 9), height, "end" if left else "start", terminal(point.name)
        )
    drawn = Markup("<g><title>{}</title>{}</g>").format(lines_of(point.tip), drawn)
    return Markup('<a href="{}">{}</a>').format(point.href, drawn) if point.href else drawn


def _free(start: float, end: float, height: float, taken: list[tuple[float, float, float]]) -> float:
    """Return the height nearest to ``height`` at which a name runs over no earlier one, and note it as taken."""
    for step in (0, 1, -1, 2, -2, 3, -3):
        at = round(height + step * LINE, 2)
        if all(abs(at - other) >= LINE or end < a or start > b for a, b, other in taken):
            break
    taken.append((start, end, at))
    return at


@dataclass(frozen=True, slots=True)
class Labels:
    """The words of a plot: its caption, and what each axis shows."""

    title: str
    x: str
    y: str


def _framed(labels: Labels, x: Axis, y: Axis, body: Markup, legend: Sequence[tuple[int, str]] = ()) -> Markup:
    """Draw axes, grid and labels around a drawing, in a figure whose caption is its title."""
    grid = Markup("")
    for tick in x.ticks():
        grid += Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            x.at(tick), HEIGHT - BOTTOM + 18, number(tick)
        )
    for tick in y.ticks():
        grid += Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
            LEFT, WIDTH - RIGHT, y=y.at(tick)
        )
        grid += Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
            LEFT - 8, y.at(tick) + 4, number(tick)
        )
    grid += Markup('<line class="axis" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
        LEFT, WIDTH - RIGHT, y=HEIGHT - BOTTOM
    )
    labels = Labels(*map(terminal, (labels.title, labels.x, labels.y)))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    grid += Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, labels.x
    )
    grid += Markup(
        '<text class="label" transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>'
    ).format(middle, labels.y)
    names = Markup("").join(Markup('<li><i class="c{}"></i>{}</li>').format(*entry) for entry in legend)
    named = Markup('<ul class="legend">{}</ul>').format(names) if names else ""
    return Markup(
        '<figure class="plot"><figcaption>{0}</figcaption>'
        '<svg viewBox="0 0 {1} {2}" role="img" aria-label="{3}">{4}{5}</svg>{6}</figure>'
    ).format(labels.title, WIDTH, HEIGHT, escape(f"{labels.title}: {labels.y} against {labels.x}"), grid, body, named)
