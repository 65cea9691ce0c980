"""The letterer: places balloons, captions and sound words where they hide no face, and writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal

import numpy as np

from inkbench.benchmark.data.synth import bubbles, lettering
from inkbench.benchmark.data.synth.canvas import Canvas, mix
from inkbench.benchmark.data.synth.curves import Points, box
from inkbench.benchmark.data.synth.style import WHITE, Style

Rect = tuple[float, float, float, float]
TextKind = Literal["dialogue", "narration", "sound"]


@dataclass(frozen=True, slots=True)
class Text:
    """Lettering in a panel: its own rectangle, that of its balloon (tail included) and who says it."""

    kind: TextKind
    text: str
    box: Rect
    balloon: Rect | None
    code: int
    speaker: str | None


@dataclass(frozen=True, slots=True)
class Speaker:
    """The speaker of a line, the place of the mouth, and the manner of speech."""

    id: str
    mouth: tuple[float, float]
    loud: bool = False
    thought: bool = False


@dataclass(slots=True)
class Letterer:
    """Lettering of one panel. ``room`` is where it may lie; ``taken`` grows with what is placed."""

    canvas: Canvas
    rng: Random
    style: Style
    room: Rect
    faces: list[Rect]
    bodies: list[Rect]
    taken: list[Rect] = field(default_factory=list)

    def speak(self, line: str, speaker: Speaker, code: int) -> Text | None:
        """Draw a balloon for one line of dialogue; None where there is no room."""
        style, height = self.style, self.style.letters.height
        roomy = style.balloon == "squarish" and not (speaker.loud or speaker.thought)
        best: tuple[float, Rect, list[str], float, float] | None = None
        for share in (0.34, 0.48, 0.7):
            lines = lettering.wrapped(line, style.letters, height, (self.room[2] - self.room[0]) * share)
            text_wide, text_tall = _block(lines, style)
            wide, tall = text_wide * (1.0 if roomy else 1.26) + 15, text_tall * (1.0 if roomy else 1.3) + 14
            found = self._spot(wide, tall, speaker.mouth[0])
            lanky = 0.5 * max(tall / wide - 1.0, 0.0)
            if found and (best is None or found[0] + lanky < best[0]):
                best = (found[0] + lanky, found[1], lines, text_wide, text_tall)
        if best is None:
            return None
        _, rect, lines, text_wide, text_tall = best
        x, y = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
        whole = self._balloon(rect, speaker, code)
        lettering.write(self.canvas, lines, (x, y - text_tall / 2), height, style)
        self.taken.append(rect)
        inner = (x - text_wide / 2, y - text_tall / 2, x + text_wide / 2, y + text_tall / 2)
        return Text("dialogue", line, inner, whole, code, speaker.id)

    def _balloon(self, rect: Rect, speaker: Speaker, code: int) -> Rect:
        canvas, style = self.canvas, self.style
        wide, tall = rect[2] - rect[0], rect[3] - rect[1]
        centre = (rect[0] + wide / 2, rect[1] + tall / 2)
        shape = bubbles.outline(self.rng, style, centre, (wide / 2, tall / 2), speaker.loud, speaker.thought)
        ink, line = style.pen.ink, max(0.9, style.pen.width * (1.25 if speaker.loud else 0.8))
        if speaker.thought:
            tails = bubbles.thoughts(centre, tall, speaker.mouth)
        else:
            tails = [bubbles.tail(centre, wide, tall, speaker.mouth)]
        for part in tails:
            canvas.fill(bubbles.grown(part, line), ink, code)
        canvas.fill(centre + (shape - centre) * (1 + 2 * line / np.array([wide, tall])), ink, code)
        for part in (*tails, shape):
            canvas.fill(part, WHITE)
        return _rect(np.concatenate([shape, *tails]))

    def tell(self, line: str, code: int) -> Text | None:
        """Draw a caption at the top left, or at the bottom right where that is taken."""
        style = self.style
        room = self.room[2] - self.room[0]
        lines = lettering.wrapped(line, style.letters, style.letters.height, room * 0.55)
        wide, tall = _block(lines, style)
        if wide + 16 > room:
            return None
        for x, y in ((self.room[0], self.room[1]), (self.room[2] - wide - 12, self.room[3] - tall - 12)):
            rect = (x, y, x + wide + 12, y + tall + 12)
            if not any(_overlap(rect, other) for other in self.taken):
                break
        else:
            return None
        self.canvas.shape(box(*rect), style.caption, style.pen.scaled(0.8), code)
        middle = (rect[0] + rect[2]) / 2
        lettering.write(self.canvas, lines, (middle, rect[1] + 6), style.letters.height, style)
        self.taken.append(rect)
        return Text("narration", line, (rect[0] + 6, rect[1] + 6, rect[2] - 6, rect[3] - 6), rect, code, None)

    def ring_out(self, word: str, code: int) -> Text | None:
        """Draw a sound word in big letters, sometimes on a jagged star."""
        canvas, rng, style = self.canvas, self.rng, self.style
        height = min(canvas.height * rng.uniform(0.14, 0.22), canvas.width / len(word))
        wide, tall = height * 0.85 * len(word), height * 1.5
        found = self._spot(wide, tall, rng.random() * canvas.width)
        if found is None or height < 10:
            return None
        rect = found[1]
        x, y = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
        if rng.random() < 0.5:
            turn = np.linspace(0, 2 * np.pi, 25)[:-1]
            radius = np.array([0.72 if k % 2 else rng.uniform(0.95, 1.25) for k in range(24)])
            star = np.stack([x + np.cos(turn) * wide * 0.62 * radius, y + np.sin(turn) * tall * 0.72 * radius], axis=1)
            canvas.shape(star, WHITE if style.mono else mix(style.palette.accent, WHITE, 0.5), style.pen, code)
        colours = [style.pen.ink, WHITE, style.palette.cloths[0]]
        corners = lettering.big_word(canvas, word, (x, y), height, rng.uniform(-0.3, 0.3), colours)
        canvas.mark(corners, code)
        self.taken.append(rect)
        return Text("sound", word, _rect(corners), None, code, None)

    def _spot(self, wide: float, tall: float, near: float) -> tuple[float, Rect] | None:
        """Find the cheapest place for a rectangle, high up and near ``near`` in x; None where it would hide a face."""
        x0, y0, x1, y1 = self.room
        if wide > x1 - x0 or tall > (y1 - y0) * 0.6:
            return None
        best: Rect | None = None
        least = 1.2
        for row in (0.0, 0.12, 0.3, 0.55, 1.0):
            y = y0 + (y1 - y0 - tall) * row
            for column in range(7):
                x = x0 + (x1 - x0 - wide) * column / 6
                rect = (x, y, x + wide, y + tall)
                away = abs(x + wide / 2 - near) / (x1 - x0)
                cost = self._cost(rect) + row * 0.3 + away * 0.3 + self.rng.random() * 0.05
                if cost < least:
                    best, least = rect, cost
        return None if best is None else (least, best)

    def _cost(self, rect: Rect) -> float:
        area = _area(rect)
        hidden = sum(4 * _overlap(rect, face) / max(_area(face), 1) for face in self.faces)
        hidden += sum(0.9 * _overlap(rect, body) / max(_area(body), area, 1) for body in self.bodies)
        return hidden + sum(_overlap(rect, other) for other in self.taken) * 20 / area


def _area(rect: Rect) -> float:
    return (rect[2] - rect[0]) * (rect[3] - rect[1])


def _overlap(a: Rect, b: Rect) -> float:
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return wide * tall if wide > 0 and tall > 0 else 0.0


def _block(lines: list[str], style: Style) -> tuple[float, float]:
    height = style.letters.height
    wide = max(lettering.measure(part, style.letters, height) for part in lines)
    return wide, len(lines) * lettering.leading(height) - height * 0.42


def _rect(points: Points) -> Rect:
    x0, y0 = points.min(axis=0).tolist()
    x1, y1 = points.max(axis=0).tolist()
    return x0, y0, x1, y1
