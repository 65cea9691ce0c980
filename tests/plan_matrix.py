"""What settings and architectures decide together: every method, task and protocol on many backbones.

``python tests/plan_matrix.py --out DIR`` plans the whole matrix, runs a drawn sample of what was accepted and forces a
drawn sample of what was refused, and prints what became of each. Network and hub are not asked.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkbench.benchmark.config import PRESETS
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import NotApplicable, UsageError
from inkbench.benchmark.planning import checks, planner
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.runner import Runner
from inkbench.benchmark.running.workspace import Workspace
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine

BACKBONES = (
    *("test_resnet", "resnet18", "resnet50", "resnext50_32x4d", "seresnet50", "res2net50_26w_4s", "resnet10t"),
    *("mobilenetv2_100", "mobilenetv3_large_100", "efficientnet_b0", "regnetx_002", "ghostnet_100", "hrnet_w18"),
    *("densenet121", "vgg16_bn", "inception_v3", "xception41", "dla34", "convnext_tiny", "convnextv2_atto", "nfnet_f0"),
    *("test_vit", "vit_tiny_patch16_224", "vit_small_patch14_dinov2", "vit_small_patch16_dinov3"),
    *("deit_tiny_distilled_patch16_224", "beit_base_patch16_224", "eva02_tiny_patch14_224", "cait_xxs24_224"),
    *("swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256", "maxvit_tiny_tf_224", "coat_tiny", "pvt_v2_b0"),
    *("crossvit_9_240", "mixer_b16_224", "xcit_nano_12_p16_224", "levit_128s", "mobilevit_s", "poolformer_s12"),
)
"""Forty architectures of timm: convolutional, of tokens, mixed; of any side, of one, of multiples of 14 or 32."""
TINY = {
    "pretrain": {"images": "2", "batch": "2", "held_out": "2"},
    **{task: {"steps": "1", "batch": "2"} for task in ("detection", "saliency", "inpainting", "segmentation")},
    "classification": {"steps": "1", "finetune_steps": "1", "batch": "2", "strengths": "1"},
    "reid": {"steps": "1", "batch": "16"},
    "retrieval": {"steps": "1", "batch": "4", "pairs": "2"},
}
"""One step of two images; of re-ID as few as hold pairs of each of a batch's series."""
RULES = ("it needs --protocol finetune", "weights", "hub", "cannot read predictions")
"""Parts of reasons that no network decides: a rule of comparison, or weights that are out of reach."""


@dataclass(frozen=True)
class Combination:
    """A run of the matrix, and why it was refused; empty where it was not."""

    preset: str
    backbone: str
    method: str
    task: str
    protocol: str
    reason: str

    @property
    def shaped(self) -> bool:
        """Whether it is networks and sides that rule it out."""
        return bool(self.reason) and not any(part in self.reason for part in RULES)


@functools.cache
def device() -> engine.Device:
    """One thread of the CPU."""
    return engine.start(1, "32", 1)


def request(results: Path, preset: str, backbone: str, **fields) -> Request:
    """All methods on all tasks under all protocols, or as ``fields`` say."""
    usual = {"methods": ("all",), "tasks": ("all",), "protocols": ("all",), "threads": 1, "precision": "32"}
    return Request(**{**usual, "preset": preset, "backbone": backbone, "results": results, "quiet": True, **fields})


def planned(results: Path, presets, backbones, methods=("all",)) -> list[Combination]:
    """The matrix: what the plan says of every combination."""
    found = []
    for preset in presets:
        data = open_dataset("synth", preset, (), results)
        for backbone in backbones:
            print(f"{preset} {backbone}", file=sys.stderr, flush=True)
            asked = request(results, preset, backbone, methods=tuple(methods), lenient=True)
            made = planner.make(asked, device(), data, data)
            rows = [experiment for experiment in made.experiments if experiment.backbone is not None]
            found += [Combination(preset, backbone, c.method, c.task.name, c.protocol, c.declined) for c in rows]
    return found


def drawn(combinations, count: int, seed: int) -> list[Combination]:
    """Some of them, drawn by a seed, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(combinations))[:count]
    return [combinations[k] for k in sorted(chosen)]


def tiny(combination: Combination) -> tuple[tuple[str, str], ...]:
    """The settings of a run of one step."""
    owners = ("pretrain", combination.task)
    return tuple((f"{name}.{field}", value) for name in owners for field, value in TINY[name].items())


def outcome(
    combination: Combination, results: Path, force: bool = False, sets: tuple[tuple[str, str], ...] = ()
) -> str:
    """What a run of one step comes to: its record's status and reason, or the refusal that the plan gave."""
    asked = request(
        results,
        combination.preset,
        combination.backbone,
        methods=(combination.method,),
        tasks=(combination.task,),
        protocols=(combination.protocol,),
        sets=(*tiny(combination), *sets),
        baseline=False,
    )
    with _forced() if force else contextlib.nullcontext():
        data = open_dataset("synth", combination.preset, (), results)
        try:
            made = planner.make(asked, device(), data, data)
        except (UsageError, NotApplicable) as refusal:
            return f"refused: {refusal}"
        store = Store(results)
        Runner(Workspace(asked, made, device(), store, Progress(quiet=True), lambda event: None)).execute(frozenset())
    record = store.read(made.experiments[-1].id)
    return record.status + (f": {record.reason}" if record.reason else "")


@contextlib.contextmanager
def _forced():
    os.environ[checks.FORCE] = "1"
    try:
        yield
    finally:
        del os.environ[checks.FORCE]


def offline() -> None:
    """Whether a hub could be reached must not decide what is accepted."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent"}


def main() -> int:
    """Plan the matrix, run the samples, print; 1 where a sample came out otherwise than the plan said."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--out", type=Path, required=True, help="a results folder to work in")
    words.add_argument("--accepted", type=int, default=200)
    words.add_argument("--refused", type=int, default=100)
    words.add_argument(
        "--methods", nargs="+", default=["all"], help="whose runs are planned; random: the backbones alone"
    )
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--presets", nargs="+", default=PRESETS, choices=PRESETS, help="the samples are of smoke's")
    asked = words.parse_args()
    began = time.monotonic()
    matrix = planned(asked.out, asked.presets, BACKBONES, asked.methods)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(matrix)} combinations in {time.monotonic() - began:.0f} s, {peak:.2f} GiB")
    kinds = Counter("accepted" if not one.reason else "shape" if one.shaped else "rule" for one in matrix)
    print("; ".join(f"{kind}: {count}" for kind, count in kinds.most_common()))
    for reason, count in Counter(one.reason for one in matrix if one.reason).most_common(12):
        print(f"  {count} {reason[:140]}")
    wrong = 0
    smoke = [one for one in matrix if one.preset == "smoke"]
    samples = (
        ("accepted", drawn([one for one in smoke if not one.reason], asked.accepted, asked.seed), False),
        ("refused", drawn([one for one in smoke if one.shaped], asked.refused, asked.seed), True),
    )
    for name, sample, force in samples:
        for k, one in enumerate(sample):
            said = outcome(one, asked.out, force)
            good = said.startswith(("failed", "refused")) if force else said == "done"
            wrong += not good
            print(f"{name} {k + 1}/{len(sample)} {'ok' if good else 'WRONG'} {one}: {said[:160]}", flush=True)
    print(f"{wrong} of {sum(len(sample) for _, sample, _ in samples)} came out otherwise than planned")
    return int(wrong > 0)


if __name__ == "__main__":
    offline()
    raise SystemExit(main())
