"""The cast of a series: who is who shows in shapes (head, hair, hat, clothes, build), hardly in colour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from inkbench.benchmark.data.synth.canvas import Colour
from inkbench.benchmark.data.synth.style import Style
from inkbench.benchmark.seeding import derive

HAIRS = (
    "part", "bangs", "spiky", "afro", "mohawk", "bob", "long", "ponytail", "bun", "twin", "quiff", "bald", "buzz",
    "receding", "curly", "flowing",
)  # fmt: skip
HATS = ("cap", "fedora", "beanie", "top hat", "beret", "headband", "helmet", "cone", "crown")
GLASSES = ("round", "square", "dark", "monocle", "goggles")
BEARDS = ("moustache", "handlebar", "goatee", "full", "stubble", "long beard")
NOSES = ("button", "long", "hook", "bulb", "wide", "pointed")
PATTERNS = ("plain", "stripes", "bars", "checks", "dots", "star", "sash", "jacket", "overall", "band", "zigzag", "vest")
LOWER = ("trousers", "trousers", "shorts", "skirt", "long skirt", "coat", "robe", "boots")
BUILDS = ("thin", "normal", "broad", "heavy", "pear", "small")
EXTRAS = ("cape", "scarf", "tie", "bow", "earrings", "none", "none", "none")


@dataclass(frozen=True, slots=True)
class Character:
    """One member of a cast; lengths of the face in head heights, of the body in its usual width."""

    id: str
    name: str
    height: float
    build: str
    face_width: float
    jaw: float
    chin: float
    cheek: float
    eyes: str
    eye_size: float
    eye_gap: float
    eye_height: float
    brow: float
    brow_angle: float
    nose: str
    nose_size: float
    mouth: float
    lips: bool
    ears: float
    hair: str
    hat: str
    glasses: str
    beard: str
    freckles: bool
    scar: bool
    pattern: str
    pattern_count: int
    lower: str
    sleeves: str
    extra: str
    skin: Colour
    hair_colour: Colour
    top_colour: Colour
    pattern_colour: Colour
    lower_colour: Colour
    shoe_colour: Colour


NAMES = (
    "ADA", "BRUNO", "CLEO", "DORIAN", "ELLA", "FRITZ", "GRETA", "HUGO", "IRIS", "JONAS", "KIT", "LENA", "MILO", "NORA",
    "OTTO", "PIA", "QUINN", "ROSA", "SAM", "TESS", "URS", "VERA", "WALT", "XENIA", "YANN", "ZOE", "MAX", "RUBY",
)  # fmt: skip


def make_cast(seed: int, series: int, style: Style) -> list[Character]:
    """Make between 4 and 8 characters that differ from each other in hair, hat, clothes and build."""
    rng = Random(derive(seed, "cast", series))
    count = rng.randint(4, 8)
    deck = {
        "hair": rng.sample(HAIRS, count),
        "hat": rng.sample((*rng.sample(HATS, 3), *["none"] * 5), count),
        "glasses": rng.sample((*rng.sample(GLASSES, 2), *["none"] * 6), count),
        "beard": rng.sample((*rng.sample(BEARDS, 2), *["none"] * 6), count),
        "pattern": rng.sample(PATTERNS, count),
        "lower": rng.sample(LOWER, count),
        "build": rng.sample((*BUILDS, "normal", "thin"), count),
        "nose": rng.sample((*NOSES, "button", "pointed"), count),
        "extra": rng.sample(EXTRAS, count),
        "name": rng.sample(NAMES, count),
    }
    return [
        _character(rng, f"{series}_{k}", style, {key: cards[k] for key, cards in deck.items()}) for k in range(count)
    ]


def recoloured(who: Character, style: Style, shift: int) -> Character:
    """Return the same character in other clothes: the colours of the series' cloths each moved on by ``shift``."""
    inks = style.palette.cloths[:3]

    def moved(colour: Colour) -> Colour:
        return inks[(inks.index(colour) + shift) % 3] if colour in inks else colour

    return replace(
        who,
        top_colour=moved(who.top_colour),
        pattern_colour=moved(who.pattern_colour),
        lower_colour=moved(who.lower_colour),
    )


def _character(rng: Random, name: str, style: Style, cards: dict[str, str]) -> Character:
    palette = style.palette
    top, pattern, lower = rng.sample(palette.cloths[:4], 3)
    small = cards["build"] == "small"
    womanly = cards["hair"] in ("bob", "long", "ponytail", "bun", "twin", "flowing", "bangs")
    beard = "none" if womanly or small else cards["beard"]
    toon = style.kind == "toon"
    return Character(
        id=name,
        name=cards["name"],
        height=rng.uniform(0.68, 0.78) if small else rng.uniform(0.92, 1.1),
        build=cards["build"],
        face_width=rng.uniform(0.36, 0.56) if toon else rng.uniform(0.34, 0.42),
        jaw=rng.uniform(0.5, 1.0) if toon else rng.uniform(0.62, 0.95),
        chin=rng.uniform(0.15, 0.75),
        cheek=rng.uniform(0.9, 1.12),
        eyes=rng.choice(style.eyes),
        eye_size=rng.uniform(0.75, 1.35),
        eye_gap=rng.uniform(0.85, 1.2),
        eye_height=rng.uniform(-0.06, 0.04),
        brow=rng.choice((0.4, 0.8, 1.0, 1.7)),
        brow_angle=rng.uniform(-0.3, 0.3),
        nose=cards["nose"],
        nose_size=rng.uniform(0.75, 1.35),
        mouth=rng.uniform(0.75, 1.3),
        lips=womanly and rng.random() < 0.6,
        ears=rng.uniform(0.7, 1.4),
        hair=cards["hair"],
        hat="none" if cards["hair"] in ("afro", "mohawk", "bun") else cards["hat"],
        glasses=cards["glasses"],
        beard=beard,
        freckles=rng.random() < 0.2,
        scar=rng.random() < 0.12,
        pattern=cards["pattern"],
        pattern_count=rng.randint(3, 6),
        lower=cards["lower"],
        sleeves=rng.choice(("long", "long", "short", "none", "cuffs")),
        extra=cards["extra"],
        skin=rng.choice(palette.skins),
        hair_colour=palette.hairs[0] if rng.random() < 0.65 else palette.hairs[1],
        top_colour=top,
        pattern_colour=pattern,
        lower_colour=lower if rng.random() < 0.6 else palette.cloths[4],
        shoe_colour=rng.choice(((70, 52, 44), (48, 46, 56), palette.cloths[1])),
    )
