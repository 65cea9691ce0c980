"""One panel: who is in it, at what scale, in which pose and place, what hides them, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from PIL import ImageOps

from inkbench.benchmark.data.synth import balloons, words
from inkbench.benchmark.data.synth.body import Figure, draw_figure, skeleton
from inkbench.benchmark.data.synth.canvas import Canvas, mix
from inkbench.benchmark.data.synth.cast import Character, recoloured
from inkbench.benchmark.data.synth.curves import Points
from inkbench.benchmark.data.synth.head import EXPRESSIONS, Head
from inkbench.benchmark.data.synth.place import Place
from inkbench.benchmark.data.synth.poses import CALM, CLOSE, POSES, WILD
from inkbench.benchmark.data.synth.props import FITTING, draw_prop
from inkbench.benchmark.data.synth.scenery import GROUNDS, PLACES, draw_ground, draw_place
from inkbench.benchmark.data.synth.style import WHITE, Style

LETTER_MARGIN = 5.0
PROP_CODE, BALLOON_CODE, SOUND_CODE, OUTSIDE = 160, 200, 230, 255
SHOTS = {"long": 0.1, "wide": 0.32, "medium": 0.38, "close": 0.2}
COUNTS = {
    "long": (1, 2, 3, 3, 4, 5),
    "wide": (1, 2, 2, 2, 3, 3, 4),
    "medium": (1, 1, 2, 2, 2, 3),
    "close": (1, 1, 1, 1, 2),
}
HEADS = {
    ("medium", False): (0.22, 0.32), ("medium", True): (0.32, 0.45),
    ("close", False): (0.46, 0.68), ("close", True): (0.5, 0.72),
}  # fmt: skip
"""Heights of heads as shares of the panel's, by shot and whether it is a toon."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts that the panels of a scene share."""

    place: Place
    present: tuple[Character, ...]


@dataclass(slots=True)
class Actor:
    """A figure as drawn, with what is known of it so far."""

    figure: Figure
    index: int
    drawn: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Drawn:
    """A panel before it is printed: image at its own size, codes, and what they mean; ``place`` is its scene's."""

    canvas: Canvas
    codes: np.ndarray
    actors: list[Actor]
    props: list[dict[str, Any]]
    texts: list[balloons.Text]
    shot: str
    ground: str
    place: str
    motion: tuple[tuple[float, float], ...]


def make_scene(rng: Random, cast: list[Character], style: Style) -> Scene:
    """Make a place with those of the cast who are there, in the clothes of the day."""
    tint = rng.choice((WHITE, (255, 220, 170), (170, 190, 255), (255, 190, 190), (190, 230, 200)))
    if style.mono:
        tint = WHITE
    place = Place(
        rng.choice(PLACES), rng.randrange(2**31), rng.randrange(2), rng.randrange(3), (tint, rng.uniform(0.0, 0.35))
    )
    count = min(len(cast), rng.choice((2, 3, 3, 4, 5)))
    shift = rng.choice((0, 0, 1, 2))
    return Scene(place, tuple(recoloured(who, style, shift) for who in rng.sample(cast, count)))


def draw_panel(rng: Random, style: Style, scene: Scene, corners: Points, names: list[str]) -> Drawn:
    """Draw one panel of a scene; ``corners`` clockwise from the top left in its own pixels."""
    width, height = (int(np.ceil(side)) for side in corners.max(axis=0))
    canvas = Canvas(width, height, WHITE)
    shot = rng.choices(list(SHOTS), list(SHOTS.values()))[0]
    wild = rng.random() < 0.22
    ground = rng.choice(GROUNDS) if wild or rng.random() < 0.22 else "place"
    actors = _cast_of_panel(rng, style, scene, canvas, shot, wild)
    if ground == "place":
        zoom = {"long": 0.85, "wide": 1.0, "medium": 1.35, "close": 1.7}[shot]
        draw_place(canvas, scene.place, style, zoom, rng.uniform(-0.25, 0.25))
    else:
        focus = (actors[-1].figure.x, height * 0.45) if actors else (width / 2, height / 2)
        draw_ground(canvas, ground, style, rng, focus)
    heads: list[Head] = []
    motion: list[tuple[float, float]] = []
    for actor in actors:
        head, bones = draw_figure(canvas, actor.figure, style)
        heads.append(head)
        codes = np.asarray(canvas.codes)
        actor.drawn = {code: int(np.count_nonzero(codes == code)) for code in actor.figure.codes}
        if POSES[actor.figure.pose].moving:
            side = -1 if actor.figure.mirror else 1
            motion += [(actor.figure.x + side * chain[2][0], actor.figure.ground + chain[2][1]) for chain in bones.arms]
            if ground != "speed":
                _motion_lines(canvas, rng, style, actor.figure, bones.head_size)
    stands = ground == "place" and shot != "close"
    props = _props(rng, canvas, style, scene, [head.size for head in heads]) if stands else []
    if rng.random() < 0.12 and not style.mono:
        dark, light = mix(style.pen.ink, style.palette.skies[2], 0.4), mix(rng.choice(style.palette.skies), WHITE, 0.35)
        toned = ImageOps.colorize(canvas.image.convert("L"), dark, WHITE, light)
        canvas.image.paste(toned)
    faces = [canvas.extents[actor.figure.codes[1]] for actor in actors]
    bodies = [canvas.extents[actor.figure.codes[0]] for actor in actors]
    letterer = balloons.Letterer(canvas, rng, style, _room(corners), faces, bodies)
    texts = _texts(letterer, actors, heads, wild, names)
    return Drawn(canvas, canvas.code_array(), actors, props, texts, shot, ground, scene.place.kind, tuple(motion))


def _cast_of_panel(rng: Random, style: Style, scene: Scene, canvas: Canvas, shot: str, wild: bool) -> list[Actor]:
    """Return the characters of a panel and their places, back to front."""
    w, h, toon = canvas.width, canvas.height, style.kind == "toon"
    count = min(rng.choice(COUNTS[shot]) + (w > 1.7 * h), len(scene.present))
    if rng.random() < 0.03:
        return []
    if shot in ("medium", "close"):
        tall = rng.uniform(*HEADS[shot, toon]) * h * style.heads
    else:
        tall = h * (rng.uniform(0.56, 0.74) if shot == "wide" else rng.uniform(0.3, 0.42))
    each = tall / style.heads * (1.5 if toon else 1.75)
    tall *= min(1.0, w * 1.1 / (each * count))
    actors = []
    for index, who in enumerate(rng.sample(scene.present, count)):
        spread = (index + 0.5) / count
        x = w * (
            0.5 + (spread - 0.5) * 0.9 + rng.uniform(-0.07, 0.07) + (rng.uniform(-0.12, 0.12) if count == 1 else 0)
        )
        mirror = (spread > 0.5) if count > 1 and rng.random() < 0.85 else rng.random() < 0.5
        poses = WILD if wild else CLOSE if shot in ("medium", "close") else CALM
        near = rng.uniform(0.86, 1.06)
        figure = Figure(
            who, x, 0.0, tall * near, mirror, rng.choice((0.0, 0.15, 0.4, 0.6, 0.8)), rng.choice(poses),
            rng.choice(EXPRESSIONS), rng.uniform(-0.14, 0.14), (2 * index + 2, 2 * index + 3),
        )  # fmt: skip
        ground = h * (0.9 + 0.4 * (near - 0.96) + rng.uniform(0, 0.05))
        if shot in ("medium", "close"):
            ground = (
                h * (rng.uniform(0.44, 0.56) if shot == "medium" else rng.uniform(0.48, 0.62))
                - skeleton(figure, style).head[1]
            )
        actors.append(Actor(_at(figure, ground), index))
    return sorted(actors, key=lambda actor: actor.figure.height)


def _at(figure: Figure, ground: float) -> Figure:
    return Figure(
        figure.who, figure.x, ground, figure.height, figure.mirror, figure.yaw, figure.pose, figure.expression,
        figure.tilt, figure.codes,
    )  # fmt: skip


def _motion_lines(canvas: Canvas, rng: Random, style: Style, figure: Figure, size: float) -> None:
    back = 1 if figure.mirror else -1
    for _ in range(7):
        y = figure.ground - figure.height * rng.uniform(0.05, 0.9)
        x = figure.x + back * size * rng.uniform(0.9, 1.4)
        canvas.stroke(
            np.linspace((x, y), (x + back * size * rng.uniform(0.8, 2.2), y + rng.uniform(-2, 2)), 5),
            style.pen.width * 1.3, style.pen.ink,
        )  # fmt: skip


def _props(rng: Random, canvas: Canvas, style: Style, scene: Scene, sizes: list[float]) -> list[dict[str, Any]]:
    if rng.random() > 0.5:
        return []
    unit = max(sizes, default=canvas.height * 0.15) * (0.75 if style.kind == "toon" else 1.15)
    props = []
    for k in range(rng.choice((1, 1, 2))):
        kind = rng.choice(FITTING[scene.place.kind])
        draw_prop(canvas, rng, style, kind, PROP_CODE + k, unit)
        props.append({"code": PROP_CODE + k, "kind": kind})
    return props


def _room(corners: Points) -> balloons.Rect:
    """Return the upright rectangle inside a panel's corners, with a margin."""
    x, y = corners[:, 0], corners[:, 1]
    return (
        float(max(x[0], x[3])) + LETTER_MARGIN, float(max(y[0], y[1])) + LETTER_MARGIN,
        float(min(x[1], x[2])) - LETTER_MARGIN, float(min(y[2], y[3])) - LETTER_MARGIN,
    )  # fmt: skip


def _texts(
    letterer: balloons.Letterer, actors: list[Actor], heads: list[Head], wild: bool, names: list[str]
) -> list[balloons.Text]:
    rng, canvas = letterer.rng, letterer.canvas
    texts: list[balloons.Text | None] = []
    if rng.random() < 0.2:
        texts.append(letterer.tell(words.narration(rng, names), BALLOON_CODE + 20))
    visible = [k for k, head in enumerate(heads) if 0 < head.x < canvas.width and 0 < head.y < canvas.height]
    rng.shuffle(visible)
    most = rng.choice((0, 1, 1, 1, 2, 2)) if canvas.width > 150 else rng.choice((0, 1, 1))
    for turn, k in enumerate(visible[:most]):
        figure = actors[k].figure
        loud = figure.expression == "shout" or (wild and rng.random() < 0.4)
        speaker = balloons.Speaker(figure.who.id, heads[k].mouth(), loud, not loud and rng.random() < 0.1)
        line = words.speech(rng, [name for name in names if name != figure.who.name])
        texts.append(letterer.speak(line, speaker, BALLOON_CODE + turn))
    if rng.random() < (0.5 if wild else 0.04):
        texts.append(letterer.ring_out(words.sound(rng), SOUND_CODE))
    return [text for text in texts if text is not None]
