"""One number an item in a CSV file: read back to the last digit, whatever is wrong named with its line's item."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.formats.number_table import number_table
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

FORMAT = number_table("share")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def stored(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@settings(deadline=None, max_examples=40)
@given(values=st.lists(NUMBERS, min_size=1, max_size=5))
def test_what_is_written_is_read_back_to_the_last_digit(tmp_path_factory, values):
    ids = [f"s/{place}" for place in range(len(values))]
    folder = tmp_path_factory.mktemp("table")
    stored(folder, FORMAT.write({"id": ids}, [{"share": np.float64(value)} for value in values], {}, None))
    read = FORMAT.read(folder, ids[::-1], [], {})
    assert [float(one["share"]) for one in read] == values[::-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,other\na,1\n", "its header is id,other"),
        ("id,share\na,1\n", "1 item missing"),
        ("id,share\na,1\nb,many\n", "item b has 'many'"),
        ("", "2 items missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(UsageError, match=said):
        FORMAT.read(stored(tmp_path, {"share.csv": text.encode()}), ["a", "b"], [], {})


def test_a_byte_order_mark_changes_nothing(tmp_path):
    text = "\ufeffid,share\na,0.5\n".encode()
    assert float(FORMAT.read(stored(tmp_path, {"share.csv": text}), ["a"], [], {})[0]["share"]) == 0.5


def test_a_scorer_of_means_is_numpys_mean_weighted_or_not():
    rng = np.random.default_rng(0)
    items = {"error": rng.random(7), "other": rng.random(7)}
    metrics = [Metric(name, "", "min", name) for name in items]
    scorer = Scorer.of_means(metrics, lambda predictions, truths, ids=None: items)
    weights = np.array([0, 1, 2, 0, 3, 1, 1])
    repeated = {name: np.repeat(values, weights) for name, values in items.items()}
    for name in items:
        assert scorer.aggregate(items)[name] == pytest.approx(items[name].mean(), abs=1e-15)
        assert scorer.aggregate(items, weights)[name] == pytest.approx(repeated[name].mean(), abs=1e-15)
        assert scorer.resampler(items, name)(weights.astype(float)) == pytest.approx(repeated[name].mean(), abs=1e-15)
    assert scorer.counts(items) == {"error": 7, "other": 7}
    assert scorer.primary.name == "error"
