"""Checks of what this machine can and cannot do for inkbench, and how to mend it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from inkbench.benchmark import registry
from inkbench.benchmark.cli import needs
from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.store.provenance import DECIDING, git_state, processor, versions
from inkbench.benchmark.store.store import Store

NEEDED_GIB = 5


def examine(results: Path) -> int:
    """Print one line per check; gives 1 where something that a run needs is missing."""
    if needs.examine():
        print("note  the other checks need what is missing")
        return 1
    checks: list[Callable[[], tuple[str, str]]] = [
        _deciding,
        _torch,
        _bf16,
        lambda: _results(results),
        _data,
        _hub,
        _code,
        _plugins,
    ]
    worst = 0
    for check in checks:
        try:
            state, line = check()
        except Exception as error:  # a package that is broken must not hide the checks behind it
            state, line = "bad", f"{type(error).__name__}: {' '.join(str(error).split())}"
        print(f"{state:4}  {line}")
        worst = max(worst, int(state == "bad"))
    return worst


def _deciding() -> tuple[str, str]:
    found = versions(DECIDING)
    return "ok", ", ".join(f"{name} {found[name]}" for name in DECIDING)


def _torch() -> tuple[str, str]:
    try:
        import torch
        import torchvision
    except Exception as error:
        return "bad", f"torch or torchvision does not import ({error}); fix: pip install --force-reinstall torchvision"
    del torchvision
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
        return "ok", f"{plural(len(cards), 'GPU')}: {', '.join(cards)}; use all with --devices {len(cards)}"
    return "ok", f"no GPU: runs on {os.cpu_count()} cores of {processor()}; presets smoke and quick are meant for this"


def _bf16() -> tuple[str, str]:
    """Time one large convolution in both precisions."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    width, batch = (256, 256) if device == "cuda" else (64, 16)  # enough work that starting it does not count
    layer = torch.nn.Conv2d(width, width, 3, padding=1).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(batch, width, 56, 56, device=device).contiguous(memory_format=torch.channels_last)

    def seconds(enabled: bool) -> float:
        times = []
        for _ in range(5):
            began = time.monotonic()
            with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=enabled):
                float(layer(images).float().sum())
            times.append(time.monotonic() - began)
        return min(times)

    ratio = seconds(False) / seconds(True)
    advice = "--precision auto uses it" if ratio > 1.1 else "give --precision 32"
    return (
        "ok" if ratio > 1.1 else "note"
    ), f"bf16 convolutions are {ratio:.1f} times as fast as float32 here; {advice}"


def _results(results: Path) -> tuple[str, str]:
    try:
        Store(results).check_writable()
    except UsageError as refusal:
        return "bad", str(refusal)
    free = shutil.disk_usage(results).free / 2**30
    line = f"results folder {results} is writable, {free:.0f} GiB free"
    return ("ok", line) if free > NEEDED_GIB else ("note", f"{line}; a quick run needs {NEEDED_GIB}")


def _data() -> tuple[str, str]:
    folder = os.environ.get("INKBENCH_DATA")
    if not folder:
        return "note", "INKBENCH_DATA is not set: pass real datasets by path (--data DIR); synth needs none"
    if not Path(folder).is_dir():
        return "bad", f"INKBENCH_DATA={folder} is not a folder"
    return "ok", f"datasets in {folder}: {', '.join(sorted(entry.name for entry in Path(folder).iterdir())) or 'none'}"


def _hub() -> tuple[str, str]:
    import socket
    from urllib.parse import urlsplit

    from huggingface_hub import constants

    where = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((where.hostname or "", where.port or 443), timeout=3).close()
    except OSError:
        return "note", "Cannot reach the Hugging Face Hub; pass imagenet weights with --weights FILE"
    return "ok", f"Hugging Face Hub reachable ({where.hostname})"


def _code() -> tuple[str, str]:
    state = git_state()
    if not state["commit"]:
        return "note", f"no git commit to record: {state.get('why', '')}"
    return "ok", f"commit {str(state['commit'])[:10]}" + (" with changes" if state["dirty"] else "")


def _plugins() -> tuple[str, str]:
    """Name what installed packages and plugged files bring, and what of it cannot be had."""
    kinds = (*registry.ROOMS, registry.TABLES)
    broken = [line for kind in kinds for line in registry.left_out(kind).values()]
    brought = [entry for kind in kinds for entry in registry.entries(kind).values() if entry.origin != "inkbench"]
    told = ", ".join(f"{entry.name} of {entry.origin}" for entry in brought) or "none"
    return ("note" if broken else "ok"), "; ".join([f"plugins: {told}", *broken])
