"""The inpainting task: holes and surroundings, contexts, critics that stand still, samples, a run through the command
line."""

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from record_files import written

from inkbench.benchmark.api import Item, Seen
from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.tasks.inpainting.face_painter import FacePainter, Sizes, Weights, paste
from inkbench.tasks.inpainting.face_windows import around, closer, surroundings
from inkbench.tasks.inpainting.panel_context import PanelContext
from inkbench.tasks.inpainting.task import Inpainting, InpaintingConfig, telea
from inkbench.tasks.metrics import given_judges
from inkbench.tasks.metrics.inpainting import score_items

VIEWS = ("panel", "previous", "before")


def task(**sets):
    return Inpainting(InpaintingConfig.resolve("inpainting", "smoke", {key: str(value) for key, value in sets.items()}))


def panel_item(folder, pixels, hole=(40, 30, 72, 62), split="test", name="p2"):
    for k, shown in enumerate((pixels, pixels[::-1], pixels[:, ::-1])):
        Image.fromarray(np.ascontiguousarray(shown)).save(folder / f"{name}-{k}.png")
    paths = [folder / f"{name}-{k}.png" for k in range(3)]
    height, width = pixels.shape[:2]
    masked = Item(name, paths[0], "s", split, boxes=(Box("panel", 0, 0, width, height),), hole=hole)
    parts = {
        "panel": masked, "previous": Item("p1", paths[1], "s", split), "before": Item("p0", paths[2], "s", split),
        "reference": Item("p0", paths[2], "s", split, crop=(0, 0, 16, 16)),
    }  # fmt: skip
    return Item(f"{name}_face_0", paths[0], "s", split, identity="s/bob", panel=name, parts=parts, hole=hole)


def pixels(seed=0, height=120, width=160):
    r = np.random.default_rng(seed)
    return np.repeat(np.repeat(r.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8), 8, 0), 8, 1)


class Shelf:
    """A dataset of a few items."""

    def __init__(self, *items):
        self.kept = list(items)

    def items(self, kind, split):
        assert kind == "sequences"
        return [item for item in self.kept if item.split == split]


def test_the_square_about_a_hole_is_moved_and_cut_to_the_panel():
    assert around((40, 30, 72, 62), 160, 120, 2) == (24, 14, 88, 78)
    assert around((0, 100, 20, 120), 160, 120, 2) == (0, 80, 40, 120)
    assert around((0, 0, 100, 40), 120, 40, 2) == (0, 0, 120, 40)
    shown = closer(Item("a", None, "s", "test", crop=(100, 10, 260, 130), hole=(40, 30, 72, 62)), 160, 120, 2.0)
    assert (shown.crop, shown.hole) == ((124, 24, 188, 88), (16, 16, 48, 48))


@pytest.mark.parametrize("hole", [(40, 30, 72, 62), (0, 0, 23, 23), (120, 90, 160, 120), (0, 0, 160, 120)])
def test_nothing_under_the_hole_is_part_of_its_surroundings_or_of_telea(hole):
    plain = pixels()
    other = plain.copy()
    other[hole[1] : hole[3], hole[0] : hole[2]] = np.random.default_rng(9).integers(
        0, 256, (hole[3] - hole[1], hole[2] - hole[0], 3)
    )
    seen = [surroundings(of, hole, 2.0, 128) for of in (plain, other)]
    assert np.array_equal(seen[0][0], seen[1][0])
    assert np.array_equal(seen[0][1], seen[1][1])
    window, place = seen[0]
    assert (window[place[1] : place[3], place[0] : place[2]] == 255).all()
    filled = []
    for fill in (0, 200):
        window = window.copy()
        window[place[1] : place[3], place[0] : place[2]] = fill
        filled.append(telea(window, place))
    assert np.array_equal(*filled)
    assert filled[0].shape == (64, 64, 3)


def test_telea_carries_a_plain_ground_into_the_hole():
    window = np.full((128, 128, 3), (200, 120, 40), dtype=np.uint8)
    assert np.abs(telea(window, np.array([32, 32, 96, 96])).astype(int) - (200, 120, 40)).mean() < 2


def test_truths_to_score_and_to_train(tmp_path):
    plain = pixels()
    truth = task().truth(panel_item(tmp_path, plain), 160, 120)
    assert truth["face"].shape == (64, 64, 3)
    assert truth["hole"].tolist() == [32, 32, 96, 96]
    assert truth["window"].shape == (128, 128, 3)
    assert np.array_equal(truth["window"][32:96, 32:96], truth["face"])
    around_it = np.asarray(Image.fromarray(plain[14:78, 24:88]).resize((128, 128), Image.Resampling.BILINEAR))
    assert np.abs(truth["window"].astype(int) - around_it)[:28].mean() < 2
    assert truth["panels"].tolist() == ["p2", "p1", "p0"]
    assert (str(truth["identity"]), truth["previous"].shape) == ("s/bob", (64, 64, 3))
    learnt = panel_item(tmp_path, plain, split="train")
    assert task().truth(learnt, 160, 120).keys() == {"face"}
    own = task(whole=0.1, window=32)
    [item] = own.items(Shelf(learnt), "train")
    target = own.target(own.truth(item, 64, 64), None)
    assert target["face"].shape == (3, 64, 64)
    assert target["window"].shape == (3, 32, 32)
    assert target["hole"].tolist() == [0.25, 0.25, 0.75, 0.75]
    part = np.asarray(Image.fromarray(plain[14:78, 24:88]).resize((32, 32), Image.Resampling.BILINEAR))
    assert np.array_equal(target["window"].transpose(1, 2, 0), part)


def test_small_faces_are_left_out_and_the_panel_is_shown_as_asked(tmp_path):
    shelf = Shelf(panel_item(tmp_path, pixels()), panel_item(tmp_path, pixels(), (0, 0, 9, 9), name="q2"))
    assert [item.id for item in task().items(shelf, "test")] == ["p2_face_0"]
    assert len(task(smallest=9).items(shelf, "test")) == 2
    [item] = task().items(shelf, "test")
    assert (item.parts["panel"].crop, item.parts["panel"].hole) == ((24, 14, 88, 78), (16, 16, 48, 48))
    [item] = task(surroundings="none").items(shelf, "test")
    assert (item.parts["panel"].crop, item.parts["panel"].hole) == (None, (40, 30, 72, 62))
    assert tuple(task().views()) == ("panel",)
    assert tuple(task(context="plain").views()) == VIEWS
    assert task().needs() == {"sequences"}


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"samples": "true"}, "above 0"),
        ({"judges": "fd768,fd768"}, "each judge once"),
        ({"judges": "fid"}, "judges"),
        ({"context": "gru"}, "context"),
        ({"surroundings": "1"}, "surroundings"),
    ],
)
def test_impossible_settings_are_refused(sets, said):
    with pytest.raises(UsageError, match=said):
        task(**sets)


def test_a_judge_that_is_not_here_is_refused_before_work(monkeypatch, tmp_path):
    monkeypatch.setenv(given_judges.HOME, str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=r"inpainting\.judges: judge 'fd768' needs inception_fid2015"):
        task(judges="fd768").bind(None)


def some_targets(own, count):
    r = torch.Generator().manual_seed(3)
    targets = [{"face": torch.randint(0, 256, (3, 64, 64), generator=r, dtype=torch.uint8)} for _ in range(count)]
    for target in targets if own.config.whole else ():
        g = own.config.window
        target["window"] = torch.randint(0, 256, (3, g, g), generator=r, dtype=torch.uint8)
        target["hole"] = torch.tensor([0.25, 0.2, 0.75, 0.7])
    return targets


def given_to(own, backbone, count=4):
    """What the head is given: frozen maps, of a batch in which one panel is absent."""
    torch.manual_seed(1)
    images = torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8)
    maps = [level.detach() for level in own.cached_features(backbone(backbone.normalize(images)))]
    if own.config.context == "none":
        return maps
    there = torch.ones(count, dtype=torch.bool)
    absent = there.clone()
    absent[0] = False
    return Seen(dict.fromkeys(VIEWS, maps), {"panel": there, "previous": absent, "before": there}, {})


@pytest.mark.parametrize("context", ["none", "plain", "lstm", "bilstm", "convlstm"])
def test_every_context_paints_and_all_that_is_trained_has_a_gradient(context):
    torch.manual_seed(0)
    own = task(context=context, kl=1.0, whole=0.1, decoder="residual" if context == "plain" else "dcgan")
    backbone = Backbone("test_resnet").eval()
    head = own.head(backbone, "frozen@1").train()
    loss = head(given_to(own, backbone), some_targets(own, 4))
    assert torch.isfinite(loss)
    loss.backward()
    still = [name for name, p in head.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still, still
    groups = own.parameter_groups(head, 1e-3)
    assert sum(len(group["params"]) for group in groups) == len(list(head.parameters()))
    assert [group["lr"] for group in groups] == [1e-3, 1e-3 * own.config.critic_lr]
    outputs = head.eval()(given_to(own, backbone))
    assert outputs["face"].shape == (4, 3, 64, 64)
    assert outputs["face"].abs().max() <= 1


@pytest.mark.parametrize("preset", ["quick", "standard", "paper"])
@pytest.mark.seconds
def test_a_step_under_every_preset(preset):
    torch.manual_seed(0)
    own = Inpainting(InpaintingConfig.resolve("inpainting", preset, {"whole": "0.001", "kl": "1", "context": "bilstm"}))
    backbone = Backbone("test_resnet").eval()
    head = own.head(backbone, "finetune@1").train()
    loss = head(given_to(own, backbone, 2), some_targets(own, 2))
    loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.fidelity
@pytest.mark.parametrize("kind", ["lstm", "bilstm"])
def test_a_recurrent_context_reads_the_masked_panel_then_the_others_as_they_follow(kind):
    """The repository: outs[[-1, 0, 1]], and for both directions half of the hidden numbers each."""
    torch.manual_seed(0)
    context = PanelContext(kind, [5], 2, 3, 6, 8)
    assert context.out == 8
    assert context.recurrent.hidden_size == {"lstm": 8, "bilstm": 4}[kind]
    seen, there = torch.randn(3, 4, 5, 2, 2), torch.ones(4, dtype=torch.bool)
    story = {"before": seen[0], "previous": seen[1], "panel": seen[2]}
    head = FacePainter(context, Sizes(4, "dcgan", 2, 4, 64), Weights(0, 0, 0)).eval()
    read = head._read(Seen({name: [of] for name, of in story.items()}, dict.fromkeys(story, there), {}))
    embedded = [context.embed(context.map([of]).flatten(1)) for of in seen]
    ordered = torch.stack([embedded[k] for k in (-1, 0, 1)])
    _, (hidden, _) = torch.func.functional_call(
        torch.nn.LSTM(6, context.recurrent.hidden_size, bidirectional=kind == "bilstm"),
        dict(context.recurrent.named_parameters()),
        (ordered,),
    )
    assert torch.allclose(read, torch.cat(list(hidden), 1), atol=1e-6)


@pytest.mark.fidelity
def test_a_convolutional_context_has_peepholes():
    """Equation 3 of Shi et al. by hand: the gates see the cell, the last one the new cell."""
    torch.manual_seed(0)
    context = PanelContext("convlstm", [5], 2, 3, 6, 4).eval()
    assert not context.peepholes.any(), "they start at nothing, as the repository's"
    torch.nn.init.normal_(context.peepholes)
    maps = torch.randn(3, 2, 3, 2, 2)
    hidden, cell = np.zeros((2, 2, 4, 2, 2))
    for seen in maps:
        both = torch.cat([seen, torch.from_numpy(hidden).float()], 1)
        i, f, o, c = np.split(context.gates(both).detach().numpy(), 4, 1)
        w_ci, w_cf, w_co = context.peepholes.detach().numpy()
        entered, forgotten = 1 / (1 + np.exp(-i - w_ci * cell)), 1 / (1 + np.exp(-f - w_cf * cell))
        cell = forgotten * cell + entered * np.tanh(c)
        hidden = 1 / (1 + np.exp(-o - w_co * cell)) * np.tanh(cell)
    assert context._hidden_map(maps).detach().numpy() == pytest.approx(hidden.reshape(2, -1), rel=1e-4, abs=1e-6)


def test_an_absent_panel_is_what_was_learnt_not_what_the_grey_square_shows():
    own, backbone = task(context="lstm"), Backbone("test_resnet").eval()
    head = own.head(backbone, "frozen@1").eval()
    seen = given_to(own, backbone)
    other = Seen({**seen.maps, "previous": [level + 1 for level in seen.maps["previous"]]}, seen.present, {})
    with torch.no_grad():
        a, b = head(seen)["face"], head(other)["face"]
    assert torch.equal(a[0], b[0])
    assert not torch.equal(a[1], b[1])


def gradients(head, part, loss):
    head.zero_grad()
    loss.backward()
    return [p.grad.clone() for name, p in head.named_parameters() if name.startswith(part) and p.grad is not None]


def test_a_critic_does_not_move_for_the_decoder_nor_the_decoder_for_a_critic():
    """One scalar: the decoder's gradient is that of its own terms, the critic's does not know the decoder's weight."""
    own, backbone = task(local=0.5), Backbone("test_resnet").eval()
    torch.manual_seed(0)
    head = own.head(backbone, "frozen@1").train()
    given, targets = given_to(own, backbone), some_targets(own, 4)
    whole = gradients(head, "decoder", head(given, targets))
    critic = gradients(head, "critics", head(given, targets))
    true = torch.stack([t["face"] for t in targets]).float() / 127.5 - 1
    face = head.decoder(head.code(head._read(given)))
    fooled = torch.nn.functional.softplus(-head.critics["local"](face)).mean()
    by_hand = gradients(head, "decoder", torch.nn.functional.mse_loss(face, true) + 0.5 * fooled)
    for a, b in zip(whole, by_hand, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    own = task(local=5.0)
    torch.manual_seed(0)
    head = own.head(backbone, "frozen@1").train()
    for a, b in zip(critic, gradients(head, "critics", head(given, targets)), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_a_face_is_pasted_where_the_hole_lies_and_the_gradient_comes_from_there():
    window = torch.zeros(2, 3, 32, 32)
    face = torch.ones(2, 3, 64, 64, requires_grad=True)
    drawn = paste(window, face, torch.tensor([[0.25, 0.25, 0.75, 0.75], [0.0, 0.5, 0.5, 1.0]]))
    assert drawn[0, 0].sum() == 16 * 16
    assert (drawn[0, :, 8:24, 8:24] == 1).all()
    assert (drawn[1, :, 16:, :16] == 1).all()
    assert drawn[1, 0].sum() == 16 * 16
    drawn.sum().backward()
    assert face.grad.sum() == pytest.approx(2 * 3 * 16 * 16)
    ramp = torch.arange(64.0).expand(1, 3, 64, 64)
    row = paste(window[:1], ramp, torch.tensor([[0.0, 0.0, 1.0, 1.0]]))[0, 0, 5]
    assert row.tolist() == pytest.approx((torch.arange(32) * 2 + 0.5).tolist())


@pytest.mark.seconds
def test_the_head_learns_the_faces_it_is_shown():
    torch.manual_seed(0)
    own, backbone = task(local=0.01), Backbone("test_resnet").eval()
    head = own.head(backbone, "frozen@1").train()
    given, targets = given_to(own, backbone, 8), some_targets(own, 8)
    for k, target in enumerate(targets):
        target["face"] = torch.full((3, 64, 64), 30 * k, dtype=torch.uint8)
    optimizer = torch.optim.AdamW(own.parameter_groups(head, 5e-3))
    true = torch.stack([t["face"] for t in targets]).float()

    def error():
        with torch.no_grad():
            return ((head(given)["face"] + 1) * 127.5 - true).abs().mean().item()

    before = error()
    for _ in range(40):
        optimizer.zero_grad()
        head(given, targets).backward()
        optimizer.step()
    assert error() < before / 2


def test_decoding_and_samples_are_functions_of_the_item():
    own = task(kl=1.0, samples=True, latent=8)
    backbone = Backbone("test_resnet").eval()
    head = own.head(backbone, "frozen@1").eval()
    truths = [{"noise": np.array(k)} for k in (11, 12, 13, 14)]
    with torch.no_grad():
        outputs = head(given_to(own, backbone))
        assert own.decode(outputs, truths, [])[0]["sample"].shape == (64, 64, 3)
        outputs["decoder"] = lambda codes: codes[:, :3, None, None].tanh().expand(-1, 3, 64, 64)
        found = own.decode(outputs, truths, [])
        turned = own.decode({**outputs, "face": outputs["face"].flip(0)}, truths[::-1], [])
    assert all(one["face"].dtype == np.uint8 for one in found)
    assert np.array_equal(found[0]["sample"], turned[3]["sample"])
    assert not np.array_equal(found[0]["sample"], found[1]["sample"])
    assert own.decode({**outputs, "face": torch.full((4, 3, 64, 64), -1.0)}, truths, [])[0]["face"].max() == 0


def test_faces_that_are_no_numbers_are_not_hidden(tmp_path):
    own = task()
    broken = own.decode({"face": torch.full((1, 3, 64, 64), float("nan"))}, [{}], [])
    truth = own.truth(panel_item(tmp_path, pixels()), 0, 0)
    with pytest.raises(ValueError, match="painted face of item x has 12288 of 12288 values that are NaN"):
        score_items(broken, [truth], ids=["x"])


def test_rows_without_a_backbone_and_their_picture(tmp_path):
    own = task()
    test = [own.truth(panel_item(tmp_path, pixels(k), name=f"n{k}"), 0, 0) for k in range(2)]
    train = [{"face": np.full((64, 64, 3), value, dtype=np.uint8)} for value in (10, 21)]
    mean = own.predict_trivial("mean-face", train, test, [])
    assert {int(value) for row in mean for value in np.unique(row["face"])} == {16}
    previous = own.predict_trivial("previous-face", train, test, [])
    assert np.array_equal(previous[1]["face"], test[1]["previous"])
    with pytest.raises(ValueError, match="has no baseline or reference 'median'"):
        own.predict_trivial("median", train, test, [])
    [(name, sheet)] = own.pictures([], test, mean).items()
    assert name == "faces"
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] > 300


@pytest.mark.slow
def test_a_run_paints_faces(cli, with_synth, tmp_path):
    words = ("--task", "inpainting", "--preset", "smoke", "--results", with_synth)
    sets = ("--set", "inpainting.context=lstm", "--set", "inpainting.kl=1", "--set", "inpainting.samples=true")
    done = cli("--method", "random", *words, *sets, "--set", "inpainting.whole=0.01", "--set", "inpainting.steps=3")
    assert done.returncode == 0, done.stderr
    for name in ("trivial:mean-face", "trivial:telea", "reference:previous-face", "random"):
        assert name in done.stdout
    records = {record["method"]: record for record in written(with_synth)}
    figures = {name: record["metrics"]["kid[ink,paired]"]["value"] for name, record in records.items()}
    assert figures["reference:previous-face"] < figures["trivial:telea"] < figures["trivial:mean-face"]
    metrics = records["random"]["metrics"]
    assert {"kid[ink,prior]", "fd[ink,prior]", "rank-1[ink]", "cosine[ink]", "ssim[gauss11,whole]"} <= metrics.keys()
    assert "kid[ink,prior]" not in records["trivial:telea"]["metrics"]
    assert "different environment" not in done.stdout
    assert any("use kid[ink,paired] to compare" in note for note in records["random"]["notes"])
    assert (with_synth / "runs" / records["random"]["id"] / "faces.png").is_file()
    telea_row = records["trivial:telea"]
    packed = cli("submit", "pack", telea_row["id"], "--out", tmp_path / "telea.zip", "--results", with_synth)
    assert packed.returncode == 0, packed.stderr
    zipfile.ZipFile(tmp_path / "telea.zip").extractall(tmp_path / "telea")
    again = cli("--method", f"predictions:{tmp_path / 'telea'}", *words, *sets, "--set", "inpainting.whole=0.01")
    assert again.returncode == 0, again.stderr
    given = next(r for r in written(with_synth) if r["method"].startswith("predictions"))
    assert given["metrics"]["kid[ink,paired]"]["value"] == telea_row["metrics"]["kid[ink,paired]"]["value"]
