"""Run every documented command at smoke over one results folder: ``python tests/docs_run.py --out DIR``.

Each page on extending has a folder of its own, as a reader of that page alone would. Commands that need data, weights
or a login of one's own are skipped and named. What has passed is noted in ``DIR/passed.txt`` and not run again. Status
1 where any command fails.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import documented

BRINGS = re.compile(
    r"(?:PATH|path)/|PATH\b|/data/|\bFILE\b|\bDIR\b|X\.zip|my\.toml|w\.pth|predictions:|weights:|hf:|timm:|\bimagenet\b|\bdinov2|open-mantra|dcm772"
    r"|data (?:get|accept)|--devices|--push"
)
"""Words of a command that needs what the program does not provide: data, weights, a hub, terms, two devices."""
TINY = ("--set", "pretrain.images=128", "--set", "pretrain.held_out=16", "--set", "pretrain.batch=16")
SECONDS = 900


def prepared(words: tuple[str, ...], results: Path) -> list[str]:
    """Return the command at smoke, with these results; settings that it asks for itself stay."""
    found = list(words)
    runs = found[0].startswith("-") or found[0] == "table"  # a table is printed by the settings that it was run with
    for flag, of in (("--preset", ""), ("--results", ""), ("--set", "pretrain.images=")):
        if flag in found and found[found.index(flag) + 1].startswith(of):
            place = found.index(flag)
            del found[place : place + 2]
    found += ["--results", str(results)] if found[:2] != ["data", "info"] else []
    if found[0] == "describe" or found[0] == "data":
        found = [word for word in found if word not in ("--results", str(results))]
    if runs:
        found += ["--preset", "smoke", "--threads", "1"]
        asked = {word.partition("=")[0] for word in found}
        pairs = zip(TINY[::2], TINY[1::2], strict=True)
        found += [part for pair in pairs if pair[1].partition("=")[0] not in asked for part in pair]
    if found[0] == "audit":
        found += ["--preset", "smoke", "--threads", "1"]
    return found


def with_runs(words: list[str], results: Path) -> list[str]:
    """Put IDs of finished runs in the place of ``RUN``, and a file beside the results in that of a zip."""
    records = (json.loads(path.read_text()) for path in sorted(results.glob("cells/*/*.json")))
    ids = (record["id"] for record in records if record["status"] == "done" and record["backbone"])
    words = [next(ids, "RUN") if word == "RUN" else word for word in words]
    return [str(results.parent / word) if word.endswith(".zip") else word for word in words]


def main() -> int:
    """Run what has not passed yet; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    log = out / "passed.txt"
    passed = set(log.read_text().splitlines()) if log.is_file() else set()
    failed, skipped, known = [], [], set()
    for command in documented.everywhere():
        line = " ".join(command.words)
        if BRINGS.search(line):
            skipped.append((command, BRINGS.search(line)))
            continue
        if line in passed:
            known.add(line)
            continue
        page = Path(command.page)
        results = out / (f"results-{page.stem}" if page.parent.name == "extending" else "results")
        words = with_runs(prepared(command.words, results), results)
        began = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, documented.ROOT / "run_benchmark.py", *words],
                cwd=documented.ROOT,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            status, told = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            status, told = 124, f"more than {SECONDS} s"
        print(f"{status} {time.monotonic() - began:6.1f} s  {command}  {' '.join(words)}", flush=True)
        if status:
            failed.append((command, told.strip().splitlines()[-1:]))
        else:
            passed.add(line)
            known.add(line)
            log.write_text("\n".join(sorted(passed)) + "\n")
    print(f"{len(known)} passed, {len(failed)} failed, {len(skipped)} need what a person brings")
    for command, why in skipped:
        print(f"passed over {command}: needs '{why[0]}'")
    for command, told in failed:
        print(f"FAILED {command}: {told}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
