"""A head: outline, eyes, brows, nose, mouth by expression, with what is worn, hair and hat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, Pen, mix, shade
from inkbench.benchmark.data.synth.cast import Character
from inkbench.benchmark.data.synth.curves import Points, box, ellipse, place, smooth
from inkbench.benchmark.data.synth.hair import back_hair, front_hair, hat_shapes
from inkbench.benchmark.data.synth.style import WHITE
from inkbench.benchmark.data.synth.worn import draw_beard, draw_glasses

EXPRESSIONS = ("neutral", "smile", "talk", "shout", "angry", "sad", "surprised", "laugh", "grit")
BROWS = {"angry": 0.5, "grit": 0.45, "shout": 0.3, "sad": -0.45, "surprised": -0.1}
RAISED = {"surprised": 0.06, "laugh": 0.03, "angry": -0.02}


@dataclass(frozen=True, slots=True)
class Head:
    """A head's place: middle and height in pixels, tilt in radians, ``yaw`` 0 (front) to 1, mirrored to the left."""

    x: float
    y: float
    size: float
    tilt: float
    yaw: float
    mirror: bool
    expression: str

    def __call__(self, points: Points) -> Points:
        """Convert head coordinates to pixels of the panel."""
        return place(points, self.x, self.y, self.size, self.tilt, self.mirror)

    def mouth(self) -> tuple[float, float]:
        """Return the point that a balloon's tail points to."""
        x, y = self(np.array([(self.yaw * 0.2, 0.3)]))[0]
        return float(x), float(y)


def outline(who: Character, yaw: float) -> Points:
    """Return the face's outline in head coordinates."""
    w, jaw, chin = who.face_width, who.jaw, who.chin
    side = np.array([
        (0.0, -0.5), (0.62 * w, -0.43), (0.96 * w, -0.18), (w * who.cheek, 0.06), (w * (0.5 + 0.42 * jaw), 0.3),
        (w * (0.22 + 0.5 * chin * jaw), 0.46),
    ])  # fmt: skip
    left = side[:0:-1] * (-1, 1)
    points = np.concatenate([side, [(0.0, 0.5)], left])
    x, y = points[:, 0], points[:, 1]
    turned = np.where(x > 0, x * (1 - 0.16 * yaw), x * (1 + 0.02 * yaw)) + yaw * np.where(y > 0.2, 0.1, -0.02)
    return smooth(np.stack([turned, y], axis=1), per=3)


def draw_back(canvas: Canvas, who: Character, head: Head, pen: Pen, code: int) -> None:
    """Draw the hair that hangs behind body and head."""
    for shape in back_hair(who):
        canvas.shape(head(shape), mix(who.hair_colour, (0, 0, 0), 0.12), pen, code)


def draw_head(canvas: Canvas, who: Character, head: Head, pen: Pen, codes: tuple[int, int], toon: bool) -> None:
    """Draw the head in front of its back hair; ``codes`` are those of the body (hat) and of the face."""
    body, face = codes
    size, yaw = head.size, head.yaw
    fine = pen.scaled(0.75)
    w = who.face_width
    for side in (-1.0, 1.0) if yaw < 0.25 else ():
        canvas.shape(head(ellipse(side * w, 0.04, 0.09 * who.ears, 0.13 * who.ears, 12)), who.skin, fine, face)
    canvas.shape(head(outline(who, yaw)), who.skin, pen, face, size=size * (0.16 if pen.depth else 0.11))
    if yaw >= 0.25:
        x = -w * (1 - 0.28 * yaw)
        canvas.shape(head(ellipse(x, 0.05, 0.075 * who.ears, 0.12 * who.ears, 12)), who.skin, fine, face)
        if size > 30:
            fold = smooth(np.array([(x + 0.03, -0.01), (x - 0.03, 0.03), (x + 0.02, 0.1)]), closed=False)
            canvas.stroke(head(fold), fine.width, pen.ink)
    if size > 14:
        draw_beard(canvas, who, head, fine, face)
        _nose(canvas, who, head, fine, toon)
        _mouth(canvas, who, head, pen)
    _eyes(canvas, who, head, pen, toon)
    _hair(canvas, who, head, pen, face)
    if size > 12:
        draw_glasses(canvas, who, head, pen)
    band = mix(who.pattern_colour, WHITE, 0.1)
    for shape, part in hat_shapes(who):
        canvas.shape(head(shape), band if part else who.top_colour, pen, body, size=size * 0.1)
    if who.extra == "earrings" and size > 20:
        canvas.shape(head(ellipse(-w * (1 - 0.28 * yaw), 0.24, 0.05, 0.06, 10)), who.pattern_colour, fine)


def _hair(canvas: Canvas, who: Character, head: Head, pen: Pen, face: int) -> None:
    for shape in front_hair(who, head.yaw):
        canvas.shape(head(shape), who.hair_colour, pen, face, size=head.size * 0.09)
    if head.size > 40 and who.hair not in ("bald", "buzz", "receding", "mohawk", "afro"):
        w = who.face_width
        light = mix(who.hair_colour, WHITE, 0.3) if sum(who.hair_colour) < 500 else mix(who.hair_colour, pen.ink, 0.4)
        for k in range(4):
            lock = np.array(
                [
                    (-w * (0.8 - 0.3 * k), -0.3 - 0.04 * k),
                    (-w * (0.55 - 0.32 * k), -0.42),
                    (-w * (0.2 - 0.3 * k), -0.47),
                ]
            )
            canvas.stroke(head(smooth(lock, closed=False, per=4)), pen.width * 0.8, light)


def _eyes(canvas: Canvas, who: Character, head: Head, pen: Pen, toon: bool) -> None:
    yaw, size = head.yaw, head.size
    gap = who.face_width * (0.44 if toon else 0.42) * who.eye_gap
    for side in (-1.0, 1.0):
        narrow = 1 - 0.5 * yaw * (side > 0)
        x = side * gap * (1 - 0.22 * yaw) + yaw * 0.17
        if x > who.face_width * 0.93:
            continue
        _eye(canvas, who, head, pen, x, narrow)
        if size > 16:
            lift = RAISED.get(head.expression, 0.0)
            angle = side * (who.brow_angle * 0.5 + BROWS.get(head.expression, 0.0))
            half = 0.1 * narrow * (1.3 if toon else 1.15)
            reach = 0.17 if who.eyes == "big" else 0.12
            y = who.eye_height - reach * (0.8 + 0.2 * who.eye_size) - lift
            brow = np.array([(x - half, y - half * angle), (x, y - 0.02), (x + half, y + half * angle)])
            colour = mix(who.hair_colour, pen.ink, 0.6)
            canvas.stroke(head(smooth(brow, closed=False, per=4)), max(pen.width, size * 0.035 * who.brow), colour, 0.5)


def _eye(canvas: Canvas, who: Character, head: Head, pen: Pen, x: float, narrow: float) -> None:
    s, kind, size = who.eye_size, who.eyes, head.size
    y = who.eye_height - 0.02
    fine = pen.scaled(0.7)
    look = 0.02 + head.yaw * 0.02
    if head.expression == "laugh" and kind not in ("almond", "narrow"):
        arc = np.array([(x - 0.08 * narrow, y + 0.03), (x, y - 0.05), (x + 0.08 * narrow, y + 0.03)])
        canvas.stroke(head(smooth(arc, closed=False)), pen.width * 1.2, pen.ink, 0.4)
        return
    if size < 16 or kind == "dot":
        canvas.fill(head(ellipse(x, y, max(0.035 * s * narrow, 0.9 / size), max(0.055 * s, 1.1 / size), 12)), pen.ink)
        return
    if kind == "bean":
        canvas.fill(head(ellipse(x, y, 0.05 * s * narrow, 0.1 * s, 14)), pen.ink)
        canvas.fill(head(ellipse(x + 0.015, y - 0.045 * s, 0.018, 0.026, 8)), WHITE)
        return
    if kind in ("oval", "big", "round"):
        rx, ry = {"oval": (0.075, 0.1), "big": (0.115, 0.15), "round": (0.07, 0.06)}[kind]
        wide = 1.2 if head.expression == "surprised" else 1.0
        rx, ry = rx * s * narrow * wide, ry * s * wide
        canvas.shape(head(ellipse(x, y, rx, ry, 16)), WHITE, fine)
        canvas.fill(
            head(ellipse(x + look, y + 0.01, rx * 0.5 / narrow**0.5, ry * (0.62 if kind == "big" else 0.58), 12)),
            pen.ink,
        )
        if size > 30:
            canvas.fill(head(ellipse(x + look + rx * 0.15, y - ry * 0.25, rx * 0.2, ry * 0.2, 8)), WHITE)
        return
    tall = (
        {"almond": 0.042, "narrow": 0.024, "lidded": 0.04}[kind] * (1.6 if head.expression == "surprised" else 1.0) * s
    )
    rx = 0.085 * s * narrow
    lid = np.array([(x - rx, y + 0.01), (x - rx * 0.3, y - tall), (x + rx * 0.4, y - tall * 0.9), (x + rx, y)])
    low = np.array([(x + rx * 0.3, y + tall * 0.8), (x - rx * 0.4, y + tall * 0.8)])
    canvas.fill(head(smooth(np.concatenate([lid, low]), per=3)), WHITE)
    canvas.fill(head(ellipse(x + look * 0.7, y - 0.004, min(0.034 * s, rx * 0.5), tall * 0.95, 10)), pen.ink)
    canvas.stroke(head(smooth(lid, closed=False, per=3)), max(pen.width * 1.1, size * 0.022), pen.ink, 0.5)
    if kind == "lidded" and size > 30:
        canvas.stroke(head(smooth(lid - (0, 0.035), closed=False, per=3)), pen.width * 0.6, pen.ink)


def _nose(canvas: Canvas, who: Character, head: Head, pen: Pen, toon: bool) -> None:
    yaw, s = head.yaw, who.nose_size
    x, y = yaw * 0.22, 0.1
    if who.nose == "bulb" or (toon and who.nose == "wide"):
        flush = mix(who.skin, (225, 120, 105) if who.skin[0] != who.skin[2] else (170, 170, 170), 0.3)
        rx = (0.1 if who.nose == "bulb" else 0.14) * s
        canvas.shape(head(ellipse(x + 0.02, y + 0.02, rx, 0.08 * s, 14)), flush, pen)
        return
    shapes = {
        "button": [(-0.035, 0.03), (0.0, 0.06), (0.05, 0.03), (0.045, -0.01)],
        "long": [(0.0, -0.12), (0.07 + yaw * 0.05, 0.07), (0.06, 0.12), (-0.02, 0.11)],
        "hook": [(0.0, -0.14), (0.08 + yaw * 0.06, -0.04), (0.11 + yaw * 0.06, 0.1), (0.02, 0.08)],
        "wide": [(-0.09, 0.05), (-0.05, 0.09), (0.0, 0.07), (0.06, 0.09), (0.1, 0.04)],
        "pointed": [(0.0, -0.08), (0.13 + yaw * 0.08, 0.06), (0.0, 0.09)],
    }
    points = np.array(shapes[who.nose]) * s + (x, y)
    line = points if who.nose == "pointed" else smooth(points, closed=False, per=4)
    if yaw > 0.5 or who.nose == "pointed":
        canvas.fill(head(line), who.skin)
    canvas.stroke(head(line), pen.width * 1.3, pen.ink, 0.5)


def _mouth(canvas: Canvas, who: Character, head: Head, pen: Pen) -> None:
    x, y, half = head.yaw * 0.17, 0.3, 0.13 * who.mouth * (1 - 0.25 * head.yaw)
    kind = head.expression
    bend = {"smile": 0.06, "sad": -0.06, "angry": -0.03, "neutral": 0.01}.get(kind)
    if bend is not None:
        line = smooth(np.array([(x - half, y - bend), (x, y + bend), (x + half, y - bend)]), closed=False)
        if who.lips:
            red = mix(shade(who.skin, pen), (190, 50, 60) if who.skin[0] != who.skin[2] else (90, 90, 90), 0.6)
            canvas.fill(head(ellipse(x, y + bend * 0.6 + 0.005, half * 0.75, 0.035, 14)), red)
        canvas.stroke(head(line), pen.width * 1.1, pen.ink, 0.6)
        return
    if kind == "grit":
        canvas.shape(head(box(x - half, y - 0.04, x + half, y + 0.05)), WHITE, pen.scaled(0.8))
        if head.size > 40:
            for k in (-0.5, 0.0, 0.5):
                canvas.line(
                    head(np.array([(x + half * k, y - 0.04), (x + half * k, y + 0.05)])), pen.width * 0.5, pen.ink
                )
        return
    tall = {"talk": 0.05, "shout": 0.13, "surprised": 0.08, "laugh": 0.1}[kind]
    if kind == "surprised":
        half *= 0.5
    top = y - tall * (0.3 if kind == "laugh" else 0.6)
    upper, jaw = top + (0.02 if kind == "laugh" else -0.02), y + tall * 0.7
    points = [(x - half, top), (x, upper), (x + half, top), (x + half * 0.7, jaw), (x, y + tall), (x - half * 0.7, jaw)]
    canvas.shape(
        head(smooth(np.array(points), per=4)),
        (70, 24, 30) if who.skin[0] != who.skin[2] else (40, 40, 40),
        pen.scaled(0.8),
    )
    if head.size > 30 and kind != "surprised":
        tongue: Colour = (215, 95, 95) if who.skin[0] != who.skin[2] else (150, 150, 150)
        canvas.fill(head(ellipse(x, y + tall * 0.72, half * 0.5, tall * 0.28, 12)), tongue)
        canvas.fill(head(box(x - half * 0.75, top + 0.008, x + half * 0.75, top + 0.035)), WHITE)
