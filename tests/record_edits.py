"""Twelve kinds of edits of the records of a results folder; with every checksum recomputed, where that is asked for.

A forger who recomputes has all of inkbench: checksums, ids and file names are right afterwards. What is not done is the
work anew: the arrays of predictions stay as a run wrote them, or are cut.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkbench.benchmark.store.arrays import arrays_bytes, pack, read_arrays, unpack
from inkbench.benchmark.store.files import checksum, key_of
from inkbench.benchmark.store.identity import record_id, work_id
from inkbench.benchmark.store.proof import stamped
from inkbench.benchmark.store.store import MADE_FOR, SCORED_WITH

Told = dict[str, Any]


class Folder:
    """The records of a results folder, as their files say them."""

    def __init__(self, cells: Path, draw: random.Random, forged: bool) -> None:
        self.cells, self.draw, self.forged = cells, draw, forged
        self.records: list[Told] = [json.loads(path.read_bytes()) for path in sorted(cells.glob("*/*.json"))]
        self.edited: set[str] = set()
        """The ids under which edited records lie."""

    def path(self, run: str, suffix: str = ".json") -> Path:
        return self.cells / run[:2] / f"{run}{suffix}"

    def beside(self, file: str) -> Path:
        return self.cells / file[:2] / file

    def some(self, wanted: Callable[[Told], bool] = lambda told: True) -> Told:
        return self.draw.choice([told for told in self.records if wanted(told)])

    def write(self, told: Told, identity: Told | None = None) -> None:
        """Write a record in its place; a forger's with all checksums right, under the id of ``identity`` if given."""
        before = self.path(told["id"])
        if identity is not None and self.forged:
            self._rename(told, identity)
            before.unlink()
        if self.forged:
            for name in {"items", "predictions"} & told.keys():
                told[name]["sha256"] = checksum(self.beside(told[name]["file"]).read_bytes())
            told = stamped(told)
        path = self.path(told["id"])
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        self.edited.add(told["id"])

    def _rename(self, told: Told, identity: Told) -> None:
        """Give a record an identity, with the ids and the names of files that follow from it."""
        run, work = record_id(identity), work_id(identity)
        names = {"items": f"{run}.items.npz", "predictions": f"{work}.predictions.npz"}
        for name, file in names.items():
            if name in told:
                (self.cells / file[:2]).mkdir(exist_ok=True)
                self.beside(told[name]["file"]).replace(self.beside(file))
                told[name]["file"] = file
        told.update(id=run, work=work, identity=identity)


def value(folder: Folder) -> None:
    told = folder.some()
    figure = told["metrics"][folder.draw.choice(sorted(told["metrics"]))]
    figure["value"] = figure["value"] * folder.draw.uniform(1.001, 3) + 0.001
    folder.write(told)


def metric_name(folder: Folder) -> None:
    told = folder.some()
    metrics = told["metrics"]
    if folder.draw.random() < 0.5:
        name = folder.draw.choice([name for name in metrics if name != told["primary"]])
        metrics[f"{name}-best"] = metrics.pop(name)
        folder.write(told)
        return
    one, other = folder.draw.sample(sorted(metrics), 2)
    while abs(metrics[one]["value"] - metrics[other]["value"]) < 1e-6:
        one, other = folder.draw.sample(sorted(metrics), 2)
    metrics[one], metrics[other] = metrics[other], metrics[one]
    folder.write(told)


def method(folder: Folder) -> None:
    told = folder.some()
    new = folder.draw.choice([name for name in ("simclr", "dino", "imagenet", "autoencoder") if name != told["method"]])
    identity = dict(told["identity"])
    if told["method"].startswith("trivial:"):
        new = identity["method"] = "trivial:nothing"
    elif isinstance(identity["source"], dict):
        identity["source"] = {**identity["source"], "method": new}
    else:
        told["pretrained"] = {**told["pretrained"], "method": new} if folder.forged else told["pretrained"]
        identity["source"] = key_of(told["pretrained"])
        told["pretraining"] = identity["source"] if folder.forged else told["pretraining"]
    told["method"] = new
    folder.write(told, identity)


def status(folder: Folder) -> None:
    told = folder.some()
    told["status"] = folder.draw.choice(["failed", "declined"])
    told["reason"] = "out of memory"
    identity = dict(told["identity"])
    if folder.forged:
        for name in ("metrics", "predictions"):
            del told[name]
        if told["status"] == "declined":
            identity["declined"] = told["reason"]
    folder.write(told, identity)


def seed(folder: Folder) -> None:
    told = folder.some(lambda told: told["backbone"])
    told["seed"] += folder.draw.randrange(1, 9)
    identity = {**told["identity"], "seed": told["seed"]}
    if isinstance(identity["source"], dict):
        identity["source"] = {**identity["source"], "seed": told["seed"]}
    elif folder.forged:
        told["pretrained"] = {**told["pretrained"], "seed": told["seed"]}
        told["pretraining"] = identity["source"] = key_of(told["pretrained"])
    folder.write(told, identity)


def setting(folder: Folder) -> None:
    told = folder.some()
    settings = told["settings"]["task"]
    name = folder.draw.choice([name for name, value in settings.items() if type(value) in (int, float)])
    settings[name] = settings[name] * 2 + 1
    folder.write(told, {**told["identity"], "settings": dict(settings)})


def preset(folder: Folder) -> None:
    told = folder.some()
    told["preset"] = folder.draw.choice(["quick", "standard", "paper"])
    if folder.forged:
        told["request"]["resolved"]["preset"] = told["preset"]
    folder.write(told)


def data_id(folder: Folder) -> None:
    told = folder.some()
    name = folder.draw.choice(["dcm772", "manga109", "ebdtheque"])
    told["data"] |= {"id": name, "layout": name} if folder.draw.random() < 0.5 else {"id": name, "own": True}
    identity = {**told["identity"], "data": {**told["identity"]["data"], "id": told["data"]["layout"]}}
    folder.write(told, identity)


def renamed(folder: Folder) -> None:
    """Another id inside and outside; a forger finds an identity for it that says the same."""
    told = folder.some()
    if folder.forged:
        folder.write(told, {**told["identity"], "engine": told["identity"]["engine"], "nonce": folder.draw.random()})
        return
    old = told["id"]
    told["id"] = f"{folder.draw.getrandbits(80):020x}"
    folder.path(told["id"]).parent.mkdir(exist_ok=True)
    folder.path(old, ".items.npz").replace(folder.path(told["id"], ".items.npz"))
    told["items"]["file"] = f"{told['id']}.items.npz"
    folder.path(old).unlink()
    folder.write(told)


def swapped_items(folder: Folder) -> None:
    one, other = folder.draw.sample(folder.records, 2)
    paths = [folder.path(told["id"], ".items.npz") for told in (one, other)]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)
    if not folder.forged:
        folder.edited |= {one["id"], other["id"]}
        return
    one["metrics"], other["metrics"] = other["metrics"], one["metrics"]
    for told in (one, other):
        folder.write(told)


def items_of_another(folder: Folder) -> None:
    one, other = folder.draw.sample(folder.records, 2)
    folder.path(one["id"], ".items.npz").write_bytes(folder.path(other["id"], ".items.npz").read_bytes())
    if not folder.forged:
        folder.edited.add(one["id"])
        return
    one["metrics"] = other["metrics"]
    folder.write(one)


def predictions_cut(folder: Folder) -> None:
    told = folder.some()
    path = folder.beside(told["predictions"]["file"])
    if not folder.forged:
        content = path.read_bytes()
        path.write_bytes(content[: folder.draw.randrange(len(content))])
        folder.edited.add(told["id"])
        return
    arrays = read_arrays(path)
    bound = {name: arrays.pop(name) for name in (MADE_FOR, SCORED_WITH)}
    each = unpack(arrays)
    kept = each[: folder.draw.randrange(1, len(each))]
    path.write_bytes(arrays_bytes({**pack(kept), **bound}))
    folder.write(told)


KINDS = (
    *(value, metric_name, method, status, seed, setting),
    *(preset, data_id, renamed, swapped_items, items_of_another, predictions_cut),
)
