"""The card of an export says where weights come from and under which terms, of old results and given weights too."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.running.export.exported import Terms, slug
from inkbench.benchmark.running.export.folder import Wanted, export
from inkbench.benchmark.running.export.given import terms_of
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.store.store import Store

MUSEUM = Path(__file__).resolve().parents[1] / "museum"


@pytest.fixture
def results(tmp_path):
    """Copy a results folder of an older schema, with weights of its network; gives the card's path."""

    def of(room):
        folder = tmp_path / room
        shutil.copytree(MUSEUM / room, folder)
        (card,) = folder.glob("backbones/*/card.json")
        torch.manual_seed(1)
        data = weights_bytes(Backbone(json.loads(card.read_bytes())["architecture"]))
        card.with_name("weights.safetensors").write_bytes(data)
        change(card, sha256=checksum(data))
        return card

    return of


def change(card, **values):
    card.write_text(json.dumps({**json.loads(card.read_bytes()), **values}))


def page_of(card, out):
    export(Store(card.parents[2]), "jigsaw", Wanted(out))
    return (out / "README.md").read_text()


@pytest.mark.parametrize("room", ["schema-1-last", "schema-2", "schema-3"])
def test_a_backbone_of_an_older_schema_is_exported_with_what_its_card_and_runs_say(results, tmp_path, room):
    card = results(room)
    page = page_of(card, tmp_path / "out")
    assert "squares of 32 px" in page, "jigsaw shows the backbone its tiles"
    assert "simulated comics" in page, "its runs say so"
    assert "licence unknown" in page
    config = timm.data.resolve_model_data_config(timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True))
    assert (tuple(config["input_size"]), config["interpolation"], config["crop_pct"]) == ((3, 32, 32), "bilinear", 1.0)
    told = json.loads((tmp_path / "out" / "pretraining.json").read_text())
    assert told["key"] == card.parent.name


def test_a_figure_whose_items_are_gone_has_no_interval_and_says_so(results, tmp_path):
    card = results("schema-3")
    for items in card.parents[2].glob("cells/*/*.items.npz"):
        items.unlink()
    page_of(card, tmp_path / "out")
    found = ModelCard.load(tmp_path / "out" / "README.md").data.eval_results
    assert found
    assert all(one.metric_args["interval"].startswith("none: its per-item file") for one in found)


def test_terms_of_data_and_of_first_weights_are_both_told(results, tmp_path):
    card = results("schema-3")
    data = {"id": "our-pages", "fingerprint": "0" * 20, "own": True, "simulated": False, "photographs": False}
    change(card, init="dino-s16", data={**data, "licence": "CC BY-NC 4.0", "citation": "Us", "homepage": ""})
    page = page_of(card, tmp_path / "out")
    assert "- the images of our-pages: licence CC BY-NC 4.0. Cite: Us." in page
    assert "Emerging Properties in Self-Supervised Vision Transformers" in page
    assert "| started from | dino-s16 |" in page
    assert "| comics | our-pages |" in page
    told = ModelCard.load(tmp_path / "out" / "README.md").data
    assert (told.license, told.license_name) == ("other", "several-see-the-card"), "apache-2.0 and cc-by-nc-4.0"


@pytest.mark.parametrize(
    ("licence", "word"),
    [
        ("Apache-2.0, as the program that draws it", "apache-2.0"),
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("MIT", "mit"),
        ("", "unknown"),
        ("unknown", "unknown"),
        ("free for personal, non-commercial research", "other"),
        ("dinov3-license", "other"),
    ],
)
def test_licences_are_said_in_the_hubs_words(licence, word):
    assert Terms("x", licence).identifier == word


def test_names_become_words_of_the_hub():
    assert slug("Our Pages/2024: [final]") == "our-pages-2024-final"
    assert slug("???") == "unknown"


def test_names_from_data_are_no_markup_and_no_yaml(results, tmp_path):
    card = results("schema-3")
    name = 'x: [a](http://b)\n---\n<b>|"'
    change(card, data={"id": name, "fingerprint": "0" * 20, "own": True})
    page = page_of(card, tmp_path / "out")
    assert "<b>" not in page
    assert "](http" not in page
    told = ModelCard.load(tmp_path / "out" / "README.md").data
    assert told.datasets == ["x-a-http-b-b"]


def test_names_of_single_images_are_not_handed_on(results, tmp_path):
    card = results("schema-3")
    exclusions = {"panels_read": 3, "unreadable": [{"item": "secret-project/p1.png", "reason": "/home/me/p1.png"}]}
    change(card, exclusions=exclusions)
    page_of(card, tmp_path / "out")
    told = (tmp_path / "out" / "pretraining.json").read_text()
    assert "p1.png" not in told
    assert json.loads(told)["exclusions"] == {"panels_read": 3, "unreadable": 1}


def test_weights_of_another_network_than_the_card_says_are_refused(results, tmp_path):
    card = results("schema-3")
    change(card, architecture="test_vit")
    with pytest.raises(UsageError, match="does not fit test_vit"):
        page_of(card, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A catalogue of one's own with a small transformer, and the environment that names it."""
    home = tmp_path / "mine"
    home.mkdir()
    torch.manual_seed(7)
    save_file(Backbone("test_vit").model.state_dict(), home / "test_vit.safetensors")
    (home / "mine.toml").write_text(
        'supervision = "image-text"\ndata = "a drawer of prints"\nlicence = "CC BY-SA 4.0"\nseen = "comics"\n'
        'citation = "A. Nobody, Prints, 2020"\nhomepage = "https://example.org/prints"\n'
        '[[weights]]\nname = "my-vit"\narchitecture = "test_vit"\nfile = "test_vit.safetensors"\nfeature = "cls"\n'
        "mean = [0.1, 0.2, 0.3]\nstd = [0.4, 0.5, 0.6]\nside = 100\n"
    )
    monkeypatch.setenv(catalogue.FOLDERS, str(home))
    return home


def test_given_weights_carry_their_licence_and_citation(folder, tmp_path):
    out = tmp_path / "out"
    told = export(Store(tmp_path / "results"), "my-vit", Wanted(out))
    assert f'timm.create_model("local-dir:{out}", pretrained=True)' in told
    card = ModelCard.load(out / "README.md")
    assert (card.data.license, card.data.library_name, card.data.eval_results) == ("cc-by-sa-4.0", "timm", None)
    for fact in (
        "test_vit, weights my-vit",
        "- the weights my-vit: licence CC BY-SA 4.0. Cite: A. Nobody, Prints, 2020. https://example.org/prints",
        "| comics | saw comics, maybe those of a test |",
        "| data | a drawer of prints |",
        "| trained with | image-text |",
        "| read as | cls",
        "No task has been scored with these weights",
    ):
        assert fact in card.text
    model = timm.create_model(f"local-dir:{out}", pretrained=True).eval()
    config = timm.data.resolve_model_data_config(model)
    assert tuple(config["input_size"]) == (3, 112, 112), "whole patches of 16 px"
    assert (tuple(config["mean"]), tuple(config["std"])) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    state = model.state_dict()
    given = load_file(folder / "test_vit.safetensors")
    assert all(torch.equal(given[name], value) for name, value in state.items()), "positions keep their grid"
    assert model(torch.rand(1, 3, 112, 112)).shape == (1, 64)
    toml = tomllib.loads((out / "model.toml").read_text())
    assert toml["supervision"] == "image-text"


def test_an_exported_folder_is_read_back_as_a_row(folder, tmp_path):
    out = tmp_path / "out"
    export(Store(tmp_path / "results"), "my-vit", Wanted(out))
    one = catalogue.find(f"weights:{out / 'model.safetensors'}")
    assert one.supervision == "image-text"


def test_catalogued_licences_are_those_of_the_entry_or_of_timm():
    found = terms_of(catalogue.find("dinov2-s"))
    assert found.identifier == "apache-2.0"
    assert "DINOv2" in found.citation
    assert terms_of(catalogue.find("mocov3-s")).identifier == "cc-by-nc-4.0"


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (None, "nothing says which network weights:w.safetensors is of; name it with --backbone NAME"),
        ("test_resnet", "does not fit test_resnet"),
    ],
)
def test_given_weights_of_an_unknown_network_are_refused(tmp_path, network, said):
    save_file(Backbone("test_vit").model.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match=said):
        export(Store(tmp_path), f"weights:{tmp_path / 'w.safetensors'}", Wanted(tmp_path / "out", network=network))


def test_a_network_that_contradicts_the_catalogue_is_refused(folder, tmp_path):
    with pytest.raises(UsageError, match="my-vit is of test_vit, not test_resnet; leave out --backbone"):
        export(Store(tmp_path), "my-vit", Wanted(tmp_path / "out", network="test_resnet"))


def test_given_weights_show_the_runs_that_used_them_over_their_seeds(cli, with_synth, folder, tmp_path):
    words = ("--method", "my-vit", "--task", "classification", "--preset", "smoke", "--seeds", "2", "--no-baseline")
    done = cli(*words, "--set", "classification.steps=10", "--results", with_synth)
    assert done.returncode == 0, done.stderr
    done = cli("export", "my-vit", "--out", tmp_path / "out", "--results", with_synth)
    assert done.returncode == 0, done.stderr
    (result,) = ModelCard.load(tmp_path / "out" / "README.md").data.eval_results
    records = [json.loads(path.read_text()) for path in with_synth.glob("cells/*/*.json")]
    values = [one["metrics"]["accuracy"]["value"] for one in records]
    assert len(values) == 2
    assert result.metric_value == pytest.approx(sum(values) / 2, abs=1e-12)
    assert result.metric_args["seeds"] == [0, 1]
    assert "2 seeds" in result.metric_args["interval"]
    assert result.task_type == "image-classification"


def test_an_export_names_what_it_lacks(cli, tmp_path):
    for words, said in (
        (("export", "jigsaw"), "export needs --out DIR, or --push REPO"),
        (("export", "imagenet", "--out", tmp_path / "out"), "given weights go by their names (list weights)"),
        (("export", "jigsaw", "--out", tmp_path / "out", "--format", "pickle"), "no format 'pickle'"),
        (("export", "jigsaw", "--out", tmp_path / "out", "--private"), "--private is for a repository of the hub"),
        (("export", "jigsaw", "--out", tmp_path / "out", "--backbone", "resnet18"), "--backbone is for given weights"),
    ):
        done = cli(*words, "--results", tmp_path / "results")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert said in done.stderr
