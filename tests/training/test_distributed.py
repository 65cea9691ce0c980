"""Two ranks compute what one process would: gradients are the mean of those of the shares."""

import numpy as np
import pytest
from ranks import alone, finish, two_ranks

from inkbench.benchmark.store.arrays import read_arrays

SCRIPT = "distributed_step.py"


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    """What one update changes: of two ranks together, and of each share alone."""
    folder = tmp_path_factory.mktemp("ranks")
    two_ranks(SCRIPT, *[("rank", 2, folder / "ranks.npz")] * 2)
    finish(*(alone(SCRIPT, share, 2, folder / f"{share}.npz") for share in range(2)))
    return [read_arrays(folder / f"{name}.npz") for name in ("ranks", "0", "1")]


@pytest.mark.parametrize("kind", ["plain", "adversarial", "spot_artifacts", "context_encoder", "autoencoder"])
@pytest.mark.slow
def test_two_ranks_average_the_gradients_of_their_shares(kind, changes):
    together, *shares = ({key: a for key, a in of.items() if key.startswith(f"{kind}/")} for of in changes)
    assert max(np.abs(change).max() for change in together.values()) > 1e-4
    for name, change in together.items():
        mean = (shares[0][name] + shares[1][name]) / 2
        np.testing.assert_allclose(change, mean, rtol=2e-3, atol=2e-6, err_msg=name)
    differs = [name for name in together if np.abs(shares[0][name] - shares[1][name]).max() > 1e-5]
    assert differs, "the shares have equal gradients, so the test could not fail"
