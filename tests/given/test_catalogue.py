"""The catalogue of given weights: facts that hold, files of one's own, a row by name from the command to the table."""

import hashlib
import json
import os
import re

import pytest
import timm
import torch
from hub_mirror import COMMIT, mirror
from safetensors.torch import save_file

from inkbench.benchmark import registry
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.supervision import of_timm
from inkbench.benchmark.networks import hub
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.timm_models import untagged
from inkbench.benchmark.planning.asked import as_read_by
from inkbench.methods.jigsaw.method import Jigsaw

OURS = catalogue.entries()
SMALL = ("--preset", "smoke", "--set", "classification.steps=10")


def test_forty_and_more_are_shipped_with_who_made_them():
    assert len(OURS) >= 40
    assert all(one.citation for one in OURS.values())
    wanted = (
        "dino-s16",
        "dinov2-s-reg",
        "dinov3-s",
        "mae-b",
        "mocov3-s",
        "ibot-s",
        "beit-b",
        "swav-resnet50",
        "clip-b16",
    )
    wanted += (
        "openclip-b16",
        "siglip2-b16",
        "eva02-s",
        "sam-b",
        "magi-crops",
        "deepgaze2e-resnext50",
        "test-resnet-in1k",
    )
    assert set(wanted) <= set(OURS)


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_shipped_is_as_timm_has_it(name):
    one = OURS[name]
    if not one.timm:
        assert one.architecture in timm.list_models()
        return
    assert one.timm in timm.list_pretrained()
    assert one.supervision == of_timm(*one.timm.split("."))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one's own with two networks' weights, a catalogue of them, and the environment that names it."""
    home = tmp_path / "mine"
    home.mkdir()
    for name in ("test_resnet", "test_vit"):
        torch.manual_seed(7)
        save_file(Backbone(name).model.state_dict(), home / f"{name}.safetensors")
    (home / "mine.toml").write_text(
        'family = "mine"\nsupervision = "image-text"\ndata = "a drawer of prints"\nlicence = "CC0"\nseen = "comics"\n'
        '[[weights]]\nname = "my-resnet"\narchitecture = "test_resnet"\nfile = "test_resnet.safetensors"\n'
        '[[weights]]\nname = "my-vit"\narchitecture = "test_vit"\nfile = "test_vit.safetensors"\nfeature = "cls"\n'
        "mean = [0.1, 0.2, 0.3]\nstd = [0.4, 0.5, 0.6]\n"
    )
    monkeypatch.setenv(catalogue.FOLDERS, str(home))
    return home


def test_a_file_of_ones_own_is_known_with_what_stands_for_all_of_it(folder):
    one = catalogue.find("my-vit")
    assert (one.supervision, one.data, one.seen, one.feature) == ("image-text", "a drawer of prints", "comics", "cls")
    assert catalogue.find("dinov2-s") == OURS["dinov2-s"]
    assert hub.in_folders(one) == folder / "test_vit.safetensors"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[weights]]\nname = 'a'\nfile = 'x'", "a: architecture is missing"),
        ("[[weights]]\nname = 'a'\ntimm = 'x.y'\nfile = 'x'", "a: name one source"),
        ("[[weights]]\nname = 'a'\narchitecture = 'test_vit'", "a: name one source"),
        ("[[weights]]\nname = 'a'\ntimm = 'x.y'\nsupervision = 'imagenet'", "supervision 'imagenet' is none of labels"),
        ("[[weights]]\nname = 'a'\ntimm = 'x.y'\nlicense = 'MIT'", "a: license: Extra inputs are not permitted"),
        ("[[weights]]\nname = 'dino-s16'\ntimm = 'x.y'", "'dino-s16' is a name in "),
        ("weights = 3", "weights must be tables"),
        ("[[weights]", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path, monkeypatch, text, said):
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setenv(catalogue.FOLDERS, str(tmp_path))
    with pytest.raises(UsageError, match=said) as refused:
        catalogue.entries()
    assert "\n" not in str(refused.value)


def test_a_card_beside_weights_is_no_catalogue(folder):
    (folder / "test_vit.toml").write_text('supervision = "labels"\n')
    assert set(catalogue.entries()) == {*OURS, "my-resnet", "my-vit"}


def test_the_card_of_a_single_file_may_use_words_and_names_of_its_own(folder):
    file = folder / "test_vit.safetensors"
    (folder / "test_vit.toml").write_text('supervision = "our editors"\ntimm = "x.y"\narchitecture = "test_vit"\n')
    one = catalogue.find(f"weights:{file}")
    assert (one.supervision, one.backbone, one.timm) == ("our editors", "test_vit", "")


def test_a_file_is_held_to_the_checksum_that_it_had_at_first(tmp_path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"first")
    hub.held(file, "unknown")
    assert (tmp_path / "w.safetensors.sha256").read_text().startswith(hashlib.sha256(b"first").hexdigest())
    hub.held(file, "unknown")
    file.write_bytes(b"other")
    with pytest.raises(UsageError, match="is not the file that it was"):
        hub.held(file, "unknown")
    with pytest.raises(UsageError, match="is not the file that it was"):
        hub.held(file, hashlib.sha256(b"first").hexdigest())


def test_rows_by_name_each_in_a_block_of_its_own_network(cli, with_synth, folder):
    words = ("--method", "my-resnet,my-vit,random,weights:{}", "--task", "classification", *SMALL)
    file = folder / "test_resnet.safetensors"
    words = [str(word).format(file) for word in words]
    done = cli(*words, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in with_synth.glob("cells/*/*.json")]
    found = {(one["method"], one["backbone"]["name"]): one for one in records if one["backbone"]}
    assert set(found) == {
        ("random", "test_resnet"), ("my-resnet", "test_resnet"), ("weights:test_resnet.safetensors", "test_resnet"),
        ("random", "test_vit"), ("my-vit", "test_vit"),
    }  # fmt: skip
    mine, lone = found["my-resnet", "test_resnet"], found["weights:test_resnet.safetensors", "test_resnet"]
    assert (mine["supervision"], lone["supervision"], mine["given"], mine["images_seen"]) == (
        "image-text",
        "unknown",
        True,
        0,
    )
    assert mine["metrics"] == lone["metrics"], "the same weights under two names"
    assert found["my-vit", "test_vit"]["backbone"]["readout"] == "cls"
    assert mine["metrics"] != found["random", "test_resnet"]["metrics"]
    assert done.stdout.count("image-text") == 2
    assert not list(folder.glob("*.sha256")), "nothing is written beside what is one's own"
    again = cli("list", "weights", "--json")
    assert {"my-resnet", "my-vit", "dinov2-s"} <= {one["name"] for one in json.loads(again.stdout)}
    assert "a drawer of prints" in cli("describe", "my-vit").stdout


def test_what_no_hub_hands_out_is_declined_with_the_mend(cli, with_synth):
    done = cli(
        "--method", "swav-resnet50,random", "--task", "reid", "--preset", "smoke", "--dry-run", "--results", with_synth
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "put swav_800ep_pretrain.pth.tar into a folder and set INKBENCH_WEIGHTS to it" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dinov2-x", "no method 'dinov2-x'; did you mean 'dinov2-s'"),
        ("timm:", "'timm:' names nothing; timm: takes a tag"),
        ("timm:resnet18.a9_in1k", "knows no weights 'resnet18.a9_in1k'; did you mean"),
        ("hf:", "'hf:' names nothing"),
        ("weights:gone.pth", "there is no file gone.pth"),
    ],
)
def test_a_name_of_nothing_is_refused(cli, with_synth, name, said):
    done = cli("--method", name, "--task", "classification", "--preset", "smoke", "--results", with_synth)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("resnet18.a1_in1k", "resnet18"),
        ("resnet50.tv_in1k", "resnet50.tv_in1k"),
        ("test_resnet.r160_in1k", "test_resnet"),
        ("resnet18", "resnet18"),
        ("", ""),
    ],
)
def test_a_network_is_named_without_the_tag_that_timm_takes_by_itself(name, network):
    """So that its rows stand in a block with those that are pretrained on it."""
    assert untagged(name) == network


def from_hub(cli, results, name, address, cache, **more):
    env = {**os.environ, catalogue.FOLDERS: address, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0", **more}
    words = ("--method", name, "--task", "classification", "--backbone", "test_resnet", *SMALL)
    return cli(*words, "--no-baseline", "--results", results, env=env)


def test_the_hubs_own_client_fetches_from_a_mirror_once(cli, with_synth, tmp_path):
    torch.manual_seed(3)
    state = Backbone("test_resnet").model.state_dict()
    for repository in ("timm/test_resnet.r160_in1k", "someone/drawings"):
        (tmp_path / "served" / repository).mkdir(parents=True)
        save_file(state, tmp_path / "served" / repository / "model.safetensors")
    cache = tmp_path / "hub"
    with mirror(tmp_path / "served") as (address, asked):
        for name in ("test-resnet-in1k", "hf:someone/drawings", f"hf:someone/drawings@{COMMIT}"):
            done = from_hub(cli, with_synth, name, address, cache)
            assert done.returncode == 0, done.stderr
        fetched = [line for line in asked if line.startswith("GET") and "/resolve/" in line]
        assert len(fetched) == 2, "a file that is there is not fetched again"
        nothing = from_hub(cli, with_synth, "hf:someone/drawings@v9", address, cache)
        assert nothing.returncode == 2
        assert "someone/drawings@v9 did not load (RevisionNotFoundError)" in nothing.stderr
    records = [json.loads(path.read_text()) for path in with_synth.glob("cells/*/*.json")]
    assert {one["method"] for one in records} == {"test-resnet-in1k", "hf:someone/drawings"}
    assert len({one["weights_sha256"] for one in records}) == 1
    assert list(cache.rglob("model.safetensors.sha256")), "the checksum of the first time lies beside it"
    gone = from_hub(cli, with_synth, "hf:someone/others", address, cache)
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1), gone.stderr
    assert "does not answer" in gone.stderr


def test_the_page_names_what_is_shipped_and_nothing_else():
    page = (registry.ROOT / "docs" / "weights.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "`" in line]
    assert {name for row in rows for name in re.findall("`([^`]+)`", row)} == set(OURS)


def test_a_pretext_task_starts_from_weights_by_their_name_on_their_network(cli, with_synth, folder):
    words = ("--method", "jigsaw,my-resnet", "--task", "classification", *SMALL, "--set", "pretrain.images=64")
    done = cli(*words, "--set", "pretrain.held_out=16", "--init", "my-resnet", "--results", with_synth)
    assert done.returncode == 0, done.stderr
    records = {
        one["method"]: one for one in map(json.loads, (p.read_text() for p in with_synth.glob("cells/*/*.json")))
    }
    jigsaw, mine = records["jigsaw"], records["my-resnet"]
    assert jigsaw["supervision"] == "image-text, then self-supervised"
    assert (jigsaw["changed"]["init"], jigsaw["versions"]["init"]) == ("my-resnet", mine["versions"]["weights"])
    assert jigsaw["weights_sha256"] != mine["weights_sha256"]
    assert "jigsaw init=my-resnet" in " ".join(done.stdout.split())
    assert done.stdout.count("test_resnet, 64 px, frozen") == 1, (
        "one block: it starts on the network that the weights are of"
    )


def test_it_scales_pixels_as_the_weights_were_trained(folder):
    usual = BackboneSettings()
    read = as_read_by(Jigsaw(Jigsaw.Config()), usual, catalogue.find("my-vit"))
    assert (read.mean, read.std, read.readout) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "mean")
    own = as_read_by(Jigsaw(Jigsaw.Config()), usual.model_copy(update={"mean": (0, 0, 0)}), catalogue.find("my-vit"))
    assert (own.mean, own.std) == ((0, 0, 0), (0.4, 0.5, 0.6)), "what the user sets stays"


@pytest.mark.parametrize(
    ("init", "more", "said"),
    [
        ("my-resnot", (), "there is no file my-resnot; did you mean 'my-resnet'?"),
        ("my-vit", ("--backbone", "test_resnet"), "test_vit.safetensors does not fit test_resnet"),
        ("swav-resnet50", (), "put swav_800ep_pretrain.pth.tar into a folder"),
    ],
)
def test_weights_to_start_from_that_cannot_be_had_are_refused(cli, with_synth, folder, init, more, said):
    words = ("--method", "jigsaw", "--task", "classification", "--preset", "smoke", "--init", init, *more)
    done = cli(*words, "--results", with_synth)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert said in done.stderr
