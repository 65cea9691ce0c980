"""Strips that somebody cut by hand: a folder of panels for each strip, and one table of faces.

python run_benchmark.py --plugin examples/hand_cut.py --data hand-cut:DIR --method random --task detection
"""

from functools import cached_property

from inkbench.benchmark.api import Box, Item
from inkbench.benchmark.data.csvfile import table_of
from inkbench.benchmark.data.files import FileDataset, folders, images_in, stem_of
from inkbench.benchmark.data.splits import assign


class HandCut(FileDataset):
    """Panels by strip, with the faces that faces.csv holds."""

    name = "hand-cut"
    licence, citation, homepage = "that of your images", "", ""
    layout = "STRIP/PANEL.png and faces.csv: strip,panel,x0,y0,x1,y1 in pixels"

    @classmethod
    def recognises(cls, root):
        """Whether there is a table of faces."""
        return (root / "faces.csv").is_file()

    def offers(self):
        """Panels, with boxes of faces."""
        return frozenset({"panels", "boxes:face"})

    @cached_property
    def _panels(self):
        return {(strip.name, stem_of(file)): file for strip in folders(self.root) for file in images_in(strip)}

    def files(self):
        """What the numbers depend on."""
        return [self.root / "faces.csv", *self._panels.values()]

    def read(self, kind):
        """A panel for each image; a strip is a series, so its panels stay on one side of the split."""
        boxes = {key: [] for key in self._panels}
        for line, row in table_of(self.root / "faces.csv", ("strip", "panel", "x0", "y0", "x1", "y1")):
            key = (row["strip"], row["panel"])
            if key in boxes:
                boxes[key].append(Box("face", *(float(row[side]) for side in ("x0", "y0", "x1", "y1"))))
            else:
                self.absent(f"{'/'.join(key)}", f"faces.csv:{line}")
        series = assign({strip for strip, _ in self._panels}, self.root)
        faces = frozenset({"face"})
        return [
            Item(f"{strip}/{panel}", file, strip, series[strip].split, boxes=tuple(boxes[strip, panel]), labels=faces)
            for (strip, panel), file in self._panels.items()
        ]
