"""Whoever is trained against a critic meets the critic that is trained: in the same batches as in each source's code.

The toy critic has batch norm and nothing else, and true images lie far above false ones, so that what it says of the
false ones depends on what they share a batch with. The right values are computed here by numpy.
"""

import numpy as np
import pytest
import torch
from method_steps import context, generator
from torch import nn

from inkbench.benchmark import registry
from inkbench.benchmark.config import PRESETS
from inkbench.methods.context_encoder import ContextEncoder, ContextEncoderConfig
from inkbench.methods.spot_artifacts.method import SpotArtifacts, SpotArtifactsConfig
from inkbench.tasks.inpainting.face_painter import FacePainter, Sizes, Weights
from inkbench.tasks.inpainting.panel_context import PanelContext

pytestmark = pytest.mark.fidelity
N, SIDE, SCALE = 6, 64, 3.0


class Toy(nn.Module):
    """Says how much brighter an image is than its batch; keeps what it said."""

    def __init__(self, pair=False):
        super().__init__()
        self.norm = nn.BatchNorm2d(3, affine=False)
        self.scale = nn.Parameter(torch.tensor(SCALE))
        self.pair, self.said = pair, []

    def forward(self, images):
        logits = self.scale * self.norm(images).mean((1, 2, 3))
        self.said.append(logits.detach().double().numpy())
        return (logits, None) if self.pair else logits


class Shift(nn.Module):
    """False images: what it is given, plus a number that is learnt."""

    def __init__(self, given):
        super().__init__()
        self.given, self.more = given, nn.Parameter(torch.zeros(()))

    def forward(self, *_):
        return self.given + self.more


def shifted(by, seed, side=SIDE):
    return 0.1 * torch.randn(N, 3, side, side, generator=generator(seed)) + by


def logits_of(*batches):
    """The toy's logits on one batch of all of these, by hand."""
    x = np.concatenate([batch.double().numpy() for batch in batches])
    spread = np.sqrt(x.var((0, 2, 3), keepdims=True) + 1e-5)
    return SCALE * ((x - x.mean((0, 2, 3), keepdims=True)) / spread).mean((1, 2, 3))


def cross_entropy(logits, real):
    """Of two classes with logits +z/2 and -z/2, the mean over images."""
    two = np.stack([logits / 2, -logits / 2], 1)
    chosen = np.where(real, two[:, 0], two[:, 1])
    return float((np.log(np.exp(two).sum(1)) - chosen).mean())


@pytest.mark.parametrize("gan", ["false", "true"])
def test_spot_artifacts_has_one_batch_of_real_and_corrupted_for_both_losses(gan, monkeypatch):
    """SpotNet: disc_in = concat(dec_im, dec_drop), softmax cross-entropy over 2N for both, labels exchanged for R."""
    sets = {"history": "0", "gan": gan, "reconstruction": "0"}
    method = SpotArtifacts(SpotArtifactsConfig.resolve("spot_artifacts", "smoke", sets))
    real, corrupted = shifted(0.5, 1), shifted(-0.5, 2)
    nets = {"repair": Shift(corrupted), "critic": Toy(pair=True)}
    mask = torch.ones(N, 1, 4, 4)
    monkeypatch.setattr(method, "_examples", lambda nets, images, generator: (real, nets["repair"](), mask))
    monkeypatch.setattr(method, "_shown", lambda images: images)
    of_repair, of_critic = method._against_each_other(nets, real, generator())
    together = logits_of(real, corrupted)
    truth = np.arange(2 * N) < N
    assert of_repair.item() == pytest.approx(cross_entropy(together, ~truth), rel=1e-4)
    assert of_critic.item() == pytest.approx(cross_entropy(together, truth), rel=1e-4)
    for said in nets["critic"].said:
        assert said == pytest.approx(together, rel=1e-4)
    alone = cross_entropy(logits_of(corrupted), np.ones(N, bool))
    assert of_repair.item() - alone > 1, "on corrupted images alone R would believe that it passes"


def test_a_context_encoder_has_batches_of_true_and_painted_ones_for_both_losses():
    """train.lua: netD on true ones, then on painted ones, an output that is the generator's too; errors summed."""
    sets = {"joint": "true", "reconstruction": "0", "adversarial": "1"}
    method = ContextEncoder(ContextEncoderConfig.resolve("context_encoder", "smoke", sets))
    method._normalize = lambda images: images
    painted = shifted(-0.5, 2)
    nets = {"net": Shift(painted), "critic": Toy()}
    images = (shifted(0.8, 1, 72).clamp(0, 1) * 255).byte()
    of_net, of_critic = method.step(nets, {"image": images}, context(3))
    true = method._crops(images, context(3).generator)
    apart = logits_of(true), logits_of(painted)
    assert of_net.item() == pytest.approx(cross_entropy(apart[1], np.ones(N, bool)), rel=1e-4)
    right = cross_entropy(apart[0], np.ones(N, bool)) + cross_entropy(apart[1], np.zeros(N, bool))
    assert of_critic.item() == pytest.approx(right, rel=1e-4)
    together = logits_of(true, painted)
    joined = cross_entropy(together[:N], np.ones(N, bool)) + cross_entropy(together[N:], np.zeros(N, bool))
    assert right - joined > 1, "in one batch the critic could tell them apart by the batch"


def test_the_face_painter_has_batches_of_true_and_painted_faces_for_both_losses():
    """The repository's StandardGAN: dis on the true faces, dis on the painted ones, and again for the generator."""
    head = FacePainter(PanelContext("none", [4], 2, 4, 8, 8), Sizes(8, "dcgan", 2, 4, 64), Weights(0.0, 1.0, 0.0))
    critic = Toy()
    head.critics["local"] = critic
    faces = (shifted(0.8, 1).clamp(0, 1) * 255).byte()
    true, painted = faces.float() / 127.5 - 1, shifted(-0.5, 2)
    found = head._adversarial("local", 1.0, true, painted).item()
    fooled = cross_entropy(logits_of(painted), np.ones(N, bool))
    right = cross_entropy(logits_of(true), np.ones(N, bool)) + cross_entropy(logits_of(painted), np.zeros(N, bool))
    assert found == pytest.approx(fooled + right, rel=1e-4)
    assert [len(said) for said in critic.said] == [N] * 3
    assert critic.said[0] == pytest.approx(critic.said[2], rel=1e-6), "the painted faces as both see them"


def test_no_other_method_trains_two_networks_against_each_other():
    """Whoever adds one is to add it above."""
    found = set()
    for name in registry.names("methods"):
        cls = registry.load("methods", name)
        if not cls.pretrains:
            continue
        for preset in PRESETS:
            fields = cls.Config.model_fields
            sets = [{}] + [{"joint": "true"}] * ("joint" in fields) + [{"gan": "true"}] * ("gan" in fields)
            for own in sets:
                stages = cls(cls.Config.resolve(name, preset, own)).stages()
                found |= {name for stage in stages if len(stage.drives) > 1}
    assert found == {"spot_artifacts", "context_encoder"}
