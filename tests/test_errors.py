"""The words that messages share."""

import pytest

from inkbench.benchmark.errors import plural


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (1, "box", "1 box"),
        (2, "duplicate box", "2 duplicate boxes"),
        (0, "class", "0 classes"),
        (3, "entry", "3 entries"),
        (2, "key", "2 keys"),
        (1, "series", "1 series"),
        (1_000, "series", "1,000 series"),
        (2_500, "run", "2,500 runs"),
    ],
)
def test_a_count_and_its_noun_agree(count, noun, said):
    assert plural(count, noun) == said
