import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pictures_of import draw, write

from inkbench.benchmark import registry
from inkbench.benchmark.data.layouts.dcm772 import Dcm772
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError

LAYOUTS = tuple(name for name in registry.names("datasets") if name not in ("synth", "folder"))
ROOT = Path(__file__).resolve().parents[2]


def locate(text, results: Path, sets=()):
    return open_dataset(str(text), "quick", sets, results)


def refusal(text, results: Path, sets=()) -> str:
    with pytest.raises(UsageError) as caught:
        locate(text, results, sets)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def dcm(root: Path) -> Path:
    draw(root / "images/b/0.jpg")
    write(root / "groundtruth/b/0.txt", "")
    return root


def test_a_path_is_the_most_specific_layout_that_recognises_it(tmp_path):
    draw(tmp_path / "plain/1.png")
    assert isinstance(locate(tmp_path / "plain", tmp_path / "r"), Folder)
    assert isinstance(locate(dcm(tmp_path / "dcm"), tmp_path / "r"), Dcm772)


def test_settings_of_the_dataset_are_taken_and_those_of_others_passed_over(tmp_path):
    sets = (("dcm772.body", "1,5"), ("jigsaw.gap", "false"))
    assert locate(dcm(tmp_path), tmp_path / "r", sets).config.body == (1, 5)
    assert "no setting 'dcm772.bodies'; did you mean 'body'?" in refusal(
        tmp_path, tmp_path / "r", [("dcm772.bodies", "1")]
    )


def test_checksums_are_kept_with_the_results(tmp_path):
    dataset = locate(dcm(tmp_path / "dcm"), tmp_path / "r")
    dataset.fingerprint()
    assert dataset.checksums == tmp_path / "r/cache/checksums"
    assert not (tmp_path / "dcm").joinpath("cache").exists()


def test_a_name_is_looked_for_under_inkbench_data(tmp_path, monkeypatch):
    monkeypatch.setenv("INKBENCH_DATA", str(tmp_path))
    dcm(tmp_path / "dcm772")
    assert locate("dcm772", tmp_path / "r").root == tmp_path / "dcm772"
    said = refusal("comics", tmp_path / "r")
    assert f"{tmp_path / 'comics'} is not a folder" in said
    assert "--data PATH" in said
    assert "https://github.com/miyyer/comics" in said
    monkeypatch.delenv("INKBENCH_DATA")
    assert "INKBENCH_DATA is not set" in refusal("dcm772", tmp_path / "r")


def test_a_named_folder_with_another_layout_says_what_was_expected(tmp_path, monkeypatch):
    monkeypatch.setenv("INKBENCH_DATA", str(tmp_path))
    draw(tmp_path / "dcm772/1.png")
    assert "does not have the layout dcm772; expected: images/BOOK/PAGE.jpg" in refusal("dcm772", tmp_path / "r")


def test_a_name_can_be_given_with_its_path(tmp_path):
    dcm(tmp_path / "x")
    assert isinstance(locate(f"folder:{tmp_path / 'x'}", tmp_path / "r"), Folder)
    assert "no folder" in refusal(f"folder:{tmp_path / 'y'}", tmp_path / "r")


def test_what_is_not_there_is_refused(tmp_path):
    assert f"no folder {tmp_path / 'none'}" in refusal(tmp_path / "none", tmp_path / "r")
    assert "no dataset or folder 'comisc'; did you mean 'comics'?" in refusal("comisc", tmp_path / "r")
    assert "is a file" in refusal(write(tmp_path / "a.zip", ""), tmp_path / "r")


def test_a_folder_of_nothing_lists_what_was_expected(tmp_path):
    write(tmp_path / "d/readme.txt", "")
    said = refusal(tmp_path / "d", tmp_path / "r")
    assert "has no known layout" in said
    for name in (*LAYOUTS, "folder"):
        assert f"{name}: " in said


def test_two_layouts_in_one_folder_are_refused_with_the_way_out(tmp_path):
    dcm(tmp_path / "d")
    draw(tmp_path / "d/raw_panel_images/1/1_0.jpg")
    said = refusal(tmp_path / "d", tmp_path / "r")
    assert f"looks like comics and dcm772; choose one with --data comics:{tmp_path / 'd'}" in said
    assert isinstance(locate(f"dcm772:{tmp_path / 'd'}", tmp_path / "r"), Dcm772)


def test_a_reader_outside_of_the_repository(tmp_path, monkeypatch):
    shutil.copy(ROOT / "benchmark/data/layouts/folder.py", tmp_path / "mine.py")
    source = (tmp_path / "mine.py").read_text().replace('name = "folder"', 'name = "mine"')
    write(tmp_path / "mine.py", source)
    draw(tmp_path / "data/mine/1.png")
    monkeypatch.setenv("INKBENCH_DATA", str(tmp_path / "data"))
    dataset = locate(f"{tmp_path / 'mine.py'}:Folder", tmp_path / "r")
    assert (dataset.name, dataset.root) == ("mine", tmp_path / "data/mine")


def test_the_reader_of_the_docs_page_works(tmp_path, monkeypatch):
    source = (ROOT / "docs/data.md").read_text().partition("```python\n")[2].partition("```")[0]
    plugin = write(tmp_path / "strips.py", source)
    for artist in "abc":
        draw(tmp_path / f"data/strips/strips/{artist}/1.png")
    monkeypatch.setenv("INKBENCH_DATA", str(tmp_path / "data"))
    dataset = locate(f"{plugin}:Strips", tmp_path / "r")
    items = [item for split in ("train", "val", "test") for item in dataset.items("panels", split)]
    assert sorted(item.id for item in items) == ["a/1", "b/1", "c/1"]
    assert len({item.split for item in items}) == 3
    assert dataset.fingerprint()


@pytest.mark.parametrize("name", [*LAYOUTS, "folder"])
def test_every_layout_says_what_it_is(name):
    cls = registry.load("datasets", name)
    assert cls.name == name
    assert cls.layout
    assert cls.licence
    assert registry.entries("datasets")[name].summary
    if name != "folder":
        assert cls.homepage.startswith(("https://", "http://"))
        assert cls.citation or name == "imagefolder"


@pytest.mark.seconds
def test_the_data_room_imports_no_torch():
    folders = [ROOT / "benchmark/data" / part for part in (".", "layouts", "reading")]
    rooms = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    modules = [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in rooms]
    heavy = ("torch", "timm", "pandas", "scipy")
    code = f"import sys, {', '.join(modules)}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
