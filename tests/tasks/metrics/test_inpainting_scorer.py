"""The scorer of inpainting: optima, refusals, names that n decides, weights, sets that a row has not."""

import numpy as np
import pytest

from inkbench.benchmark.errors import RunError
from inkbench.benchmark.scoring.score import metric_entries
from inkbench.tasks.metrics import inpainting
from inkbench.tasks.metrics.inpainting import METRICS, aggregate, counts, notes, paste, resampler, score_items
from inkbench.tasks.metrics.items import concatenate


def truths(count=12, seed=0):
    r = np.random.default_rng(seed)
    made = []
    for k in range(count):
        window = np.repeat(np.repeat(r.integers(0, 256, (16, 16, 3), dtype=np.uint8), 8, 0), 8, 1)
        hole = np.array([32, 32, 96, 96]) if k else np.array([20, 10, 70, 74])
        face = np.repeat(np.repeat(r.integers(0, 256, (8, 8, 3), dtype=np.uint8), 8, 0), 8, 1)
        made.append(
            {
                "face": face, "window": paste(window, hole, face), "hole": hole, "series": np.array(f"s{k % 2}"),
                "identity": np.array(f"s{k % 2}/{k % 4}"), "panels": np.array([f"p{k}", f"p{k - 1}"]),
            }
        )  # fmt: skip
    return made


def noisy(some, amount, seed=1):
    r = np.random.default_rng(seed)
    return [{"face": np.clip(one["face"] + r.normal(0, amount, (64, 64, 3)), 0, 255).astype(np.uint8)} for one in some]


def test_perfect_predictions_reach_the_optimum_of_every_metric_and_others_do_not():
    true = truths()
    perfect = aggregate(score_items([{"face": one["face"]} for one in true], true))
    worse = aggregate(score_items(noisy(true, 60), true))
    optima = {
        "kid[ink,paired]": 0,
        "kid[ink]": None,
        "fd[ink]": 0,
        "cosine[ink]": 1,
        "rank-1[ink]": None,
        "chance": None,
    }
    optima |= {f"psnr[{where}]": 100 for where in ("hole", "whole")}
    optima |= {f"ssim[gauss11,{where}]": 1 for where in ("hole", "whole")}
    optima |= {f"l1[{where}]": 0 for where in ("hole", "whole")}
    assert set(perfect) == set(optima)
    for name, best in optima.items():
        if best is not None:
            assert perfect[name] == pytest.approx(best, abs=1e-9), name
            direction = next(metric.direction for metric in METRICS if metric.name == name)
            assert (worse[name] < perfect[name]) is (direction == "max"), name
    assert perfect["kid[ink]"] < 0, "over all pairs, each face with its own truth too, perfect faces fall below 0"
    assert perfect["kid[ink]"] < worse["kid[ink]"]
    assert worse["psnr[whole]"] > worse["psnr[hole]"] + 3, "the rest of the whole is true"


def test_what_is_no_face_is_refused_with_the_items_name():
    true = truths(3)
    for face, said in (
        (np.full((64, 64, 3), np.nan), "painted face of item b has 12288 of 12288 values that are NaN"),
        (np.zeros((64, 64, 3)), "item b has values of type float64; it must be uint8"),
        (np.zeros((32, 64, 3), dtype=np.uint8), r"item b has shape \(32, 64, 3\)"),
    ):
        predictions = [{"face": true[0]["face"]}, {"face": face}, {"face": true[2]["face"]}]
        with pytest.raises(ValueError, match=said):
            score_items(predictions, true, ids=["a", "b", "c"])
    with pytest.raises(ValueError, match="one prediction for each truth, not 2 for 3"):
        score_items(noisy(true, 1)[:2], true)
    some = [{"face": one["face"]} for one in true]
    some[0]["sample"] = true[0]["face"]
    with pytest.raises(ValueError, match="some predictions hold a sample"):
        score_items(some, true)


def test_one_face_has_no_distance_and_constant_ones_have():
    items = score_items(noisy(truths(1), 9), truths(1))
    assert "kid[ink,paired]" not in aggregate(items)
    assert "psnr[hole]" in aggregate(items)
    with pytest.raises(RunError, match=r"kid\[ink,paired\] has no value"):
        metric_entries(inpainting.SCORER, items)
    true = truths()
    flat = [{"face": np.full((64, 64, 3), 90, dtype=np.uint8)} for _ in true]
    figures = aggregate(score_items(flat, true))
    assert all(np.isfinite(value) for value in figures.values())
    assert figures["kid[ink,paired]"] > 0
    entries = metric_entries(inpainting.SCORER, score_items(flat, true))
    assert entries["kid[ink,paired]"]["n"] == 12


def test_samples_of_the_prior_have_columns_of_their_own():
    true = truths()
    items = score_items(
        [{"face": one["face"], "sample": other["face"]} for one, other in zip(true, noisy(true, 40), strict=True)], true
    )
    figures = aggregate(items)
    assert figures["kid[ink,paired]"] == 0
    assert figures["fd[ink,prior]"] > 0
    assert {"kid[ink,prior]", "fd[ink,prior]"} <= counts(items).keys()
    plain = score_items(noisy(true, 20), true)
    joined = concatenate([items, plain])
    assert "prior[ink]" not in joined
    first = np.repeat([1.0, 0.0], 12)
    assert resampler(joined, "kid[ink,paired]")(first) == pytest.approx(0, abs=1e-12)
    assert resampler(joined, "kid[ink,paired]")(1 - first) == pytest.approx(
        aggregate(plain)["kid[ink,paired]"], rel=1e-9
    )
    assert resampler(joined, "fd[ink]")(1 - first) == pytest.approx(aggregate(plain)["fd[ink]"], rel=1e-9)


def test_weights_leave_items_out_of_every_figure():
    true = truths()
    items = score_items(noisy(true, 30), true)
    kept = np.array([1.0] * 8 + [0.0] * 4)
    fewer = {name: values[:8] for name, values in items.items()}
    for name, value in aggregate(items, kept).items():
        assert value == pytest.approx(aggregate(fewer)[name], rel=1e-9), name


def test_only_the_inception_may_be_called_fid_and_small_sets_carry_a_flag():
    r = np.random.default_rng(0)

    def items(count, judge):
        return {
            "block": np.zeros(count, dtype=int),
            **{f"{kind}[{judge}]": r.standard_normal((count, 4)) for kind in ("painted", "true", "prior")},
        }

    assert set(aggregate(items(50, "inception"))) == {
        "kid[inception,paired]", "kid[inception]", "kid[inception,prior]", "fid[n<2048]", "fid[prior,n<2048]",
    }  # fmt: skip
    kids = {f"kid[{{}}{of}]" for of in ("", ",paired", ",prior")}
    for judge, count, rest in (("inception", 2048, {"fid", "fid[prior]"}), ("fd768", 50, {"fd768", "fd768[prior]"})):
        assert set(counts(items(count, judge))) == {name.format(judge) for name in kids} | rest
    assert [metric.name for metric in METRICS if metric.name.startswith("fid")] == [
        "fid", "fid[n<2048]", "fid[prior]", "fid[prior,n<2048]",
    ]  # fmt: skip


def test_notes_tell_of_n_equal_faces_and_unknown_ones():
    true = truths()
    true[3]["identity"] = np.array("")
    predictions = noisy(true, 30)
    predictions[0] = {"face": true[0]["face"]}
    said = notes(score_items(predictions, true))
    assert any(line.startswith("Fréchet distances are biased upwards below 2,048 images (here 12)") for line in said)
    assert "painted faces identical to the true ones, counted as 100 dB: 1 of 12" in said
    assert any(line.startswith("faces without rank-1") and line.endswith("of 12") for line in said)


def test_further_judges_are_asked_by_name(monkeypatch):
    true = truths(4)
    monkeypatch.setattr(inpainting.given_judges, "features", lambda judge, faces: faces.reshape(len(faces), -1)[:, :6])
    monkeypatch.setattr(inpainting.given_judges, "lpips", lambda judge, a, b: np.full(len(a), 0.25))
    items = score_items(noisy(true, 9), true, judges=("fd768", "lpips-squeeze"))
    figures = aggregate(items)
    assert {"fd768", "kid[fd768]", "lpips[squeeze]"} <= figures.keys()
    assert figures["lpips[squeeze]"] == 0.25
    assert not any(name.startswith("fid") for name in figures)
