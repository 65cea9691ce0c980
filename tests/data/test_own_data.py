"""Own data: names of their own, a licence only where it is known, tables that are never shared."""

import json
from pathlib import Path

import pytest
from pictures_of import draw, write
from test_units import STEMS, coco

from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.data.own import about, read_own
from inkbench.benchmark.errors import UsageError


def opened(text, tmp_path: Path):
    return open_dataset(str(text), "quick", (), tmp_path / "results")


def test_own_data_are_called_by_their_folder_their_file_or_the_command(tmp_path):
    root = coco(tmp_path / "faces", ["a.png", "b.png"]).parent
    assert (opened(root, tmp_path).name, opened(root, tmp_path).reader) == ("faces", "coco")
    assert opened(f"coco:{root}", tmp_path).name == "faces"
    write(root / "dataset.toml", 'name = "our faces"\n')
    assert opened(root, tmp_path).name == "our faces"
    assert opened(f"mine={root}", tmp_path).name == "mine"
    named = opened(f"mine=folder:{root}", tmp_path)
    assert (named.name, named.reader, named.own) == ("mine", "folder", True)


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path):
    draw(tmp_path / "a=b" / "1.png")
    assert opened(tmp_path / "a=b", tmp_path).name == "a-b"


@pytest.mark.parametrize(
    ("text", "why"),
    [("synth={}", "is the name of a built-in dataset"), ("-x={}", "is not a valid name"),
     ("x=synth", "a folder of your own"), ("x=", "a folder of your own"), ("x={}/none", "no folder")],
)  # fmt: skip
def test_names_that_cannot_be_are_refused(tmp_path, text, why):
    draw(tmp_path / "d/1.png")
    with pytest.raises(UsageError, match=why):
        opened(text.format(tmp_path / "d"), tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [("name = 3", "name is 3, not a string"), ("license = 'x'", "no field 'license'; did you mean 'licence'"),
     ("name = ", "is not TOML"), ("name = 'synth'", "a built-in dataset"),
     ("series = '('", "not a regular expression")],
)  # fmt: skip
def test_a_file_about_data_is_read_strictly(tmp_path, text, why):
    draw(tmp_path / "d/1.png")
    write(tmp_path / "d/dataset.toml", text)
    with pytest.raises(UsageError, match=why):
        opened(tmp_path / "d", tmp_path)


def test_a_layout_gives_no_licence_and_dataset_toml_does(tmp_path):
    for split in ("train", "val", "test"):
        draw(tmp_path / f"mine/images/{split}/{split}.jpg")
        draw(tmp_path / f"mine/maps/{split}/{split}.png")
    dataset = opened(tmp_path / "mine", tmp_path)
    assert dataset.reader == "ai4va"
    assert not about(dataset).licence
    assert "AI4VA" not in about(dataset).words()
    assert "unknown; can be stated" in about(dataset).words()
    write(tmp_path / "mine/dataset.toml", 'licence = "MIT"\ncitation = "Us, 2026"\nhomepage = "https://example.org"\n')
    assert about(dataset).words() == "Licence: MIT. Cite: Us, 2026 https://example.org"
    assert read_own(tmp_path / "mine")["licence"] == "MIT"


def test_the_public_copy_is_known_by_its_fingerprint_and_a_changed_one_is_not(shared, tmp_path):
    root = shared / "data" / "open-mantra"
    assert about(opened(root, tmp_path)).licence == "CC BY-NC 4.0"
    for file in [path for path in root.rglob("*") if path.is_file()]:
        target = tmp_path / "copy" / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file)
    text = (root / "annotation.json").read_text()
    (tmp_path / "copy/annotation.json").unlink()
    write(tmp_path / "copy/annotation.json", text + "\n")
    assert not about(opened(tmp_path / "copy", tmp_path)).licence


def test_a_series_expression_in_dataset_toml_is_heeded(tmp_path):
    for k in range(30):
        draw(tmp_path / f"d/{k:04d}.png", seed=k)
    write(tmp_path / "d/dataset.toml", "series = '^(...)'\n")
    dataset = opened(tmp_path / "d", tmp_path)
    assert dataset.series_by == "regex"
    assert len({item.series for split in ("train", "val", "test") for item in dataset.items("panels", split)}) == 3


@pytest.mark.slow
def test_two_coco_folders_share_no_title_no_table_and_no_licence(cli, tmp_path):
    titles = []
    for folder in ("a/coco", "b/coco"):
        coco(tmp_path / folder, [f"{folder[0]}{name}.png" for name in STEMS])
        done = cli(
            "--method", "random", "--task", "detection", "--data", tmp_path / folder, "--preset", "smoke",
            "--set", "detection.classes=face", "--set", "detection.steps=2", "--set", "detection.side=64",
            "--results", tmp_path / "results", "--quiet",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        titles.append(done.stdout.splitlines()[0])
        assert "series guessed from the images' names" in done.stdout
        assert "CC BY" not in done.stdout
    assert titles[0] != titles[1]
    assert len(list((tmp_path / "results/tables").glob("*.md"))) == 2
    records = [json.loads(path.read_text()) for path in (tmp_path / "results/cells").rglob("*.json")]
    assert {record["data"]["series_by"] for record in records} == {"name"}
    assert {record["data"]["layout"] for record in records} == {"coco"}
    assert len({record["data"]["fingerprint"] for record in records}) == 2
