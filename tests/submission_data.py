"""A small drawn copy of synth with finished runs of every task, made without a model, for the tests of submissions."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from record_files import made

from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.scoring.score import score
from inkbench.benchmark.store.arrays import arrays_bytes, pack
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.submissions.formats.maps import encode
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.pack import zip_bytes
from inkbench.submissions.reference import Asked, Reference, read_reference

SMALL = SynthConfig(series=6, pages=2, panels=4, width=300, height=400, viewers=2)
CLASSES: dict[str, int] = {}
"""How many classes the tasks have that take theirs from the data."""
SETS = {"inpainting": (("inpainting.smallest", "4"),)}
TASKS = ("saliency", "detection", "reid", "inpainting", "classification", "segmentation", "retrieval")


def draw(root: Path) -> Path:
    Synth(root, SMALL).prepare(Progress(quiet=True))
    return root


def reference_of(task: str, root: Path, **changes) -> Reference:
    return read_reference(Asked(task, str(root), sets=SETS.get(task, ()), **changes))


def nobody(reference: Reference, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Predictions of a seeded nobody who has looked at the truth a little."""
    rng = np.random.default_rng(seed)
    CLASSES[reference.task.name] = len(reference.options.get("classes", ()))
    return [PREDICT[reference.task.name](truth, rng) for truth in reference.truths]


def _map(truth, rng):
    del truth
    return {"map": rng.random((9, 9), dtype=np.float32) ** 3}


def _boxes(truth, rng):
    near = truth["boxes"] + rng.normal(0, 4, truth["boxes"].shape)
    far = rng.uniform(0, 90, (3, 4))
    boxes = np.sort(np.concatenate([near, far]).reshape(-1, 2, 2), axis=1).reshape(-1, 4).astype(np.float32)
    labels = np.concatenate([truth["labels"], rng.integers(0, 2, 3)])
    return {"boxes": boxes, "scores": rng.random(len(boxes), dtype=np.float32), "labels": labels}


def _embedding(truth, rng):
    known = np.random.default_rng(list(str(truth["identity"]).encode())).standard_normal(6)
    return {"embedding": (known + rng.standard_normal(6)).astype(np.float32)}


def _face(truth, rng):
    noise = rng.integers(-40, 41, truth["face"].shape)
    return {"face": (truth["face"].astype(int) + noise).clip(0, 255).astype(np.uint8)}


def _scores(truth, rng):
    scores = rng.random(CLASSES["classification"], dtype=np.float32)
    scores[int(truth["label"])] += 0.5
    return {"scores": scores}


def _mask(truth, rng):
    noise = rng.integers(0, CLASSES["segmentation"], truth["mask"].shape)
    return {
        "mask": np.where((rng.random(noise.shape) < 0.5) | (truth["mask"] == 255), noise, truth["mask"]).astype("u1")
    }


def _copy(truth, rng):
    known = np.random.default_rng(list(str(truth["copy"]).encode())).standard_normal(6)
    return {"embedding": (known + rng.standard_normal(6)).astype(np.float32)}


PREDICT = {
    "saliency": _map,
    "detection": _boxes,
    "reid": _embedding,
    "inpainting": _face,
    "classification": _scores,
    "segmentation": _mask,
    "retrieval": _copy,
}


def finished(reference: Reference, store: Store, seed: int = 0) -> Record:
    """The record of a run that predicted what ``nobody`` does, scored and stored as the engine does."""
    task, predicted = reference.task, nobody(reference, seed)
    scored = score(task, predicted, reference.items, reference.truths, {})
    run = f"{task.name}{seed}abc"
    write_atomic(store.predictions_path(run), arrays_bytes(pack(predicted)))
    settings = {"task": task.config.model_dump(mode="json")}
    primary = task.scorer.primary.name
    record = made(run, task=task.name, seed=seed, settings=settings, metrics=scored.metrics, primary=primary)
    return store.write(record, scored.items)


def values(metrics) -> dict[str, float]:
    return {name: entry["value"] for name, entry in metrics.items()}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    path.write_bytes(zip_bytes(files))
    return path


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


def image_bytes(pixels: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def npy_bytes(array: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz_bytes(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def json_bytes(value) -> bytes:
    return json.dumps(value).encode()


STEMS = ("Placid_01", "Placid_02", "Yves_01", "Yves_02")


def picture(folder: Path, name: str, values: np.ndarray):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(folder / name)


def gaze_folder(root: Path) -> Path:
    """Pages of 48 x 36 pixels with square maps of 20 x 20 in AI4VA's layout, fixations and styles."""
    rng = np.random.default_rng(0)
    rows = ["image,subject,x,y,duration_ms"]
    yy, xx = np.mgrid[:20, :20]
    for stem in (*STEMS, "Train_01"):
        split = "train" if stem.startswith("Train") else "test"
        x, y = rng.uniform(4, 16, 2)
        picture(root / "images" / split, f"{stem}.jpg", rng.integers(0, 256, (36, 48, 3)))
        picture(root / "maps" / split, f"{stem}.png", 255 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 30) * (xx > 1))
        rows += [f"{stem}.jpg,{k},{rng.uniform(1, 48):.1f},{rng.uniform(1, 36):.1f},200" for k in range(7)]
    (root / "fixations.csv").write_text("\n".join(rows))
    series = {name: {"split": "test", "style": style} for name, style in (("Placid", "toon"), ("Yves", "realistic"))}
    (root / "series.json").write_text(json.dumps(series | {"Train": {"split": "train", "style": "toon"}}))
    return root


def good(size=(20, 20), **changes) -> dict[str, bytes]:
    """The files of a flawless submission, some changed; None takes one away."""
    rng = np.random.default_rng(5)
    files = {f"{stem}.png": encode(rng.random(size), Spec()) for stem in STEMS} | changes
    return {name: data for name, data in files.items() if data is not None}
