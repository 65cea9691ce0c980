"""Which definition stands behind a figure's name."""

import pytest

from inkbench.benchmark import registry
from inkbench.tasks.metrics import reid, saliency


def test_every_defined_metric_and_its_forms_have_that_definition():
    for task in registry.names("tasks"):
        scorer = registry.load("tasks", task).scorer
        for metric in scorer.metrics:
            for name in (metric.name, f"{metric.name}@style", f"{metric.name}[part]", f"{metric.name}[part]@style"):
                assert scorer.definition(name) is metric, name
                assert scorer.defines(name)


def test_the_longest_definition_counts():
    assert saliency.SCORER.definition("auc[judd]@toon").name == "auc[judd]"
    assert reid.SCORER.definition("map@r@toon").name == "map@r"
    assert reid.SCORER.definition("map@toon").name == "map"


def test_what_only_begins_alike_is_another():
    for name in ("ccx", "cc2@toon", "no-such"):
        assert not saliency.SCORER.defines(name)
        with pytest.raises(KeyError, match=name):
            saliency.SCORER.definition(name)
