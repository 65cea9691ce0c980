"""``export --push`` hands a folder to the hub's own client; what it may not do is said in a line without its token."""

import json
import os
import subprocess
import sys

import pytest
import timm
import torch
from hub_mirror import COMMIT, mirror, receiving
from huggingface_hub import ModelCard, constants
from safetensors.torch import load_file, save_file

from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.running.export.folder import Wanted, export
from inkbench.benchmark.running.export.push import local_folder
from inkbench.benchmark.store.store import Store

TOKEN = "hf_thisMustNeverBeShownAnywhere00"


def environment(address, home, **more):
    """The environment of a client whose hub is at ``address``; large files go by LFS (Xet is a store of its own)."""
    env = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(home), "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    env |= {"HF_HUB_DISABLE_XET": "1", **more}
    return {name: value for name, value in env.items() if value}


def test_a_pushed_backbone_is_had_from_the_hub_by_timm(cli, first_run, tmp_path):
    root, home = tmp_path / "hub", tmp_path / "home"
    with receiving(root, TOKEN) as (address, asked):
        words = ("export", "jigsaw", "--push", "someone/drawn", "--private", "--out", tmp_path / "out")
        done = cli(*words, "--results", first_run[1], env=environment(address, home))
    assert done.returncode == 0, done.stderr
    assert f"is in {address}/someone/drawn" in done.stdout
    assert 'timm.create_model("hf-hub:someone/drawn", pretrained=True)' in done.stdout
    pushed, out = root / "someone" / "drawn", tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "model.toml", "pretraining.json"}
    assert all((pushed / name).read_bytes() == (out / name).read_bytes() for name in names)
    assert json.loads((pushed / ".private").read_text()) in (True, "private")
    assert (pushed / ".message").read_text().startswith("test_resnet, pretrained by jigsaw, by inkbench")
    assert "POST /api/validate-yaml" in asked
    card = (pushed / "README.md").read_text()
    assert str(tmp_path) not in card, "no path of this machine is published"
    told = [done.stdout, done.stderr, *((pushed / name).read_bytes().decode(errors="replace") for name in names)]
    assert not any(TOKEN in text for text in told)
    code = (
        "import timm, sys; from safetensors.torch import save_file; "
        "save_file(timm.create_model('hf-hub:someone/drawn', pretrained=True).state_dict(), sys.argv[1])"
    )
    with mirror(root) as (address, asked):
        env = environment(address, home, HF_TOKEN="")
        subprocess.run([sys.executable, "-c", code, tmp_path / "read.safetensors"], env=env, check=True)
    assert any(line.endswith("someone/drawn/resolve/main/model.safetensors") for line in asked)
    weights = load_file(next(first_run[1].glob("backbones/*/weights.safetensors")))
    read = load_file(tmp_path / "read.safetensors")
    assert weights.keys() == read.keys()
    assert all(torch.equal(weights[name], value) for name, value in read.items())


def test_the_hubs_own_reader_finds_the_figures_of_the_record(cli, first_run, tmp_path):
    out = tmp_path / "out"
    done = cli("export", "jigsaw", "--push", out, "--results", first_run[1])
    assert done.returncode == 0, done.stderr
    told = ModelCard.load(out / "README.md").data
    (result,) = told.eval_results
    records = (json.loads(path.read_text()) for path in first_run[1].glob("cells/*/*.json"))
    (record,) = [one for one in records if one.get("pretraining")]
    figure = record["metrics"]["ap"]
    assert (result.metric_type, result.metric_value) == ("ap", figure["value"])
    assert (result.task_type, result.task_name) == ("object-detection", "detection, frozen@1")
    assert (result.dataset_type, result.dataset_name, result.dataset_split) == (
        "synth",
        "synth (simulated comics)",
        "test",
    )
    assert result.dataset_args == {"fingerprint": record["data"]["fingerprint"]}
    said = result.metric_args
    assert (said["n"], said["version"], said["seeds"]) == (figure["n"], figure["version"], [0])
    assert "series and their items; one seed" in said["interval"]
    low, high = map(float, said["interval"].partition(",")[0].split(" to "))
    assert low <= figure["value"] <= high
    assert (told.library_name, told.license, told.datasets) == ("timm", "apache-2.0", ["synth"])
    assert {"timm", "comics"} <= set(told.tags)
    page = (out / "README.md").read_text()
    for fact in ("simulated comics", "256 source images", "| seed | 0", "inkbench 0.", "Licence and citation"):
        assert fact in page
    assert timm.create_model(f"local-dir:{out}", pretrained=True)(torch.zeros(1, 3, 64, 64)).ndim == 2


@pytest.fixture
def pushes(first_run, tmp_path, monkeypatch, capfd):
    """Export within this process; gives the one line of what was refused, which tells no token."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    def refused(repository, kind):
        with pytest.raises(kind) as why:
            export(Store(first_run[1]), "jigsaw", Wanted(push=repository))
        told = f"{why.value}{''.join(capfd.readouterr())}"
        assert "\n" not in told
        assert TOKEN not in told
        return told

    return refused


def test_nothing_is_asked_of_a_hub_before_it_is_known_that_it_can_be_pushed_to(pushes, tmp_path, monkeypatch):
    with receiving(tmp_path / "hub", TOKEN) as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        typed = f"https://me:{TOKEN}@huggingface.co/someone/x"
        assert "--push takes a repository OWNER/NAME" in pushes(typed, UsageError)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE is set" in pushes("someone/x", UsageError)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.delenv("HF_TOKEN")
        assert "hf auth login" in pushes("someone/x", UsageError)
    assert asked == []
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "the hub does not answer" in pushes("someone/x", UsageError)


def test_what_the_hub_refuses_is_one_line_and_tells_no_secret(pushes, tmp_path, monkeypatch):
    with receiving(tmp_path / "hub", TOKEN) as (address, _):
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert "may not write there" in pushes("others/x", RunError)
        monkeypatch.setenv("HF_TOKEN", f"{TOKEN}wrong")
        assert "does not know the token" in pushes("someone/x", RunError)
    assert not list((tmp_path / "hub").glob("*"))


def test_without_a_token_the_command_says_how_to_log_in(cli, first_run, tmp_path):
    env = environment("http://127.0.0.1:9", tmp_path / "home", HF_TOKEN="")
    done = cli("export", "jigsaw", "--push", "someone/x", "--results", first_run[1], env=env)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "log in with: hf auth login" in done.stderr


@pytest.mark.parametrize(
    ("text", "folder"),
    [("./x", "x"), ("/a/b", "/a/b"), ("file:///a/b", "/a/b"), ("../x", "../x"), ("owner/name", None), ("name", None)],
)
def test_a_folder_is_told_from_a_repository_by_its_beginning(text, folder):
    found = local_folder(text)
    assert (None if found is None else str(found)) == folder


def test_weights_come_from_the_mirror_and_go_to_the_hub(cli, first_run, tmp_path):
    """A mirror that weights are fetched from is nowhere to push to."""
    torch.manual_seed(3)
    served = tmp_path / "served" / "someone" / "weights"
    served.mkdir(parents=True)
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), served / "model.safetensors")
    with mirror(tmp_path / "served") as (source, asked), receiving(tmp_path / "hub", TOKEN) as (address, _):
        env = environment(address, tmp_path / "home", INKBENCH_WEIGHTS=source)
        words = ("export", f"hf:someone/weights@{COMMIT}", "--backbone", "test_resnet", "--push", "me/copy")
        done = cli(*words, "--results", tmp_path / "empty", env=env)
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("GET") and COMMIT in line for line in asked)
    card = ModelCard.load(tmp_path / "hub" / "me" / "copy" / "README.md")
    assert card.data.base_model == "someone/weights"
    assert "licence unknown" in card.text
