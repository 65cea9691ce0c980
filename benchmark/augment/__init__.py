"""Batched augmentations on the device, shared by all methods.

Images come in as uint8 and only the pixels that are cut out become floats. Whatever is drawn is drawn from a
``torch.Generator`` of the device. Tensors are (N, ..., 3, h, w): an image, or several tiles of it.
"""

from inkbench.benchmark.augment.colour import (
    FLAT,
    LUMA,
    colour_matrices,
    divide_by_rms,
    drop_colours,
    intensity_offset,
    recolour,
    standardise,
    to_float,
)
from inkbench.benchmark.augment.crops import (
    REACH,
    crop_padded,
    crop_resize,
    middle,
    middle_boxes,
    random_boxes,
    source_side,
)
from inkbench.benchmark.augment.masks import HOLES, central_square, inner_band
from inkbench.benchmark.augment.patches import channel_shift, cut, downsample, integers, shrink
from inkbench.benchmark.augment.views import Jitter, blur_some, coin, grey_some, jitter_colours, solarise_some

__all__ = [
    "FLAT",
    "HOLES",
    "LUMA",
    "REACH",
    "Jitter",
    "blur_some",
    "central_square",
    "channel_shift",
    "coin",
    "colour_matrices",
    "crop_padded",
    "crop_resize",
    "cut",
    "divide_by_rms",
    "downsample",
    "drop_colours",
    "grey_some",
    "inner_band",
    "integers",
    "intensity_offset",
    "jitter_colours",
    "middle",
    "middle_boxes",
    "random_boxes",
    "recolour",
    "shrink",
    "solarise_some",
    "source_side",
    "standardise",
    "to_float",
]
