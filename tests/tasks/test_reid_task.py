"""The reid task: crops and truths, batches, trivial baselines, refusals, strips; runs through the command line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures_of import draw
from PIL import Image
from record_files import written

from inkbench.benchmark.api import Item
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.drawing.strips import letters
from inkbench.benchmark.errors import UsageError
from inkbench.tasks.reid.task import Reid, ReidConfig, histogram, thumbnail


def task(**sets):
    return Reid(ReidConfig.resolve("reid", "smoke", {key: str(value) for key, value in sets.items()}))


class Backbone:
    channels = (4, 8)
    width = 8


def truth(identity, series="s", apart=(), **more):
    return {
        "identity": np.array(identity),
        "series": np.array(series),
        "apart": np.array(list(apart), dtype=str),
        "sequences": np.array([], dtype=str),
        **more,
    }


def test_faces_are_squashed_and_bodies_padded():
    views = {crops: task(crops=crops, body_side=48).views() for crops in ("faces", "bodies", "both")}
    assert {crops: list(of) for crops, of in views.items()} == {
        "faces": ["image"],
        "bodies": ["image"],
        "both": ["face", "body"],
    }
    seen = {crops: [(view.kind, view.fit, view.side) for view in of.values()] for crops, of in views.items()}
    assert seen["faces"] == [("faces", "squash", 32)]
    assert seen["bodies"] == [("bodies", "centre", 48)]
    assert seen["both"] == [("characters", "squash", 32), ("characters", "centre", 48)]
    assert task(crops="both").needs() == {"identities", "characters"}


def test_the_truth_of_a_crop(tmp_path):
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[10:30, 20:50] = (255, 0, 64)
    Image.fromarray(pixels).save(tmp_path / "page.png")
    item = Item(
        "a",
        tmp_path / "page.png",
        "s1",
        "test",
        crop=(20, 10, 30, 20),
        identity="s1/bob",
        panel="s1/3_7",
        apart=("q",),
        strips=("q", "r"),
    )
    known = task().truth(item, 30, 20)
    names = {name: known[name].tolist() for name in ("identity", "series", "panel", "page", "apart", "sequences")}
    assert names == {
        "identity": "s1/bob",
        "series": "s1",
        "panel": "s1/3_7",
        "page": "s1/3",
        "apart": ["q"],
        "sequences": ["q", "r"],
    }
    assert known["pixels"].shape == (1, 16, 16, 3)
    assert known["pixels"][0, 3, 4] == pytest.approx([1, 0, 64 / 255], abs=1e-3)
    assert known["histogram"].sum(2).tolist() == [pytest.approx([1, 1, 1])]
    assert [int(row.argmax()) for row in known["histogram"][0]] == [31, 0, 8]


def test_a_missing_half_has_no_pixels_and_no_colours(tmp_path):
    body = Item("b", draw(tmp_path / "b.png"), "s", "test", identity="a")
    known = task(crops="both").truth(Item("c", body.path, "s", "test", identity="a", parts={"body": body}), 9, 9)
    for name in ("pixels", "histogram"):
        assert not known[name][0].any()
        assert known[name][1].any()


def test_histograms_and_thumbnails_of_noise():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    expected = np.stack([np.histogram(pixels[..., c], bins=32, range=(0, 256))[0] for c in range(3)]) / 3500
    np.testing.assert_allclose(histogram(pixels), expected, rtol=1e-6)
    assert thumbnail(pixels).mean() == pytest.approx(pixels.mean() / 255, abs=0.01)


def test_trivial_rows_know_nothing_pixels_or_colours():
    truths = [{"pixels": np.full((1, 16, 16, 3), k / 4), "histogram": np.eye(3, 32)[None] * k} for k in range(4)]
    rows = {name: task().predict_trivial(name, [], truths, []) for name in Reid.trivial}
    assert set(rows) == {"chance", "pixels", "histogram"}
    assert [row["embedding"].shape for row in (rows["pixels"][0], rows["histogram"][0])] == [(768,), (96,)]
    assert rows["pixels"][3]["embedding"][0] == 0.75
    again = task().predict_trivial("chance", [], truths, [])
    assert all((a["embedding"] == b["embedding"]).all() for a, b in zip(rows["chance"], again, strict=True))


def test_codes_are_of_a_character_of_a_series():
    of = [task().target(truth(who, series), None)["identity"] for who, series in (("a", "s"), ("a", "t"), ("b", "s"))]
    assert len({int(code[0]) for code in of}) == 3
    assert task().target(truth("a"), None)["identity"] == of[0]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"crops": "face"}, "crops"),
        ({"exclude": "book"}, "exclude"),
        ({"batch": 8, "series": 4}, "batch 8 over 4 series leaves fewer than 4 appearances per series"),
        ({"mask": 0.5}, "mask hides one of two crops, but crops=faces has only one"),
        ({"loss": "arcface"}, "loss"),
    ],
)
def test_impossible_settings_are_refused(sets, said):
    with pytest.raises(UsageError, match=said):
        task(**sets)


def test_a_learnt_fusion_needs_training():
    for fusion in ("weighted", "attention"):
        with pytest.raises(UsageError, match=f"reid.fusion={fusion} is learnt and zeroshot@1 trains nothing"):
            task(crops="both", fusion=fusion).head(Backbone(), "zeroshot@1")
        task(crops="both", fusion=fusion).head(Backbone(), "identity@1")
    assert [task().steps(protocol) for protocol in Reid.protocols] == [0, 40, 40]


def test_a_batch_holds_some_appearances_of_some_characters_of_some_series():
    truths = [truth(f"{who}", f"{series}") for series in range(6) for who in range(5) for _ in range(9)]
    sampler = task(batch=32, series=4, each=4).sampler(truths)
    seen = np.zeros(len(truths), dtype=int)
    for step in range(60):
        chosen = sampler(0, step, 32)
        assert len(set(chosen.tolist())) == 32
        who = [(str(truths[k]["series"]), str(truths[k]["identity"])) for k in chosen]
        assert len({series for series, _ in who}) == 4
        assert {who.count(one) for one in who} == {4}
        assert (chosen == sampler(0, step, 32)).all()
        seen[chosen] += 1
    assert (seen > 0).all(), "everything is seen"
    by_series = seen.reshape(6, 45).sum(1)
    assert by_series.max() - by_series.min() <= 60 * 4 // 4, "series take turns, but for where an epoch ends in a step"
    assert (sampler(0, 3, 32) != sampler(1, 3, 32)).any()


def test_a_batch_holds_nobody_who_may_be_another():
    apart = {"a": ["1"], "b": ["1", "2"], "c": ["2"], "d": ["3"]}
    truths = [truth(who, series, apart[who]) for series in "st" for who in "abcd" * 4]
    sampler = task(batch=16, series=2).sampler(truths)
    together = set()
    for step in range(30):
        batch = [truths[k] for k in sampler(0, step, 16)]
        for series in "st":
            together.add("".join(sorted({str(one["identity"]) for one in batch if str(one["series"]) == series})))
    assert together == {"ab", "bc", "d"}


def test_a_small_split_gives_small_batches():
    truths = [truth("ab"[k % 2], "s") for k in range(6)]
    assert sorted(task(batch=16, series=2, each=9).sampler(truths)(0, 5, 16)) == list(range(6))


class Shelf(Dataset):
    """Two panels and a strip of them."""

    name = "shelf"

    @classmethod
    def recognises(cls, root):
        return False

    def offers(self):
        return frozenset({"panels"})

    def fingerprint(self):
        return "shelf"

    def items(self, kind, split):
        return [Item(f"s/0_{k}", self.root / f"{k}.png", "s", split) for k in range(2)]

    def strips(self, split):
        return {"strip": ("s/0_0", "s/0_1")}


def appearances(folder: Path, identities: str) -> tuple[list[Item], list[dict]]:
    items = [
        Item(
            f"{k}",
            folder / "0.png",
            "s",
            "test",
            identity=who,
            panel=f"s/0_{k % 2}",
            place=(10 + 30 * k, 10, 30 + 30 * k, 40),
        )
        for k, who in enumerate(identities)
    ]
    return items, [truth(who) | {"sequences": np.array(["strip"])} for who in identities]


@pytest.mark.seconds
def test_a_strip_shows_each_assigned_character_in_its_colour(tmp_path):
    for k in range(2):
        Image.new("RGB", (200, 100), "white").save(tmp_path / f"{k}.png")
    items, truths = appearances(tmp_path, "aab")
    seen = [{"embedding": np.array(row, dtype=np.float32)} for row in ([0, 1], [0, 1.1], [1, 0])]
    reid = task()
    assert reid.album(items, truths, seen, {"threshold": 0.5}) == {}, "no dataset, no panels"
    reid.bind(Shelf(tmp_path))
    assert reid.album(items, truths, seen, {}) == {}, "nothing was chosen on validation"

    def colours(threshold):
        [picture] = reid.album(items, truths, seen, {"threshold": threshold}).values()
        found = np.unique(picture.reshape(-1, 3), axis=0)
        return {tuple(map(int, one)) for one in found if one.max() - one.min() >= 100}

    assert [len(colours(threshold) & FRAMES) for threshold in (0.5, 5, 0.01)] == [2, 1, 3]
    (tmp_path / "1.png").write_bytes(b"no picture")
    assert len(colours(0.5) & FRAMES) == 2, "a damaged panel is left out"


FRAMES = {(230, 25, 75), (0, 110, 220), (60, 160, 60)}


def test_letters_go_on():
    assert [letters(k) for k in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_threshold_is_chosen_on_validation_and_used_on_test():
    truths = [truth("ab"[k % 2]) | {"sequences": np.array([f"q{k // 8}"])} for k in range(16)]
    seen = [{"embedding": np.array([k % 2, 0.01 * k])} for k in range(16)]
    assert 0.06 < task().calibrate(seen, truths)["threshold"] < 1
    assert task().calibrate(seen, [truth("a")] * 16) == {}, "no strips, nothing to choose"


def run(cli, results, *words):
    done = cli("--method", "random", "--task", "reid", "--preset", "smoke", "--results", results, *words)
    assert done.returncode == 0, done.stderr
    return done, {(record["method"], record["protocol"]): record for record in written(results)}


def test_a_run_finds_characters_again(cli, with_synth):
    done, records = run(cli, with_synth, "--set", "reid.exclude=panel")
    assert done.stdout.count("map@r[inter-first]") == 1
    figures = {name: record["metrics"]["map@r"]["value"] for (name, _), record in records.items()}
    assert set(figures) == {"trivial:chance", "trivial:pixels", "trivial:histogram", "random"}
    assert figures["trivial:histogram"] > 2 * figures["trivial:chance"]
    random = records["random", "zeroshot@1"]
    assert (random["head_parameters"], random["settings"]["task"]["exclude"]) == (0, "panel")
    assert random["calibration"]["threshold"] > 0
    assert {"ami[assign]", "b-cubed[assign]", "accuracy[pairs]"} < set(random["metrics"])
    assert any("differ): 16 of 16; groups of" in note for note in random["notes"])
    pictures = sorted((with_synth / "runs" / random["id"]).glob("*.png"))
    assert [path.name for path in pictures] == ["assign-0.png", "assign-1.png", "assign-2.png"]


@pytest.mark.slow
def test_face_and_body_under_every_protocol(cli, with_synth):
    settings = ("crops=both", "mask=0.5", "padding=trainable", "steps=12", "batch=16", "series=2")
    sets = [word for pair in settings for word in ("--set", f"reid.{pair}")]
    _, records = run(cli, with_synth, "--protocol", "all", "--no-baseline", *sets)
    assert {protocol: record["family"] for (_, protocol), record in records.items()} == Reid.protocols
    told = {protocol: record["metrics"]["map@r"] for (_, protocol), record in records.items()}
    assert len({round(entry["value"], 9) for entry in told.values()}) == 3
    assert len({entry["n"] for entry in told.values()}) == 1
    trained = [records["random", protocol] for protocol in ("identity@1", "identity-finetune@1")]
    channels = 96
    assert {record["head_parameters"] for record in trained} == {256 * channels + 256 + 2 * channels}
    assert all(record["curve"][-1][1] < record["curve"][0][1] for record in trained)
    assert [record["chosen"]["batch_norm"] for record in trained] == ["re-estimated", "trained"]


def test_shapes_of_what_a_head_is_given():
    head = task().head(Backbone(), "zeroshot@1")
    assert task().reads("zeroshot@1") == "vector"
    kept = task().cached_features([torch.randn(3, 8, 1, 1)])  # the backbone's one vector, as a map
    decoded = task().decode(head(kept), [], [])
    assert [one["embedding"].shape for one in decoded] == [(8,)] * 3
