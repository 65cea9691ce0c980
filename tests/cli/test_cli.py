"""The command line: fast listings without torch, wrong requests in one line before anything is written."""

import json
import subprocess
import sys

import pytest
import torch

from inkbench.benchmark.cli.flags import Parser, common, run_flags
from inkbench.benchmark.cli.launch import request_of
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.registry import ROOT

WRONG = {
    "unknown method": (("--method", "jigsw", "--task", "detection"), "did you mean 'jigsaw'?"),
    "unknown task": (("--method", "jigsaw", "--task", "detecton"), "did you mean 'detection'?"),
    "unknown preset": (("--method", "jigsaw", "--task", "detection", "--preset", "quik"), "did you mean 'quick'?"),
    "unknown flag": (("--method", "jigsaw", "--task", "detection", "--sed", "3"), "no argument '--sed'"),
    "unknown verb": (("lst",), "did you mean 'list'?"),
    "no task": (("--method", "jigsaw"), "--method and --task"),
    "missing folder": (("--method", "jigsaw", "--task", "detection", "--data", "/no/such/folder"), "no folder"),
    "missing weights": (
        ("--method", "imagenet", "--task", "detection", "--weights", "no.pth"),
        "--weights no.pth is not a file",
    ),
    "owner of nothing": (
        ("--method", "jigsaw", "--task", "detection", "--set", "jigsa.gap=1"),
        "did you mean 'jigsaw'?",
    ),
    "owner not here": (
        ("--method", "jigsaw", "--task", "detection", "--set", "saliency.lr=1"),
        "this run has no saliency",
    ),
    "no value": (("--method", "jigsaw", "--task", "detection", "--set", "jigsaw.gap"), "NAME.FIELD=VALUE"),
    "no seeds": (("--method", "jigsaw", "--task", "detection", "--seeds", "0"), "--seeds"),
    "plugin without file": (("--method", "no/file.py:Mine", "--task", "detection"), "no plugin file"),
}
WRONG_FOR_A_MODEL = {
    "misspelt setting": (("--set", "jigsaw.gpa=false"), "no setting 'jigsaw.gpa'; did you mean 'gap'?"),
    "out of range": (("--set", "detection.steps=0"), "detection.steps"),
    "wrong type": (("--set", "jigsaw.gap=perhaps"), "jigsaw.gap"),
    "impossible pair": (("--set", "jigsaw.tile=80"), "jigsaw"),
    "unknown backbone": (("--backbone", "resnet_18"), "did you mean 'resnet18'?"),
    "unknown protocol": (("--protocol", "forzen"), "did you mean 'frozen'?"),
}


def refused(done, says):
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert says in lines[0]
    assert done.stdout == ""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_one_line_and_status_2(cli, name, tmp_path):
    words, says = WRONG[name]
    refused(cli(*words, "--results", tmp_path / "results") if len(words) > 1 else cli(*words), says)
    assert not (tmp_path / "results").exists()


def test_a_misspelt_setting_is_refused_before_anything_is_drawn(cli, tmp_path):
    results = tmp_path / "results"
    words, says = WRONG_FOR_A_MODEL["misspelt setting"]
    refused(cli("--method", "jigsaw", "--task", "detection", *words, "--results", results), says)
    assert not [path for path in results.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def device():
    from inkbench.benchmark.training import engine

    return engine.start(1, "32", torch.get_num_threads())


@pytest.mark.parametrize("name", WRONG_FOR_A_MODEL)
def test_what_only_a_model_knows_is_refused_by_the_plan(name, device, tmp_path):
    from inkbench.benchmark.planning import planner

    words, says = WRONG_FOR_A_MODEL[name]
    flags = Parser(parents=[common(), run_flags()]).parse_args([*words, "--results", str(tmp_path / "results")])
    request = request_of(flags, ["jigsaw"], ["detection"], words)
    data = open_dataset("synth", request.preset, request.sets, request.results)
    with pytest.raises(UsageError) as refusal:
        planner.make(request, device, data, data)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "results").exists()


def test_a_dataset_without_faces_is_refused_with_what_it_has(cli, shared, tmp_path):
    words = ("--method", "random", "--task", "detection", "--data", shared / "data" / "open-mantra")
    done = cli(*words, "--results", tmp_path / "results")
    refused(done, "boxes:face")
    assert "boxes:panel" in done.stderr


def test_weights_of_another_architecture_are_refused(cli, shared, tmp_path):
    weights = shared / "weights" / "mobilenetv2_100_tf_ptq_fp16.pth"
    words = ("--method", "imagenet", "--task", "detection", "--backbone", "resnet18", "--weights", weights)
    refused(cli(*words, "--results", tmp_path / "results"), "does not fit resnet18")


def test_an_unwritable_results_folder_is_refused(cli, tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused(cli("--method", "random", "--task", "detection", "--results", tmp_path / "file" / "results"), "--results")


def loaded(code):
    probe = f"import sys; {code}; print('LOADED', *sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    ("words", "never"),
    [
        (["--help"], {"torch", "timm", "pandas"}),
        (["list", "methods"], {"torch", "timm", "pandas"}),
        (["list", "datasets"], {"torch", "timm", "pandas"}),
        (["list", "tables"], {"torch", "timm", "torchvision"}),
        (["table", "noroozi-5", "--results", "/nonexistent"], {"torch", "timm", "torchvision"}),
        (["data", "info", "open-mantra"], {"torch", "timm", "torchvision"}),
    ],
)
@pytest.mark.seconds
def test_listings_never_import_torch(words, never):
    code = f"""
from inkbench.benchmark.cli.main import main
try: main({words!r})
except SystemExit: pass"""
    modules = loaded(f"exec({code!r})")
    assert "inkbench.benchmark.cli.main" in modules
    assert not never & modules


@pytest.mark.parametrize("what", ["methods", "tasks", "datasets", "tables"])
def test_list_json_is_an_array_of_objects_with_name(cli, what):
    done = cli("list", what, "--json")
    rows = json.loads(done.stdout)
    assert rows
    assert all(row["name"] and row["summary"] for row in rows)


def test_describe_shows_every_setting_with_its_source(cli):
    described = json.loads(cli("describe", "jigsaw", "--json").stdout)
    gap = next(field for field in described["settings"] if field["name"] == "gap")
    assert gap["default"] is True
    assert "Noroozi" in gap["source"]
    assert all(field["help"] for field in described["settings"])


def test_doctor_says_what_is_there(cli, tmp_path):
    done = cli("doctor", "--results", tmp_path)
    assert done.returncode == 0
    assert "torch" in done.stdout
