"""Views of faces and bodies: strong ones show the thing itself and nothing else, weak ones the whole of it, padded."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp
from torch.nn.functional import max_pool2d
from torchvision.transforms.v2 import RandomResizedCrop

from inkbench.benchmark import augment, registry
from inkbench.benchmark.api import Item
from inkbench.benchmark.data.cache import resized
from inkbench.benchmark.pretext.two_views import weak

COUNT = 96
SHARES = (0.64, 0.5, 0.33, 2.0, 0.1)
PLAIN = {"jitter": "0", "hue": "0", "greyscale": "0", "blur": "0"}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def bodies(folder, share, view, count=COUNT):
    """Squares of a pure green body whose width is ``share`` of its height, on a page of another colour, as a batch."""
    width, height = (round(120 * share), 120) if share <= 1 else (120, round(120 / share))
    page = Image.new("RGB", (300, 300), (255, 0, 255))
    page.paste((0, 255, 0), (40, 50, 40 + width, 50 + height))
    page.save(folder / "page.png")
    item = Item("a", folder / "page.png", "s", "train", crop=(40, 50, 40 + width, 50 + height))
    [square] = resized(item.path, [item], view)
    pixels = torch.from_numpy(square.pixels.copy()).permute(2, 0, 1)
    sizes = torch.tensor([[square.width, square.height]])
    return pixels.expand(count, -1, -1, -1), sizes.expand(count, -1)


@pytest.mark.fidelity
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    ("name", "sets"), [("identity_simclr", {}), ("simclr", {"crops": "pairs"}), ("supervised", {})]
)
def test_strong_views_of_bodies_show_no_padding(name, sets, share, tmp_path):
    """Soykan et al. cut them from the body's own crop; a body is green here, and whatever is not is padding."""
    Method = registry.load("methods", name)
    method = Method(Method.Config.resolve(name, "paper", {**PLAIN, **sets}))
    pixels, sizes = bodies(tmp_path, share, method.views()["body"], 16)
    seen = {}

    class Net:
        def __call__(self, *views):
            seen.update(zip(("face", "body"), views, strict=True))
            raise StopIteration

    method._normalize = lambda views: views
    batch = {"face": pixels, "face_size": sizes, "body": pixels, "body_size": sizes}
    batch["identity"] = torch.arange(16)
    context = type("Context", (), {"generator": generator()})()
    with pytest.raises(RuntimeError):  # a StopIteration within a generator
        next(method.step({"net": Net()}, batch, context))
    for half in ("face", "body"):
        strong = seen[half][: 2 * 16]
        green = (strong[:, 1] > 0.99) & (strong[:, 0] < 0.01) & (strong[:, 2] < 0.01)
        assert bool(green.all()), f"{(~green).double().mean():.3f} of the strong views of a {half} are padding"


@pytest.mark.fidelity
@pytest.mark.parametrize("size", [(64, 100), (50, 100), (33, 100), (90, 30), (80, 80), (10, 100)])
@pytest.mark.parametrize("least", [0.08, 0.5])
@pytest.mark.seconds
def test_crops_are_those_of_random_resized_crop_in_the_pixels_of_the_original(size, least):
    """Area, sides and place against torchvision's own draws (Kolmogorov-Smirnov, p about .0007 for each)."""
    width, height = size
    count = 2500
    mine = augment.random_boxes(
        count, (least, 1.0), generator(), sizes=torch.tensor([size]).expand(count, -1), reach=math.inf
    ).double()
    assert (mine[:, :2] - mine[:, 2:] / 2 >= -1e-6).all()
    assert (mine[:, :2] + mine[:, 2:] / 2 <= 1 + 1e-6).all()
    torch.manual_seed(1)
    transform = RandomResizedCrop(8, scale=(least, 1.0))
    image = torch.zeros(3, height * 8, width * 8)  # large, so that whole pixels are no matter
    drawn = [transform.make_params([image]) for _ in range(count)]
    theirs = np.array(
        [[d["left"] + d["width"] / 2, d["top"] + d["height"] / 2, d["width"], d["height"]] for d in drawn]
    ) / np.array([width * 8, height * 8, width * 8, height * 8])
    mine = np.column_stack([mine, mine[:, 2] * mine[:, 3]]).round(2)  # their places are whole pixels
    theirs = np.column_stack([theirs, theirs[:, 2] * theirs[:, 3]]).round(2)
    for column, name in enumerate(("x", "y", "width", "height", "area")):
        assert ks_2samp(mine[:, column], theirs[:, column]).statistic < 2 * np.sqrt(2 / count), name


@pytest.mark.fidelity
@pytest.mark.parametrize("share", [0.64, 0.5, 0.33, 2.0])
def test_a_whole_weak_view_of_a_body_is_centred_on_black(share, tmp_path):
    """As LongestMaxSize and PadIfNeeded of the authors' transform place it."""
    method = registry.load("methods", "identity_simclr")
    view = method(method.Config.resolve("identity_simclr", "paper")).views()["body"]
    pixels, sizes = bodies(tmp_path, share, view)
    views = weak(pixels, 128, 0.5, generator(), sizes)
    lit = views.amax(1) > 0.5
    wide, high = (min(share, 1.0), min(1 / share, 1.0))
    expected = torch.zeros(128, 128, dtype=torch.bool)
    left, top = round(64 * (1 - wide)), round(64 * (1 - high))
    expected[top : 128 - top, left : 128 - left] = True
    off = (lit != expected).flatten(1).sum(1)
    whole = off <= 2 * 128  # a row of pixels on each side may fall either way
    assert 0.6 * COUNT < int(whole.sum()) < 0.9 * COUNT, "a quarter of weak views are crops"
    assert float(views[whole][:, :, ~expected].double().mean()) < 0.02


@pytest.mark.fidelity
def test_a_crop_of_a_padded_body_is_that_of_the_padded_picture(tmp_path):
    """The body's own pixels where they would be had the picture been padded first, and boxes cut from that."""
    width, height, side = 40, 100, 100
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    ramp = np.stack([200 * x + 40, 200 * y + 40, 0 * x + 250], 2).round().astype(np.uint8)
    padded = np.zeros((side, side, 3), dtype=np.uint8)
    padded[:, 30:70] = ramp
    squashed = np.asarray(Image.fromarray(ramp).resize((160, 160), Image.Resampling.BILINEAR))
    boxes = augment.random_boxes(32, (0.5, 1.0), generator())
    flip = augment.coin(32, 0.5, generator(1))

    def batch(pixels):
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).expand(32, -1, -1, -1)

    sizes = torch.tensor([[width, height]]).expand(32, -1)
    mine = augment.crop_padded(batch(squashed), boxes, sizes, 64, flip)
    theirs = augment.crop_resize(batch(padded), boxes, 64, flip)
    # on its rim a pixel mixes body and black, as wide as its filter is: the one before it is the first to compare
    inside = -max_pool2d(-theirs[:, 2], 3, 1, 1) > 0.97
    assert (mine - theirs).abs().amax(1)[inside].max() < 0.05
    assert float(((mine[:, 2] > 0.5) != (theirs[:, 2] > 0.5)).double().mean()) < 0.02
