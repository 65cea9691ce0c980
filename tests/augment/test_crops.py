"""Random resized crops: drawn and resampled as torchvision and Pillow do it, and no more blurred than theirs."""

import math
import random

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional

from inkbench.benchmark import augment, registry
from inkbench.benchmark.api import View
from inkbench.benchmark.config import PRESETS
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.cached import ImageCache
from inkbench.benchmark.training import batches, engine

pytestmark = pytest.mark.fidelity
SHAPES = ((300, 300), (420, 300), (300, 450), (600, 300), (300, 900), (1500, 300))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth(height, width, seed=0):
    """A picture with lines and shades of all sizes, uint8 (h, w, 3)."""
    rng = np.random.default_rng(seed)
    layers = [
        Image.fromarray(rng.integers(0, 256, (max(2, height // k), max(2, width // k), 3), dtype=np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        for k in (2, 5, 13, 40)
    ]
    return np.mean([np.asarray(layer, dtype=np.float64) for layer in layers], axis=0).astype(np.uint8)


def as_batch(*pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def reference_box(rng, width, height, scale):
    """Width and height of a crop in pixels by the rule of torchvision's RandomResizedCrop, written out again."""
    for _ in range(10):
        area = width * height * rng.uniform(*scale)
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return w, h
    if width / height < 3 / 4:
        return width, round(width / (3 / 4))
    if width / height > 4 / 3:
        return round(height * 4 / 3), height
    return width, height


@pytest.mark.parametrize(("width", "height"), SHAPES)
def test_boxes_are_those_of_torchvision(width, height):
    """Area, sides and place in the original; of what is longer than 2:1 the places lie in a window."""
    scale, count, rng = (0.2, 1.0), 4_000, random.Random(0)
    w, h = np.array([reference_box(rng, width, height, scale) for _ in range(count)], float).T
    blank = torch.zeros(1, 1, 1).expand(1, height, width)
    torch.manual_seed(0)
    drawn = np.array([RandomResizedCrop.get_params(blank, list(scale), [3 / 4, 4 / 3]) for _ in range(300)], float)
    assert np.mean(drawn[:, 2] * drawn[:, 3]) == pytest.approx(np.mean(w * h), rel=0.08)
    sizes = torch.tensor([[width, height]]).expand(count, 2)
    x, y, box_w, box_h = (part.numpy() for part in augment.random_boxes(count, scale, generator(), sizes=sizes).T)
    shown_w, shown_h = min(width, 2 * height), min(height, 2 * width)
    at = np.linspace(0.02, 0.98, 25)
    for mine, other in ((box_w * shown_w, w), (box_h * shown_h, h)):
        assert np.abs(np.quantile(mine, at) - np.quantile(other, at)).mean() < 0.01 * min(width, height)
    assert np.mean(box_w * shown_w * box_h * shown_h) == pytest.approx(np.mean(h * w), rel=0.02)
    for corner, room in (((x - box_w / 2), 1 - box_w), ((y - box_h / 2), 1 - box_h)):
        free = room > 0.2  # where a box has room its place is uniform in it, but for the central one of no fit
        if free.mean() > 0.3 and max(width, height) <= 2 * min(width, height):
            places = corner[free] / room[free]
            assert places.mean() == pytest.approx(0.5, abs=0.03)
            assert places.std() == pytest.approx(math.sqrt(1 / 12), abs=0.02)


@pytest.mark.parametrize(("side", "size"), [(96, 32), (160, 80), (100, 80), (64, 96), (615, 224)])
@pytest.mark.parametrize("flip", [False, True])
def test_a_crop_is_what_pillow_gives(side, size, flip):
    boxes = augment.random_boxes(6, (0.1, 1.0), generator(size), sizes=torch.tensor([[k, 6] for k in range(3, 9)]))
    pictures = [smooth(side, side, seed) for seed in range(6)]
    mine = augment.crop_resize(as_batch(*pictures), boxes, size, torch.full((6,), flip)) * 255
    for picture, (x, y, w, h), made in zip(pictures, boxes.double().numpy(), mine, strict=True):
        edges = np.clip(side * np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2]), 0, side)
        theirs = Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR, tuple(edges))
        expected = np.asarray(theirs, dtype=np.float64)[:, :: -1 if flip else 1]
        difference = np.abs(made.permute(1, 2, 0).numpy() - expected)
        assert difference.mean() < 0.5
        assert difference.max() < 2.5


def test_a_crop_is_what_torchvision_gives_but_for_its_rim():
    """torchvision cuts first, so that its filter sees nothing beside the box."""
    picture = torch.from_numpy(smooth(200, 200)).permute(2, 0, 1)
    theirs = functional.resized_crop(picture, 30, 20, 120, 150, [50, 50], antialias=True).float()
    box = torch.tensor([[95 / 200, 90 / 200, 150 / 200, 120 / 200]])
    mine = augment.crop_resize(picture[None], box, 50)[0] * 255
    assert (mine - theirs)[:, 1:-1, 1:-1].abs().max() < 1.5


def test_a_padded_crop_is_what_pillow_gives_of_the_image_on_black():
    """Images that were squashed come back with their aspect, in the middle of a black square."""
    sizes, side, size = [(120, 60), (50, 110), (90, 90)], 128, 64
    originals = [smooth(height, width, k) for k, (width, height) in enumerate(sizes)]
    squashed = [np.asarray(Image.fromarray(o).resize((side, side), Image.Resampling.BILINEAR)) for o in originals]
    whole = torch.tensor([[0.5, 0.5, 1.0, 1.0]] * 3)
    mine = augment.crop_padded(as_batch(*squashed), whole, torch.tensor(sizes), size) * 255
    for original, made in zip(originals, mine, strict=True):
        height, width = original.shape[:2]
        canvas = Image.new("RGB", (max(width, height),) * 2)
        canvas.paste(Image.fromarray(original), ((canvas.width - width) // 2, (canvas.height - height) // 2))
        truth = np.asarray(canvas.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float64)
        assert np.abs(made.permute(1, 2, 0).numpy() - truth).mean() < 3


def test_many_large_images_are_resampled_in_parts(monkeypatch):
    images, boxes = as_batch(*(smooth(60, 60, k) for k in range(5))), augment.random_boxes(5, (0.2, 1), generator())
    flip = augment.coin(5, 0.5, generator())
    whole = augment.crop_resize(images, boxes, 24, flip)
    monkeypatch.setattr("inkbench.benchmark.augment.crops.CHUNK", 2 * 3 * 60 * 60)
    assert torch.equal(augment.crop_resize(images, boxes, 24, flip), whole)


def test_the_middle_of_a_squeezed_panel_is_its_central_square():
    wide = smooth(200, 300)
    squeezed = np.asarray(Image.fromarray(wide).resize((200, 200), Image.Resampling.BILINEAR))
    mine = augment.middle(as_batch(squeezed), 80, torch.tensor([[300, 200]]))[0].permute(1, 2, 0).numpy() * 255
    truth = np.asarray(Image.fromarray(wide[:, 50:250]).resize((80, 80), Image.Resampling.BILINEAR), dtype=np.float64)
    assert np.abs(mine - truth).mean() < 2


@pytest.mark.parametrize(("size", "smallest", "largest"), [(224, 0.08, 1), (224, 0.2, 1), (96, 0.05, 0.4), (64, 1, 1)])
def test_squares_are_as_large_as_their_crops_need(size, smallest, largest):
    """Counted over boxes as torchvision draws them in a panel of 3:2, not computed."""
    side = augment.source_side(size, smallest, largest)
    rng = random.Random(0)
    boxes = [reference_box(rng, 1414, 1000, (smallest, largest)) for _ in range(4000)]
    pixels = np.array([min(w / 1414, h / 1000) * side for w, h in boxes])
    assert np.mean(size / pixels > 1.3) < 0.08
    assert side >= size


class Cut(Exception):
    """A method has drawn its crops and turns to its networks."""


class NoNetwork:
    """Raises Cut for whatever is asked of it."""

    value = None

    def __getattr__(self, name):
        raise Cut

    def __call__(self, *given):
        raise Cut


class NoNetworks(dict):
    def __missing__(self, name):
        return NoNetwork()


def panel_sizes(count=96):
    """Sizes as those of panels: short sides around 300 px, one in ten longer than 2:1, wide and tall."""
    rng = np.random.default_rng(5)
    short = np.exp(rng.normal(math.log(300), 0.45, count)).clip(90, 1600)
    aspect = 1 + rng.gamma(1.3, 0.4, count)
    wide = rng.random(count) < 0.6
    return np.stack([np.where(wide, short * aspect, short), np.where(wide, short, short * aspect)], 1).astype(np.int64)


def crops_of(method, sizes, monkeypatch):
    """(view's side, place of its cache, box in shares, size of the crop) of every crop that a step asks for."""
    asked = []

    def noted(images, boxes, size, flip=None):
        asked.append((images.shape[-1], boxes.numpy(), size))
        return torch.zeros(len(images), 3, size, size)

    monkeypatch.setattr(augment, "crop_resize", noted)

    def cut(*given):
        raise Cut

    method._normalize = cut
    panels = {}
    for name, view in method.views().items():
        items = [Item(str(k), None, "s", "train", identity="a") for k in range(len(sizes))]
        images = np.broadcast_to(np.uint8(0), (len(sizes), view.side, view.side, 3))
        panels[name] = ImageCache(items, images, sizes, [])
    device = engine.start(1, "32", 1)
    labels = method.labels({name: cache.items for name, cache in panels.items()})
    batch = batches.at(device, panels, labels, np.arange(len(sizes)))
    context = engine.context(device, 0, "test", 0, 100)
    with pytest.raises((Cut, AttributeError)):  # a method that was not built has no networks to show them to
        next(method.step(NoNetworks(), batch, context))
    return asked


def enlarged(size, width, height):
    """How many times larger than what they were cut from views of ``size`` px are, by the root of the area."""
    return size / np.sqrt(width * height)


RANDOM_CROPS = {
    "simclr": lambda c: {c.side: (c.smallest_crop, 1.0)},
    "mae": lambda c: {c.side: (c.smallest_crop, 1.0)},
    "spot_artifacts": lambda c: {c.side: (c.smallest_crop, 1.0)},
    "supervised": lambda c: {c.face: (c.smallest_crop, 1.0)},
    "dino": lambda c: {c.side: (c.border, 1.0), c.local: (min(c.smallest_crop, c.border), c.border)},
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", RANDOM_CROPS)
@pytest.mark.seconds
def test_no_more_crops_are_enlarged_than_by_the_reference(name, preset, monkeypatch, capsys):
    """On the same images: torchvision's crops of the whole file, and ours of the squares that lie in the cache.

    What of our crop is seen is the coarser of source and cache, along each side.
    """
    kind = registry.load("methods", name)
    method = kind(kind.Config.resolve(name, preset, {}))
    sizes = panel_sizes()
    view = next(iter(method.views().values()))
    assert isinstance(view, View)
    places = [view.place(width, height) for width, height in sizes.tolist()]
    coarse_x, coarse_y = (np.array([min(1.0, getattr(p, axis)) for p in places]) for axis in ("scale_x", "scale_y"))
    full_x, full_y = (np.array([getattr(place, axis) for place in places]) for axis in ("scale_x", "scale_y"))
    ours, theirs = {}, {}
    asked = RANDOM_CROPS[name](method.config)
    for side, boxes, size in crops_of(method, sizes, monkeypatch):
        if size not in asked:
            continue  # a view of another kind of image
        assert side == view.side
        width, height = boxes[:, 2] * side / full_x * coarse_x, boxes[:, 3] * side / full_y * coarse_y
        ours.setdefault(size, []).append(enlarged(size, width, height))
    rng = random.Random(1)
    for size, scale in asked.items():
        boxes = [reference_box(rng, *shape, scale) for shape in sizes.tolist() for _ in range(20)]
        theirs[size] = enlarged(size, *np.array(boxes, float).T)
    assert set(ours) == set(theirs)
    for size, figures in ours.items():
        mine, reference = np.mean(np.concatenate(figures) > 1.3), np.mean(theirs[size] > 1.3)
        with capsys.disabled():
            print(f"\n{name} {preset}, views of {size} px: {mine:.3f} enlarged, reference {reference:.3f}", end="")
        assert mine <= reference + 0.05


@pytest.mark.parametrize("name", ["jigsaw", "context_prediction", "context_encoder"])
@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_cut_without_resizing_is_not_enlarged(name, preset):
    """Their squares are cut at the scale of the cache, whose short side is the one that their sources resize to."""
    kind = registry.load("methods", name)
    method = kind(kind.Config.resolve(name, preset, {}))
    for view in method.views().values():
        assert view.reach == 1
        place = view.place(400, 300)
        assert place.scale_x == place.scale_y == view.side / 300
