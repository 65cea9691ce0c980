"""Damage a file of a results folder and run the same command again: the same numbers, all of it named or made again.

By hand: ``python tests/chaos/damages.py --from 0 --to 300 --log FILE``. A case damages one to three files of random
kinds in a copy of a finished folder, in half of the cases without its records, so that what is cached is used. The
command must end with status 0, without a traceback, with the numbers, bytes and tables of the undisturbed run; run once
more, it must have nothing to tell of damage.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from cases import Undisturbed, carry_out
from conftest import TINY
from interrupt import fingerprint

WORDS = ("--method", "jigsaw,random", "--task", "detection", *TINY)
KINDS = {
    "index of records": "cache/*.sealed",
    "pixels": "cache/images/*/images.raw",
    "index of pixels": "cache/images/*/*.sealed",
    "features": "cache/features/*",
    "hashes": "cache/hashes/*",
    "statistics": "cache/statistics/*",
    "checksums": "cache/checksums/*",
    "drawn image": "cache/synth/*/dcm772/images/*/*",
    "drawn labels": "cache/synth/*/labels/*.json",
    "drawn manifest": "cache/synth/*/manifest.json",
    "drawn marker": "cache/synth/*/complete.json",
    "weights": "backbones/*/weights.safetensors",
    "card": "backbones/*/*.json",
    "record": "cells/*/*.json",
    "items": f"cells/*/{'?' * 20}.npz",
    "predictions": "cells/*/*.predictions.npz",
    "pictures": "runs/*/*.png",
    "table": "tables/*",
    "lock": "locks/*",
}
READ_WITH_RECORDS = {"record", "items"}
"""Damaged with the records alone: without them they are not looked for."""
READ_WITHOUT = {"weights", "predictions"}
"""Damaged without the records alone: with them a run reads neither, and they stay until something does."""


def flip(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    for _ in range(3):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def cut(path: Path, draw: random.Random) -> None:
    os.truncate(path, draw.randrange(max(path.stat().st_size, 1)))


def empty(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"")


def delete(path: Path, draw: random.Random) -> None:
    path.unlink()


def swap(path: Path, draw: random.Random) -> None:
    """With another of its kind, or with itself backwards where there is none."""
    others = [other for other in sorted(path.parent.glob(f"*{path.suffix}")) if other != path and other.is_file()]
    if others:
        other = draw.choice(others)
        data = path.read_bytes()
        path.write_bytes(other.read_bytes())
        other.write_bytes(data)
    else:
        path.write_bytes(path.read_bytes()[::-1])


def to_folder(path: Path, draw: random.Random) -> None:
    path.unlink()
    (path / "x").mkdir(parents=True)


def to_link(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (flip, cut, empty, delete, swap, to_folder, to_link)


def disturb(whole: Undisturbed, number: int, folder: Path) -> str:
    """Carry out a case; what was damaged how. Raises AssertionError."""
    draw, results = random.Random(f"damage {number}"), folder / "results"
    shutil.copytree(whole.results, results)
    with_records = draw.random() < 0.5
    if not with_records:
        for record in results.glob("cells/*/*.json"):
            record.unlink()
    done = []
    for _ in range(draw.randint(1, 3)):
        kind = draw.choice(
            [name for name in KINDS if name not in (READ_WITHOUT if with_records else READ_WITH_RECORDS)]
        )
        files = sorted(path for path in results.glob(KINDS[kind]) if path.is_file() and not path.is_symlink())
        if files:
            damage = draw.choice(DAMAGES)
            damage(draw.choice(files), draw)
            done.append(f"{kind}: {damage.__name__}")
    status, out, err = whole.ended(results)
    assert status == 0, (done, err)
    assert "Traceback" not in err, (done, err)
    assert fingerprint(results) == fingerprint(whole.results), (done, "figures or bytes differ", err)
    assert out == whole.tables, (done, "the tables differ", err)
    again, out, err = whole.ended(results)
    assert (again, out) == (0, whole.tables), (done, "the second time", err)
    assert "damaged" not in err, (done, "damage is told again", err)
    return f"{'with' if with_records else 'without'} records; {', '.join(done)}"


if __name__ == "__main__":
    raise SystemExit(carry_out(__doc__, WORDS, 300, disturb))
