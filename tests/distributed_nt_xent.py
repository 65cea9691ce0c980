"""NT-Xent and SupCon of a linear map, as one of several ranks or alone on the whole batch; writes value and gradient.

Run by test_nt_xent.py: ``python tests/distributed_nt_xent.py WORLD OUT``.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn

from inkbench.benchmark.losses.nt_xent import found, nt_xent
from inkbench.benchmark.store.arrays import arrays_bytes
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.training import engine
from inkbench.methods.supervised.sup_con import sup_con


def main(world, out):
    device = engine.start(world, "32", 1)
    rank = device.fabric.global_rank
    torch.manual_seed(0)
    net = device.fabric.setup_module(nn.Linear(12, 6, bias=False))
    one, other = torch.randn(2, 16, 12)
    warnings.simplefilter("error", FutureWarning)  # nothing that torch is about to take away
    mine = slice(rank, None, world)
    loss = nt_xent(net(one[mine]), net(other[mine]), 0.2)
    labels = torch.arange(16) % 5
    loss = loss + sup_con(net(one[mine]), labels[mine], 0.2)
    device.fabric.backward(loss)
    (gradient,) = (parameter.grad for parameter in net.parameters())
    arrays = {"loss": loss.detach().numpy(), "gradient": gradient.numpy()}
    with torch.no_grad():
        arrays["found"] = found(one[rank : rank + 5], one[rank : rank + 5] + 0.1 * other[rank : rank + 5]).numpy()
    if world == 1:
        with torch.no_grad():
            half = nt_xent(net(one[::2]), net(other[::2]), 0.2) + sup_con(net(one[::2]), labels[::2], 0.2)
            arrays["loss of half the batch"] = half.numpy()
    write_atomic(Path(out), arrays_bytes(arrays))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
