"""Weights of the catalogue, or of a name of timm's or the hub's: each a row of its own, of its own network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from inkbench.benchmark.api import Config, Method, NotApplicable, WeightsInfo
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.supervision import UNKNOWN

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


class Given(Method[Config]):
    """Weights that others trained, as they are handed out; outside the budget."""

    needs = frozenset()
    pretrains = False
    external = True
    weights: ClassVar[catalogue.Weights]

    def set_weights(self, backbone: Backbone, weights: Path | None) -> WeightsInfo:
        """Fill the backbone from a folder of one's own, from the file's own hub, or from timm's.

        Raises UsageError for a file that does not fit or is not the file that it was, NotApplicable where none is had.
        """
        from inkbench.benchmark.networks import hub
        from inkbench.benchmark.networks.weights_files import load_weights

        wanted = self.weights
        file = own = hub.in_folders(wanted)
        if file is None and wanted.file and not wanted.hf:
            raise NotApplicable(
                f"{wanted.name} is not handed out by a hub: put {wanted.file} into a folder and set "
                f"{catalogue.FOLDERS} to it{f' (from {wanted.homepage})' if wanted.homepage else ''}"
            )
        if file is None and wanted.timm:
            state, file = hub.of_timm(backbone)
            backbone.model.load_state_dict(state)
            told = ""
        else:
            file = file or hub.of_repository(wanted)
            told = load_weights(backbone, file)
        if file is not None and (own is None or wanted.sha256 != UNKNOWN):  # what is one's own may change
            hub.held(file, wanted.sha256)
        return WeightsInfo(wanted.supervision, told, **hub.facts_of(wanted))


@cache
def row(name: str) -> type[Given]:
    """Return the method of a row, by its word on the command line. Raises UsageError."""
    found = catalogue.find(name)
    return type(
        "Given",
        (Given,),
        {
            "__doc__": f"{found.family}: {found.supervision}, {found.data}.",
            "__module__": __name__,
            "name": found.name,
            "supervision": found.supervision,
            "reads": {**catalogue.scaling(found), **({} if found.feature == "family" else {"readout": found.feature})},
            "architecture": found.backbone,
            "source": found.citation,
            "weights": found,
        },
    )
