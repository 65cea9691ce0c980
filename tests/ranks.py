"""Processes of a script, alone or as the ranks of one computation."""

import os
import subprocess
import sys

from inkbench.benchmark.registry import ROOT
from inkbench.benchmark.running.supervisor import _free_port

PATIENCE_S = 240


def alone(script, *words, **environment):
    """Start ``tests/SCRIPT WORDS`` with one thread."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / script), *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
    )


def finish(*processes):
    """Wait for all, and fail where one does."""
    assert [process.wait(timeout=PATIENCE_S) for process in processes] == [0] * len(processes)


def two_ranks(script, *words_of_rank):
    """Run ``tests/SCRIPT`` as ranks 0 and 1, each with its own words."""
    port = str(_free_port())
    finish(
        *(
            alone(
                script,
                *words,
                MASTER_ADDR="127.0.0.1",
                MASTER_PORT=port,
                WORLD_SIZE="2",
                LOCAL_RANK=str(rank),
                RANK=str(rank),
                NODE_RANK="0",
            )
            for rank, words in enumerate(words_of_rank)
        )
    )
