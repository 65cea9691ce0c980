"""Dialogue: short lines out of a small grammar, and sounds."""

from __future__ import annotations

from random import Random

OPENERS = ("", "", "", "HEY!", "WAIT!", "LOOK!", "NO...", "WELL,", "LISTEN,", "AT LAST!", "SO,", "OH!", "PSST!", "HMM.")
SAYS = (
    "THE {n} IS GONE!", "WHO TOOK MY {n}?", "WE MUST FIND THE {n} BEFORE {t}.", "I NEVER LIKED THAT {n}.",
    "{w}, IS THAT YOU?", "MEET ME AT THE {p} AT {t}.", "THEY ARE COMING FROM THE {p}!", "THAT IS NOT MY {n}.",
    "DON'T TOUCH THE {n}!", "YOU KNOW WHAT {w} SAID ABOUT THE {p}.", "RUN!", "I HAVE A PLAN.", "IT'S ONLY A {n}.",
    "WHERE IS {w}?", "QUIET! I HEAR A {n}.", "THIS WILL NEVER WORK, {w}.", "WHAT A DAY!", "NOT AGAIN...",
    "I SAW IT NEAR THE {p}.", "THE {p}? AT {t}? ALONE?", "GIVE ME THE {n}, {w}!", "HA! TOO LATE.", "NOBODY MOVES.",
    "LET'S GO HOME.", "IS IT {t} ALREADY?", "TRUST ME.", "WHAT WAS THAT?", "YES!", "ARE YOU SURE?", "OVER THERE!",
)  # fmt: skip
TELLS = (
    "MEANWHILE, AT THE {p}...", "LATER.", "THAT SAME {t}...", "ONE HOUR BEFORE {t}.", "FAR FROM THE {p}, {w} WAITS.",
    "THE NEXT DAY.", "NOBODY REMEMBERED THE {n}.", "AND SO IT BEGAN.", "BACK AT THE {p}.", "{w} FOUND THE {n}.",
)  # fmt: skip
NOUNS = (
    "LANTERN", "MAP", "KEY", "ROBOT", "CAKE", "LETTER", "COMPASS", "PARROT", "ENGINE", "DIAMOND", "BOOK", "DOG", "RING",
    "MACHINE", "SIGNAL", "BALLOON", "CLOCK", "MASK", "POTION", "BICYCLE",
)  # fmt: skip
PLACES = ("HARBOUR", "TOWER", "MARKET", "OLD MILL", "STATION", "MUSEUM", "BRIDGE", "CASTLE", "LIGHTHOUSE", "GARDEN")
TIMES = ("MIDNIGHT", "DAWN", "NOON", "SUNDOWN", "NIGHT", "TEN")
SOUNDS = (
    "BAM!",
    "POW!",
    "CRASH",
    "WHAM!",
    "ZAP!",
    "BOOM",
    "THUD",
    "CLICK",
    "SPLASH",
    "WHOOSH",
    "KRAK!",
    "BANG!",
    "RING",
)


def _filled(rng: Random, pattern: str, names: list[str]) -> str:
    return pattern.format(n=rng.choice(NOUNS), p=rng.choice(PLACES), t=rng.choice(TIMES), w=rng.choice(names))


def speech(rng: Random, names: list[str]) -> str:
    """Return one line of dialogue; ``names`` are those of the cast."""
    opener = rng.choice(OPENERS)
    line = _filled(rng, rng.choice(SAYS), names)
    if rng.random() < 0.3:
        line += " " + _filled(rng, rng.choice(SAYS), names)
    return f"{opener} {line}".strip()


def narration(rng: Random, names: list[str]) -> str:
    """Return one line of a caption."""
    return _filled(rng, rng.choice(TELLS), names)


def sound(rng: Random) -> str:
    """Return one sound word."""
    return rng.choice(SOUNDS)
