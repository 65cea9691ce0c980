"""A request of a record is asked again without running code because the record names its file."""

import pytest
from record_files import made

from inkbench.benchmark import registry
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.running.replay import request_of

ASKED = Request(methods=("jigsaw",), tasks=("detection",)).model_dump(mode="json")


def of(**changes):
    return made("ab", status="failed", reason="any", request={"typed": [], "resolved": {**ASKED, **changes}})


def test_what_was_asked_is_asked_again():
    assert request_of(of(seeds=3), force=True).seeds == 3
    assert request_of(of(), force=True).force


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": ["evil.py:Evil"]},
        {"methods": ["jigsaw", "a:b/evil.py:Evil"]},
        {"tasks": ["/x/evil.py:Evil"]},
        {"data": "evil.py:Evil:data"},
        {"data": "evil.py:Evil"},
        {"data": "mine=evil.py:Evil:data"},
        {"pretrain_data": "evil.py:Evil:data"},
    ],
)
def test_a_file_of_code_is_run_only_where_it_was_plugged_in(changes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('run')\n")
    with pytest.raises(UsageError, match=r"was made with .*evil\.py, which runs only where it is named: --plugin"):
        request_of(of(**changes))
    monkeypatch.setattr(registry, "is_plugged", lambda path: path.name == "evil.py")
    request_of(of(**changes))


@pytest.mark.parametrize(
    "changes", [{"seeds": "many"}, {"seeds": -1}, {"more": 1}, {"methods": None}, {"sets": [["a"]]}]
)
def test_what_is_no_request_is_refused_in_a_line(changes):
    with pytest.raises(UsageError, match="does not say what was asked for"):
        request_of(of(**changes))


def test_a_plugged_file_is_known_by_its_path(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text(
        "from inkbench.benchmark.api import ItemMetric\n\n\n"
        "class Mine(ItemMetric):\n    name = 'mine'\n    task = 'saliency'\n"
    )
    monkeypatch.setattr(registry, "_plugged", {kind: dict(found) for kind, found in registry._plugged.items()})
    assert not registry.is_plugged(file)
    registry.plug(file)
    monkeypatch.chdir(tmp_path)
    assert registry.is_plugged(file.relative_to(tmp_path))


def test_a_name_from_a_file_is_never_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.py").write_text("class Evil:\n    name = 'evil'\nraise SystemExit('run')\n")
    for name in ("evil.py:Evil", "os", "this", "../x", ""):
        with pytest.raises(UsageError, match="is not one of inkbench's"):
            registry.load_named("tasks", name)
    assert registry.load_named("tasks", "saliency").name == "saliency"
