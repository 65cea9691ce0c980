"""``data info`` and ``data accept``: whom a dataset serves, which terms were accepted when, told in records."""

import datetime
import json
import shutil
import subprocess
import sys

import pytest
from pictures_of import draw

from inkbench.benchmark import registry
from inkbench.benchmark.cli import data as commands
from inkbench.benchmark.data import catalogue, serves, terms
from inkbench.benchmark.data.layouts.ai4va import Ai4va
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.registry import ROOT
from inkbench.benchmark.running.records import data_used

LAYOUTS = {"comics": "comics", "dcm772": "dcm772", "ai4va": "ai4va", "comic_char_reid": "char_reid", "voc": "voc",
           "imagefolder": "scenes"}  # fmt: skip


@pytest.fixture(autouse=True)
def accepted(tmp_path, monkeypatch):
    monkeypatch.setenv("INKBENCH_ACCEPTED", str(tmp_path / "settings/accepted.json"))
    monkeypatch.delenv("INKBENCH_DATA", raising=False)
    return tmp_path / "settings/accepted.json"


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_a_whole_copy_offers_is_what_a_copy_of_synth_has(name, small_synth, tmp_path):
    cls = registry.load("datasets", name)
    here = open_dataset(f"{name}:{small_synth / LAYOUTS[name]}", "quick", (), tmp_path).offers()
    assert cls.whole <= here
    assert here - cls.whole <= {"fixations", "styles"}, "which depend on files that may be missing"


def test_needs_of_methods_are_those_that_a_run_asks_for():
    lacking = serves.lacks(frozenset())["methods"]
    for name in registry.names("methods"):
        assert lacking[name] == sorted(registry.load("methods", name).needs), name


def test_info_says_whom_a_dataset_serves_where_there_is_no_copy_and_where_there_is(small_synth, tmp_path):
    away = catalogue.info("dcm772", tmp_path)
    assert "tasks:     detection, retrieval\n" in away
    assert "not reid: it needs faces, identities" in away
    assert "https://gitlab.univ-lr.fr/crigau02/dcm_dataset" in away
    here = catalogue.info(str(small_synth / "ai4va"), tmp_path)
    assert "tasks:     saliency\n" in here
    assert "saliency:  4 train in 2 series, 4 val in 2 series, 4 test in 2 series" in here
    assert "terms:     personal, non-commercial research only (not accepted yet" in here


def test_info_and_check_import_no_torch(small_synth, tmp_path):
    code = (
        "import sys; from inkbench.benchmark.cli import data as commands;"
        f"commands.run(['info', {str(small_synth / 'dcm772')!r}, '--results', {str(tmp_path)!r}]);"
        f"commands.run(['check', {str(small_synth / 'dcm772')!r}, '--quiet', '--results', {str(tmp_path)!r}]);"
        "print([name for name in ('torch', 'timm', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def real(small_synth, root):
    """Pages that look like AI4VA's and are no copy of synth any more."""
    shutil.copytree(small_synth / "ai4va", root / "ai4va")
    return root


def test_terms_are_asked_once_and_records_carry_the_day(small_synth, tmp_path, monkeypatch, accepted, capsys):
    monkeypatch.setenv("INKBENCH_DATA", str(real(small_synth, tmp_path / "data")))
    with pytest.raises(UsageError, match=r"accept them with: run_benchmark\.py data accept ai4va") as refused:
        open_dataset("ai4va", "quick", (), tmp_path)
    assert "\n" not in str(refused.value)
    with pytest.raises(UsageError, match="data accept"):
        open_dataset(f"ai4va:{tmp_path / 'data/ai4va'}", "quick", (), tmp_path)
    assert not accepted.exists(), "nothing is accepted by being asked"
    assert commands.run(["accept", "ai4va"]) == 0
    today = datetime.date.today().isoformat()
    assert json.loads(accepted.read_text())["ai4va"]["on"] == today
    dataset = open_dataset("ai4va", "quick", (), tmp_path)
    assert data_used(dataset).accepted == today
    first = accepted.read_bytes()
    assert commands.run(["accept", "ai4va"]) == 0
    assert accepted.read_bytes() == first, "the first day stays"
    assert f"accepted on {today}" in capsys.readouterr().out
    monkeypatch.setattr(Ai4va, "terms", "other terms")
    with pytest.raises(UsageError, match="other terms"):
        open_dataset("ai4va", "quick", (), tmp_path)


def test_copies_of_synth_photographs_and_open_data_ask_for_nothing(small_synth, tmp_path, accepted):
    assert open_dataset(f"ai4va:{small_synth / 'ai4va'}", "quick", (), tmp_path).reader == "ai4va"
    for number in (1001, 1002):
        draw(tmp_path / f"osie/images/train/{number}.jpg")
        draw(tmp_path / f"osie/maps/train/{number}.png")
    assert open_dataset(f"ai4va:{tmp_path / 'osie'}", "quick", (), tmp_path).photographs
    assert "has no terms to accept" in terms.accept(registry.load("datasets", "dcm772"))
    assert not accepted.exists()
    assert data_used(open_dataset(str(small_synth / "dcm772"), "quick", (), tmp_path)).accepted is None


def test_a_wrong_name_and_a_damaged_file_are_one_line(accepted):
    with pytest.raises(UsageError, match="no dataset 'ai4vaa'; did you mean 'ai4va'"):
        commands.run(["accept", "ai4vaa"])
    accepted.parent.mkdir()
    accepted.write_text("{")
    with pytest.raises(UsageError, match=r"accepted\.json cannot be read .*; move it away and accept again"):
        commands.run(["accept", "ai4va"])
    assert accepted.read_text() == "{"
