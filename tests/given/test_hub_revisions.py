"""Files of a hub are those that were asked for: by revision, by checksum, without a network from the cache alone."""

import hashlib
import json
import os

import pytest
import torch
from hub_mirror import COMMIT, LATER, mirror
from safetensors.torch import save_file

from inkbench.benchmark.given import catalogue
from inkbench.benchmark.networks.backbones import Backbone

FAST = ("--task", "classification", "--preset", "smoke", "--set", "classification.steps=10", "--no-baseline")


def saved(folder, repository, seed):
    """Put a file of random weights into a folder that a mirror serves."""
    torch.manual_seed(seed)
    file = folder / repository / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_file(Backbone("test_resnet").model.state_dict(), file)


@pytest.fixture
def served(tmp_path):
    """Two commits of a repository, in a folder each."""
    saved(tmp_path / "first", "someone/drawings", 1)
    saved(tmp_path / "later", "someone/drawings", 2)
    return tmp_path


def run(cli, results, name, home, address, *words, **more):
    env = {**os.environ, "HF_HOME": str(home / "cache"), "HF_HUB_OFFLINE": "0", catalogue.FOLDERS: address, **more}
    return cli("--method", name, "--backbone", "test_resnet", *FAST, *words, "--results", results, env=env)


def refused(done):
    """The one line of a command that is refused before any work."""
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    return done.stderr


def records(results):
    return [json.loads(path.read_text()) for path in results.glob("cells/*/*.json")]


def test_a_revision_is_the_commit_that_it_names(cli, with_synth, served):
    later = {"v2": (LATER, served / "later"), LATER: (LATER, served / "later")}
    with mirror(served / "first", later) as (address, asked):
        for name in ("hf:someone/drawings", "hf:someone/drawings@v2", f"hf:someone/drawings@{LATER}"):
            done = run(cli, with_synth, name, served, address)
            assert done.returncode == 0, done.stderr
        unknown = run(cli, with_synth, f"hf:someone/drawings@{COMMIT[:-1]}f", served, address)
    assert "did not load (RevisionNotFoundError)" in refused(unknown)
    fetched = [line for line in asked if line.startswith("GET") and "/resolve/" in line]
    assert len(fetched) == 2, "one commit is fetched once, by whatever name"
    found = records(with_synth)
    assert len(found) == 2, "a tag and its commit are one row"
    assert len({one["weights_sha256"] for one in found}) == 2
    snapshots = {path.name for path in (served / "cache").glob("hub/models--*/snapshots/*")}
    assert snapshots == {COMMIT, LATER}


def entry(served, sha256):
    """Write a catalogue of one entry, weights of the hub with a stated checksum; gives its folder."""
    home = served / "catalogue"
    home.mkdir(exist_ok=True)
    (home / "mine.toml").write_text(
        '[[weights]]\nname = "drawn"\narchitecture = "test_resnet"\nhf = "someone/drawings"\n'
        f'revision = "v2"\nsha256 = "{sha256}"\n'
    )
    return str(home)


def test_a_file_of_another_checksum_than_stated_is_refused_in_a_line(cli, with_synth, served):
    stated = hashlib.sha256((served / "later/someone/drawings/model.safetensors").read_bytes()).hexdigest()
    with mirror(served / "first", {"v2": (LATER, served / "later")}) as (address, _):
        done = run(cli, with_synth, "drawn", served, entry(served, stated), "--dry-run", HF_ENDPOINT=address)
        assert done.returncode == 0, done.stderr
        other = run(cli, with_synth, "drawn", served, entry(served, "0" * 64), HF_ENDPOINT=address)
    assert f"its sha256 is {stated[:12]} and not {'0' * 12}; fetch it anew" in refused(other)


def test_a_file_that_changed_in_the_cache_is_refused(cli, with_synth, served):
    with mirror(served / "first") as (address, _):
        assert run(cli, with_synth, "hf:someone/drawings", served, address, "--dry-run").returncode == 0
    (file,) = (served / "cache").glob("hub/models--*/snapshots/*/model.safetensors")
    file.resolve().write_bytes((served / "later/someone/drawings/model.safetensors").read_bytes())
    done = run(cli, with_synth, "hf:someone/drawings", served, "", HF_HUB_OFFLINE="1")
    assert "is not the file that it was" in refused(done)


def test_without_a_network_the_cache_is_read_and_what_lacks_is_a_line_with_the_mend(cli, with_synth, served):
    offline = {"HF_HUB_OFFLINE": "1"}
    told = refused(run(cli, with_synth, "hf:someone/drawings", served, "", **offline))
    assert "are not in the hub's cache and HF_HUB_OFFLINE is set" in told
    assert "put it into a folder and set INKBENCH_WEIGHTS to it" in told
    assert f"copy the folder models--someone--drawings from a machine that has it into {served}" in told
    with mirror(served / "first") as (address, _):
        assert run(cli, with_synth, "hf:someone/drawings", served, address, "--dry-run").returncode == 0
    done = run(cli, with_synth, "hf:someone/drawings", served, "", **offline)
    assert done.returncode == 0, done.stderr
    told = refused(run(cli, with_synth, f"hf:someone/drawings@{LATER}", served, "", **offline))
    assert f"someone/drawings@{LATER} are not in the hub's cache" in told
    assert len(records(with_synth)) == 1


def test_an_address_with_a_password_is_shown_without_it(cli, with_synth, tmp_path):
    done = run(cli, with_synth, "hf:someone/x", tmp_path, "http://me:hunter2@127.0.0.1:9")
    assert "http://127.0.0.1:9 does not answer" in refused(done)
    assert "hunter2" not in done.stderr
