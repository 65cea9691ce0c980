"""One page: its panels drawn, printed and laid on paper, with every label in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from inkbench.benchmark.data.synth.cast import Character
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.gaze import Target, look
from inkbench.benchmark.data.synth.layout import Frame, make_layout
from inkbench.benchmark.data.synth.printing import frame_lines, paper, plate_shifts, print_panel
from inkbench.benchmark.data.synth.scene import OUTSIDE, Drawn, draw_panel, make_scene
from inkbench.benchmark.data.synth.style import Style
from inkbench.benchmark.seeding import derive

LEAST_VISIBLE_BODY, LEAST_VISIBLE_FACE = 0.25, 0.4
LEAST_BODY_SIDE, LEAST_FACE_SIDE = 12, 8
IntRect = tuple[int, int, int, int]


@dataclass(slots=True)
class Page:
    """A drawn page: image, a record per panel, instance codes per panel, and one list of fixations per viewer."""

    image: Image.Image
    panels: list[dict[str, Any]]
    codes: list[np.ndarray]
    gaze: list[list[tuple[float, float, int]]]


def frames_of(config: SynthConfig, series: int, page: int, style: Style) -> list[Frame]:
    """Return the frames that ``draw_page`` fills."""
    rng = Random(derive(config.seed, "page", series, page))
    return make_layout(rng, config.width, config.height, style, config.panels)


def draw_page(config: SynthConfig, series: int, page: int, style: Style, cast: list[Character]) -> Page:
    """Draw a page; a function of the settings and its number alone."""
    rng = Random(derive(config.seed, "page", series, page))
    width, height = config.width, config.height
    frames = make_layout(rng, width, height, style, config.panels)
    scenes = [make_scene(rng, cast, style) for _ in range(2)]
    change = rng.randrange(len(frames) + 1)
    shifts = plate_shifts(config, series, page)
    sheet = Image.new("RGB", (width, height), (255, 255, 255))
    names = [who.name for who in cast]
    panels: list[dict[str, Any]] = []
    codes: list[np.ndarray] = []
    drawings: list[Drawn] = []
    for number, frame in enumerate(frames):
        rect = frame.bounds()
        own = Random(derive(config.seed, "panel", series, page, number))
        scene = scenes[0] if number < change else scenes[1]
        corners = frame.corners - rect[:2]
        drawn = draw_panel(own, style, scene, corners, names)
        frame_lines(drawn.canvas, corners, style, config.frame_lines)
        noise = np.random.default_rng(derive(config.seed, "print", series, page, number))
        pixels = Image.fromarray(print_panel(drawn.canvas.finished(), style, config, shifts, noise))
        mask = _mask(frame, rect)
        if mask is None:
            sheet.paste(pixels, rect[:2])
        else:
            sheet.paste(pixels, rect[:2], mask)
            drawn.codes[np.asarray(mask) < 128] = OUTSIDE
        if frame.inset:
            _cover(codes[-1], panels[-1]["box"], rect)
        panels.append({"panel": number, "box": list(rect), "inset": frame.inset, "corners": frame.corners.tolist()})
        codes.append(drawn.codes)
        drawings.append(drawn)
    for record, drawn, code in zip(panels, drawings, codes):
        record.update(_labels(drawn, code))
    sheet = ImageChops.multiply(sheet, paper(config.seed, series, style, width, height, config.paper))
    seen = [(tuple(record["box"]), _targets(record, drawn)) for record, drawn in zip(panels, drawings)]
    gaze = [
        look(Random(derive(config.seed, "gaze", series, page, viewer)), seen, width, height)
        for viewer in range(config.viewers)
    ]
    return Page(sheet, panels, codes, gaze)


def _mask(frame: Frame, rect: IntRect) -> Image.Image | None:
    if frame.rectangular():
        return None
    wide, tall = rect[2] - rect[0], rect[3] - rect[1]
    mask = Image.new("L", (wide * 2, tall * 2))
    ImageDraw.Draw(mask).polygon(((frame.corners - rect[:2]) * 2).ravel().tolist(), fill=255)
    return mask.reduce(2)


def _cover(codes: np.ndarray, host: list[int], rect: IntRect) -> None:
    codes[rect[1] - host[1] : rect[3] - host[1], rect[0] - host[0] : rect[2] - host[0]] = OUTSIDE


def _labels(drawn: Drawn, codes: np.ndarray) -> dict[str, Any]:
    """Return the visible parts of everything in a panel, boxes in panel pixels, right and bottom exclusive."""
    from scipy.ndimage import find_objects  # slow to import, and most commands only read what is drawn

    found = find_objects(codes, max_label=OUTSIDE)
    seen = np.bincount(codes.ravel(), minlength=256)
    height, width = codes.shape
    extents = drawn.canvas.extents

    def rect(*wanted: int) -> list[int] | None:
        slices = [found[code - 1] for code in wanted if found[code - 1] is not None]
        if not slices:
            return None
        return [
            min(s[1].start for s in slices), min(s[0].start for s in slices),
            max(s[1].stop for s in slices), max(s[0].stop for s in slices),
        ]  # fmt: skip

    def shown_of(*wanted: int, pixels: int) -> float:
        return round(min(sum(int(seen[code]) for code in wanted) / max(pixels, 1), 1.0), 4)

    def framed(*wanted: int) -> float:
        x0, y0 = min(extents[c][0] for c in wanted), min(extents[c][1] for c in wanted)
        x1, y1 = max(extents[c][2] for c in wanted), max(extents[c][3] for c in wanted)
        inside = max(min(x1, width) - max(x0, 0), 0) * max(min(y1, height) - max(y0, 0), 0)
        return round(float(inside / max((x1 - x0) * (y1 - y0), 1e-6)), 4)

    order = {
        actor.figure.codes[0]: rank for rank, actor in enumerate(reversed(drawn.actors), start=len(drawn.props) + 1)
    }
    characters = []
    for actor in sorted(drawn.actors, key=lambda one: one.index):
        body, face = actor.figure.codes
        shown = shown_of(body, face, pixels=actor.drawn[body] + actor.drawn[face])
        face_shown = shown_of(face, pixels=actor.drawn[face])
        inside, face_inside = framed(body, face), framed(face)
        characters.append({
            "id": actor.figure.who.id, "char_index": actor.index, "code": body, "face_code": face,
            "depth": order[body], "pose": actor.figure.pose, "expression": actor.figure.expression,
            "looks": "left" if actor.figure.mirror else "right",
            "visible": shown, "inside": inside, "face_visible": face_shown, "face_inside": face_inside,
            "body": _kept(rect(body, face), shown, LEAST_VISIBLE_BODY, LEAST_BODY_SIDE),
            "face": _kept(rect(face), face_shown * face_inside, LEAST_VISIBLE_FACE, LEAST_FACE_SIDE),
        })  # fmt: skip
    props = [
        {**prop, "depth": len(drawn.props) - rank, "box": rect(prop["code"])} for rank, prop in enumerate(drawn.props)
    ]
    texts = []
    for text in drawn.texts:
        shown_text = _clipped(text.box, width, height)
        balloon = rect(text.code) if text.balloon else None
        covered = seen[text.code] < 0.3 * _area(text.balloon or text.box)
        if shown_text is None or covered:
            continue
        texts.append({
            "kind": text.kind, "text": text.text, "code": text.code, "speaker": text.speaker,
            "box": shown_text, "balloon": balloon, "depth": 0,
        })  # fmt: skip
    return {
        "shot": drawn.shot, "ground": drawn.ground, "place": drawn.place, "characters": characters, "props": props,
        "texts": texts, "size": [width, height],
    }  # fmt: skip


def _kept(rect: list[int] | None, shown: float, least: float, side: int) -> list[int] | None:
    if rect is None or shown < least or min(rect[2] - rect[0], rect[3] - rect[1]) < side:
        return None
    return rect


def _area(rect: tuple[float, float, float, float]) -> float:
    return max(rect[2] - rect[0], 0) * max(rect[3] - rect[1], 0)


def _clipped(rect: tuple[float, float, float, float], width: int, height: int) -> list[int] | None:
    x0, y0 = max(int(rect[0]), 0), max(int(rect[1]), 0)
    x1, y1 = min(int(np.ceil(rect[2])), width), min(int(np.ceil(rect[3])), height)
    return [x0, y0, x1, y1] if x1 - x0 >= 4 and y1 - y0 >= 4 else None


def _targets(record: dict[str, Any], drawn: Drawn) -> list[Target]:
    """Return the targets that draw eyes in a panel, in page pixels."""
    px, py = record["box"][:2]
    targets = []
    for character in record["characters"]:
        box = character["face"]
        if box:
            wide, tall = box[2] - box[0], box[3] - box[1]
            weight = 2.0 + min(wide * tall / 2500, 2.0)
            targets.append(
                Target(
                    px + (box[0] + box[2]) / 2,
                    py + box[1] + tall * 0.52,
                    weight,
                    max(wide * 0.16, 4),
                    max(tall * 0.15, 4),
                    1.15,
                )
            )
    for text in record["texts"]:
        x0, y0, x1, y1 = text["box"]
        weight = {"dialogue": 2.6, "narration": 2.0, "sound": 1.6}[text["kind"]]
        targets.append(
            Target(
                px + (x0 + x1) / 2, py + (y0 + y1) / 2, weight, max((x1 - x0) * 0.22, 4), max((y1 - y0) * 0.2, 3), 0.95
            )
        )
    for x, y in drawn.motion:
        if 0 < x < drawn.canvas.width and 0 < y < drawn.canvas.height:
            targets.append(Target(px + x, py + y, 0.9, 7, 7, 0.9))
    for prop in record["props"]:
        if prop["box"]:
            x0, y0, x1, y1 = prop["box"]
            targets.append(Target(px + (x0 + x1) / 2, py + (y0 + y1) / 2, 0.35, (x1 - x0) * 0.2, (y1 - y0) * 0.2, 0.9))
    return targets
