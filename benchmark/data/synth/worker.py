"""A process that draws series: numbers come in on standard input, a line goes out per page and per series.

It ends when its input does, so it outlives a killed parent by one series at most.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.series import draw_series


def main() -> None:
    """Run ``python -m inkbench.benchmark.data.synth.worker HOME SETTINGS-AS-JSON``."""
    home, config = Path(sys.argv[1]), SynthConfig.model_validate_json(sys.argv[2])
    for line in sys.stdin:
        draw_series(config, int(line), home, lambda panels: print(f"page {panels}", flush=True))
        print("series", flush=True)


if __name__ == "__main__":
    main()
