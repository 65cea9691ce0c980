"""The provenance of a number: code, packages, hardware. Imports no torch."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from inkbench.benchmark.registry import ROOT

DECIDING = ("torch", "torchvision", "timm", "numpy", "Pillow")
"""Packages whose version may change a number: they are part of a run's id."""
TOLD = (*DECIDING, "lightning-fabric", "scipy", "scikit-learn", "pycocotools", "faster-coco-eval", "torchmetrics")
DRIVER = Path("/proc/driver/nvidia/version")
"""The file in which NVIDIA's kernel module says its version."""


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of packages; those that are not installed are left out."""
    return {name: found for name in names if (found := _version(name))}


@cache
def _version(name: str) -> str:
    """Return the installed version of a package, read once: a plan asks for it in every run."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


@cache
def git_state() -> dict[str, str | bool]:
    """Return commit and dirty flag of the repository that this code lies in, whatever the current directory is."""
    if not (ROOT / ".git").exists():
        return {"commit": "", "dirty": False, "why": "this copy of inkbench is no git checkout"}
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError) as error:
        return {"commit": "", "dirty": False, "why": f"git said: {error}"}


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True).stdout.strip()


@cache
def processor() -> str:
    """Return the processor's name as the kernel gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def driver() -> str:
    """Return the version of NVIDIA's kernel module; empty where there is none."""
    try:
        told = DRIVER.read_text()
    except OSError:
        return ""
    found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", told)
    return found[1] if found else ""


def hardware(accelerator: Mapping[str, str]) -> dict[str, str | int]:
    """Describe the machine of a run; of ``accelerator`` what torch knows: ``device``, ``instructions``."""
    return {
        **accelerator,
        **({"driver": driver()} if accelerator["device"] != "cpu" else {}),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
