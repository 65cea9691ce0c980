"""What the loops stand on: order of images, prefetching, checkpoints, seeds."""

import errno
import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inkbench.benchmark.errors import RunError
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.training import engine


@given(count=st.integers(1, 40), batch=st.integers(1, 30), seed=st.integers(0, 5))
def test_every_epoch_sees_every_image_once(count, batch, seed):
    steps = -(-count * 3 // batch)
    drawn = np.concatenate([engine.batch_indices(count, batch, seed, "p", step) for step in range(steps)])
    for epoch in range(3):
        assert sorted(drawn[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_the_order_depends_on_seed_and_purpose():
    orders = {tuple(engine.batch_indices(50, 50, seed, purpose, 0)) for seed in (0, 1) for purpose in ("a", "b")}
    assert len(orders) == 4


def test_derived_seeds_depend_on_every_part_and_its_place():
    assert len({derive(1, 2), derive(2, 1), derive("12"), derive(1, "2x"), derive(1)}) == 5


def test_prefetch_gives_all_in_order_and_hands_on_errors():
    assert list(engine.prefetch(lambda step: step * 2, 3, 9)) == [6, 8, 10, 12, 14, 16]

    def broken(step):
        if step == 2:
            raise RunError("page 2 is gone")
        return step

    stream = engine.prefetch(broken, 0, 5)
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(RunError, match="page 2"):
        next(stream)


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "32", torch.get_num_threads())


def test_a_checkpoint_brings_back_networks_optimisers_and_curve(tmp_path, device):
    torch.manual_seed(0)

    def fresh():
        net = nn.Linear(3, 2)
        return net, torch.optim.AdamW(net.parameters(), lr=0.1)

    def steps(net, optimizer, first, last):
        for step in range(first, last):
            net(torch.full((1, 3), float(step))).sum().backward()
            optimizer.step()
            optimizer.zero_grad()

    net, optimizer = fresh()
    start = {key: value.clone() for key, value in net.state_dict().items()}
    checkpoint = engine.Checkpoint(tmp_path / "a.pt", device)
    assert checkpoint.load({"net": net}, {"net": optimizer}) == (0, [])
    steps(net, optimizer, 0, 4)
    checkpoint.save(4, {"net": net}, {"net": optimizer}, [(0, 1.5)])
    steps(net, optimizer, 4, 8)
    again, other = fresh()
    again.load_state_dict(start)
    assert checkpoint.load({"net": again}, {"net": other}) == (4, [(0, 1.5)])
    steps(again, other, 4, 8)
    assert torch.equal(net.weight, again.weight)
    checkpoint.remove()
    assert not checkpoint.path.exists()


def saved(folder, device):
    """A checkpoint after four steps, its bytes, and the network that it was written from."""
    torch.manual_seed(1)
    net, checkpoint = nn.Linear(3, 2), engine.Checkpoint(folder / "a.pt", device)
    checkpoint.save(4, {"net": net}, {}, [(0, 1.5)])
    return checkpoint, checkpoint.path.read_bytes(), net


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other", "pickle", "folder", "link", "renamed"])
def test_a_damaged_checkpoint_is_set_aside_and_the_work_begins_anew(tmp_path, device, capfd, damage):
    checkpoint, data, net = saved(tmp_path, device)
    path = checkpoint.path
    middle = len(data) // 2
    written = {
        "flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "cut": data[:middle],
        "empty": b"",
        "other": b"half a file",
        "pickle": pickle.dumps({"step": 3}),
    }
    if damage in written:
        path.write_bytes(written[damage])
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "link":
        path.unlink()
        path.symlink_to(tmp_path / "nowhere")
    else:
        other = engine.Checkpoint(tmp_path / "b.pt", device)
        other.save(2, {"net": net}, {}, [])
        other.path.rename(path)
    before = net.weight.clone()
    assert checkpoint.load({"net": net}, {}) == (0, [])
    assert torch.equal(net.weight, before)
    line = capfd.readouterr().err
    assert line.count("\n") == 1
    assert f"checkpoint {path} is damaged" in line
    assert not path.is_symlink()
    assert not path.exists()
    assert checkpoint.load({"net": net}, {}) == (0, [])
    assert capfd.readouterr().err == ""


def test_a_disk_without_room_costs_the_checkpoint_and_not_the_run(tmp_path, device, capfd, monkeypatch):
    checkpoint, data, net = saved(tmp_path, device)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    checkpoint.save(8, {"net": net}, {}, [])
    assert "not written (No space left on device)" in capfd.readouterr().err
    assert checkpoint.path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [checkpoint.path]


def test_a_step_draws_the_same_whatever_was_drawn_before(device):
    first = engine.context(device, 3, "x", 7, 10)
    a = (torch.rand(2, generator=first.generator), torch.rand(2))
    torch.rand(100)
    second = engine.context(device, 3, "x", 7, 10)
    b = (torch.rand(2, generator=second.generator), torch.rand(2))
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])
