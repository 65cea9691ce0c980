"""The classification task: what is told apart, its heads against scikit-learn, trivial baselines, runs."""

import hashlib
import json

import numpy as np
import pytest
import torch
from pictures_of import draw
from record_files import written
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from test_layouts_labelled import cifar10, folder_of_classes

from inkbench.benchmark.api import Dataset, Item
from inkbench.benchmark.contracts.dataset import SPLITS
from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.data.layouts.imagefolder import Imagefolder
from inkbench.benchmark.data.synth.dataset import Synth
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.planning.asked import require
from inkbench.tasks.classification.attentive import AttentiveProbe
from inkbench.tasks.classification.few_shot import FewShot
from inkbench.tasks.classification.grid import GridProbes
from inkbench.tasks.classification.logistic import LogisticHead
from inkbench.tasks.classification.neighbours import NearestNeighbours, votes
from inkbench.tasks.classification.probes import GlobalLinear, StageProbes
from inkbench.tasks.classification.stage_pooling import cells, pooled
from inkbench.tasks.classification.task import Classification, ClassificationConfig, split_within


class Named(Dataset):
    """A dataset of which only the names of classes are known."""

    name = "named"
    licence = citation = homepage = layout = ""

    def recognises(self, root):
        return False

    def offers(self):
        return frozenset()

    def items(self, kind, split):
        return []

    def fingerprint(self):
        return ""

    def classes(self, of="labelled"):
        return {"labelled": ("ant", "bee", "cat"), "faces": ("calm", "loud"), "identities": ("x", "y")}.get(of, ())


def task(tmp_path, **sets):
    made = Classification(ClassificationConfig.resolve("classification", "smoke", {k: str(v) for k, v in sets.items()}))
    made.bind(Named(tmp_path))
    return made


def blobs(seed, count, classes=3, channels=6, side=2, apart=1.0):
    """Maps (N, C, side, side) around the middles of their classes, and targets."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    middles = np.random.default_rng(0).standard_normal((classes, channels)) * apart
    maps = middles[labels][:, :, None, None] + rng.standard_normal((count, channels, side, side))
    return [torch.tensor(maps, dtype=torch.float32)], [{"label": torch.tensor([int(k)])} for k in labels], labels


# --- what is told apart
def test_each_kind_of_labels_has_its_items_view_and_classes(tmp_path):
    told = {labels: task(tmp_path, labels=labels) for labels in ("images", "expressions", "poses", "characters")}
    assert {labels: (one.view().kind, one.view().fit) for labels, one in told.items()} == {
        "images": ("labelled", "squash"),
        "expressions": ("faces", "squash"),
        "poses": ("bodies", "pad"),
        "characters": ("faces", "squash"),
    }
    assert told["images"].needs() == {"labelled"}
    assert told["expressions"].needs() == {"faces", "expressions"}
    assert told["characters"].needs() == {"faces", "identities"}
    assert (told["images"].classes, told["characters"].classes) == (("ant", "bee", "cat"), ("x", "y"))
    assert task(tmp_path, labels="poses", fit="crop").view().fit == "crop"
    with pytest.raises(RunError, match="named has 0 classes of poses; at least two are needed"):
        _ = told["poses"].classes


def test_the_truth_of_an_item_is_the_place_of_its_class(tmp_path):
    item = Item("a", draw(tmp_path / "a.png"), "s", "test", label="bee")
    truth = task(tmp_path).truth(item, 40, 30)
    assert int(truth["label"]) == 1
    assert str(truth["id"]) == "a"
    with pytest.raises(RunError, match="item a is of class dog, which the dataset does not name"):
        task(tmp_path).truth(Item("a", item.path, "s", "test", label="dog"), 40, 30)


def test_characters_are_split_by_page_within_their_series(tmp_path):
    faces = [
        Item(f"{s}_{page}_{panel}", tmp_path, s, "test", identity="x", panel=f"{s}/{page}_{panel}")
        for s in "ab"
        for page in range(10)
        for panel in range(3)
    ]
    split = split_within(faces)
    for s in "ab":
        of = {item.panel.partition("_")[0]: {split[o.id] for o in faces if o.panel[:4] == item.panel[:4]}
              for item in faces if item.series == s}  # fmt: skip
        assert all(len(splits) == 1 for splits in of.values()), "a page lies in one split"
        counts = [sum(splits == {name} for splits in of.values()) for name in ("train", "val", "test")]
        assert counts == [6, 2, 2]
    one_page = [item for item in faces if item.panel.startswith("a/0_")]
    assert sorted(split_within(one_page).values()) == ["test", "train", "val"]
    assert set(split_within(one_page[:2]).values()) == {"train"}


# --- heads
def test_maps_are_pooled_to_the_largest_grid_that_fits():
    assert [cells(channels, side, 2_048) for channels, side in ((32, 64), (48, 16), (96, 4), (9_000, 7))] == [
        8,
        6,
        4,
        1,
    ]
    level = torch.randn(2, 32, 64, 64)
    small = pooled([level], 2_048)[0]
    assert small.shape == (2, 32, 8, 8)
    assert torch.allclose(small[:, :, 0, 0], level[:, :, :8, :8].mean((2, 3)), atol=1e-6)
    assert pooled([small], 2_048)[0] is small, "what is pooled stays"


def test_probes_of_one_pass_are_those_trained_one_by_one():
    maps, targets, _ = blobs(1, 64)
    features = [maps[0][:, :4].repeat(1, 1, 2, 2), maps[0]]

    def trained(own, channels, grids):
        torch.manual_seed(0)
        head = StageProbes(channels, grids, 3)
        for linear in head.linear:
            torch.nn.init.zeros_(linear.weight)
            torch.nn.init.zeros_(linear.bias)
        optimizer = torch.optim.AdamW(head.parameters(), lr=0.01)
        for _ in range(20):
            head(own, targets).backward()
            optimizer.step()
            optimizer.zero_grad()
        return head.eval()(own)

    together = trained(features, [4, 6], [4, 2])
    alone = [trained(features[:1], [4], [4]), trained(features[1:], [6], [2])]
    assert together["stages"].shape == (64, 2, 3)
    assert torch.equal(together["scores"], together["stages"][:, -1])
    for stage in range(2):
        assert torch.allclose(together["stages"][:, stage], alone[stage]["scores"], atol=1e-5)
    assert torch.allclose(together["stages"].sum(-1), torch.ones(64, 2), atol=1e-5)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_votes_are_those_of_scikit_learn(k):
    maps, targets, labels = blobs(2, 60)
    queries, _, _ = blobs(3, 40)
    head = NearestNeighbours(3, (k,), 0.07)
    head.fit(maps, targets, maps, targets, 0)
    found = head(queries)["scores"].numpy()
    unit = [x[0].mean((2, 3)).numpy() for x in (maps, queries)]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in unit]
    weights = {"weights": lambda distance: np.exp(-(distance**2) / 2 / 0.07)}  # |a - b|^2 / 2 = 1 - cosine
    reference = KNeighborsClassifier(k, **weights).fit(unit[0], labels).predict_proba(unit[1])
    np.testing.assert_allclose(found, reference, atol=1e-4)


def test_validation_chooses_how_many_neighbours_and_more_than_there_are_count_once():
    maps, targets, _ = blobs(4, 12, apart=0.3)
    val, val_targets, expected = blobs(5, 60, apart=0.3)
    head = NearestNeighbours(3, (1, 3, 100, 200), 0.07)
    told = head.fit(maps, targets, val, val_targets, 0)
    assert set(told["validated"]) == {"1", "3", "12"}
    best = max(told["validated"].values())
    assert told["validated"][str(told["k"])] == best
    accuracy = float((head(val)["scores"].argmax(1).numpy() == expected).mean())
    assert accuracy == pytest.approx(best, abs=1e-5)


def test_a_vote_of_examples_that_are_far_away_is_still_a_share():
    far = votes(torch.tensor([[1.0, 0.0]]), torch.tensor([[-1.0, 0.0], [-1.0, 0.0]]), torch.tensor([0, 1]), 3, 2, 0.07)
    assert far.tolist() == [pytest.approx([0.5, 0.5, 0.0])]


@pytest.mark.parametrize("classes", [2, 4])
def test_logistic_regression_is_scikit_learn_s_with_the_c_that_validation_likes_best(classes):
    maps, targets, labels = blobs(7, 80, classes, apart=0.6)
    val, val_targets, expected = blobs(8, 60, classes, apart=0.6)
    grid = (1.0, 1e-3, 1e-1)
    head = LogisticHead(6, classes, grid)
    told = head.fit(maps, targets, val, val_targets, 0)
    x, queries = (m[0].double().mean((2, 3)).numpy() for m in (maps, val))
    scaler = StandardScaler().fit(x)
    fitted = {c: LogisticRegression(C=c, max_iter=1_000, tol=1e-8).fit(scaler.transform(x), labels) for c in grid}
    accuracy = {c: (one.predict(scaler.transform(queries)) == expected).mean() for c, one in fitted.items()}
    assert {c: told["validated"][f"{c:g}"] for c in grid} == pytest.approx(accuracy, abs=1e-6)
    assert told["C"] == min(grid, key=lambda c: (-accuracy[c], c))
    reference = fitted[told["C"]].predict_proba(scaler.transform(queries))
    np.testing.assert_allclose(head(val)["scores"].detach().numpy(), reference, atol=2e-3)


def test_a_class_that_training_does_not_show_is_never_predicted_and_one_class_alone_is_an_error():
    maps, targets, _ = blobs(9, 40, 3)
    shown = [k for k in range(40) if k % 3 != 1]
    head = LogisticHead(6, 3, (1.0,))
    head.fit([maps[0][shown]], [targets[k] for k in shown], maps, targets, 0)
    scores = head(maps)["scores"]
    assert float(scores[:, 1].max().detach()) == 0
    assert torch.isfinite(scores).all()
    with pytest.raises(RunError, match="all 14 training items have the same class; raise --label-fraction"):
        LogisticHead(6, 3, (1.0,)).fit([maps[0][::3]], targets[::3], maps, targets, 0)


def test_every_protocol_has_its_head_and_steps(tmp_path):
    backbone = Backbone("test_resnet")
    made = {name: task(tmp_path).head(backbone, name) for name in Classification.protocols}
    assert [type(head) for head in made.values()] == [
        *(StageProbes, NearestNeighbours, LogisticHead, GridProbes, AttentiveProbe, FewShot),
        *[GlobalLinear] * 3,
    ]
    steps = {name: task(tmp_path).steps(name) for name in Classification.protocols}
    stepped = {"linear@1": 40, "attentive@1": 40, **dict.fromkeys(("finetune@1", "partial@1", "lora@1"), 10)}
    assert steps == {**dict.fromkeys(Classification.protocols, 0), **stepped}
    images = backbone(torch.zeros(3, 3, 64, 64))
    kept = task(tmp_path).cached_features(images)
    for name in ("linear@1", "finetune@1"):
        head = made[name].eval()
        outputs = [head(features) for features in (images, kept)]
        assert torch.allclose(outputs[0]["scores"], outputs[1]["scores"], atol=1e-5), "kept features read the same"
        assert made[name].train()(kept, [{"label": torch.tensor([k])} for k in range(3)]).ndim == 0
        decoded = task(tmp_path).decode(outputs[0], [{}] * 3, [])
        assert decoded[0]["scores"].shape == (3,)
        assert ("stages" in decoded[0]) == (name == "linear@1")
    assert isinstance(made["knn@1"], FittedHead)


# --- trivial baselines
def test_trivial_rows_know_how_often_classes_are_and_their_colours(tmp_path):
    from PIL import Image

    made = task(tmp_path)
    truths = []
    for k, (label, colour) in enumerate([("ant", 20), ("ant", 30), ("ant", 25), ("bee", 220), ("cat", 120)] * 8):
        pixels = np.full((9, 9, 3), colour, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
        truths.append(made.truth(Item(str(k), tmp_path / f"{k}.png", "s", "train", label=label), 9, 9))
    majority = made.predict_trivial("majority", truths, truths[:2], [])
    assert majority[1]["scores"].tolist() == pytest.approx([0.6, 0.2, 0.2])
    colours = made.predict_trivial("colours", truths, truths, [])
    hits = [int(p["scores"].argmax()) == int(t["label"]) for p, t in zip(colours, truths, strict=True)]
    assert all(hits)
    with pytest.raises(ValueError, match="no trivial baseline 'x'; it has majority, colours"):
        made.predict_trivial("x", truths, truths, [])


# --- runs
def smoke(cli, results, *words):
    return cli(*words, "--task", "classification", "--preset", "smoke", "--results", results)


def test_a_run_on_synth_has_a_table_per_protocol_with_every_stage(cli, with_synth):
    done = smoke(cli, with_synth, "--method", "random", "--protocol", "all")
    assert done.returncode == 0, done.stderr
    records = {(record["method"], record["protocol"]): record for record in written(with_synth)}
    protocols = list(Classification.protocols)
    assert {key for key in records if key[0] == "random"} == {("random", protocol) for protocol in protocols}
    linear = records["random", "linear@1"]
    stages = [linear["metrics"][f"accuracy[stage{k}]"]["value"] for k in range(1, 6)]
    assert stages[-1] == linear["metrics"]["accuracy"]["value"]
    assert "accuracy[stage5]" in done.stdout
    assert "recall[" not in done.stdout, "a column for each class would be too many"
    assert set(linear["metrics"]) > {"balanced-accuracy", "f1", "top5"}
    assert records["random", "knn@1"]["chosen"]["k"] in (5, 10, 20)
    assert records["random", "logistic@1"]["chosen"]["C"] in (1e-4, 1e-2, 1.0)
    assert records["trivial:majority", "knn@1"]["metrics"]["accuracy"]["n"] == linear["metrics"]["accuracy"]["n"]
    pictures = with_synth / "runs" / linear["id"]
    assert {file.name for file in pictures.iterdir()} >= {"examples.png", "confusion.png"}
    zipped = cli("submit", "pack", linear["id"], "--out", with_synth / "x.zip", "--results", with_synth)
    assert zipped.returncode == 0, zipped.stderr
    assert json.loads((with_synth / "x.manifest.json").read_text())["files"].keys() == {"scores.csv"}


def test_characters_of_synth_are_told_apart_within_the_test_series(with_synth):
    [root] = [path for path in (with_synth / "cache" / "synth").iterdir() if (path / "labels").is_dir()]
    data = Synth(root)
    made = Classification(ClassificationConfig(labels="characters"))
    made.bind(data)
    parts = {split: made.items(data, split) for split in SPLITS}
    faces = data.items("faces", "test")
    assert sum(map(len, parts.values())) == len(faces)
    assert {item.id for items in parts.values() for item in items} == {item.id for item in faces}
    assert len(parts["train"]) > len(parts["test"]) > 20
    for split, items in parts.items():
        assert {item.split for item in items} == {split}
        labels = [int(made.truth(item, 9, 9)["label"]) for item in items]
        assert [made.classes[label] for label in labels] == [item.identity for item in items]


def test_what_a_dataset_lacks_is_refused_in_one_line(tmp_path):
    data = Imagefolder(folder_of_classes(tmp_path, count=2))
    with pytest.raises(UsageError, match="task classification needs expressions, faces, which imagefolder lacks"):
        require(task(tmp_path, labels="expressions").needs(), data, "task classification")


def test_a_run_on_a_share_of_cifar_s_labels_unpacks_it(cli, tmp_path):
    cifar10(tmp_path / "d", True, 8)
    words = (
        "--method",
        "random",
        "--data",
        tmp_path / "d",
        "--protocol",
        "logistic",
        "--set",
        "classification.side=32",
    )
    done = smoke(cli, tmp_path / "r", *words, "--no-baseline", "--label-fraction", "0.5")
    assert done.returncode == 0, done.stderr
    assert "not comics" in done.stdout
    assert len(list((tmp_path / "r/cache/cifar").rglob("*.png"))) == 48
    record = next(iter(written(tmp_path / "r")))
    assert record["settings"]["task"]["label_fraction"] == 0.5
    drawn = (tmp_path / "r" / record["labelled"]["file"]).read_text().splitlines()
    assert len(drawn) == record["labelled"]["n"] == round(record["labelled"]["of"] / 2)
    assert hashlib.sha256("".join(f"{name}\n" for name in drawn).encode()).hexdigest() == record["labelled"]["sha256"]
    assert record["metrics"]["accuracy"]["n"] == 8
