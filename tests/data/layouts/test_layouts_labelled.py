"""Labelled images on disk: a folder per class, CIFAR in its four archives, STL-10; whole, damaged and hostile ones."""

import json
import pickle
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures_of import draw, noise, write

from inkbench.benchmark.data.array_pickle import read_arrays
from inkbench.benchmark.data.images import read_rgb
from inkbench.benchmark.data.layouts.cifar import Cifar, CifarConfig
from inkbench.benchmark.data.layouts.imagefolder import Imagefolder
from inkbench.benchmark.data.layouts.stl10 import Stl10, Stl10Config
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.splits import carved, with_held_out
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

SPLITS = ("train", "val", "test")
QUIET = Progress(quiet=True)


def every(dataset, kind="labelled"):
    return [item for split in SPLITS for item in dataset.items(kind, split)]


def counts(dataset, kind="labelled"):
    return {split: len(dataset.items(kind, split)) for split in SPLITS}


def opened(kind, root, results, **settings):
    dataset = kind(root, kind.Config(**settings))
    dataset.unpacked = results / dataset.name
    return dataset


# --- splits that authors leave open
def test_without_a_test_split_val_is_test_and_a_tenth_of_train_validation():
    given = {f"t{k}": "train" for k in range(50)} | {"v": "val"}
    made = with_held_out(given)
    assert made["v"] == "test"
    assert Counter(made.values()) == {"train": 45, "val": 5, "test": 1}
    assert with_held_out({**given, "x": "test"}) == {**given, "x": "test"}
    assert with_held_out({"a": "train", "b": "train"}) == {"a": "train", "b": "train"}


def test_what_is_carved_out_depends_on_the_names_alone():
    names = [f"n{k}" for k in range(200)]
    assert len(carved(names)) == 20
    assert carved(reversed(names)) == carved(names)
    assert carved(["only"]) == {"only"}


# --- a folder per class
def folder_of_classes(root: Path, splits=("train", "val", "test"), count=4) -> Path:
    for split in splits:
        for label in ("cat", "ant"):
            for k in range(count):
                draw(root / split / label / f"{split}{k}.png", seed=k)
    return root


def test_imagefolder_reads_classes_and_splits_from_its_folders(tmp_path):
    dataset = open_dataset(str(folder_of_classes(tmp_path / "d")), "quick", (), tmp_path / "r")
    assert isinstance(dataset, Imagefolder)
    assert dataset.classes() == ("ant", "cat")
    assert dataset.classes("segmented") == ()
    assert counts(dataset) == counts(dataset, "panels") == {"train": 8, "val": 8, "test": 8}
    first = dataset.items("labelled", "train")[0]
    assert (first.id, first.label, first.series) == ("train/ant/train0", "ant", "train/ant/train0")
    assert not dataset.photographs
    assert dataset.warnings == []


def test_imagefolder_without_test_or_val(tmp_path):
    dataset = Imagefolder(folder_of_classes(tmp_path, ("train", "val"), 20))
    assert counts(dataset) == {"train": 36, "val": 4, "test": 40}
    assert {item.id.split("/")[0] for item in dataset.items("labelled", "test")} == {"val"}


def test_imagefolder_warns_of_a_class_that_a_split_lacks_and_of_a_test_folder_without_classes(tmp_path):
    folder_of_classes(tmp_path, ("train", "val"))
    draw(tmp_path / "train/dog/1.png")
    draw(tmp_path / "test/1.png")
    dataset = Imagefolder(tmp_path)
    assert dataset.classes() == ("ant", "cat", "dog")
    every(dataset)
    assert any("test has no image of 1 of 3 classes: dog" in line for line in dataset.warnings)
    assert any(line.endswith("test left out: it has no class folders with images") for line in dataset.warnings)


def test_class_folders_without_splits_are_series_unless_the_user_says_that_they_are_classes(tmp_path):
    for label in ("cat", "ant"):
        for k in range(20):
            draw(tmp_path / "d" / label / f"{label}{k}.png", seed=k)
    assert open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r").reader == "folder"
    dataset = open_dataset(f"imagefolder:{tmp_path / 'd'}", "quick", (), tmp_path / "r")
    assert dataset.classes() == ("ant", "cat")
    assert counts(dataset) == {"train": 24, "val": 8, "test": 8}
    with pytest.raises(UsageError, match="does not have the layout imagefolder"):
        open_dataset(f"imagefolder:{tmp_path / 'd/cat'}", "quick", (), tmp_path / "r")


def test_imagefolder_with_series(tmp_path):
    folder_of_classes(tmp_path, count=1)
    known = {split: {"split": split, "style": "toon"} for split in SPLITS}
    for split in SPLITS:
        for label in ("cat", "ant"):
            (tmp_path / split / label / f"{split}0.png").rename(tmp_path / split / label / f"{split}_0.png")
    write(tmp_path / "series.json", json.dumps(known))
    dataset = Imagefolder(tmp_path)
    assert {(item.series, item.split, item.style) for item in every(dataset)} == {(s, s, "toon") for s in SPLITS}
    write(tmp_path / "series.json", json.dumps({**known, "train": {"split": "val"}}))
    with pytest.raises(UsageError, match=r"train/ant/train_0 is in train, series\.json says val"):
        Imagefolder(tmp_path).items("labelled", "train")


def test_two_images_of_one_name_are_refused(tmp_path):
    folder_of_classes(tmp_path)
    draw(tmp_path / "train/ant/train0.jpg")
    with pytest.raises(UsageError, match=r"contains both train0\.jpg and train0\.png"):
        Imagefolder(tmp_path).items("labelled", "train")


# --- CIFAR
NAMES = [f"kind{k}" for k in range(10)]
FINE = [f"fine{k}" for k in range(100)]


def batch(count: int, seed: int, classes: int = 10):
    """Labels and images uint8 (n, 32, 32, 3)."""
    labels = np.random.default_rng(seed).integers(0, classes, count)
    return labels, np.stack([noise(32, 32, seed * 100 + k) for k in range(count)])


def planes(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def python2_pickle(value) -> bytes:
    """What ``cPickle.dump(value, file, 2)`` of Python 2 writes: byte strings, and arrays by numpy.core.multiarray."""
    if isinstance(value, dict):
        inner = b"".join(python2_pickle(key) + python2_pickle(one) for key, one in value.items())
        return b"}(" + inner + b"u"
    if isinstance(value, bytes):
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, list):
        return b"](" + b"".join(map(python2_pickle, value)) + b"e"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    array = np.ascontiguousarray(value)
    kind = b"cnumpy\ndtype\n" + python2_pickle(b"u1") + b"K\x00K\x01\x87R"
    kind += b"(K\x03" + python2_pickle(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + python2_pickle(b"b") + b"\x87R"
    shape = b"(" + b"".join(python2_pickle(side) for side in array.shape) + b"t"
    return start + b"(K\x01" + shape + kind + b"\x89" + python2_pickle(array.tobytes()) + b"tb"


def pickled(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x80\x02" + python2_pickle(value) + b".")


def cifar10(root: Path, binary: bool, count: int = 4) -> tuple[Path, dict[str, tuple]]:
    folder = root / ("cifar-10-batches-bin" if binary else "cifar-10-batches-py")
    made = {f"data_batch_{k}": batch(count, k) for k in range(1, 6)} | {"test_batch": batch(count, 6)}
    for name, (labels, images) in made.items():
        if binary:
            folder.mkdir(parents=True, exist_ok=True)
            records = np.concatenate([labels[:, None].astype(np.uint8), planes(images)], axis=1)
            (folder / f"{name}.bin").write_bytes(records.tobytes())
        else:
            value = {b"batch_label": name.encode(), b"labels": labels.tolist(), b"data": planes(images)}
            pickled(folder / name, value)
    if binary:
        write(folder / "batches.meta.txt", "\n".join(NAMES) + "\n\n")
    else:
        pickled(folder / "batches.meta", {b"num_cases_per_batch": count, b"label_names": [n.encode() for n in NAMES]})
    return folder, made


def test_the_pickles_of_python_2_are_what_numpy_makes_of_them():
    value = {b"labels": [3, 1], b"data": np.arange(6, dtype=np.uint8).reshape(2, 3)}
    loaded = pickle.loads(b"\x80\x02" + python2_pickle(value) + b".", encoding="bytes")
    assert loaded[b"labels"] == [3, 1]
    np.testing.assert_array_equal(loaded[b"data"], value[b"data"])


@pytest.mark.parametrize("binary", [False, True])
def test_cifar10_in_both_versions(tmp_path, binary):
    folder, made = cifar10(tmp_path / "d", binary)
    by_path = open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r")
    assert isinstance(by_path, Cifar)
    assert by_path.photographs
    assert by_path.classes() == tuple(NAMES)
    assert counts(by_path) == counts(by_path, "panels") == {"train": 18, "val": 2, "test": 4}
    assert not (tmp_path / "r").joinpath("cache/cifar").exists(), "nothing is unpacked before it is needed"
    by_path.prepare(QUIET)
    items = {item.id: item for item in every(by_path)}
    for number, (labels, images) in enumerate(list(made.values())[:5]):
        for k in range(4):
            item = items[f"train/{4 * number + k:05d}"]
            assert item.label == NAMES[labels[k]]
            np.testing.assert_array_equal(read_rgb(item.path), images[k])
    assert [items[f"test/{k:05d}"].label for k in range(4)] == [NAMES[code] for code in made["test_batch"][0]]
    inside = opened(Cifar, folder, tmp_path / "r" / "cache")
    assert [item.id for item in every(inside)] == list(items)


@pytest.mark.parametrize("binary", [False, True])
def test_cifar100_has_fine_and_coarse_labels(tmp_path, binary):
    labels, images = batch(6, 1, 100)
    coarse = labels // 5
    for part in ("train", "test"):
        if binary:
            rows = np.concatenate([np.stack([coarse, labels], 1).astype(np.uint8), planes(images)], axis=1)
            (tmp_path / f"{part}.bin").write_bytes(rows.tobytes())
        else:
            value = {b"fine_labels": labels.tolist(), b"coarse_labels": coarse.tolist(), b"data": planes(images)}
            pickled(tmp_path / part, value)
    names = {"fine": FINE, "coarse": [f"coarse{k}" for k in range(20)]}
    if binary:
        for of, listed in names.items():
            write(tmp_path / f"{of}_label_names.txt", "\n".join(listed))
    else:
        pickled(
            tmp_path / "meta", {f"{of}_label_names".encode(): [n.encode() for n in all_] for of, all_ in names.items()}
        )
    for of, codes in (("fine", labels), ("coarse", coarse)):
        dataset = opened(Cifar, tmp_path, tmp_path / "r", labels=of)
        assert dataset.classes() == tuple(names[of])
        assert [item.label for item in dataset.items("labelled", "test")] == [names[of][code] for code in codes]
    assert CifarConfig().labels == "fine"


def test_unpacking_is_done_once_whole_or_not_at_all(tmp_path, monkeypatch):
    cifar10(tmp_path / "d", True)
    dataset = opened(Cifar, tmp_path / "d", tmp_path / "r")
    real = Cifar.pixels
    monkeypatch.setattr(Cifar, "pixels", lambda self, part: [*real(self, part)[:3], "no image"])
    with pytest.raises(AttributeError):
        dataset.prepare(QUIET)
    home = tmp_path / "r" / "cifar" / dataset.content()[:20]
    assert list(home.iterdir()) == []
    monkeypatch.undo()
    dataset.prepare(QUIET)
    assert sorted(path.name for path in home.iterdir()) == ["test", "train"]
    before = (home / "train/00000.png").stat().st_mtime_ns
    opened(Cifar, tmp_path / "d", tmp_path / "r").prepare(QUIET)
    assert (home / "train/00000.png").stat().st_mtime_ns == before


class Hostile:
    """Runs a command where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.target}",)


def test_a_hostile_pickle_runs_nothing(tmp_path):
    folder, _ = cifar10(tmp_path / "d", False)
    (folder / "data_batch_2").write_bytes(pickle.dumps({b"labels": Hostile(tmp_path / "owned")}, protocol=4))
    with pytest.raises(UsageError, match=r"data_batch_2 is not a pickle of arrays \(it names posix\.system\)"):
        every(opened(Cifar, tmp_path / "d", tmp_path / "r"))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1, 2}, r"is not a pickle of arrays \(it names .*set\)"),
        ([1], "pickles list, not a dictionary"),
        (np.zeros(2, dtype=np.float64).view(np.recarray), "it names numpy.*recarray"),
    ],
)
def test_other_pickles_are_refused(tmp_path, value, said):
    (tmp_path / "x").write_bytes(pickle.dumps(value, protocol=2))
    with pytest.raises(UsageError, match=said):
        read_arrays(tmp_path / "x")


def test_damaged_copies_of_cifar_say_which_file(tmp_path):
    def said(change, binary=True):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        folder, _ = cifar10(root, binary)
        change(folder)
        dataset = opened(Cifar, root, tmp_path / "r")
        with pytest.raises(UsageError) as caught:
            every(dataset)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "lacks data_batch_3.bin; get the archive anew" in said(lambda f: (f / "data_batch_3.bin").unlink())
    cut = said(lambda f: (f / "data_batch_2.bin").write_bytes(b"\0" * 5000))
    assert "data_batch_2.bin has 5000 bytes, no multiple of 3073" in cut
    assert "has label 200" in said(lambda f: (f / "test_batch.bin").write_bytes(b"\xc8" + b"\0" * 3072))
    assert "batches.meta.txt cannot be read (No such file" in said(lambda f: (f / "batches.meta.txt").unlink())
    assert "data_batch_1 is not a pickle" in said(lambda f: (f / "data_batch_1").write_bytes(b"\x80\x02}(U"), False)
    wrong = said(lambda f: pickled(f / "test_batch", {b"labels": [1], b"data": np.zeros((1, 9), np.uint8)}), False)
    assert "test_batch has 1 label and data of uint8 (1, 9), not uint8 (1, 3072)" in wrong
    assert "has no list of whole numbers labels" in said(lambda f: pickled(f / "test_batch", {b"x": [1]}), False)
    assert "holds 2 versions" in said(lambda f: cifar10(f.parent, False))


# --- STL-10
def stl10(root: Path, train: int = 10, test: int = 6, unlabelled: int = 3) -> dict[str, tuple]:
    root.mkdir(parents=True, exist_ok=True)
    made = {}
    for part, count in (("train", train), ("test", test), ("unlabeled", unlabelled)):
        images = np.stack([noise(96, 96, seed=len(part) * 100 + k) for k in range(count)])
        labels = np.arange(count) % 10 + 1
        (root / f"{part}_X.bin").write_bytes(images.transpose(0, 3, 2, 1).tobytes())
        if part != "unlabeled":
            (root / f"{part}_y.bin").write_bytes(labels.astype(np.uint8).tobytes())
        made[part] = labels, images
    write(root / "class_names.txt", "\n".join(NAMES))
    write(root / "fold_indices.txt", "0 1 2 3 4 \n5 6 7 8 9 \n")
    return made


def test_stl10_with_its_unlabelled_images_as_panels(tmp_path):
    made = stl10(tmp_path / "d" / "stl10_binary")
    dataset = open_dataset(str(tmp_path / "d"), "quick", (), tmp_path / "r")
    assert isinstance(dataset, Stl10)
    assert counts(dataset) == {"train": 9, "val": 1, "test": 6}
    assert counts(dataset, "panels") == {"train": 12, "val": 1, "test": 6}
    dataset.prepare(QUIET)
    for item in every(dataset, "panels"):
        part, number = item.id.split("/")
        labels, images = made["unlabeled" if part == "unlabelled" else part]
        np.testing.assert_array_equal(read_rgb(item.path), images[int(number)])
        assert item.label == (None if part == "unlabelled" else NAMES[labels[int(number)] - 1])
    without = opened(Stl10, tmp_path / "d", tmp_path / "r2", unlabelled=False)
    assert counts(without, "panels") == counts(dataset)


def test_stl10_folds(tmp_path):
    stl10(tmp_path)
    dataset = opened(Stl10, tmp_path, tmp_path / "r", fold=1)
    mine = {item.id for split in ("train", "val") for item in dataset.items("labelled", split)}
    assert mine == {f"train/{k:05d}" for k in range(5, 10)}
    assert counts(dataset) == {"train": 4, "val": 1, "test": 6}
    with pytest.raises(UsageError, match="has 2 folds, from 0; there is no fold 2"):
        opened(Stl10, tmp_path, tmp_path / "r", fold=2).items("labelled", "train")
    with pytest.raises(ValueError, match="fold"):
        Stl10Config(fold=10)
    write(tmp_path / "fold_indices.txt", "0 77\n")
    with pytest.raises(UsageError, match=r"fold_indices\.txt:1: an index is not one of 0 to 9"):
        opened(Stl10, tmp_path, tmp_path / "r", fold=0).items("labelled", "train")


def test_damaged_copies_of_stl10_say_which_file(tmp_path):
    stl10(tmp_path)
    (tmp_path / "train_y.bin").write_bytes(bytes([1] * 9))
    with pytest.raises(UsageError, match=r"train_y\.bin has 9 labels for 10 images"):
        every(opened(Stl10, tmp_path, tmp_path / "r"))
    (tmp_path / "train_y.bin").write_bytes(bytes([0] * 10))
    with pytest.raises(UsageError, match=r"train_y\.bin has label 0; labels are 1 to 10"):
        every(opened(Stl10, tmp_path, tmp_path / "r"))
    (tmp_path / "test_X.bin").write_bytes(b"\0" * 100)
    with pytest.raises(UsageError, match=r"test_X\.bin has 100 bytes, not a multiple of 27648"):
        opened(Stl10, tmp_path, tmp_path / "r").pixels("test")
    (tmp_path / "test_X.bin").unlink()
    with pytest.raises(UsageError, match=r"lacks test_X\.bin"):
        opened(Stl10, tmp_path, tmp_path / "r").fingerprint()


def test_without_a_folder_to_unpack_into_it_says_so(tmp_path):
    stl10(tmp_path)
    with pytest.raises(UsageError, match="needs a folder to unpack its images into"):
        Stl10(tmp_path).items("labelled", "train")
