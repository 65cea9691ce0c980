"""Texts of any script are spelled in letters that the one font draws."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inkbench.benchmark.drawing import style
from inkbench.benchmark.drawing.letters import font, spelled

EMPTY_BOX = "\U0010ffff"


def ink(text):
    mask = font(style.SIZE).getmask(text)
    return mask.size, bytes(mask)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain/name_003.png: 0.50 (50 %)…", "plain/name_003.png: 0.50 (50 %)…"),
        ("Café Łódź Ærø Straße", "Cafe Lodz AEro Strasse"),
        ("Cafe\u0301", "Cafe"),
        ("1990–2000 × 2", "1990-2000 x 2"),
        ("ソラ_003", "sora_003"),
        ("ひらがな", "hiragana"),
        ("한국", "hangug"),
        ("１２ｱ", "12a"),
        ("漫画/003", "\\u6f2b\\u753b/003"),
        ("Ж\u200f", "\\u0416"),
        ("a\udce9b", "a\\udce9b"),
        ("a\x00b", "a\\u0000b"),
    ],
)
def test_a_name_is_spelled_so_that_it_can_be_told_from_others(text, said):
    assert spelled(text) == said


@given(st.text(max_size=20))
@example("☃")
def test_no_letter_is_drawn_as_an_empty_box(text):
    for letter in spelled(text):
        assert letter.isspace() or ink(letter) != ink(EMPTY_BOX), letter
    assert spelled(spelled(text)) == spelled(text)


def test_names_in_another_script_are_drawn_apart():
    names = ["漫画", "画漫", "Москва", "Москов"]
    drawn = {style.lettered(style.shorten(name, 300), (300, style.LINE)).tobytes() for name in names}
    assert len(drawn) == len(names)
    assert style.width_of("é") == style.width_of("e")
