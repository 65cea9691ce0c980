"""A pickle of weights runs nothing: harmless objects are passed over, anything else is refused."""

import argparse
import datetime
import pickle
import subprocess
import sys
import types
import warnings
from collections import OrderedDict, defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from timm.models import create_model

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.weights_files import load_weights

ROOT = Path(__file__).parents[2]


def resnet(seed=0):
    torch.manual_seed(seed)
    return create_model("test_resnet", num_classes=0)


A = resnet(1).state_dict()


def same(model):
    return all(torch.equal(value, A[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("zipped", [True, False])
def test_options_numbers_and_paths_beside_the_weights_are_passed_over(zipped, tmp_path):
    beside = {
        "args": argparse.Namespace(lr=np.float64(0.1), out=Path("/somewhere"), betas=(0.9, np.float32(0.99))),
        "best": np.float64(71.5),
        "epoch": np.int64(3),
        "history": np.arange(3.0),
        "flags": {"amp": np.bool_(True)},
        "metrics": defaultdict(list, {"loss": [0.1]}),
        "when": datetime.datetime(2024, 5, 1),
    }
    model = resnet(7)
    torch.save({"state_dict": A, **beside}, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    load_weights(SimpleNamespace(name="mine", model=model), tmp_path / "w.pth")
    assert same(model)


def test_dictionaries_of_other_codes_give_up_the_weights_in_them(tmp_path):
    """A class that this machine lacks, or has in another form, is read by the name in the file alone."""
    room = types.ModuleType("addict.addict")
    room.Dict = type("Dict", (dict,), {"__module__": "addict.addict"})
    sys.modules["addict"], sys.modules["addict.addict"] = types.ModuleType("addict"), room
    try:
        torch.save({"state_dict": room.Dict(A)}, tmp_path / "w.pth")
    finally:
        del sys.modules["addict"], sys.modules["addict.addict"]
    model = resnet(7)
    load_weights(SimpleNamespace(name="mine", model=model), tmp_path / "w.pth")
    assert same(model)


HOSTILE = """
import builtins, os, pickle, subprocess, sys, torch
from pathlib import Path
from inkbench.benchmark.networks.checkpoint_file import read_checkpoint
from inkbench.benchmark.errors import UsageError

folder = Path(sys.argv[1])
flag = str(folder / "pwned")

def made(call, *arguments):
    class Hostile:
        def __reduce__(self):
            return call, arguments
    return Hostile()

calls = {
    "system": made(os.system, f"touch {flag}"),
    "popen": made(subprocess.Popen, ["touch", flag]),
    "eval": made(eval, f"open({flag!r}, 'w')"),
    "exec": made(exec, f"open({flag!r}, 'w')"),
    "import": made(__import__, "this"),
    "open": made(open, flag, "w"),
    "load": made(torch.load, flag),
    "getattr": made(getattr, made(__import__, "os"), "system"),
}
torch.save({"a": torch.ones(1)}, folder / "plain.pth")
read_checkpoint(folder / "plain.pth")  # whatever reading imports is imported now
files = []
for name, hostile in calls.items():
    for kind, nested in (("alone", hostile), ("beside", {"state_dict": {"a": torch.ones(1)}, "args": [hostile]})):
        for zipped in (True, False):
            path = folder / f"{name}-{kind}-{zipped}.pth"
            torch.save(nested, path, _use_new_zipfile_serialization=zipped)
            files.append(path)
    plain = folder / f"{name}.pkl"
    plain.write_bytes(pickle.dumps({"a": hostile}))
    files.append(plain)
seen = []
watching = False
def hook(event, arguments):
    if watching and event.split(".")[0] in ("os", "subprocess", "exec", "compile", "import", "socket", "shutil"):
        seen.append((event, arguments))
    if watching and event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen.append((event, arguments))
sys.addaudithook(hook)
refused = 0
for path in files:
    watching = True
    try:
        read_checkpoint(path)
    except UsageError as refusal:
        watching = False
        refused += 1
        assert "\\n" not in str(refusal), refusal
        assert path.name in str(refusal)
    watching = False
print(refused, len(files), seen, os.path.exists(flag))
"""


@pytest.mark.seconds
def test_a_hostile_pickle_is_refused_and_executes_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "40 40 [] False"


def test_getattr_is_a_shell_that_gives_nothing(tmp_path):
    """mmengine's files ask for it; what it is called with is ignored, and what comes out is no function."""

    class Asks:
        def __reduce__(self):
            return getattr, ("text", "upper")

    torch.save({"state_dict": A, "history": Asks()}, tmp_path / "w.pth")
    model = resnet(7)
    load_weights(SimpleNamespace(name="mine", model=model), tmp_path / "w.pth")
    assert same(model)


def script(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1, 1)).save(str(path))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: torch.save(resnet(), path), "it contains more than tensors"),
        (script, "TorchScript archive, which is code"),
        (lambda path: torch.save(OrderedDict(A), path, pickle_protocol=4), "another protocol"),
        (lambda path: path.write_bytes(pickle.dumps(3)), "w.pth"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "not loaded|not a readable"),
    ],
)
def test_other_files_are_refused_with_what_they_are(write, words, tmp_path):
    write(tmp_path / "w.pth")
    with pytest.raises(UsageError, match=words) as refused:
        load_weights(SimpleNamespace(name="mine", model=resnet()), tmp_path / "w.pth")
    assert "\n" not in str(refused.value)
