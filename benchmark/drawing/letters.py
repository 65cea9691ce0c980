"""The one font, and texts in the letters that it has: those of ASCII and few others."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from PIL import ImageFont

ALIKE = {"–": "-", "—": "-", "−": "-", "×": "x", "→": "->", "⁄": "/", "ß": "ss", "ı": "i", "ー": "-"}
NAMED = re.compile(
    r"(?:LATIN (?P<case>CAPITAL|SMALL) (?:LETTER|LIGATURE)|(?:KATAKANA|HIRAGANA) LETTER(?: SMALL)?|HANGUL SYLLABLE)"
    r" (?P<sound>\w+)(?: WITH .+)?"
)
"""Names of letters, by Unicode, that hold a spelling."""
UNSEEN = ("Mn", "Me", "Cf")
"""Categories of what has no place of its own: accents that stand apart, marks of direction."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font at a size: Pillow's own, so that a sheet is the same on every machine."""
    return ImageFont.load_default(size=size)


def spelled(text: str) -> str:
    """Spell a text in letters that the font has: é as e, タ as ta, 漫 as its number, "\\u6f2b"."""
    return "".join(letter if _drawn(letter) else _spell(letter) for letter in text)


@cache
def _drawn(letter: str) -> bool:
    """Say whether the font has a letter, and not the empty box of those that it lacks."""
    if letter.isspace():
        return True
    return unicodedata.category(letter)[0] != "C" and _ink(letter) != _ink("\U0010ffff")


def _ink(letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font(13).getmask(letter)
    return mask.size, bytes(mask)


def _spell(letter: str) -> str:
    if letter in ALIKE:
        return ALIKE[letter]
    if unicodedata.category(letter) in UNSEEN:
        return ""
    plain = unicodedata.normalize("NFKC", letter)
    if plain != letter:
        return spelled(plain)
    named = NAMED.fullmatch(unicodedata.name(letter, ""))
    if named is None:
        return f"\\u{ord(letter):04x}"
    return named["sound"] if named["case"] == "CAPITAL" else named["sound"].lower()
