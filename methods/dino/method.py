"""DINO: a student that sees parts of a panel agrees with a teacher that sees the whole (Caron et al., ICCV 2021)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from inkbench.benchmark import augment
from inkbench.benchmark.api import Context, View, setting
from inkbench.benchmark.drawing.rows import draw_rows
from inkbench.benchmark.pretext.adamw import AdamWMethod, weight_groups
from inkbench.benchmark.pretext.two_views import ViewsConfig, recoloured
from inkbench.benchmark.training.schedules import half_cosine
from inkbench.methods.dino.distillation import (
    Centre,
    Prototypes,
    distillation,
    drop_paths,
    effective_rank,
    follow,
)

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PAPER = "Caron et al. 2021"
CODE = "facebookresearch/dino"


Share = Annotated[float, Field(ge=0, le=1)]


class DinoConfig(ViewsConfig):
    """Settings of DINO; the defaults are those of ``quick``."""

    side: int = setting(64, "side of a global view, px", PAPER, ge=16)
    local: int = setting(32, "side of a local view, px", PAPER, ge=16)
    locals: int = setting(4, "local views of an image", f"{PAPER}, Table 8", ge=0)
    border: float = setting(0.4, "area that divides local from global crops, share of the image", PAPER, gt=0, lt=1)
    smallest_crop: float = setting(0.05, "least area of a local crop, share of the image", PAPER, gt=0, le=1)
    jitter: float = setting(0.4, "strength of the jitter of brightness and contrast", CODE, ge=0, le=1)
    saturation: float | None = setting(0.2, "strength of that of saturation; none: as `jitter`", CODE, ge=0, le=1)
    hue: float | None = setting(
        0.1, "most that hue turns, share of the circle; none: a quarter of `jitter`", CODE, ge=0, le=0.5
    )
    blur: float = setting(0.5, "share of local views that are blurred", CODE, ge=0, le=1)
    blur_kernel: int = setting(13, "side of the blur's kernel, px: three of its largest deviations", CODE, ge=0)
    blur_global: tuple[Share, Share] = setting(
        (1.0, 0.1), "share of the first and of the second global views that are blurred", CODE
    )
    solarise: float = setting(0.2, "share of the second global views whose bright half is inverted", CODE, ge=0, le=1)
    prototypes: int = setting(512, "outputs of the head, K", f"{PAPER}, appendix C", ge=2)
    hidden: int = setting(256, "width of the head", f"{PAPER}, appendix C", ge=1)
    bottleneck: int = setting(64, "width before the prototypes", f"{PAPER}, appendix C", ge=1)
    batch_norm: bool = setting(True, "batch normalisation in the head", "facebookresearch/dino, use_bn_in_head")
    student_temperature: float = setting(0.1, "tau_s", PAPER, gt=0)
    teacher_temperature: float = setting(0.04, "tau_t at first", PAPER, gt=0)
    final_temperature: float = setting(0.07, "tau_t after the first tenth of the budget", PAPER, gt=0)
    momentum: float = setting(
        0.98, "m of the teacher at first, by batch and updates; rises to 1 by a cosine", CODE, ge=0, lt=1
    )
    centre_momentum: float = setting(0.9, "m of the centre", PAPER, ge=0, lt=1)
    frozen_last: float = setting(0.02, "share of the budget in which the prototypes do not move", PAPER, ge=0, lt=1)
    lr: float = setting(3e-3, "learning rate (AdamW)", PAPER, gt=0)
    weight_decay: float = setting(0.04, "decoupled weight decay at first, of what is no bias and no norm", PAPER, ge=0)
    final_weight_decay: float = setting(0.4, "and at last, by a cosine", PAPER, ge=0)
    clip: float = setting(3.0, "largest norm of the gradient of each parameter; 0: any", CODE, ge=0)
    drop_path: float = setting(
        0.0, "share of images for which the student's last block is passed over (transformers)", CODE, ge=0, lt=1
    )

    presets = {
        "smoke": {"side": 48, "locals": 2},
        "standard": {
            "side": 160,
            "local": 96,
            "locals": 6,
            "prototypes": 8192,
            "hidden": 1024,
            "bottleneck": 256,
            "momentum": 0.996,
            "lr": 1e-3,
        },
        "paper": {
            "side": 224,
            "local": 96,
            "locals": 8,
            "prototypes": 65_536,
            "hidden": 2048,
            "bottleneck": 256,
            "batch_norm": False,
            "momentum": 0.9995,
            "drop_path": 0.1,
            "lr": 5e-4,
        },
    }


class Dino(AdamWMethod[DinoConfig]):
    """A student follows a teacher over different views; the teacher, the student's running mean, is handed over."""

    name = "dino"
    version = 2
    Config = DinoConfig
    readout = "family"
    clips_each = True
    source = "Caron et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021"

    sync_batch_norm = True

    def views(self) -> dict[str, View]:
        """Return one square per panel, large enough for crops that are not blurred."""
        c = self.config
        side = augment.source_side(c.side, c.border)
        if c.locals:
            side = max(side, augment.source_side(c.local, min(c.smallest_crop, c.border), c.border))
        return {"image": View(side, reach=augment.REACH)}

    def crops_per_image(self) -> int:
        """Return the number of views of an image in a step."""
        return 2 + self.config.locals

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides of global and local views."""
        return (self.config.side, self.config.local)

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the student; the teacher around the backbone; its centre; the initial backbone, to compare with."""
        c = self.config
        self._normalize = backbone.normalize
        teacher = Prototypes(backbone, c.hidden, c.bottleneck, c.prototypes, c.batch_norm)
        student = copy.deepcopy(teacher)
        drop_paths(student.backbone, c.drop_path)
        self._last, self._frozen = student.last, False
        return {
            "net": student,
            "teacher": teacher,
            "centre": Centre(c.prototypes, c.centre_momentum),
            "initial": copy.deepcopy(backbone),
        }

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return AdamW, without decay of biases and norms.

        It does not see the prototypes' gradient while they hold still.
        """
        c = self.config
        most = max(c.weight_decay, c.final_weight_decay)
        optimizer = torch.optim.AdamW(weight_groups(parameters, most), lr=c.lr, fused=True)
        optimizer.register_step_pre_hook(self._hold_last)
        return optimizer

    def _hold_last(self, *_: object) -> None:
        """Cancel the gradient as the authors do, after it was shared by the ranks: no update, no moments, no decay."""
        if self._frozen:
            self._last.grad = None

    def decay(self, progress: float) -> float:
        """Return the weight decay from its first value to its last by half a cosine, as a share of the larger."""
        c = self.config
        most = max(c.weight_decay, c.final_weight_decay) or 1.0
        return half_cosine(progress, c.weight_decay, c.final_weight_decay) / most

    def clip(self, network: str) -> float:
        """Return the largest norm of a parameter's gradient."""
        del network
        return float(self.config.clip)

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Update the teacher from the last step's student, then yield its cross-entropy with the student's views."""
        c = self.config
        centre: Any = nets["centre"]
        if context.step > 0:
            follow(nets["teacher"], nets["net"], self.momentum(context.progress))
        large, small = self.crops(batch["image"], context.generator, batch.get("image_size"))
        views = [self._normalize(view) for view in (*large, *small)]
        with torch.no_grad():
            truths = nets["teacher"](*views[:2])
        self._frozen = context.progress < c.frozen_last
        said = nets["net"](*views)
        loss = distillation(said, truths, centre.value, c.student_temperature, self.temperature(context.progress))
        centre.follow(torch.cat(truths))
        yield loss

    def momentum(self, progress: float) -> float:
        """Return m of the teacher: from its first value to 1 by half a cosine."""
        return half_cosine(progress, self.config.momentum, 1.0)

    def temperature(self, progress: float) -> float:
        """Return tau_t: a linear rise over the first tenth of the budget."""
        c = self.config
        return c.teacher_temperature + (c.final_temperature - c.teacher_temperature) * min(progress / 0.1, 1.0)

    def crops(
        self, images: Tensor, generator: torch.Generator, sizes: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return two global views float (N, 3, side, side), and the local ones (N, 3, local, local), in [0, 1]."""
        c = self.config
        whole, smallest = (c.border, 1.0), min(c.smallest_crop, c.border)
        first, second = c.blur_global
        large = [self._cut(images, c.side, whole, generator, sizes) for _ in range(2)]
        large = [
            recoloured(large[0], c, generator, blur=first),
            recoloured(large[1], c, generator, blur=second, solarise=c.solarise),
        ]
        small = [self._cut(images, c.local, (smallest, c.border), generator, sizes) for _ in range(c.locals)]
        return large, [recoloured(view, c, generator, blur=c.blur) for view in small]

    @torch.no_grad()
    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return ``knn`` (B,): whether the nearest view, by the teacher's features, is the other one of the same panel,
        and the same for the backbone before training. ``rank`` and ``rank_random``: effective rank of the batch's
        features (RankMe) of both, the same figure for each of its panels.
        """
        large, _ = self.crops(batch["image"], context.generator, batch.get("image_size"))
        views = [self._normalize(view) for view in large]
        teacher: Any = nets["teacher"]
        initial: Any = nets["initial"].train()  # statistics of the batch: those it was made with are none
        figures = {}
        for name, encoder, rank in (("knn", teacher.backbone, "rank"), ("trivial:knn", initial, "rank_random")):
            one, other = (encoder.pooled(view).float() for view in views)
            nearest = (normalize(one, dim=1) @ normalize(other, dim=1).T).argmax(1)
            figures[name] = (nearest == torch.arange(len(one), device=one.device)).double().cpu().numpy()
            figures[rank] = np.full(len(one), effective_rank(one))
        return figures

    @torch.no_grad()
    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Draw rows of panel, global and local views, and the main directions of the teacher's features as colours."""
        large, small = self.crops(batch["image"], context.generator, batch.get("image_size"))
        teacher: Any = nets["teacher"]
        side = self.config.side
        panel = augment.middle(batch["image"], side, batch.get("image_size"))
        maps = teacher.backbone(self._normalize(panel))[-1].float()
        columns = {"panel": panel, "features": main_directions(maps), "global view": large[0], "another": large[1]}
        columns |= {f"local view {k + 1}": view for k, view in enumerate(small[:2])}
        return {"views": draw_rows({name: interpolate(x, size=(side, side)) for name, x in columns.items()})}

    def _cut(
        self,
        images: Tensor,
        size: int,
        scale: tuple[float, float],
        generator: torch.Generator,
        sizes: Tensor | None,
    ) -> Tensor:
        n = len(images)
        boxes = augment.random_boxes(n, scale, generator, sizes=sizes)
        return augment.crop_resize(images, boxes, size, augment.coin(n, 0.5, generator))


def main_directions(maps: Tensor) -> Tensor:
    """Project features (N, C, h, w) on their first 3 principal components: float (N, 3, h, w) in [0, 1]."""
    n, channels, height, width = maps.shape
    flat = maps.permute(0, 2, 3, 1).reshape(-1, channels)
    centred = flat - flat.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    along = centred @ directions[:3].T
    low, high = along.amin(0), along.amax(0)
    colours = (along - low) / (high - low).clamp_min(1e-9)
    picture: Tensor = colours.view(n, height, width, -1).permute(0, 3, 1, 2)
    return picture
