"""Files of one's own that tests of plugins bring: a table with rows of the examples, a folder of hand-cut strips."""

from pathlib import Path

from pictures_of import draw

TABLE = """title = "Rotation beside nothing"
task = "saliency"
protocol = "frozen"

[[columns]]
key = "primary"

[[columns]]
key = "contrast"

[[rows]]
label = "nothing"
settings = { method = "random" }

[[rows]]
label = "four turns"
settings = { method = "rotation" }
"""


def strips(folder: Path, count: int = 6, each: int = 4, lines: tuple[str, ...] = ()) -> Path:
    """Draw strips as ``examples/hand_cut.py`` reads them, a face on each panel; ``lines`` go on the table of faces."""
    rows = ["strip,panel,x0,y0,x1,y1"]
    for strip in range(count):
        for panel in range(each):
            path = folder / f"s{strip}" / f"{panel}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(path, 80, 60, seed=strip * each + panel)
            rows.append(f"s{strip},{panel},10,10,40,40")
    (folder / "faces.csv").write_text("\n".join([*rows, *lines, ""]))
    return folder
