"""Distances of sets, SSIM, PSNR and identity: the reference's constants, other libraries, weights as repeated items."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from inkbench.tasks.metrics.frechet import frechet
from inkbench.tasks.metrics.identity import cosine, rank1
from inkbench.tasks.metrics.kid import BLOCK, PairedKid, WeightedKid, blocks, kernel, kid
from inkbench.tasks.metrics.pairs import MOST, l1, psnr, ssim


def sets(seed=0, n=64, m=64, d=8):
    r = np.random.default_rng(seed)
    return r.standard_normal((n, d)), r.standard_normal((m, d)) * 1.1 + 0.1


def by_sqrtm(x, y):
    covariances = [np.cov(of, rowvar=False) for of in (x, y)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)


def by_eigenvalues(x, y):
    """Tr (S_x^(1/2) S_y S_x^(1/2))^(1/2): what is said to be better where n is above d."""
    one, other = (np.cov(of, rowvar=False) for of in (x, y))
    values, vectors = np.linalg.eigh(one)
    half = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    root = np.sqrt(np.clip(np.linalg.eigvalsh(half @ other @ half), 0, None)).sum()
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * root


def test_the_reference_values():
    x, y = sets()
    assert frechet(x, y) == pytest.approx(0.8946811240276276, abs=1e-9)
    assert kid(x, y) == pytest.approx(0.03743558798125646, abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(64, 8), (1000, 64), (50, 128)])
def test_a_set_is_at_distance_zero_from_itself(n, d):
    x = sets(1, n, n, d)[0]
    assert frechet(x, x) == 0.0
    assert PairedKid(x, x, blocks(n))(np.ones(n)) == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 60), st.integers(3, 60), st.integers(1, 12))
def test_the_distance_is_that_of_the_roots_of_covariances(seed, n, m, d):
    x, y = sets(seed, n, m, d)
    x = x[:, :d].reshape(n, d)
    if d > 1:
        assert frechet(x, y) == pytest.approx(by_eigenvalues(x, y), rel=1e-6, abs=1e-5)
    if min(n, m) > 2 * d > 2:
        assert frechet(x, y) == pytest.approx(by_sqrtm(x, y), rel=1e-8)
    assert frechet(x, y) == pytest.approx(frechet(y, x), rel=1e-9)


def test_features_of_less_than_full_rank():
    """FID's usual case: fewer images than features, where roots of covariances lose digits."""
    x, y = sets(2, 100, 100, 256)
    assert frechet(x, y) == pytest.approx(by_eigenvalues(x, y), rel=1e-7)
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((256, 256)))[0]
    assert frechet(x @ turned, y @ turned) == pytest.approx(frechet(x, y), rel=1e-12)


def test_constant_sets_and_single_items():
    x, y = np.full((20, 5), 3.0), np.full((20, 5), 1.0)
    assert frechet(x, y) == pytest.approx(5 * 4.0)
    assert PairedKid(x, y, blocks(20))(np.ones(20)) > 0
    assert np.isnan(frechet(x[:1], y))
    assert np.isnan(kid(x[:1], y))
    assert np.isnan(PairedKid(x[:1], y[:1], blocks(1))(np.ones(1)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_weights_are_repeated_items(seed, times):
    x, y = sets(seed, 12, 12, 5)
    weights = np.array(times, dtype=float)
    repeated = [np.repeat(of, times, axis=0) for of in (x, y)]
    if weights.sum() >= 2:
        assert frechet(x, y, weights, weights) == pytest.approx(frechet(*repeated), rel=1e-9, abs=1e-9)
    whole = PairedKid(x, y, blocks(12))
    present = weights > 0
    if present.sum() > 1:
        assert whole(present * 2.0) == pytest.approx(
            PairedKid(x[present], y[present], np.zeros(present.sum()))(np.ones(present.sum())), rel=1e-9, abs=1e-12
        )
    pairs = [(i, j) for i in range(12) for j in range(12) if i != j]
    total = sum(weights[i] * weights[j] for i, j in pairs)
    if total:
        k = kernel
        h = k(x, x) + k(y, y) - k(x, y) - k(x, y).T
        assert whole(weights) == pytest.approx(sum(weights[i] * weights[j] * h[i, j] for i, j in pairs) / total)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_the_kid_of_items_is_torch_fidelitys_over_all_pairs(seed):
    """Written out as torch-fidelity's unbiased estimator: both sets without their diagonals, all pairs across."""
    x, y = sets(seed, 9, 9, 4)
    k = [[[(float(a @ b) / 4 + 1) ** 3 for b in v] for a in u] for u, v in ((x, x), (y, y), (x, y))]
    within = sum(sum(row) - row[i] for side in k[:2] for i, row in enumerate(side)) / (9 * 8)
    across = sum(map(sum, k[2])) / 81
    assert WeightedKid(x, y, blocks(9))(np.ones(9)) == pytest.approx(within - 2 * across, abs=1e-10)
    assert WeightedKid(x, y, blocks(9))(np.ones(9)) == pytest.approx(kid(x, y), abs=1e-10)


def test_predictions_near_their_truths_tell_the_two_distances_apart():
    """The paired one leaves out the near pairs and is 0 for perfect predictions, the standard one is below 0."""
    x, _ = sets(3, 60, 60, 8)
    ones, near = np.ones(60), x + 0.1 * np.random.default_rng(1).standard_normal(x.shape)
    assert PairedKid(x, x, blocks(60))(ones) == pytest.approx(0, abs=1e-12)
    assert WeightedKid(x, x, blocks(60))(ones) < 0
    assert WeightedKid(near, x, blocks(60))(ones) < PairedKid(near, x, blocks(60))(ones)


def test_a_resample_is_not_lifted_by_its_own_copies():
    """The mean over bootstrap draws lies at the figure itself; with copies as pairs it would lie far above."""
    x, y = sets(3, 60, 60, 8)
    own = PairedKid(x, y, blocks(60))
    r = np.random.default_rng(0)
    drawn = np.array([own(r.multinomial(60, np.full(60, 1 / 60)).astype(float)) for _ in range(400)])
    lift = (np.diag(kernel(x, x)).mean() + np.diag(kernel(y, y)).mean()) / 60
    assert abs(drawn.mean() - own(np.ones(60))) < 0.1 * lift


def test_equal_to_the_kernel_distance_of_torchmetrics():
    torch = pytest.importorskip("torch")
    from torchmetrics.image.kid import poly_mmd

    x, y = sets(4, 40, 40, 6)
    theirs = poly_mmd(torch.from_numpy(x), torch.from_numpy(y), 3, None, 1.0)
    assert kid(x, y) == pytest.approx(theirs.item(), abs=1e-12)


def test_large_sets_fall_into_blocks_of_even_size():
    assert not blocks(BLOCK).any()
    sizes = np.bincount(blocks(2 * BLOCK + 2))
    assert len(sizes) == 3
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(blocks(5000), blocks(5000))
    x, y = sets(5, 30, 30, 4)
    halves = np.arange(30) % 2
    each = [PairedKid(x[halves == k], y[halves == k], np.zeros(15))(np.ones(15)) for k in (0, 1)]
    assert PairedKid(x, y, halves)(np.ones(30)) == pytest.approx(np.mean(each))


def test_features_that_are_no_numbers_or_do_not_fit_are_refused():
    x, y = sets()
    with pytest.raises(ValueError, match="features that are not finite: 1 of 64"):
        frechet(np.where(np.arange(64)[:, None] == 3, np.nan, x), y)
    with pytest.raises(ValueError, match=r"shapes \(64, 8\) and \(64, 7\)"):
        frechet(x, y[:, :7])


def noise(seed, height=24, width=37):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_ssim_and_psnr_are_those_of_torchmetrics():
    torch = pytest.importorskip("torch")
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    a = noise(0)
    smooth = np.repeat(np.repeat(noise(1, 6, 10), 4, 0), 4, 1)[:24, :37]
    flat = np.full_like(a, 77)
    for one, other in ((a, smooth), (smooth, a), (flat, a), (flat, flat), (a, (a // 2 + smooth // 2))):
        said, true = (torch.from_numpy(of.copy()).permute(2, 0, 1)[None].double() for of in (one, other))
        theirs = structural_similarity_index_measure(said, true, data_range=255.0, sigma=1.5, kernel_size=11)
        assert ssim(one, other) == pytest.approx(theirs.item(), abs=1e-12)
        if not np.array_equal(one, other):
            theirs = peak_signal_noise_ratio(said, true, data_range=255.0)
            assert psnr(one, other) == pytest.approx(theirs.item(), abs=1e-6), "it takes a logarithm in float32"


def test_equal_images_reach_the_best_of_each_figure_and_one_level_is_less():
    a = noise(2, 64, 64)
    assert (psnr(a, a), ssim(a, a), l1(a, a)) == (MOST, 1.0, 0.0)
    other = a.copy()
    other[0, 0, 0] ^= 1
    assert psnr(a, other) < MOST
    assert ssim(a, other) < 1
    assert l1(a, 255 - a) == pytest.approx(np.abs(255 - 2.0 * a).mean() / 255)
    assert np.isnan(ssim(a[:10], a[:10]))


def test_identity_is_looked_for_outside_of_the_panels_that_were_shown():
    """Face 0 copies face 1, which its window shows: only face 3, of another character, is left as the nearest."""
    true = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6], [-1.0, 0.0]])
    who, series = np.array(["a", "a", "a", "b", ""]), np.array(["s"] * 5)
    panels = [np.array(shown) for shown in (["p0", "p1", "p9"], ["p1"], ["p2"], ["p3"], ["p4"])]
    said = true.copy()
    said[0] = true[1]
    right, chance = rank1(said, true, who, series, panels)
    assert right[0] == 0.0, "face 3 is nearer to the copy than face 2"
    assert chance[0] == 1 / 2
    assert np.isnan(right[3]), "nobody else is b"
    assert np.isnan(right[4]), "a face of nobody known"
    assert right[1] == (true[0] @ said[1] > true[3] @ said[1])
    again, _ = rank1(said, true, who, np.array(["s", "s", "t", "s", "s"]), panels)
    assert np.isnan(again[0]), "face 2 is of another series now"
    assert cosine(true, true).tolist() == [1.0] * 5
    assert cosine(true[:1], true[4:])[0] == pytest.approx(-1)
