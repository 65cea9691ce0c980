"""Poses: angles of limbs in degrees from straight down, positive towards where the figure looks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pose:
    """Lean of the trunk; shoulder and elbow of the near and far arm; hip and knee of the near and far leg.

    The angle of the elbow (knee) adds to that of the shoulder (hip). ``still`` poses suit close shots;
    ``moving`` ones draw eyes.
    """

    lean: float
    near_arm: tuple[float, float]
    far_arm: tuple[float, float]
    near_leg: tuple[float, float]
    far_leg: tuple[float, float]
    moving: bool = False
    finger: bool = False
    crouch: bool = False


POSES: dict[str, Pose] = {
    "stand": Pose(0, (-12, 6), (12, 6), (-5, 0), (6, 0)),
    "hips": Pose(0, (-42, 82), (42, -82), (-9, 0), (9, 0)),
    "one hip": Pose(2, (-42, 82), (14, 8), (-4, 0), (12, -4)),
    "point": Pose(3, (-14, 8), (92, -4), (-8, 0), (12, 0), finger=True),
    "point up": Pose(0, (-14, 8), (60, 105), (-6, 0), (8, 0), finger=True),
    "wave": Pose(0, (-14, 6), (128, 38), (-6, 0), (6, 0)),
    "cheer": Pose(-3, (-148, -16), (148, 16), (-10, 0), (10, 0), moving=True),
    "walk": Pose(4, (28, 22), (-30, 28), (-22, -10), (24, -8)),
    "run": Pose(16, (58, 80), (-52, 72), (-38, -52), (54, -58), moving=True),
    "talk": Pose(3, (-24, 88), (34, 62), (-7, 0), (8, 0)),
    "think": Pose(2, (12, 78), (38, 118), (-6, 0), (6, 0)),
    "crossed": Pose(0, (-18, 104), (18, -104), (-7, 0), (7, 0)),
    "punch": Pose(12, (-30, 118), (86, 4), (-32, 2), (34, -16), moving=True),
    "jump": Pose(-4, (-118, -18), (124, 14), (-38, -48), (40, -66), moving=True),
    "startle": Pose(-10, (-62, -58), (66, 60), (-12, 0), (14, -4), moving=True),
    "crouch": Pose(18, (10, 40), (40, 50), (18, -80), (72, -92), crouch=True),
    "reach": Pose(10, (64, 14), (80, -8), (-10, 0), (16, -8)),
    "shrug": Pose(0, (-36, -62), (36, 62), (-6, 0), (6, 0)),
}
CALM = ("stand", "hips", "one hip", "point", "point up", "wave", "walk", "talk", "think", "crossed", "shrug", "crouch")
WILD = ("run", "punch", "jump", "cheer", "startle", "point", "reach")
CLOSE = ("stand", "talk", "think", "crossed", "point up", "wave", "shrug", "hips")
