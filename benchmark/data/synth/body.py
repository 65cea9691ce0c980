"""A figure: skeleton from its pose, limbs as ribbons, trunk with its clothes, head on top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from inkbench.benchmark.data.synth.canvas import Canvas, Colour, Pen, mix
from inkbench.benchmark.data.synth.cast import Character
from inkbench.benchmark.data.synth.clothes import Patch, neckwear, pattern
from inkbench.benchmark.data.synth.curves import Points, ellipse, place, ribbon, smooth
from inkbench.benchmark.data.synth.head import Head, draw_back, draw_head
from inkbench.benchmark.data.synth.poses import POSES, Pose
from inkbench.benchmark.data.synth.style import Style

Spot = tuple[float, float]
Chain = tuple[Spot, Spot, Spot]
At = Callable[[Points], Points]
BUILD = {
    "thin": (0.86, 0.72, 0.8), "normal": (1.0, 0.86, 1.0), "broad": (1.32, 0.95, 1.25), "heavy": (1.18, 1.5, 1.3),
    "pear": (0.88, 1.3, 1.1), "small": (0.9, 0.95, 0.95),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """A character placed in a panel: where its feet stand, how tall a usual figure would be, and how it acts."""

    who: Character
    x: float
    ground: float
    height: float
    mirror: bool
    yaw: float
    pose: str
    expression: str
    tilt: float
    codes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Joints in pixels before mirroring, x relative to the figure; head height and widths in pixels."""

    pelvis: Spot
    neck: Spot
    head: Spot
    head_size: float
    arms: tuple[Chain, Chain]
    legs: tuple[Chain, Chain]
    shoulder: float
    waist: float
    limb: float


def _chain(start: Spot, first: float, second: float, angles: Spot) -> Chain:
    a, b = radians(angles[0]), radians(angles[0] + angles[1])
    middle = (start[0] + first * sin(a), start[1] + first * cos(a))
    return start, middle, (middle[0] + second * sin(b), middle[1] + second * cos(b))


def skeleton(figure: Figure, style: Style) -> Skeleton:
    """Return the joints of a figure, its lowest foot at height 0 (y grows downwards)."""
    who, pose = figure.who, POSES[figure.pose]
    tall = figure.height * who.height
    toon = style.kind == "toon"
    small = who.build == "small"
    size = figure.height / style.heads * (0.92 if small else 1.0)
    broad, belly, thick = BUILD[who.build]
    shoulder = size * (0.5 if toon else 0.76) * broad * (0.82 if small else 1.0) * (1 - 0.28 * figure.yaw)
    waist = size * (0.42 if toon else 0.54) * belly * (0.82 if small else 1.0)
    limb = size * (0.22 if toon else 0.29) * thick
    rest = max(tall - size * (1.02 if toon else 1.12), size)
    leg, trunk = rest * (0.5 if toon else 0.6), rest * (0.5 if toon else 0.4)
    lean = radians(pose.lean)
    hip = waist * 0.5 * (1 - 0.5 * figure.yaw)
    drop = max(_chain((0.0, 0.0), leg * 0.5, leg * 0.5, angles)[2][1] for angles in (pose.near_leg, pose.far_leg))
    up = -drop - (leg * 0.25 if figure.pose == "jump" else 0)
    legs = (
        _chain((-hip, up), leg * 0.5, leg * 0.5, pose.near_leg), _chain((hip, up), leg * 0.5, leg * 0.5, pose.far_leg)
    )  # fmt: skip
    pelvis = (0.0, up)
    neck = (trunk * sin(lean), up - trunk * cos(lean))
    reach = trunk * 0.92 + (leg * 0.1)
    out, low = shoulder * 0.86, neck[1] + size * 0.16
    arms = (
        _chain((neck[0] - out, low), reach * 0.5, reach * 0.48, pose.near_arm),
        _chain((neck[0] + out, low), reach * 0.5, reach * 0.48, pose.far_arm),
    )
    bob = size * (0.4 if toon else 0.52)
    head = (neck[0] + sin(lean) * bob + figure.yaw * size * 0.06, neck[1] - bob)
    return Skeleton(pelvis, neck, head, size, arms, legs, shoulder, waist, limb)


def draw_figure(canvas: Canvas, figure: Figure, style: Style) -> tuple[Head, Skeleton]:
    """Draw a figure; returns where its head lies, for eyes, tails and gaze."""
    bones = skeleton(figure, style)
    who = figure.who
    pen = style.pen.scaled(min(1.5, max(0.55, (bones.head_size / (60 if style.kind == "toon" else 34)) ** 0.45)))
    body = figure.codes[0]
    turn = radians(POSES[figure.pose].lean) * 0.5 + figure.tilt
    head_x, head_y = _spot(figure, bones.head)
    head = Head(
        head_x, head_y, bones.head_size, -turn if figure.mirror else turn, figure.yaw, figure.mirror, figure.expression
    )
    neck, pelvis = bones.neck, bones.pelvis

    def at(points: Points) -> Points:
        return place(points, figure.x, figure.ground, mirror=figure.mirror)

    wide, narrow = bones.shoulder, bones.waist
    widths = (wide * 0.64, wide * 1.02, (wide + narrow) * 0.47, narrow, narrow * 1.02)
    trunk = Patch(neck, (pelvis[0], pelvis[1] + narrow * 0.25), widths, figure.yaw, at)
    if who.extra == "cape":
        cape = Patch(
            neck, (pelvis[0] - bones.shoulder * 0.3, pelvis[1] * 0.35), (bones.shoulder, bones.shoulder * 1.7), 0
        )
        canvas.shape(at(cape.outline(0.05)), who.pattern_colour, pen, body, size=bones.shoulder * 0.4)
    draw_back(canvas, who, head, pen, body)
    turned = figure.yaw > 0.3
    if turned:
        _arm(canvas, figure, bones, 1, pen, at)
    _legs(canvas, figure, bones, pen, at)
    _trunk(canvas, figure, bones, trunk, pen)
    size = bones.head_size
    nape = (bones.head[0] - figure.yaw * size * 0.08, bones.head[1] + size * 0.3)
    stem = ribbon(np.array([neck, nape]) + np.array([0, size * 0.05]), [size * 0.34] * 2)
    canvas.shape(at(stem), who.skin, pen.scaled(0.8), body)
    if figure.pose != "think":
        draw_head(canvas, who, head, pen, figure.codes, style.kind == "toon")
    for side in (0,) if turned else (1, 0):
        _arm(canvas, figure, bones, side, pen, at)
    if figure.pose == "think":
        draw_head(canvas, who, head, pen, figure.codes, style.kind == "toon")
    return head, bones


def _spot(figure: Figure, spot: Spot) -> Spot:
    return figure.x + (-spot[0] if figure.mirror else spot[0]), figure.ground + spot[1]


def _limb(chain: Chain, widths: list[float]) -> Points:
    line = smooth(np.array(chain), closed=False, per=5)
    return ribbon(line, widths)


def _arm(canvas: Canvas, figure: Figure, bones: Skeleton, side: int, pen: Pen, at: At) -> None:
    who, chain, w = figure.who, bones.arms[side], bones.limb
    body = figure.codes[0]
    hand = np.array(chain[2])
    along = hand - np.array(chain[1])
    angle = float(np.arctan2(along[1], along[0]))
    r = w * 0.56
    pose: Pose = POSES[figure.pose]
    palm = ellipse(0.55 * r, 0, r * 1.15, r * 0.92, 12)
    bare = who.sleeves in ("short", "none")
    canvas.shape(
        at(_limb(chain, [w * 0.66, w * 1.04, w * 0.98, w * 0.92, w * 0.84, w * 0.7])),
        who.skin if bare else who.top_colour,
        pen,
        body,
        size=w * 0.45,
    )
    if pose.finger and side == 1:
        finger = ribbon(np.array([(r * 0.6, -r * 0.3), (r * 2.6, -r * 0.35)]), [r * 0.55, r * 0.4])
        canvas.shape(at(place(finger, hand[0], hand[1], 1.0, angle)), who.skin, pen.scaled(0.8), body)
    canvas.shape(at(place(palm, hand[0], hand[1], 1.0, angle)), who.skin, pen.scaled(0.9), body, size=r * 0.3)
    if w > 7:
        thumb = ribbon(np.array([(r * 0.1, -r * 0.5), (r * 0.9, -r * 1.25)]), [r * 0.6, r * 0.45])
        canvas.shape(at(place(thumb, hand[0], hand[1], 1.0, angle)), who.skin, pen.scaled(0.8), body)
        for k in (-0.35, 0.1, 0.5):
            knuckle = np.array([(r * 0.9, r * k), (r * 1.6, r * k * 1.05)])
            canvas.line(at(place(knuckle, hand[0], hand[1], 1.0, angle)), pen.width * 0.6, pen.ink)
    if who.sleeves == "short":
        upper = smooth(np.array(chain), closed=False, per=5)[:5]
        canvas.shape(at(ribbon(upper, [w * 0.8, w * 1.22, w * 1.3])), who.top_colour, pen, body, size=w * 0.4)
    elif who.sleeves == "cuffs":
        fore = np.array([chain[2] - along * 0.22, chain[2]])
        canvas.shape(at(ribbon(fore, [w * 0.95, w * 1.02])), who.pattern_colour, pen.scaled(0.8), body)


def _legs(canvas: Canvas, figure: Figure, bones: Skeleton, pen: Pen, at: At) -> None:
    who, w = figure.who, bones.limb * 1.28
    body = figure.codes[0]
    bare = who.lower in ("shorts", "skirt")
    for side in (1, 0):
        chain = bones.legs[side]
        foot = np.array(chain[2])
        colour: Colour = who.skin if bare else who.lower_colour
        if side == 1:
            colour = mix(colour, (0, 0, 0), 0.12)
        canvas.shape(at(_limb(chain, [w * 1.25, w * 1.0, w * 0.72])), colour, pen, body, size=w * 0.4)
        if who.lower == "shorts":
            upper = smooth(np.array(chain), closed=False, per=5)[:6]
            canvas.shape(at(ribbon(upper, [w * 1.3, w * 1.25])), who.lower_colour, pen, body, size=w * 0.4)
        if who.lower == "boots":
            lower = smooth(np.array(chain), closed=False, per=5)[6:]
            canvas.shape(at(ribbon(lower, [w * 1.05, w * 0.95])), who.shoe_colour, pen, body, size=w * 0.3)
        ahead = 1.0 if figure.yaw > 0.3 or side else -1.0
        shoe = np.array([(-0.45, -0.35), (0.3, -0.4), (1.1, 0.02), (1.15, 0.3), (-0.5, 0.3)]) * (
            w * 0.85 * ahead,
            w * 0.85,
        )
        canvas.shape(at(smooth(shoe, per=3) + foot), who.shoe_colour, pen, body)


def _trunk(canvas: Canvas, figure: Figure, bones: Skeleton, trunk: Patch, pen: Pen) -> None:
    who, body, bottom = figure.who, figure.codes[0], trunk.bottom
    wide = bones.waist * 1.02
    skirts = {"skirt": (0.5, 1.5), "long skirt": (0.12, 1.7), "coat": (0.42, 1.35), "robe": (0.08, 1.5)}
    height = float(np.hypot(bottom[0] - trunk.top[0], bottom[1] - trunk.top[1]))
    detailed = bones.head_size > 14
    if who.lower in skirts:
        share, flare = skirts[who.lower]
        widths = (wide * 0.98, wide * (1 + flare) / 2, wide * flare)
        waist, hem = (bottom[0], bottom[1] - height * 0.18), (bottom[0], bottom[1] * share)
        skirt = Patch(waist, hem, widths, figure.yaw, trunk.at)
        colour = who.top_colour if who.lower in ("coat", "robe") else who.lower_colour
        canvas.shape(skirt.outline(0.06), colour, pen, body, size=bones.waist * 0.4)
        for u in (-0.4, 0.05, 0.5) if detailed else ():
            canvas.line(skirt(np.array([(u * 0.8, 0.45), (u, 0.97)])), pen.width * 0.7, pen.ink)
    canvas.shape(trunk.outline(0.02), who.top_colour, pen, body, size=bones.shoulder * 0.4)
    if bones.head_size > 9:
        pattern(canvas, who, trunk, pen, height)
        neckwear(canvas, who, trunk, pen, height)
    if detailed and who.pattern != "overall" and who.lower in ("trousers", "boots", "shorts", "coat"):
        canvas.fill(trunk.quad(-0.95, 0.86, 0.95, 0.96), mix(who.shoe_colour, pen.ink, 0.3))
