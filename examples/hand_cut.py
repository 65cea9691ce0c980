"""Strips that somebody cut by hand: a folder of panels for each strip, and one table of faces."""

from inkbench.benchmark.api import Box, Item
from inkbench.benchmark.data.csvfile import table_of
from inkbench.benchmark.data.files import FileDataset, folders, images_in, stem_of
from inkbench.benchmark.data.splits import assign


class HandCut(FileDataset):
    """Panels by strip, with the faces that faces.csv holds."""

    name = "hand-cut"
    layout = "STRIP/PANEL.png and faces.csv: strip,panel,x0,y0,x1,y1 in pixels"
    licence, citation, homepage = "that of your images", "", ""

    @classmethod
    def recognises(cls, root):
        return (root / "faces.csv").is_file()

    def offers(self):
        return frozenset({"panels", "boxes:face"})

    def files(self):
        return [self.root / "faces.csv", *(file for strip in folders(self.root) for file in images_in(strip))]

    def read(self, kind):
        panels = {f"{strip.name}/{stem_of(file)}": file for strip in folders(self.root) for file in images_in(strip)}
        boxes = {panel: [] for panel in panels}
        for line, row in table_of(self.root / "faces.csv", ("strip", "panel", "x0", "y0", "x1", "y1")):
            if (panel := f"{row['strip']}/{row['panel']}") in boxes:
                boxes[panel].append(Box("face", *(float(row[side]) for side in ("x0", "y0", "x1", "y1"))))
            else:
                self.absent(panel, f"faces.csv:{line}")
        strips = {panel: panel.partition("/")[0] for panel in panels}
        series, known = assign(set(strips.values()), self.root), frozenset({"face"})
        return [
            Item(panel, panels[panel], strip, series[strip].split, boxes=tuple(boxes[panel]), labels=known)
            for panel, strip in strips.items()
        ]
