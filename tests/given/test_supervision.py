"""What weights were trained with: from timm's tags, from cards beside files, and unknown otherwise."""

import csv
import io
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import timm
import torch
from conftest import TINY
from safetensors.torch import save_file

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import supervision
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.store.files import checksum


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("resnet50.a1_in1k", "labels"),
        ("resnet50.tv_in1k", "labels"),
        ("resnet18.a1_in1k", "labels"),
        ("vit_base_patch16_224.augreg_in21k_ft_in1k", "labels"),
        ("vit_base_patch16_224.orig_in21k", "labels"),
        ("deit3_small_patch16_224.fb_in22k_ft_in1k", "labels"),
        ("convnext_tiny.in12k_ft_in1k", "labels"),
        ("swinv2_cr_small_ns_224.sw_in1k", "labels"),
        ("mobilenetv2_100.ra_in1k", "labels"),
        ("vit_base_patch16_224.dino", "self-supervised"),
        ("vit_small_patch14_dinov2.lvd142m", "self-supervised"),
        ("vit_small_patch16_dinov3.lvd1689m", "distilled"),
        ("vit_7b_patch16_dinov3.lvd1689m", "self-supervised"),
        ("vit_base_patch16_224.mae", "self-supervised"),
        ("vit_huge_patch14_gap_224.in1k_ijepa", "self-supervised"),
        ("convnextv2_atto.fcmae", "self-supervised"),
        ("eva02_base_patch14_224.mim_in22k", "mixed"),
        ("regnety_320.seer", "self-supervised"),
        ("resnet50_clip.openai", "image-text"),
        ("vit_base_patch16_clip_224.laion2b", "image-text"),
        ("vit_base_patch16_siglip_224.webli", "image-text"),
        ("vit_base_patch16_clip_224.datacompxl", "image-text"),
        ("levit_128.fb_dist_in1k", "distilled"),
        ("deit_tiny_distilled_patch16_224.fb_in1k", "distilled"),
        ("tiny_vit_5m_224.dist_in22k", "distilled"),
        ("vit_base_patch16_clip_224.laion2b_ft_in12k_in1k", "mixed"),
        ("vit_base_patch16_clip_224.openai_ft_in1k", "mixed"),
        ("resnext50_32x4d.fb_swsl_ig1b_ft_in1k", "mixed"),
        ("resnet50.fb_ssl_yfcc100m_ft_in1k", "mixed"),
        ("convnextv2_base.fcmae_ft_in22k_in1k", "mixed"),
        ("eva02_small_patch14_336.mim_in22k_ft_in1k", "mixed"),
        ("tf_efficientnet_b0.ns_jft_in1k", "mixed"),
        ("beit_base_patch16_224.in22k_ft_in22k_in1k", "mixed"),
        ("beitv2_base_patch16_224.in1k_ft_in1k", "mixed"),
        ("regnety_160.swag_lc_in1k", "mixed"),
        ("hiera_base_224.mae_in1k_ft_in1k", "mixed"),
        ("samvit_base_patch16.sa1b", "mixed"),
        ("resnet50.new_recipe_of_next_year_in1k", "unknown"),
        ("resnet50.", "unknown"),
    ],
)
def test_timms_tags_say_what_weights_were_trained_with(name, word):
    assert supervision.of_timm(*name.split(".")) == word


def test_no_tag_with_more_than_labels_in_it_is_called_labels():
    more = re.compile(
        r"clip|openai|laion|webli|swsl|wsl|ssl|fcmae|mim|dino|mae|jepa|jft|ig1b|seer|swag|dist|beit|eva0?2?_|lvd"
    )
    wrong, right = [], 0
    for name in timm.list_pretrained():
        architecture, _, tag = name.partition(".")
        if supervision.of_timm(architecture, tag) == "labels":
            right += 1
            wrong += [name] if more.search(name) else []
    assert wrong == []
    assert right > 1_000, "most of timm's weights were trained on labels"


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights_bytes(Backbone("test_resnet")))
    return path


def test_a_card_beside_the_file_says_it(weights):
    assert supervision.of_file(weights) == "unknown"
    card = weights.with_suffix(".toml")
    card.write_text('supervision = "image-text"\n')
    assert supervision.of_file(weights) == "image-text"
    weights.with_name("w.safetensors.toml").write_bytes('\ufeffsupervision = "manga tags"'.encode())
    assert supervision.of_file(weights) == "manga tags", "the full name's card goes first; words of one's own are kept"
    weights.with_name("w.safetensors.toml").unlink()
    card.write_text(supervision.card_text("labels", checksum(weights.read_bytes()), 'a source with "quotes"'))
    assert supervision.of_file(weights) == "labels"
    card.write_text('source = "somewhere"\n')
    assert supervision.of_file(weights) == "unknown"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("supervision = labels", "not a readable card"),
        ("supervision = 3", "supervision must be one of labels"),
        ('supervision = ""', "supervision must be one of labels"),
        ('supervision = "a\\nb"', "supervision must be one of labels"),
        ('supervision = "labels"\nsha256 = "00"', "is the card of another file"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused_in_one_line(text, words, weights):
    weights.with_suffix(".toml").write_text(text)
    with pytest.raises(UsageError, match=words) as refused:
        supervision.of_file(weights)
    assert "\n" not in str(refused.value)


def test_a_folder_from_timms_hub_says_its_tag(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.ones(1)}, path)
    (tmp_path / "config.json").write_text(
        json.dumps({"architecture": "vit_base_patch16_clip_224", "pretrained_cfg": {"tag": "laion2b_ft_in1k"}})
    )
    assert supervision.of_file(path) == "mixed"
    assert supervision.of_file(shutil.copy(path, tmp_path / "mine.safetensors")) == "unknown", "not that folder's file"
    (tmp_path / "config.json").write_text('{"architecture": "resnet18", "num_classes": 0}')
    assert supervision.of_file(path) == "unknown"


def test_first_weights_are_told_with_what_came_after():
    assert supervision.of_pretraining("none") == "self-supervised"
    assert supervision.of_pretraining("none", "labels") == "labels, then self-supervised"
    assert supervision.of_pretraining("none", "self-supervised") == "self-supervised"
    assert supervision.of_pretraining("characters' names", "unknown") == "unknown, then characters' names"


def test_a_row_of_a_given_file_prints_unknown_until_a_card_says_more(cli, with_synth, weights):
    def supervision_of(*words):
        done = cli(*words, "--task", "detection", *TINY, "--no-baseline", "--results", with_synth)
        assert done.returncode == 0, done.stderr
        (table,) = with_synth.glob("tables/detection-*.csv")
        (row,) = csv.DictReader(io.StringIO(table.read_text()))
        return done, row["supervision"]

    compiled = {f"_orig_mod.{name}": value for name, value in Backbone("test_resnet").model.state_dict().items()}
    path = weights.with_name("w.pth")
    torch.save(compiled, path)
    done, word = supervision_of("--method", "imagenet", "--weights", path)
    assert "w.pth: _orig_mod. removed" in done.stderr
    assert word == "unknown"
    assert "ImageNet labels" not in done.stdout
    path.with_name("w.pth.toml").write_text('supervision = "image-text"\n')
    assert supervision_of("--method", "imagenet", "--weights", path)[1] == "image-text"
    assert supervision_of("--method", "jigsaw", "--init", path)[1] == "image-text, then self-supervised"


CARDS = Path(__file__).parent / "supervision.csv"
"""Names of timm's weights, what they were trained with, and the sentence of their card that says so; typed by hand."""
CARD_ERRS = {
    "convnext_base.clip_laion2b_augreg_ft_in12k": "mixed",  # the card is that of the weights before their fine-tuning
    "aimv2_large_patch14_224.apple_pt": "image-text",  # the card says nothing; its paper, images and texts
    "aimv2_large_patch14_336.apple_pt_dist": "mixed",
}
"""What the tag says where the card says less."""


def cards():
    return list(csv.DictReader(CARDS.open(newline="")))


@pytest.mark.parametrize("card", cards(), ids=lambda card: card["name"])
def test_the_rule_says_what_the_card_says(card):
    assert card["name"] in timm.list_pretrained()
    assert supervision.of_timm(*card["name"].split(".", 1)) == CARD_ERRS.get(card["name"], card["supervision"])


def test_the_cards_are_many_of_every_kind_each_with_its_sentence():
    kinds = Counter(card["supervision"] for card in cards())
    assert kinds.total() == len({card["name"] for card in cards()}) == 80
    assert min(kinds[word] for word in ("labels", "self-supervised", "image-text", "distilled", "mixed")) >= 8
    assert all(len(card["sentence"]) > 20 for card in cards())


def test_every_name_that_timm_lists_has_a_word():
    words = Counter(supervision.of_timm(*name.split(".", 1)) for name in timm.list_pretrained() if "." in name)
    assert set(words) == set(supervision.WORDS)
    assert words["unknown"] < 0.05 * words.total(), words
