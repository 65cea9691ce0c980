"""What a pretraining reads: all of a pool, the training series of the task's own data, neither with suspects."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import TINY
from pictures_of import draw, noise
from PIL import Image

from inkbench.benchmark.api import View
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.planning.pool import HELD_OUT_SHARE, identity, is_pool
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.pretrain_items import reading
from inkbench.benchmark.store.store import Store

SPLITS = ("train", "val", "test")


def folder(root, series, of_each, start=0):
    for s in range(series):
        for k in range(of_each):
            draw(root / f"s{s}/{k}.png", 64, 48, seed=start + 100 * s + k)
    return root


def read(tmp_path, data, pool, exclude_suspects=False, held_out=1000, transductive=False):
    one = open_dataset(str(data), "quick", (), tmp_path / "r")
    other = one if pool is None else open_dataset(str(pool), "quick", (), tmp_path / "r")
    bench = SimpleNamespace(
        request=SimpleNamespace(transductive=transductive, exclude_suspects=exclude_suspects),
        plan=SimpleNamespace(data=one, pretrain_data=other),
        store=Store(tmp_path / "r"),
        progress=Progress(quiet=True),
    )
    method = SimpleNamespace(views=lambda: {"image": View(32, "squash")})
    return reading(bench, SimpleNamespace(method=method, settings=SimpleNamespace(held_out=held_out)))


def ids(items):
    return {item.id for item in items}


def test_all_of_a_pool_is_read_but_for_a_small_part(tmp_path):
    pool, data = folder(tmp_path / "pool", 20, 5), folder(tmp_path / "data", 3, 2, start=5000)
    found = read(tmp_path, data, pool)
    train, held_out = found.train["panels"], found.held_out["panels"]
    assert found.pool
    assert len(train) + len(held_out) == 100
    assert 0 < len(held_out) <= 2 * HELD_OUT_SHARE * 100
    assert not {item.series for item in train} & {item.series for item in held_out}
    assert {item.split for item in train} == set(SPLITS), "what would be tested on elsewhere is read too"
    assert found.held_back == 0
    assert len(read(tmp_path, data, pool, held_out=3).held_out["panels"]) == 5, "no more series than are asked for"


def test_where_one_series_is_most_of_a_pool_single_images_are_held_out(tmp_path):
    pool, data = folder(tmp_path / "pool", 1, 40), folder(tmp_path / "data", 3, 2, start=5000)
    found = read(tmp_path, data, pool)
    assert (len(found.train["panels"]), len(found.held_out["panels"])) == (36, 4)
    assert ids(read(tmp_path, data, pool).held_out["panels"]) == ids(found.held_out["panels"])


def test_of_the_task_s_own_data_the_training_series_are_read(tmp_path):
    data = folder(tmp_path / "data", 10, 3)
    found = read(tmp_path, data, None)
    dataset = open_dataset(str(data), "quick", (), tmp_path / "r")
    assert not found.pool
    assert ids(found.train["panels"]) == ids(dataset.items("panels", "train"))
    assert ids(found.held_out["panels"]) == ids(dataset.items("panels", "val"))
    assert len(read(tmp_path, data, None, transductive=True).train["panels"]) == 30


def test_the_same_data_by_another_way_are_no_pool(tmp_path):
    data = folder(tmp_path / "data", 4, 2)
    (tmp_path / "link").symlink_to(data)
    one = open_dataset(str(data), "quick", (), tmp_path / "r")
    for other in (f"named={data}", f"folder:{data}", str(tmp_path / "link"), str(folder(tmp_path / "copy", 4, 2))):
        assert not is_pool(one, open_dataset(other, "quick", (), tmp_path / "r")), other
    assert is_pool(one, open_dataset(str(folder(tmp_path / "more", 5, 2)), "quick", (), tmp_path / "r"))


def test_what_is_tested_is_not_read_where_one_folder_holds_the_other(tmp_path):
    pool = folder(tmp_path / "pool", 12, 3)
    folder(pool / "labelled", 6, 2, start=7000)
    data = open_dataset(str(pool / "labelled"), "quick", (), tmp_path / "r")
    found = read(tmp_path, pool / "labelled", pool)
    read_files = {item.path for item in (*found.train["panels"], *found.held_out["panels"])}
    tested = {item.path for split in ("val", "test") for item in data.items("panels", split)}
    assert not read_files & tested
    assert {item.path for item in data.items("panels", "train")} <= read_files
    assert found.held_back == len(tested)


def test_suspects_are_left_out_listed_and_part_of_the_key(tmp_path):
    pool, data = folder(tmp_path / "pool", 12, 3), folder(tmp_path / "data", 6, 2, start=7000)
    tested = open_dataset(str(data), "quick", (), tmp_path / "r")
    for k, item in enumerate(tested.items("panels", "test")):
        picture = Image.open(item.path)
        picture.resize((picture.width * 2, picture.height * 2)).save(pool / "s0" / f"again{k}.png")
    planted = {f"s0/again{k}" for k in range(len(tested.items("panels", "test")))}
    with_them = read(tmp_path, data, pool)
    assert planted <= ids([*with_them.train["panels"], *with_them.held_out["panels"]])
    without = read(tmp_path, data, pool, exclude_suspects=True)
    assert {one.image for one in without.suspects} == planted
    assert not planted & ids([*without.train["panels"], *without.held_out["panels"]])
    assert without.told()["suspects"] == len(planted)
    one, other = (open_dataset(str(root), "quick", (), tmp_path / "r") for root in (data, pool))
    assert identity(one, other, True) != identity(one, other, False)
    assert identity(one, one, False) == {}


def test_a_pool_of_suspects_alone_is_told(tmp_path):
    data = folder(tmp_path / "data", 3, 2)
    for k, split in enumerate(("test", "val")):
        for item in open_dataset(str(data), "quick", (), tmp_path / "r").items("panels", split):
            path = tmp_path / f"pool/x{k}/{item.path.name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(Image.open(item.path)) // 2 + 60).save(path)
    with pytest.raises(RunError, match="no panels to read after leaving out 4 suspects"):
        read(tmp_path, data, tmp_path / "pool", exclude_suspects=True)


@pytest.mark.slow
def test_a_run_on_a_pool_says_what_was_read_and_left_out(cli, with_synth, tmp_path):
    drawn = next(with_synth.glob("cache/synth/*/dcm772"))
    synth = open_dataset(f"dcm772:{drawn}", "quick", (), tmp_path / "r")
    pool = folder(tmp_path / "pool", 6, 6)
    for k, item in enumerate(synth.items("pages", "test")[:2]):
        Image.open(item.path).save(pool / "s0" / f"{item.path.stem}-again{k}.png")
    Image.fromarray(noise(64, 48, 9)).save(pool / "s1/more.png")
    words = ("--method", "context_encoder", "--task", "detection", *TINY, "--pretrain-data", f"pages={pool}")
    done = cli(*words, "--data", drawn, "--exclude-suspects", "--results", with_synth)
    assert done.returncode == 0, done.stderr
    assert "pretrains on all splits of pages (no task is tested on it)" in done.stderr
    assert "suspects excluded from pretraining on pages" in done.stderr
    record = next(
        found for path in (with_synth / "cells").rglob("*.json")
        if (found := json.loads(path.read_text()))["method"] == "context_encoder"
    )  # fmt: skip
    told = record["exclusions"]["pretraining"]
    assert told["read"] == "all series of a pool"
    assert told["suspects"] == 2
    assert told["panels_read"] + told["held_out_for_the_pretext_figure"] == 6 * 6 + 1
    assert record["leaks"]["by_image"] == 0
    assert record["pretrain_data"]["id"] == "pages"
    listed = (with_synth / "backbones" / record["pretraining"] / "suspects.csv").read_text().splitlines()
    assert len(listed) == 3
    refused = cli(*words, "--data", drawn, "--exclude-suspects", "--transductive", "--results", with_synth)
    assert refused.returncode == 2
    assert "--exclude-suspects leaves out what --transductive includes" in refused.stderr
