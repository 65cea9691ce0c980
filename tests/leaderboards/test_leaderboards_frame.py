"""Records as a plain table: a line for each run and metric, read back by pandas as it was written."""

import io

import pandas as pd
import pytest
from leaderboard_records import usual

from inkbench.benchmark.cli.verbs import verb_list
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.frame import COLUMNS, frame


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_every_figure_of_every_record_has_its_line(store):
    records = usual(store)
    table = frame(records)
    assert tuple(table.columns) == COLUMNS
    done = [record for record in records if record.metrics]
    assert len(table) == sum(max(len(record.metrics), 1) for record in records)
    for record in done:
        own = table[table.id == record.id].set_index("metric")
        assert own.value.to_dict() == {name: figure.value for name, figure in record.metrics.items()}
        assert own.index[own.primary.astype(bool)].tolist() == [record.primary]


def test_means_over_seeds_are_those_of_the_table(store):
    table = frame(usual(store))
    mean = table[table.primary == True].groupby("method").value.mean()  # noqa: E712
    records = [record for record in store.records() if record.method == "jigsaw" and record.metrics]
    assert mean["jigsaw"] == pytest.approx(
        sum(record.metrics[record.primary].value for record in records) / len(records), abs=1e-12
    )


def test_the_command_prints_it_as_csv(store, capsys):
    records = usual(store)
    assert verb_list(["runs", "--csv", "--results", str(store.root)]) == 0
    read = pd.read_csv(io.StringIO(capsys.readouterr().out), dtype=str, keep_default_na=False)
    kept = frame(sorted(records, key=lambda record: record.id))
    assert read.columns.tolist() == kept.columns.tolist()
    for name in ("id", "method", "changed", "metric", "unit"):
        assert read[name].tolist() == kept[name].fillna("").tolist()
    assert [float(value or "nan") for value in read.value] == pytest.approx(kept.value.tolist(), abs=0, nan_ok=True)


def test_csv_is_of_runs_alone(store, capsys):
    from inkbench.benchmark.errors import UsageError

    with pytest.raises(UsageError, match="list runs"):
        verb_list(["methods", "--csv", "--results", str(store.root)])
