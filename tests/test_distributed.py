"""Two ranks compute what one process would: gradients are the mean of those of the shares."""

import os
import subprocess
import sys

import numpy as np
import pytest

from benchmark.registry import ROOT
from benchmark.store import read_arrays
from benchmark.supervise import _free_port


def run(words, **environment):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "distributed_step.py"), *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
    )


@pytest.mark.parametrize("kind", ["plain", "adversarial"])
def test_two_ranks_average_the_gradients_of_their_shares(kind, tmp_path):
    port = str(_free_port())
    ranks = [
        run(
            [kind, "rank", 2, tmp_path / "ranks.npz"],
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=port,
            WORLD_SIZE="2",
            LOCAL_RANK=str(rank),
            RANK=str(rank),
            NODE_RANK="0",
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=240) for process in ranks] == [0, 0]
    alone = [run([kind, share, 2, tmp_path / f"{share}.npz"]) for share in range(2)]
    assert [process.wait(timeout=240) for process in alone] == [0, 0]
    together = read_arrays(tmp_path / "ranks.npz")
    shares = [read_arrays(tmp_path / f"{share}.npz") for share in range(2)]
    assert max(np.abs(change).max() for change in together.values()) > 1e-4
    for name, change in together.items():
        mean = (shares[0][name] + shares[1][name]) / 2
        np.testing.assert_allclose(change, mean, rtol=2e-3, atol=2e-6, err_msg=name)
    differs = [name for name in together if np.abs(shares[0][name] - shares[1][name]).max() > 1e-5]
    assert differs, "the shares have equal gradients, so the test could not fail"
