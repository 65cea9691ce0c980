"""The class of settings that a method's or task's header names is the one that makes them."""

from typing import get_args

import pytest

from inkbench.benchmark import registry


def named(kind):
    return [held for base in kind.__orig_bases__ for held in get_args(base)]


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room in ("methods", "tasks") for name in registry.names(room)]
)
def test_the_header_names_the_settings(room, name):
    kind = registry.load(room, name)
    assert named(kind) == [kind.Config]
