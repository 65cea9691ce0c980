"""Two ranks compute what one process would: gradients are the mean of those of the shares."""

import numpy as np
import pytest
from ranks import alone, finish, two_ranks

from benchmark.store import read_arrays

SCRIPT = "distributed_step.py"


@pytest.mark.parametrize("kind", ["plain", "adversarial", "spot_artifacts", "context_encoder", "autoencoder"])
def test_two_ranks_average_the_gradients_of_their_shares(kind, tmp_path):
    two_ranks(SCRIPT, *[(kind, "rank", 2, tmp_path / "ranks.npz")] * 2)
    finish(*(alone(SCRIPT, kind, share, 2, tmp_path / f"{share}.npz") for share in range(2)))
    together = read_arrays(tmp_path / "ranks.npz")
    shares = [read_arrays(tmp_path / f"{share}.npz") for share in range(2)]
    assert max(np.abs(change).max() for change in together.values()) > 1e-4
    for name, change in together.items():
        mean = (shares[0][name] + shares[1][name]) / 2
        np.testing.assert_allclose(change, mean, rtol=2e-3, atol=2e-6, err_msg=name)
    differs = [name for name in together if np.abs(shares[0][name] - shares[1][name]).max() > 1e-5]
    assert differs, "the shares have equal gradients, so the test could not fail"
