"""The findings of an audit as text, JSON and a page with its pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from inkbench.benchmark import escaping
from inkbench.benchmark.audit.measure import Figure
from inkbench.benchmark.escaping import html
from inkbench.benchmark.running.pictures import save_pictures
from inkbench.benchmark.store.files import write_atomic, write_json
from inkbench.leaderboards.groups import plain

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
background: canvas; color: canvastext; color-scheme: light dark }}
pre {{ overflow-x: auto }} img {{ max-width: 100%; height: auto; background: white }}</style>
<h1>{title}</h1><pre>{text}</pre>{pictures}</html>
"""


@dataclass(frozen=True)
class Findings:
    """Everything that an audit measured."""

    method: str
    settings: dict[str, Any]
    data: str
    even: float
    chance: float
    gradients: dict[str, dict[str, Figure]]
    """network -> {"right", "sum"}: share of the gradient's mass on tile borders."""
    accuracies: dict[str, dict[str, Figure | None]]
    """what is taken away -> {"at test time", "retrained"}: held-out accuracy; None where it was not trained."""
    controls: dict[str, Figure]
    transfer: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the findings as tables, with words on what they are."""
        changed = " ".join(f"{name}={plain(value)}" for name, value in self.settings.items())
        lines = [
            f"audit of {self.method} {changed}".rstrip(),
            f"data {self.data}; means over held-out panels [95 % interval, resampling series and panels]",
            "",
            f"Share of the input gradient on tile borders; an even spread has {self.even:.3f}",
        ]
        rows = [[name, _told(of["right"]), _told(of["sum"])] for name, of in self.gradients.items()]
        lines.append(tabulate(rows, headers=["network", "right logit", "sum of logits"], disable_numparse=True))
        lines += ["", f"Pretext accuracy; chance is {self.chance:.3f}"]
        rows = [[name, _told(of["at test time"]), _told(of["retrained"])] for name, of in self.accuracies.items()]
        headers = ["taken away", "from the puzzles of the trained network", "and from its training"]
        lines.append(tabulate(rows, headers=headers, disable_numparse=True))
        rows = [[name, _told(figure)] for name, figure in self.controls.items()]
        lines += ["", tabulate(rows, headers=["control", "pretext accuracy"], disable_numparse=True), ""]
        return "\n".join([*lines, *self.transfer])

    def write(self, folder: Path, pictures: dict[str, np.ndarray]) -> None:
        """Write audit.json, audit.txt, the pictures, and index.html, each whole or not at all."""
        save_pictures(folder, pictures)
        write_json(folder / "audit.json", asdict(self))
        write_atomic(folder / "audit.txt", (self.text() + "\n").encode())
        shown = "".join(f'<h2>{html(name)}</h2><img src="{html(name)}.png" alt="{html(name)}">' for name in pictures)
        title = html(f"Is it a shortcut? {self.method} on {self.data}")
        page = PAGE.format(title=title, text="\n".join(map(html, self.text().split("\n"))), pictures=shown)
        write_atomic(folder / "index.html", page.encode())

    def json(self) -> str:
        """Return the findings as JSON."""
        return escaping.json(asdict(self))


def _told(figure: Figure | None) -> str:
    return "–" if figure is None else f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
