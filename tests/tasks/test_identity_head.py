"""The identity head: what is fused, padded and hidden; losses against their definitions and the library itself."""

import math
from itertools import combinations
from typing import get_args

import pytest
import torch
from torch.nn.functional import normalize

from inkbench.benchmark.api import Seen
from inkbench.tasks.reid import fusion
from inkbench.tasks.reid.identity_head import Identity, IdentityHead, UnitFeatures
from inkbench.tasks.reid.metric_losses import Loss, MetricLoss

FUSIONS = get_args(fusion.Fusion)
LOSSES = get_args(Loss)
PRESENT = {"face": torch.tensor([1, 1, 0, 1]).bool(), "body": torch.tensor([1, 0, 1, 1]).bool()}


def seen(present=PRESENT, seed=0):
    generator = torch.Generator().manual_seed(seed)
    maps = {name: [torch.randn(4, 8, 3, 3, generator=generator)] for name in present}
    return Seen(maps, present, {})


def targets(*codes):
    return [{"identity": torch.tensor([code])} for code in codes]


def head(**options):
    torch.manual_seed(0)
    return IdentityHead(8, 2, Identity(**{"dim": 5, "fusion": "sum", "loss": "contrastive", **options}))


def with_absent_noise(features, value):
    """The same features with other values where a half is missing."""
    maps = {
        name: [torch.where(features.present[name][:, None, None, None], levels[0], torch.tensor(value))]
        for name, levels in features.maps.items()
    }
    return Seen(maps, features.present, {})


def test_unit_features_of_one_view():
    maps = [torch.randn(4, 3, 9, 9), torch.randn(4, 7, 3, 3)]
    mean = maps[-1].mean((2, 3))
    assert torch.allclose(UnitFeatures()(maps), mean / mean.norm(dim=1, keepdim=True), atol=1e-6)


def test_unit_features_of_face_and_body():
    features = seen()
    halves = {name: normalize(levels[0].mean((2, 3)), dim=1) for name, levels in features.maps.items()}
    for name, there in PRESENT.items():
        halves[name][~there] = 0
    cat = UnitFeatures("cat")(features)
    assert torch.allclose(cat, normalize(torch.cat([halves["face"], halves["body"]], 1), dim=1), atol=1e-6)
    total = UnitFeatures("sum")(features)
    assert torch.allclose(total, normalize(halves["face"] + halves["body"], dim=1), atol=1e-6)
    assert torch.allclose(total, UnitFeatures("mean")(features), atol=1e-6), "of length 1 they are the same"
    with pytest.raises(ValueError, match="attention is learnt"):
        UnitFeatures("attention")


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("trainable", [False, True])
def test_every_fusion_gives_unit_vectors_that_no_missing_half_leaks_into(name, trainable):
    model, features = head(fusion=name, trainable_padding=trainable).eval(), seen()
    unit = model(features)
    assert unit.shape == (4, 5)
    assert torch.allclose(unit.norm(dim=1), torch.ones(4), atol=1e-6)
    assert torch.equal(model(with_absent_noise(features, 7.0)), model(with_absent_noise(features, -7.0)))
    loss = model.train()(features, targets(1, 1, 2, 2))
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters()), "nothing is left idle (ranks wait)"
    if trainable and not name.startswith("favor"):  # which never look at a missing half
        assert model.padding.vectors.grad.abs().sum() > 0


def test_a_lone_half_is_its_vector_or_the_mean_with_the_padding():
    vectors = torch.randn(1, 2, 8)
    there = torch.tensor([[True, False]])
    padded = fusion.Padding(8, 2, trainable=False)(vectors, there)
    assert torch.equal(padded[0, 0], vectors[0, 0])
    assert not padded[0, 1].any()
    made = {name: fusion.Fuse(name, 8, 2, masked=True).eval() for name in FUSIONS}
    for favoured in ("favor_face", "favor_body"):
        assert torch.equal(made[favoured](padded, there), vectors[:, 0]), "what is missing is not favoured"
        whole = made[favoured](vectors, ~there | there)
        assert torch.equal(whole, vectors[:, 0 if favoured == "favor_face" else 1])
    assert torch.equal(made["sum"](padded, there), vectors[:, 0])
    assert torch.allclose(made["mean"](padded, there), vectors[:, 0] / 2)
    assert torch.allclose(made["weighted"](padded, there), vectors[:, 0] / 2), "weights start equal"
    assert torch.equal(made["cat"](padded, there)[:, :8], vectors[:, 0])
    other = vectors.clone()
    other[:, 1] += 100
    attended = made["attention"]
    assert torch.allclose(attended(vectors, there), attended(other, there), atol=1e-5), "the missing half is not seen"
    assert not torch.allclose(attended(vectors, ~there | there), attended(other, ~there | there))


def encoded(halves, channels):
    """Sines on even places, cosines on odd ones: sin(pos / 10000^(2i/C))."""
    table = [
        [(math.sin if c % 2 == 0 else math.cos)(place / 10_000 ** ((c - c % 2) / channels)) for c in range(channels)]
        for place in range(halves)
    ]
    return torch.tensor(table)


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["coeff_sum", "self_attn", "face_to_body_attn"])
def test_learnt_fusions_are_those_of_comic_char_reid(name):
    """Written out item by item: places are added, values are the halves themselves, scores over the root of C."""
    torch.manual_seed(3)
    channels = 6
    fuse, halves = fusion.Fuse(name, channels, 2, masked=True), torch.randn(3, 2, channels)
    found = fuse(halves, torch.ones(3, 2, dtype=torch.bool))
    weights = dict(fuse.named_parameters())
    inner = {"self_attn": 3, "face_to_body_attn": 6, "coeff_sum": None}[name]
    for row, pair in zip(found, halves, strict=True):
        face, body = pair + encoded(2, channels)
        if name == "coeff_sum":
            a, b = weights["weights"].exp() / weights["weights"].exp().sum()
            expected = a * face + b * body
        else:
            parts = []
            for asking in (face, body) if name == "self_attn" else (face,):
                query = weights["query.weight"] @ asking + weights["query.bias"]
                assert len(query) == inner
                scores = [
                    query @ (weights["key.weight"] @ one + weights["key.bias"]) / channels**0.5 for one in (face, body)
                ]
                shares = torch.stack(scores).exp() / torch.stack(scores).exp().sum()
                parts.append(shares[0] * face + shares[1] * body)
            expected = torch.cat(parts)
        assert torch.allclose(row, expected, atol=1e-5)


def test_a_mask_really_hides_a_half():
    """comic_char_reid divided its probability by two in whole numbers and never hid anything."""
    torch.manual_seed(0)
    whole = torch.ones(4000, 2, dtype=torch.bool)
    whole[:100, 0] = False
    shown = fusion.hide(whole, 0.4)
    assert torch.equal(shown[:100], whole[:100]), "a lone half is never hidden"
    assert shown.any(1).all()
    hidden = (~shown[100:]).float().mean(0)
    assert hidden.tolist() == pytest.approx([0.2, 0.2], abs=0.03)
    assert torch.equal(fusion.hide(whole, 0.0), whole)
    assert (fusion.hide(whole, 1.0).sum(1) == 1).all()


def test_a_mask_changes_training_and_nothing_else():
    features = seen({name: torch.ones(4, dtype=torch.bool) for name in PRESENT})
    masked, plain = head(mask=1.0), head()
    assert torch.equal(masked.eval()(features), plain.eval()(features))
    known = targets(1, 1, 2, 2)
    torch.manual_seed(1)
    assert masked.train()(features, known) != plain.train()(features, known)


def test_contrastive_averages_its_terms_that_are_not_zero():
    """[d]+ of pairs of one character and [1 - d]+ of two, each a mean over its non-zero terms (reference, item 9)."""
    torch.manual_seed(0)
    unit, codes = normalize(torch.randn(12, 3), dim=1), torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5])
    same, other = [], []
    for a, b in combinations(range(12), 2):
        distance = float((unit[a] - unit[b]).norm())
        (same if codes[a] == codes[b] else other).append(distance)
    terms = [1 - d for d in other if d < 1]
    assert 0 < len(terms) < len(other)
    expected = sum(same) / len(same) + sum(terms) / len(terms)
    assert float(MetricLoss("contrastive", 0.2)(unit, codes)) == pytest.approx(expected, rel=1e-5)


def points():
    torch.manual_seed(1)
    unit, codes = normalize(torch.randn(10, 3), dim=1), torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 3])
    return unit, codes, torch.cdist(unit.double(), unit.double()), codes[:, None] == codes[None]


def kept_by_miner(apart, same, anchor, epsilon):
    """Positives further off than the nearest of the others less epsilon, and others nearer than the furthest positive
    plus epsilon (Wang et al. 2019, 4.2, on distances)."""
    positives = [p for p in range(10) if same[anchor, p] and p != anchor]
    negatives = [n for n in range(10) if not same[anchor, n]]
    if not positives:
        return [], []
    nearest, furthest = min(apart[anchor, n] for n in negatives), max(apart[anchor, p] for p in positives)
    far = [p for p in positives if apart[anchor, p] + epsilon > nearest]
    return far, [n for n in negatives if apart[anchor, n] - epsilon < furthest]


def mean_of_active(terms):
    active = [term for term in terms if term > 0]
    return sum(active) / len(active)


@pytest.mark.fidelity
@pytest.mark.parametrize("margin", [0.2, 0.5])
def test_triplets_are_those_of_the_mined_pairs(margin):
    """Set-ups 9 and 10 of comic_char_reid: the miner works on Euclidean distances."""
    unit, codes, apart, same = points()
    terms = []
    for a in range(10):
        far, near = kept_by_miner(apart, same, a, margin)
        terms += [float(apart[a, p] - apart[a, n] + margin) for p in far for n in near]
    found = float(MetricLoss("triplet", margin)(unit, codes))
    assert found == pytest.approx(mean_of_active(terms), rel=1e-4)


@pytest.mark.fidelity
def test_triplet_contrastive_is_not_mined():
    """Set-up 13: all triplets with a margin of 0.2, and the contrastive loss."""
    unit, codes, apart, same = points()
    terms = [
        float(apart[a, p] - apart[a, n] + 0.2)
        for a in range(10)
        for p in range(10)
        for n in range(10)
        if a != p and same[a, p] and not same[a, n]
    ]
    expected = mean_of_active(terms) + float(MetricLoss("contrastive", 0.2)(unit, codes))
    assert float(MetricLoss("triplet_contrastive", 0.2)(unit, codes)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["multi_similarity", "multi_similarity_cosine"])
def test_multi_similarity_is_of_the_pairs_that_a_miner_of_a_tenth_keeps(name):
    """Set-up 12 on distances, 4 on cosines; alpha 2, beta 50, base 0.5, a mean over all anchors (eq. 12)."""
    unit, codes, apart, same = points()
    # a cosine as a distance that grows as it falls: base - s is what an anchor's positives are judged by
    measure, base = (apart, 0.5) if name == "multi_similarity" else (-(unit @ unit.T).double(), -0.5)
    total = 0.0
    for a in range(10):
        far, near = kept_by_miner(measure, same, a, 0.1)
        total += math.log(1 + sum(math.exp(2 * float(measure[a, p] - base)) for p in far)) / 2
        total += math.log(1 + sum(math.exp(50 * float(base - measure[a, n])) for n in near)) / 50
    assert float(MetricLoss(name, 0.7)(unit, codes)) == pytest.approx(total / 10, rel=1e-3)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.seconds
def test_every_loss_teaches_and_is_defined_without_pairs(name):
    torch.manual_seed(0)
    points = torch.randn(16, 6, requires_grad=True)
    codes = torch.arange(4).repeat_interleave(4)
    loss = MetricLoss(name, 0.2)
    optimizer = torch.optim.Adam([points], lr=0.05)
    for _ in range(120):
        optimizer.zero_grad()
        loss(normalize(points, dim=1), codes).backward()
        optimizer.step()
    similar = (unit := normalize(points.detach(), dim=1)) @ unit.T
    same = codes[:, None] == codes[None]
    assert similar[same].min() > similar[~same].max(), "each nearer to its own than to all others"
    lone = loss(unit.requires_grad_(), torch.arange(16))
    assert torch.isfinite(lone)
    lone.backward()
