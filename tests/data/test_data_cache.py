import multiprocessing
import os
import shutil
import signal
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from pictures_of import draw, noise
from PIL import Image

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data import cache, once
from inkbench.benchmark.data.strips import build_strips
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)


def item(path: Path, crop=None, name: str | None = None) -> Item:
    return Item(name or path.stem, path, "s", "train", crop=crop)


def entry(crop=None) -> Item:
    return item(Path("a"), crop)


def pages(folder: Path, count: int = 9) -> list[Item]:
    return [item(draw(folder / f"{k}.jpg", 120 + 8 * k, 90, seed=k)) for k in range(count)]


@pytest.mark.parametrize("fit", ["crop", "squash", "pad", "centre"])
@pytest.mark.parametrize(("width", "height"), [(96, 64), (64, 96), (500, 40), (7, 90), (20, 20)])
def test_pixels_lie_where_the_view_places_them(tmp_path, fit, width, height):
    """Every pixel of the square has the colour that ``place`` says it has: a ramp in x and in y shows it."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    ramp = np.stack([255 * x, 255 * y, 0 * x], axis=2).round().astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    view = View(32, fit)
    [made] = cache.resized(tmp_path / "a.png", [entry()], view)
    place = view.place(width, height)
    seen_x, seen_y = np.meshgrid(np.arange(32) + 0.5, np.arange(32) + 0.5)
    at_x, at_y = (seen_x - place.left) / place.scale_x / width, (seen_y - place.top) / place.scale_y / height
    inside = (at_x > 0.1) & (at_x < 0.9) & (at_y > 0.1) & (at_y < 0.9)
    # a padded image of 500 x 40 is 2.56 pixels high and is drawn on 3: half a pixel of slack, a whole one in the middle
    pixels = {"pad": 0.5, "centre": 1.0}.get(fit, 0)
    slack = 2 + 255 * pixels / min(width * place.scale_x, height * place.scale_y)
    assert np.abs(made.pixels[..., 0] - 255 * at_x)[inside].max() <= slack
    assert np.abs(made.pixels[..., 1] - 255 * at_y)[inside].max() <= slack
    assert (made.width, made.height) == (width, height)


def test_padding_is_grey_to_the_right_and_below(tmp_path):
    draw(tmp_path / "a.png", 40, 20)
    [made] = cache.resized(tmp_path / "a.png", [entry()], View(16, "pad"))
    assert (made.pixels[8:] == 128).all()
    assert (made.pixels[:8] != 128).any()


def test_an_image_in_the_middle_has_black_on_both_sides(tmp_path):
    Image.new("RGB", (20, 40), (200, 10, 10)).save(tmp_path / "a.png")
    [made] = cache.resized(tmp_path / "a.png", [entry()], View(16, "centre"))
    assert (made.pixels[:, 4:12] == (200, 10, 10)).all()
    assert not made.pixels[:, :4].any()
    assert not made.pixels[:, 12:].any()


def test_an_image_of_the_right_size_is_not_touched(tmp_path):
    draw(tmp_path / "a.png", 32, 32)
    for fit in ("crop", "squash", "pad", "centre"):
        [made] = cache.resized(tmp_path / "a.png", [entry()], View(32, fit))
        assert np.array_equal(made.pixels, noise(32, 32))


def test_a_crop_is_what_the_cut_out_file_would_give(tmp_path):
    whole = noise(200, 150)
    Image.fromarray(whole).save(tmp_path / "page.png")
    Image.fromarray(whole[20:100, 30:170]).save(tmp_path / "panel.png")
    view = View(24, "crop")
    [cut] = cache.resized(tmp_path / "page.png", [entry(crop=(30, 20, 170, 100))], view)
    [own] = cache.resized(tmp_path / "panel.png", [entry()], view)
    assert np.array_equal(cut.pixels, own.pixels)
    assert (cut.width, cut.height) == (140, 80)


def test_nothing_under_a_hole_can_be_seen(tmp_path):
    """Whatever lies there, the square is the same, also beside the hole, where a filter would mix it in."""
    pixels, view = noise(200, 160).copy(), View(32, "squash")
    hole = Item("a", tmp_path / "a.png", "s", "train", hole=(41, 33, 97, 120))
    seen = []
    for under in (0, 255, 77):
        pixels[33:120, 41:97] = under
        Image.fromarray(pixels).save(tmp_path / "a.png")
        seen.append(cache.resized(tmp_path / "a.png", [hole], view)[0].pixels)
        plain = cache.resized(tmp_path / "a.png", [entry()], view)[0].pixels
        assert np.array_equal(plain, seen[-1]) is (under == 255)
    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[0], seen[2])
    outside = Item("a", tmp_path / "a.png", "s", "train", hole=(300, 0, 310, 9))
    assert isinstance(cache.resized(tmp_path / "a.png", [outside], view)[0], cache.BadImage)
    keys = {cache.cache_key([one], view, "data") for one in (hole, outside, entry())}
    assert len(keys) == 3


def test_a_smaller_decoded_jpeg_looks_as_the_whole_one(tmp_path):
    path = draw(tmp_path / "a.jpg", 803, 601)
    for fit in ("crop", "pad", "squash"):
        [quick] = cache.resized(path, [entry()], View(32, fit))
        [whole] = cache.resized(path, [entry(crop=(0, 0, 803, 601))], View(32, fit))
        assert np.abs(quick.pixels.astype(int) - whole.pixels).mean() < 2


def test_bits_do_not_depend_on_threads_or_on_the_other_items(tmp_path):
    items = pages(tmp_path / "in")
    items += [item(items[0].path, (5, 5, 60, 50), "cut"), item(items[3].path, (0, 0, 30, 30), "cut2")]
    one = cache.build(items, View(32), cache.Caching(tmp_path / "one", "k", QUIET, threads=1))
    four = cache.build(items, View(32), cache.Caching(tmp_path / "four", "k", QUIET, threads=4))
    assert np.array_equal(one.images, four.images)
    assert np.array_equal(one.sizes, four.sizes)
    few = cache.build(items[::-2], View(32), cache.Caching(tmp_path / "few", "k", QUIET, threads=2))
    assert np.array_equal(few.images, one.images[::-2])


def test_batches_sizes_and_order(tmp_path):
    items = pages(tmp_path / "in", 5)
    made = cache.build(items, View(16), cache.Caching(tmp_path / "c", "k", QUIET))
    assert [entry.id for entry in made.items] == ["0", "1", "2", "3", "4"]
    assert made.sizes.tolist() == [[120 + 8 * k, 90] for k in range(5)]
    batch = made.batch([3, 0, 3])
    assert batch.shape == (3, 16, 16, 3)
    assert np.array_equal(batch[0], made.images[3])
    assert not np.array_equal(batch[0], batch[1])
    batch[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        made.images[0] = 0


def test_the_unreadable_are_named_and_the_rest_keeps_its_order(tmp_path):
    items = pages(tmp_path / "in", 6)
    items[0].path.write_bytes(b"")
    items[3].path.write_bytes(items[3].path.read_bytes()[:300])
    items.append(item(items[5].path, (900, 900, 950, 950), "outside"))
    made = cache.build(items, View(16), cache.Caching(tmp_path / "c", "k", QUIET, threads=2))
    again = cache.build(items, View(16), cache.Caching(tmp_path / "c", "k", QUIET))
    for read in (made, again):
        assert [entry.id for entry in read.items] == ["1", "2", "4", "5"]
        assert [name for name, _ in read.failures] == ["0", "3", "outside"]
        assert read.failures[0][1] == "is an empty file"
    alone = cache.build([items[4]], View(16), cache.Caching(tmp_path / "d", "k", QUIET))
    assert np.array_equal(made.images[2], alone.images[0])


def test_nothing_readable_is_an_error_in_one_line(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"")
    with pytest.raises(RunError, match=r"none of 1 image can be read; the first: .*a\.jpg: is an empty file"):
        cache.build([item(path)], View(16), cache.Caching(tmp_path / "c", "k", QUIET))
    assert list((tmp_path / "c").glob("*")) == [] or not any((tmp_path / "c").glob("*/images.raw"))


def test_no_items_give_an_empty_cache(tmp_path):
    made = cache.build([], View(16), cache.Caching(tmp_path / "c", "k", QUIET))
    assert made.images.shape == (0, 16, 16, 3)
    assert not (tmp_path / "c").exists()


def test_it_is_made_once_and_again_for_another_key_crop_or_view(tmp_path, monkeypatch):
    items = pages(tmp_path / "in", 3)
    made = []
    real = cache._make
    monkeypatch.setattr(cache, "_make", lambda *given: (made.append(given[0]), real(*given))[1])
    folder = tmp_path / "c"
    for _ in range(2):
        cache.build(items, View(16), cache.Caching(folder, "k", QUIET))
    assert len(made) == 1
    cache.build(items, View(16), cache.Caching(folder, "another", QUIET))
    cache.build(items, View(16, "pad"), cache.Caching(folder, "k", QUIET))
    cache.build([item(items[0].path, (0, 0, 9, 9)), *items[1:]], View(16), cache.Caching(folder, "k", QUIET))
    assert len(set(made)) == 4


PANEL = View(16)
STRIP = View(16, "crop")


def built(items, folder, view):
    make = build_strips if view is STRIP else cache.build
    return make(items, view, cache.Caching(folder, "k", QUIET))


def mixed(folder):
    """Whole images and parts of them, one that cannot be read among them."""
    made = pages(folder, 6)
    (folder / "bad.jpg").write_bytes(b"none")
    return [*made[:2], item(folder / "bad.jpg"), item(made[2].path, (3, 4, 60, 70), "part"), *made[3:]]


def cut(folder):
    os.truncate(folder / "images.raw", 100)


def lengthen(folder):
    with (folder / "images.raw").open("ab") as file:
        file.write(bytes(7))


def lose_the_pixels(folder):
    (folder / "images.raw").unlink()


def lose_the_index(folder):
    (folder / f"{folder.name}.sealed").unlink()


def flip_the_index(folder):
    path = folder / f"{folder.name}.sealed"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def index_of_another(folder):
    path = folder / f"{folder.name}.sealed"
    path.write_bytes(path.read_bytes().replace(b"inkbench sealed 1", b"inkbench sealed 0"))


def a_file_in_its_place(folder):
    shutil.rmtree(folder)
    folder.write_text("x")


def a_folder_in_place_of_pixels(folder):
    (folder / "images.raw").unlink()
    (folder / "images.raw").mkdir()


@pytest.mark.parametrize("view", [PANEL, STRIP])
@pytest.mark.parametrize(
    "damage",
    [
        *(cut, lengthen, lose_the_pixels, lose_the_index, flip_the_index, index_of_another, a_file_in_its_place),
        a_folder_in_place_of_pixels,
    ],
)
def test_a_damaged_cache_is_told_once_and_made_again(tmp_path, capfd, damage, view):
    items, folder = mixed(tmp_path / "in"), tmp_path / "c"
    known = built(items, folder, view)
    good = known.batch(range(len(known.items)))
    content = {path.name: path.read_bytes() for path in folder.glob("*/*")}
    damage(next(folder.glob("[!.]*")))
    capfd.readouterr()
    again = built(items, folder, view)
    assert np.array_equal(again.batch(range(len(again.items))), good)
    assert again.failures == known.failures
    assert capfd.readouterr().err.count("is damaged (") == (damage is not lose_the_index)
    assert {path.name: path.read_bytes() for path in folder.glob("*/*")} == content
    built(items, folder, view)
    assert capfd.readouterr().err == ""


def some_bits(pixels, draw):
    for place in draw.integers(0, pixels.size, max(1, pixels.size // 50)):
        pixels[place] ^= 1 << draw.integers(8)


def zeroed(pixels, draw):
    del draw
    pixels[pixels.size // 2 :] = 0


def one_bit(pixels, draw):
    pixels[draw.integers(pixels.size)] ^= 1


@pytest.mark.parametrize("view", [PANEL, STRIP])
@pytest.mark.parametrize("damage", [some_bits, zeroed, one_bit])
def test_pixels_that_are_not_as_written_are_made_again_one_by_one(tmp_path, capfd, damage, view):
    items, folder = mixed(tmp_path / "in"), tmp_path / "c"
    known = built(items, folder, view)
    at = np.full(len(known.items), 0.6)
    good = known.batch(range(len(known.items)), at=at)
    raw = next(folder.glob("*/images.raw"))
    content = raw.read_bytes()
    pixels = np.frombuffer(content, dtype=np.uint8).copy()
    damage(pixels, np.random.default_rng(0))
    raw.write_bytes(pixels.tobytes())
    capfd.readouterr()
    held = built(items, folder, view)
    rows = np.array([4, 1])
    assert np.array_equal(held.subset(rows).batch([1, 0], at=at[:2]), good[[1, 4]])
    assert np.array_equal(held.batch(range(len(held.items)), at=at), good)
    lines = capfd.readouterr().err.splitlines()
    assert 1 <= len(lines) == len(set(lines)) <= len(held.items)
    assert all("is damaged; it is made again" in line for line in lines)
    assert raw.read_bytes() == content
    assert np.array_equal(built(items, folder, view).batch(range(len(held.items)), at=at), good)
    assert capfd.readouterr().err == ""


def test_pixels_whose_image_has_changed_are_no_longer_used(tmp_path):
    items, folder = pages(tmp_path / "in", 3), tmp_path / "c"
    built(items, folder, PANEL)
    raw = next(folder.glob("*/images.raw"))
    raw.write_bytes(bytes(len(raw.read_bytes())))
    draw(items[1].path, 100, 100, seed=99)
    with pytest.raises(RunError, match=r"image 1 in .* is damaged and .*1\.jpg is no longer what it was made from"):
        built(items, folder, PANEL).batch([1])
    items[2].path.unlink()
    with pytest.raises(RunError, match=r"image 2 in .* is damaged and cannot be made again"):
        built(items, folder, PANEL).batch([2])


def test_a_cache_that_may_not_be_written_is_right_all_the_same(tmp_path, capfd, monkeypatch):
    items, folder = pages(tmp_path / "in", 3), tmp_path / "c"
    good = built(items, folder, PANEL).batch(range(3))
    raw = next(folder.glob("*/images.raw"))
    raw.write_bytes(bytes(len(raw.read_bytes())))
    real = Path.open

    def read_only(path, mode="r", *given, **named):
        if "+" in mode:
            raise PermissionError(13, "Permission denied")
        return real(path, mode, *given, **named)

    monkeypatch.setattr(Path, "open", read_only)
    assert np.array_equal(built(items, folder, PANEL).batch(range(3)), good)
    assert capfd.readouterr().err.count("not mended (Permission denied)") == 3


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(once.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    with pytest.raises(RunError, match=r"MiB left .*make room or give another folder with --results DIR"):
        cache.build(pages(tmp_path / "in", 2), View(16), cache.Caching(tmp_path / "c", "k", QUIET))
    assert not list((tmp_path / "c").glob("*/images.raw"))


def _slowly(items, folder, started):
    real = cache.resized

    def slow(*given):
        started.set()
        time.sleep(0.05)
        return real(*given)

    cache.resized = slow
    cache.FILES_A_TASK = 1
    cache.build(items, View(16), cache.Caching(folder, "k", QUIET))


def test_a_kill_half_way_leaves_nothing_that_is_read(tmp_path):
    items = pages(tmp_path / "in", 40)
    folder = tmp_path / "c"
    context = multiprocessing.get_context("fork")
    started = context.Event()
    child = context.Process(target=_slowly, args=(items, folder, started))
    child.start()
    assert started.wait(20)
    time.sleep(0.2)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == []
    assert len(list(folder.glob(".*.tmp"))) == 1
    made = cache.build(items, View(16), cache.Caching(folder, "k", QUIET))
    assert len(made.items) == 40
    assert list(folder.glob(".*.tmp")) == []


def _count(items, folder, counter):
    real = cache._make

    def counted(*given):
        with counter.get_lock():
            counter.value += 1
        time.sleep(0.3)
        real(*given)

    cache._make = counted
    assert len(cache.build(items, View(16), cache.Caching(folder, "k", QUIET)).items) == len(items)


def test_two_processes_make_it_once(tmp_path):
    items = pages(tmp_path / "in", 5)
    context = multiprocessing.get_context("fork")
    counter = context.Value("i", 0)
    children = [context.Process(target=_count, args=(items, tmp_path / "c", counter)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0]
    assert counter.value == 1


def test_pairs_of_which_one_half_cannot_be_read_are_left_out(tmp_path):
    items = {"face": [], "body": []}
    for k in range(4):
        for kind in items:
            path = tmp_path / f"{kind}{k}.png"
            Image.new("RGB", (20, 20), (40 * k, 0, 0)).save(path)
            items[kind].append(Item(f"{kind}{k}", path, "s", "train", identity="who", panel=str(k)))
    items["face"][1].path.write_bytes(b"no image")
    items["body"][2].path.write_bytes(b"")
    view = View(side=8)
    caches = {
        kind: cache.build(of, view, cache.Caching(tmp_path / "cache", kind, Progress(quiet=True)))
        for kind, of in items.items()
    }
    pairs = cache.aligned(caches)
    assert [item.id for item in pairs["face"].items] == ["face0", "face3"]
    assert [item.id for item in pairs["body"].items] == ["body0", "body3"]
    for one in pairs.values():
        assert one.batch([0, 1])[:, 0, 0, 0].tolist() == [0, 120]
        assert len(one.failures) == 1
    whole = {"image": caches["face"], "again": caches["face"]}
    assert cache.aligned(whole) == whole
