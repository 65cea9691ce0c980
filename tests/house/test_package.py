"""One package: ours is found whatever lies about, nothing of ours has a common name, the former name still works."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import layers
import pytest
from conftest import TINY, start_cli
from toy_task import Toy

from inkbench.benchmark import api

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "raise SystemExit('a stranger was imported')\n"
FORMER = '''"""A method as plugins were written before."""

from benchmark.api import Method
from benchmark.config import Config


class Former(Method):
    """Weights as they were made."""

    name = "former"
    Config = Config
    pretrains = False

    def give(self, backbone, weights):
        """Nothing changes."""
'''


def hostile(folder: Path) -> Path:
    """A folder with modules that have the names of our folders."""
    folder.mkdir()
    for name in ("benchmark", "methods", "tasks", "leaderboards", "submissions"):
        (folder / f"{name}.py").write_text(HOSTILE)
    return folder


def metrics(results: Path) -> dict:
    records = [json.loads(path.read_text()) for path in (results / "cells").rglob("*.json")]
    return {record["method"]: record["metrics"] for record in records}


@pytest.mark.slow
def test_strangers_of_the_same_names_are_never_imported(first_run, with_synth, tmp_path):
    """In the folder where the command is given, and on PYTHONPATH; for the workers too."""
    folder = hostile(tmp_path / "hostile")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    words = ("--method", "jigsaw", "--task", "detection", *TINY, "--results", with_synth)
    process = start_cli(*words, cwd=folder, env=environment)
    _, told = process.communicate(timeout=500)
    assert process.returncode == 0, told
    assert metrics(with_synth) == metrics(first_run[1])


def test_a_plugin_may_use_the_former_name_and_one_line_says_so(cli, with_synth, tmp_path):
    file = tmp_path / "plugin.py"
    file.write_text(FORMER)
    done = cli("--method", f"{file}:Former", "--task", "detection", *TINY, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("a plugin imports benchmark, which is called inkbench.benchmark now") == 1
    assert set(metrics(with_synth)) == {"former", "random", "trivial:constant-box"}


def test_the_former_name_is_the_same_package():
    code = (
        "from inkbench.benchmark.former_name import former_name; former_name();"
        "from benchmark.api import Method; import benchmark.config, inkbench.benchmark.config, inkbench.benchmark.api;"
        "assert Method is inkbench.benchmark.api.Method; assert benchmark.config is inkbench.benchmark.config;"
        "assert inkbench.benchmark.config.__spec__.name == 'inkbench.benchmark.config'"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


def test_a_plugin_may_name_cached_features_as_before():
    with pytest.warns(DeprecationWarning, match="is called") as said:

        class Old(Toy):
            kept_by = ("side",)

            def kept(self, features):
                return features[:1]

    told = [str(warning.message) for warning in said]
    assert told == ["Old.kept is called cached_features now", "Old.kept_by is called cache_key now"]
    assert {warning.filename for warning in said} == {__file__}, "it points at the plugin"
    assert Old.cache_key == ("side",)
    assert Old.cached_features(None, [1, 2]) == [1]


def test_a_plugin_may_set_weights_as_before():
    class Today(api.Method):
        def __init__(self):
            super().__init__(self.Config())

        def set_weights(self, backbone, weights):
            return [backbone]

    with pytest.warns(DeprecationWarning, match="is called") as said:

        class Old(Today):
            def give(self, backbone, weights):
                return [*super().give(backbone, weights), "old"]

    assert [str(warning.message) for warning in said] == ["Old.give is called set_weights now"]
    assert said[0].filename == __file__, "it points at the plugin"
    assert Old().set_weights("backbone", None) == ["backbone", "old"], "super() has the former name too"
    with pytest.warns(DeprecationWarning, match="Given is called WeightsInfo now"):
        assert api.Given is api.WeightsInfo


def test_a_plugin_may_name_errors_as_before():
    with pytest.warns(DeprecationWarning, match="Refusal is called UsageError now"):
        assert api.Refusal is api.UsageError


@pytest.mark.slow
def test_a_wheel_installs_nothing_else_at_the_top(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--quiet", "-w", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"inkbench", "run_benchmark.py"}
    data = [*ROOT.glob("leaderboards/tables/*.toml"), *ROOT.glob("methods/weights/*.toml")]
    assert {f"inkbench/{path.relative_to(ROOT)}" for path in (*layers.modules().values(), *data)} <= set(names)
