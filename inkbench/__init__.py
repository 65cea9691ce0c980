"""inkbench: which pretraining is worth it on comics? A benchmark of pretraining methods for drawn images.

In a clone the packages lie beside this folder, at the top level; a wheel installs them in it.
"""

from pathlib import Path

if not (Path(__file__).parent / "benchmark").is_dir():
    __path__.append(str(Path(__file__).resolve().parent.parent))
