"""Encoders of a masked panel and the panels before it for the face to paint: SSuperGAN's ways to read a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Context = Literal["none", "plain", "lstm", "bilstm", "convlstm"]
VIEWS = ("panel", "before", "previous")
"""The order in which panels are read: the masked one, the last of the story, first; then the others as they follow."""


def to_grid(features: Sequence[Tensor], grid: int) -> list[Tensor]:
    """Average maps finer than ``grid`` down to it; the others stay as they are."""
    return [functional.adaptive_avg_pool2d(level, grid) if level.shape[-1] > grid else level for level in features]


class PanelMap(nn.Module):
    """All maps of a panel on one grid: standardised over the batch, a 1 x 1 convolution each, summed, rectified."""

    def __init__(self, channels: Sequence[int], grid: int, width: int) -> None:
        super().__init__()
        self.grid = grid
        self.read = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(count, affine=False), nn.Conv2d(count, width, 1, bias=False))
            for count in channels
        )
        self.offset = nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return (B, width, grid, grid) from the backbone's maps, or from the result of ``to_grid``."""
        shape = (self.grid, self.grid)
        levels = to_grid([level.float() for level in features], self.grid)
        read = [
            functional.interpolate(read(level), shape, mode="bilinear", align_corners=False)
            for level, read in zip(levels, self.read, strict=True)
        ]
        return functional.leaky_relu(torch.stack(read).sum(0) + self.offset, 0.2)


class PanelContext(nn.Module):
    """Maps of the panels to one vector of ``out`` numbers.

    ``none``: the masked panel alone. ``plain``: the embeddings of all panels side by side. ``lstm``, ``bilstm``: the
    last hidden state of a recurrent network over them, of ``hidden`` numbers, half of them of each direction where
    there are two. ``convlstm``: the same over their maps, with peepholes (Shi et al., NeurIPS 2015, equation 3). A
    panel that is not there is a vector, or a map, that is learnt.
    """

    def __init__(self, kind: Context, channels: Sequence[int], grid: int, width: int, embed: int, hidden: int) -> None:
        super().__init__()
        self.kind = kind
        self.map = PanelMap(channels, grid, width)
        if kind == "convlstm":
            self.absent = nn.Parameter(torch.zeros(width, grid, grid))
            self.gates = nn.Conv2d(width + hidden, 4 * hidden, 3, padding=1)
            self.peepholes = nn.Parameter(torch.zeros(3, hidden, grid, grid))
            self.out = hidden * grid**2
            return
        if kind != "none":
            self.absent = nn.Parameter(torch.zeros(embed))
        self.embed = nn.Linear(width * grid**2, embed)
        if kind == "lstm":
            self.recurrent = nn.LSTM(embed, hidden, batch_first=True)
        if kind == "bilstm":
            self.recurrent = nn.LSTM(embed, hidden // 2, batch_first=True, bidirectional=True)
        self.out = {"none": embed, "plain": len(VIEWS) * embed, "lstm": hidden, "bilstm": hidden // 2 * 2}[kind]

    def forward(self, panels: Sequence[Sequence[Tensor]], present: Sequence[Tensor]) -> Tensor:
        """Return (B, out) from the maps of each panel in the order of ``VIEWS`` and their presence, bool (B,) each."""
        if self.kind == "convlstm":
            return self._hidden_map([self._or_absent(self.map(p), has) for p, has in zip(panels, present)])
        embedded = [self.embed(self.map(panel).flatten(1)) for panel in panels]
        if self.kind == "none":
            only: Tensor = embedded[0]
            return only
        embedded = [self._or_absent(seen, has) for seen, has in zip(embedded, present, strict=True)]
        if self.kind == "plain":
            return torch.cat(embedded, 1)
        _, (hidden, _) = self.recurrent(torch.stack(embedded, 1))
        flat: Tensor = hidden.transpose(0, 1).flatten(1)
        return flat

    def _or_absent(self, seen: Tensor, present: Tensor) -> Tensor:
        return torch.where(present.view(-1, *[1] * (seen.ndim - 1)), seen, self.absent)

    def _hidden_map(self, maps: Sequence[Tensor]) -> Tensor:
        size = self.gates.out_channels // 4
        hidden = cell = maps[0].new_zeros(len(maps[0]), size, *maps[0].shape[2:])
        to_enter, to_forget, to_leave = self.peepholes
        for seen in maps:
            enter, forget, leave, change = self.gates(torch.cat([seen, hidden], 1)).chunk(4, 1)
            entered = (enter + to_enter * cell).sigmoid() * change.tanh()
            cell = (forget + to_forget * cell).sigmoid() * cell + entered
            hidden = (leave + to_leave * cell).sigmoid() * cell.tanh()
        return hidden.flatten(1)
