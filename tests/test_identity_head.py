"""The identity head: what is fused, padded and hidden; losses against their definitions and the library itself."""

from itertools import combinations

import pytest
import torch
from torch.nn.functional import normalize

from benchmark.api import Seen
from benchmark.parts import fusion
from benchmark.parts.identity_head import IdentityHead, UnitFeatures
from benchmark.parts.metric_losses import MetricLoss

FUSIONS = ("cat", "sum", "mean", "weighted", "attention")
LOSSES = ("contrastive", "triplet", "multi_similarity", "tuplet", "triplet_contrastive")
PRESENT = {"face": torch.tensor([1, 1, 0, 1]).bool(), "body": torch.tensor([1, 0, 1, 1]).bool()}


def seen(present=PRESENT, seed=0):
    generator = torch.Generator().manual_seed(seed)
    maps = {name: [torch.randn(4, 8, 3, 3, generator=generator)] for name in present}
    return Seen(maps, present, {})


def targets(*codes):
    return [{"identity": torch.tensor([code])} for code in codes]


def head(**options):
    torch.manual_seed(0)
    settings = {"channels": 8, "halves": 2, "dim": 5, "fusion": "sum", "loss": "contrastive", **options}
    return IdentityHead(**settings)


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
    if trainable:
        assert model.padding.vectors.grad.abs().sum() > 0


def test_a_lone_half_is_its_vector_or_the_mean_with_the_padding():
    vectors = torch.randn(1, 2, 8)
    there = torch.tensor([[True, False]])
    padded = fusion.Padding(8, 2, trainable=False)(vectors, there)
    assert torch.equal(padded[0, 0], vectors[0, 0])
    assert not padded[0, 1].any()
    made = {name: fusion.Fuse(name, 8, 2, masked=True).eval() for name in FUSIONS}
    assert torch.equal(made["sum"](padded, there), vectors[:, 0])
    assert torch.allclose(made["mean"](padded, there), vectors[:, 0] / 2)
    assert torch.allclose(made["weighted"](padded, there), vectors[:, 0] / 2), "weights start equal"
    assert torch.equal(made["cat"](padded, there)[:, :8], vectors[:, 0])
    other = vectors.clone()
    other[:, 1] += 100
    attended = made["attention"]
    assert torch.allclose(attended(vectors, there), attended(other, there), atol=1e-5), "the missing half is not seen"
    assert not torch.allclose(attended(vectors, ~there | there), attended(other, ~there | there))


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


def test_triplets_are_those_of_the_mined_pairs():
    """Pairs that a multi-similarity miner keeps: harder than the easiest of the other kind, up to epsilon."""
    torch.manual_seed(1)
    margin = 0.2
    unit, codes = normalize(torch.randn(10, 3), dim=1), torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 3])
    similar, same = unit @ unit.T, codes[:, None] == codes[None]
    terms = []
    for a in range(10):
        positives = [p for p in range(10) if same[a, p] and p != a]
        negatives = [n for n in range(10) if not same[a, n]]
        if not positives:
            continue
        hardest = max(similar[a, n] for n in negatives)
        easiest = min(similar[a, p] for p in positives)
        kept = [p for p in positives if similar[a, p] - margin < hardest]
        near = [n for n in negatives if similar[a, n] + margin > easiest]
        terms += [float((unit[a] - unit[p]).norm() - (unit[a] - unit[n]).norm() + margin) for p in kept for n in near]
    active = [term for term in terms if term > 0]
    found = float(MetricLoss("triplet", margin)(unit, codes))
    assert found == pytest.approx(sum(active) / len(active), rel=1e-4)
    both = float(MetricLoss("triplet_contrastive", margin)(unit, codes))
    assert both == pytest.approx(found + float(MetricLoss("contrastive", margin)(unit, codes)), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
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
