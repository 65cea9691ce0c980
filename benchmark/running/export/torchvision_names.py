"""A backbone's tensors under torchvision's names, where torchvision has the very same network.

Both codes register the layers of a network in the order in which an image passes them, so the k-th tensor of one is the
k-th of the other; where an order departs from that, ``ORDERS`` says so. Only networks that compute the same are listed:
the epsilons of torchvision's MobileNetV3 and EfficientNet-B5 to B7, for one, are not timm's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torchvision
from safetensors.torch import save
from torch import Tensor

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone

FILE = "torchvision.safetensors"


@dataclass(frozen=True, slots=True)
class Family:
    """Networks with one structure: torchvision's name of each of timm's, and how their tensors correspond."""

    names: Mapping[str, str]
    head: str
    """The beginning of the names that are torchvision's classifier: the file goes without them."""
    passed_over: str = "$^"
    """The tensors, on either side, that are no part of what both share: classifier layers, fixed tables."""
    order: Callable[[list[str]], list[str]] = list
    """timm's names in torchvision's order."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _positions_later(names: list[str]) -> list[str]:
    """Put the position embedding behind the patch embedding."""
    rest = [name for name in names if name != "pos_embed"]
    place = rest.index("patch_embed.proj.bias") + 1
    return [*rest[:place], "pos_embed", *rest[place:]]


def _shortcut_first(names: list[str]) -> list[str]:
    """Put a block's shortcut before its convolutions."""
    block = re.compile(r"s\d+\.b\d+\.")
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if found := block.match(name):
            first.setdefault(found.group(), place)
    places = {name: place for place, name in enumerate(names)}

    def key(name: str) -> tuple[int, bool, int]:
        found = block.match(name)
        return (first[found.group()] if found else places[name], ".downsample." not in name, places[name])

    return sorted(names, key=key)


def _reduced_before_normed(names: list[str]) -> list[str]:
    """Put the reduction of patches before the norm that it follows: torchvision registers it first."""
    places = {name: place for place, name in enumerate(names)}
    return sorted(names, key=lambda name: places[name] - 2.5 * name.endswith(".downsample.reduction.weight"))


FAMILIES = (
    Family(
        _same("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d")
        | _same("resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
        "fc.",
    ),
    Family(_same("densenet121", "densenet161", "densenet169", "densenet201"), "classifier."),
    Family(
        _same("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
        "classifier.",
        r"pre_logits\.",
    ),
    Family({"mobilenetv2_100": "mobilenet_v2"}, "classifier."),
    Family(_same(*(f"efficientnet_b{size}" for size in range(5))), "classifier."),
    Family(_same("convnext_tiny", "convnext_small", "convnext_base", "convnext_large"), "classifier.2."),
    Family(
        {
            "vit_base_patch16_224": "vit_b_16",
            "vit_base_patch32_224": "vit_b_32",
            "vit_large_patch16_224": "vit_l_16",
            "vit_large_patch32_224": "vit_l_32",
            "vit_huge_patch14_224": "vit_h_14",
        },
        "heads.",
        order=_positions_later,
    ),
    Family(
        {f"swin_{size}_patch4_window7_224": f"swin_{size[0]}" for size in ("tiny", "small", "base")},
        "head.",
        r".*relative_position_index$",
        _reduced_before_normed,
    ),
    Family(
        {"regnetx_004_tv": "regnet_x_400mf", "regnetx_008": "regnet_x_800mf", "regnetx_016": "regnet_x_1_6gf"}
        | {"regnetx_032": "regnet_x_3_2gf", "regnetx_080": "regnet_x_8gf", "regnetx_160": "regnet_x_16gf"}
        | {"regnetx_320": "regnet_x_32gf", "regnety_004": "regnet_y_400mf", "regnety_016": "regnet_y_1_6gf"}
        | {"regnety_032": "regnet_y_3_2gf", "regnety_160": "regnet_y_16gf", "regnety_320": "regnet_y_32gf"},
        "fc.",
        order=_shortcut_first,
    ),
)


def name_of(backbone: Backbone) -> str:
    """Return torchvision's name of a network. Raises UsageError where it has none that computes the same."""
    architecture = backbone.name.partition(".")[0]
    if backbone.settings.pad_type:
        raise UsageError(
            f"torchvision pads no convolution as backbone.pad_type={backbone.settings.pad_type} does; leave out "
            "--format torchvision"
        )
    for family in FAMILIES:
        if architecture in family.names:
            return family.names[architecture]
    known = sorted(name for family in FAMILIES for name in family.names)
    raise UsageError(
        f"torchvision has no network that computes what {architecture} does (of those that it shares with timm here: "
        f"{', '.join(known[:3])} and {len(known) - 3} more); leave out --format torchvision"
    )


def state_of(backbone: Backbone) -> dict[str, Tensor]:
    """Return the tensors of a backbone as torchvision's network holds them, less its classifier. Raises UsageError."""
    theirs = name_of(backbone)
    family = next(one for one in FAMILIES if theirs in one.names.values())
    apart = re.compile(family.passed_over)
    own = {name: value for name, value in backbone.model.state_dict().items() if not apart.match(name)}
    shapes = shapes_of(theirs)
    wanted = [name for name in shapes if not name.startswith(family.head) and not apart.match(name)]
    names = family.order(list(own))
    if len(names) != len(wanted) or any(
        own[name].numel() != shapes[other].numel() for name, other in zip(names, wanted, strict=False)
    ):
        raise UsageError(
            f"{backbone.name} of timm here and {theirs} of torchvision {torchvision.__version__} differ in their "
            "layers; leave out --format torchvision"
        )
    return {other: own[name].reshape(shapes[other].shape) for name, other in zip(names, wanted, strict=True)}


def shapes_of(theirs: str) -> dict[str, Tensor]:
    """Return the tensors of torchvision's network as it makes them; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return dict(torchvision.models.get_model(theirs, weights=None).state_dict())
        except NotImplementedError:  # RegNets compute their widths with tensors
            return dict(torchvision.models.get_model(theirs, weights=None).state_dict())


def torchvision_bytes(backbone: Backbone) -> bytes:
    """Return ``state_of`` as safetensors, with torchvision's name of the network in its header. Raises UsageError."""
    state = {name: value.detach().cpu().contiguous() for name, value in state_of(backbone).items()}
    return save(state, {"format": "pt", "torchvision": name_of(backbone)})
