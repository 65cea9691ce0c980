"""Rotation: by which quarter turn was a panel rotated (Gidaris, Singh & Komodakis, ICLR 2018)."""

import torch
from torch import nn

from inkbench.benchmark.api import Config, Method, View, setting


class RotationConfig(Config):
    lr: float = setting(1e-3, "learning rate (AdamW)", gt=0)
    side: int = setting(96, "side of the panel, px", ge=32)


class Net(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(backbone.channels[-1], 4)

    def forward(self, images):
        return self.head(self.backbone.pooled(self.backbone.normalize(images)))


class Rotation(Method[RotationConfig]):
    name = "rotation"
    Config = RotationConfig

    def views(self):
        return {"image": View(side=self.config.side)}

    def build(self, backbone):
        return {"net": Net(backbone)}

    def optimizer(self, network, parameters):
        return torch.optim.AdamW(parameters, lr=self.config.lr)

    def logits(self, nets, images, context):
        turns = torch.randint(4, (len(images),), generator=context.generator, device=images.device)
        turned = torch.stack([torch.rot90(image, int(k), (1, 2)) for image, k in zip(images, turns)])
        return nets["net"](turned).float(), turns

    def step(self, nets, batch, context):  # yields one loss for each network that it drives
        yield nn.functional.cross_entropy(*self.logits(nets, batch["image"], context))

    def pretext(self, nets, batch, context):  # held-out panels: measured against trivial()
        logits, turns = self.logits(nets, batch["image"], context)
        return {"accuracy": (logits.argmax(1) == turns).double().cpu().numpy()}

    def trivial(self):
        return {"accuracy": 0.25}
