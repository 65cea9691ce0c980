"""A method in a file outside the repository; one that raises and one that dies beside it."""

import json
import re

import pytest
from conftest import ROOT, TINY

PLUGIN = '''
"""Rotation: by which quarter turn was a panel rotated (Gidaris, Singh & Komodakis, ICLR 2018)."""

import torch
from torch import nn

from inkbench.benchmark.api import Config, Method, View, setting


class RotationConfig(Config):
    lr: float = setting(1e-3, "learning rate (AdamW)", gt=0)
    side: int = setting(64, "side of the panel, px", ge=32)


class Rotation(Method):
    """Four-way rotation."""

    name = "rotation"
    Config = RotationConfig

    def views(self):
        return {"image": View(side=self.config.side)}

    def build(self, backbone):
        self.normalize = backbone.normalize
        return {"net": nn.Sequential(Pooled(backbone), nn.Linear(backbone.channels[-1], 4))}

    def optimizer(self, network, parameters):
        return torch.optim.AdamW(parameters, lr=self.config.lr)

    def turned(self, images, context):
        turns = torch.randint(4, (len(images),), generator=context.generator, device=images.device)
        rotated = [torch.rot90(image, int(k), (1, 2)) for image, k in zip(images, turns)]
        return self.normalize(torch.stack(rotated)), turns

    def step(self, nets, batch, context):
        images, turns = self.turned(batch["image"], context)
        yield nn.functional.cross_entropy(nets["net"](images).float(), turns)

    def pretext(self, nets, batch, context):
        images, turns = self.turned(batch["image"], context)
        return {"accuracy": (nets["net"](images).argmax(1) == turns).double().cpu().numpy()}

    def trivial(self):
        return {"accuracy": 0.25}


class Pooled(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, images):
        return self.backbone.pooled(images)


class Raises(Rotation):
    """A method with a bug."""

    name = "raises"

    def step(self, nets, batch, context):
        yield 1 / 0


class Dies(Rotation):
    """A method whose process is killed, as for want of memory."""

    name = "dies"

    def step(self, nets, batch, context):
        import os, signal
        if context.steps > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().step(nets, batch, context)
'''


def test_a_method_of_forty_lines_runs_and_the_broken_ones_do_not_stop_it(cli, with_synth, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    methods = ",".join(f"{path}:{name}" for name in ("Raises", "Dies", "Rotation"))
    done = cli("--method", methods, "--task", "detection", *TINY, "--results", with_synth)
    assert done.returncode == 1, done.stderr
    records = [json.loads(file.read_text()) for file in with_synth.glob("cells/*/*.json")]
    status = {record["method"]: (record["status"], record.get("reason", "")) for record in records}
    assert status["rotation"][0] == "done"
    assert status["random"][0] == "done"
    assert status["raises"] == ("failed", "ZeroDivisionError: division by zero")
    assert status["dies"][0] == "failed"
    assert "SIGKILL" in status["dies"][1]
    assert "ZeroDivisionError" in done.stdout
    assert "full log:" in done.stderr
    assert "metrics" not in next(record for record in records if record["method"] == "raises")
    identity = next(record for record in records if record["method"] == "rotation")["identity"]
    changed = PLUGIN.replace("lr=self.config.lr", "lr=self.config.lr / 2")
    path.write_text(changed)
    again = cli("--method", f"{path}:Rotation", "--task", "detection", *TINY, "--results", with_synth)
    assert again.returncode == 0
    after = [json.loads(file.read_text()) for file in with_synth.glob("cells/*/*.json")]
    assert len([record for record in after if record["method"] == "rotation"]) == 2, "a changed file is another method"
    assert identity in [record["identity"] for record in after]


def test_the_readmes_own_method_runs(cli, with_synth, tmp_path):
    path = tmp_path / "rotation.py"
    path.write_text(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0])
    done = cli("--method", f"{path}:Rotation", "--task", "detection", *TINY, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    records = [json.loads(file.read_text()) for file in with_synth.glob("cells/*/*.json")]
    mine = next(record for record in records if record["method"] == "rotation")
    assert mine["pretext"]["accuracy"]["trivial"] == 0.25


@pytest.mark.slow
def test_a_method_for_transformers_has_a_block_of_its_own_with_its_control_row(cli, with_synth, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.replace('    name = "rotation"', '    name = "rotation"\n    backbones = "vit"'))
    words = ("--method", f"jigsaw,{path}:Rotation", "--task", "detection", *TINY, "--results", with_synth)
    done = cli(*words)
    assert done.returncode == 0, done.stderr
    records = [json.loads(file.read_text()) for file in with_synth.glob("cells/*/*.json")]
    rows = {(record["method"], record["backbone"]["name"]) for record in records if record["backbone"]}
    assert rows == {(m, "test_resnet") for m in ("random", "jigsaw")} | {
        (m, "test_vit") for m in ("random", "rotation")
    }
    refused = cli(*words, "--backbone", "resnet18")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "rotation needs a vision transformer, and resnet18 is not one" in refused.stderr
