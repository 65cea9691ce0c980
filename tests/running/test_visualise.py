"""Pictures of weights: the first layer's filters, and which panels the features find alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.cache import ImageCache
from inkbench.benchmark.drawing.filters import GAP, SIDE, draw_filters, first_filters
from inkbench.benchmark.drawing.neighbours import OTHER, OWN, draw_neighbours
from inkbench.benchmark.drawing.style import MARGIN
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.running import visualise
from inkbench.benchmark.training import engine


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "32", 1)


def panels(count=8):
    images = np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
    items = [Item(f"{k}", Path("x"), f"s{k % 2}", "val") for k in range(count)]
    return ImageCache(items, images, np.full((count, 2), 64), [])


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_both_pictures_of_both_kinds_of_backbone_leave_it_as_it_was(device, name):
    torch.manual_seed(0)
    backbone = Backbone(name)
    before, training = weights_bytes(backbone), backbone.training
    first = visualise.draw(device, backbone, panels())
    assert set(first) == {"first-layer", "neighbours"}
    assert weights_bytes(backbone) == before
    assert backbone.training == training
    torch.manual_seed(1)
    again = visualise.draw(device, backbone, panels())
    assert all((again[key] == picture).all() for key, picture in first.items())
    assert visualise.view_of(backbone).side % backbone.strides[-1] == 0


def test_without_panels_filters_alone_are_drawn(device):
    assert set(visualise.draw(device, Backbone("test_resnet"), panels(0))) == {"first-layer"}


def test_a_filter_has_its_own_colours_and_scale():
    weights = np.zeros((2, 3, 3, 3), dtype=np.float32)
    weights[0, 0, 0, 0] = 5.0
    weights[1, 2, 2, 2] = -1e-3
    sheet = draw_filters(weights)[MARGIN:, MARGIN:]
    corner, middle = sheet[1, 1], sheet[SIDE // 2, SIDE // 2]
    assert corner.tolist() == [255, 128, 128], "the largest weight, red alone"
    assert middle.tolist() == [128, 128, 128], "zero is grey"
    assert sheet[SIDE - 2, SIDE + GAP + SIDE - 2].tolist() == [128, 128, 0], "a weak filter is seen as well"


def test_a_network_that_sees_no_pixels_has_no_filters():
    assert first_filters(nn.Sequential(nn.Conv2d(4, 2, 1), nn.Linear(2, 2))) is None


def test_the_nearest_come_first_in_the_frame_of_their_series():
    """Two panels that are one in feature space stand beside each other, whatever the others are."""
    colours = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], dtype=np.uint8)
    images = np.broadcast_to(colours[:, None, None], (4, 16, 16, 3)).copy()
    angles = np.deg2rad([0, 90, 1, 100])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    sheet = draw_neighbours(images, features, np.array(["a", "b", "b", "b"]))
    seen = [tuple(pixel) for pixel, before in zip(sheet[60, 1:], sheet[60, :-1]) if (pixel != before).any()]
    order = [colour for colour in seen if colour in set(map(tuple, colours))]
    assert order == [tuple(colours[k]) for k in (0, 2, 1, 3)], "itself, then by the cosine"
    assert OTHER in seen
    assert OWN not in seen, "no other panel of the first one's series"
