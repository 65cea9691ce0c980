"""Runs of one step on small networks of many families: each ends as it is, or with the side that its plan names.

``python tests/smoke_runs.py --out DIR`` runs detection, saliency, re-identification and classification on each, frozen
and fine-tuned, at smoke's sides and, where the plan refuses these, at the side that its refusal names. It prints a line
a run, and what became of each family; 1 where a run came to anything else. Network and hub are not asked.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from pathlib import Path

from plan_matrix import Combination, offline, outcome

FAMILIES = {
    "ResNet": "resnet10t",
    "ConvNeXt": "convnext_atto",
    "ViT, patch 16": "vit_tiny_patch16_224",
    "ViT, patch 14": "vit_small_patch14_dinov2",
    "DINOv3": "vit_tiny_patch16_dinov3_qkvb",
    "Swin": "swin_tiny_patch4_window7_224",
    "EfficientNet": "efficientnet_b0",
    "RegNet": "regnetx_002",
    "MobileNetV4": "mobilenetv4_conv_small_035",
    "BEiT": "beit_base_patch16_224",
    "EVA": "eva02_tiny_patch14_224",
    "ViT behind a ResNet": "vit_tiny_r_s16_p8_224",
    "CoAtNet": "coatnet_pico_rw_224",
    "MLP of one size": "mixer_s32_224",
    "test_resnet": "test_resnet",
    "test_vit": "test_vit",
}
"""The smallest of timm's networks of each family; CoAtNet, MLP-Mixer and BEiT take one side only."""
TASKS = ("detection", "saliency", "reid", "classification")
PROTOCOLS = {"frozen": "frozen", "finetune": "finetune"}
SIDES = re.compile(r"it takes (\d+)")


def run(combination: Combination, results: Path) -> tuple[str, str]:
    """Return what a run came to, and the setting that its plan asked for first (empty where it asked for none)."""
    said = outcome(combination, results)
    side = SIDES.search(said)
    if not said.startswith("refused") or side is None:
        return said, ""
    mend = (f"{combination.task}.side", side.group(1))
    return outcome(combination, results, sets=(mend,)), "=".join(mend)


def main() -> int:
    """Run them all, print, count; 1 where a run did not end."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--out", type=Path, required=True, help="a results folder to work in")
    words.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    words.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    words.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=PROTOCOLS)
    asked = words.parse_args()
    began, wrong = time.monotonic(), 0
    for family in asked.families:
        found: Counter[str] = Counter()
        for task in asked.tasks:
            for protocol in asked.protocols:
                one = Combination("smoke", FAMILIES[family], "random", task, protocol, "")
                said, mend = run(one, asked.out)
                good = said == "done"
                wrong += not good
                kind = ("ended" if not mend else "refused, ended as told") if good else "WRONG"
                found[kind] += 1
                print(f"{kind} {one.backbone} {task} {protocol} {mend} {said[:160]}", flush=True)
        print(f"{family}: {', '.join(f'{count} {kind}' for kind, count in found.items())}", flush=True)
    print(f"{wrong} wrong in {time.monotonic() - began:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    offline()
    raise SystemExit(main())
