"""Every file that a run left is damaged, then the same command: the same numbers, nothing fatal, all of it told."""

import os
import random
import shutil
from pathlib import Path

import pytest
from conftest import TINY
from interrupt import fingerprint

WORDS = ("--method", "jigsaw", "--task", "detection", *TINY)


def flip(path, draw):
    data = bytearray(path.read_bytes())
    for _ in range(3):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def cut(path, draw):
    os.truncate(path, draw.randrange(path.stat().st_size))


def empty(path, draw):
    del draw
    path.write_bytes(b"")


def delete(path, draw):
    del draw
    path.unlink()


def to_folder(path, draw):
    del draw
    path.unlink()
    (path / "x").mkdir(parents=True)


def to_dangling_link(path, draw):
    del draw
    path.unlink()
    path.symlink_to("nowhere")


def files(results: Path, draw: random.Random) -> list[Path]:
    """A file of each kind that can be made again: all kinds of caches, backbone, card, checkpoint, drawn comics."""
    cache = results / "cache"
    kinds = [
        [cache.glob("images/*/images.raw"), cache.glob("images/*/*.sealed")],
        [cache.glob("features/*/*.npy"), cache.glob("features/*/*.sealed")],
        [cache.glob("hashes/*"), cache.glob("statistics/*"), cache.glob("checksums/*"), cache.glob("*.sealed")],
        [results.glob("backbones/*/*.safetensors"), results.glob("networks/*"), results.glob("checkpoints/*")],
        [cache.glob("synth/*/dcm772/images/*/*"), cache.glob("synth/*/labels/*.json")],
    ]
    found = [sorted(path for path in kind if path.is_file()) for group in kinds for kind in group]
    return [draw.choice(some) for some in found if some]


@pytest.mark.parametrize(
    "damage",
    [
        *(pytest.param(damage, marks=pytest.mark.slow) for damage in (flip, to_folder)),
        *(pytest.param(damage, marks=pytest.mark.soak) for damage in (cut, empty, delete, to_dangling_link)),
    ],
)
def test_damage_costs_time_and_never_a_number(cli, first_run, tmp_path, damage):
    results = tmp_path / "results"
    shutil.copytree(first_run[1], results)
    draw = random.Random(damage.__name__)
    hurt = files(results, draw)
    assert len(hurt) >= 8
    (results / "checkpoints").mkdir(exist_ok=True)
    for path in hurt:
        damage(path, draw)
    for record in results.glob("cells/*/*"):
        record.unlink()
    done = cli(*WORDS, "--results", results)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert fingerprint(results) == fingerprint(first_run[1])
    assert done.stdout == first_run[0].stdout
    again = cli(*WORDS, "--results", results)
    assert again.returncode == 0
    assert "damaged" not in again.stderr
    assert again.stdout == done.stdout
