"""The settings of classification."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveInt

from inkbench.benchmark.api import TaskConfig, setting
from inkbench.benchmark.config import BACKBONE_TRIALS


class ClassificationConfig(TaskConfig):
    """Settings of classification."""

    labels: Literal["images", "expressions", "poses", "characters"] = setting(
        "images",
        "what is told apart: classes of images (on synth the scenes of panels), expressions of faces, poses of bodies, "
        "or the characters of the test series by their faces",
    )
    fit: Literal["auto", "squash", "crop", "pad"] = setting(
        "auto", "how images become squares; auto: bodies are padded, all else is squashed"
    )
    side: int = setting(128, "side in pixels of the square input", ge=16)
    steps: int = setting(600, "updates of the linear probes", ge=1)
    finetune_steps: int = setting(100, "updates of backbone and classifier where both are trained", ge=1)
    batch: int = setting(32, "images per step, over all devices", ge=2)
    lr: float = setting(1e-3, "learning rate of the classifiers (AdamW)", gt=0)
    weight_decay: float = setting(1e-2, "decoupled weight decay", ge=0)
    dimensions: int = setting(
        2_048,
        "most values of a stage that its probe reads: maps are averaged down to that",
        "Zhang et al. 2016: 9,000",
        ge=1,
    )
    neighbours: tuple[int, ...] = setting(
        (5, 10, 20, 100), "counts of neighbours tried; validation chooses", "DINO has 10, 20, 100, 200", min_length=1
    )
    temperature: float = setting(0.07, "temperature of the neighbours' votes", "DINO", gt=0)
    strengths: tuple[float, ...] = setting(
        (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0),
        "C of logistic regression that are tried",
        "DINOv2 has 45",
        min_length=1,
    )
    grid_rates: tuple[float, ...] = setting(
        (1e-4, 3e-4, 1e-3, 3e-3), "learning rates of the grid of heads", "DINOv2 has 13", later=True, min_length=1
    )
    grid_decays: tuple[float, ...] = setting(
        (1e-4, 1e-2), "weight decays of the grid of heads", later=True, min_length=1
    )
    grid_stages: int = setting(3, "stages, the last ones, that the grid's heads read", later=True, ge=1)
    grid_pools: tuple[Literal["mean", "max"], ...] = setting(
        ("mean", "max"), "poolings of a stage that the grid's heads read", later=True, min_length=1
    )
    shots: tuple[PositiveInt, ...] = setting(
        (1, 5, 10), "examples of each class that few-shot classifiers are given", later=True, min_length=1
    )
    draws: int = setting(10, "draws of examples for each number of them", later=True, ge=2)
    presets: ClassVar = {
        "smoke": {
            "side": 64,
            "steps": 40,
            "finetune_steps": 10,
            "batch": 16,
            "dimensions": 256,
            "strengths": (1e-4, 1e-2, 1.0),
        },
        "standard": {
            "side": 224,
            "steps": 4_000,
            "finetune_steps": 4_000,
            "batch": 128,
            "dimensions": 4_096,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
        "paper": {
            "side": 224,
            "steps": 40_000,
            "finetune_steps": 40_000,
            "batch": 256,
            "dimensions": 9_000,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
    }
