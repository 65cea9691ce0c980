"""Damaged annotations of every layout: a reader reads them or refuses in one line, and raises nothing else."""

import pytest
from damaged_text import damaged, read_all, texts_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout_samples import SAMPLES
from pictures_of import write

from inkbench.benchmark import registry
from inkbench.benchmark.data.xmlfile import xml_of
from inkbench.benchmark.errors import UsageError


@pytest.mark.parametrize("name", SAMPLES)
def test_a_whole_sample_is_read(name, tmp_path):
    assert read_all(registry.load("datasets", name), SAMPLES[name](tmp_path / "data"))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.seconds
def test_damaged_text_is_read_or_refused(name, tmp_path):
    cls, root = registry.load("datasets", name), SAMPLES[name](tmp_path / "data")
    originals = {path: path.read_bytes() for path in texts_of(root)}

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def attempt(data):
        path = data.draw(st.sampled_from(sorted(originals)))
        path.write_bytes(damaged(lambda low, high: data.draw(st.integers(low, high)), originals[path], path.suffix))
        try:
            read_all(cls, root)
        finally:
            path.write_bytes(originals[path])

    attempt()


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>',
        '<!DOCTYPE a [<!ENTITY % a "ha">]><a/>',
    ],
)
def test_xml_that_declares_entities_is_refused_before_any_is_expanded(tmp_path, text):
    with pytest.raises(UsageError, match="declares an entity"):
        xml_of(write(tmp_path / "a.xml", text))
