"""Damages of print and scan: functions of image, strength and item, each what its name says."""

import numpy as np
import pytest
from pictures_of import draw, noise
from PIL import Image

from inkbench.benchmark.api import View
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data import cache
from inkbench.benchmark.data.damage.catalogue import DAMAGES, KNOWN, STRENGTHS, Damage, all_damages, cut_box, damaged
from inkbench.benchmark.data.damage.items import read_item, with_damage
from inkbench.benchmark.data.damage.printing import LINES, PANEL_INCHES
from inkbench.benchmark.progress import Progress

SIDE = 256


def picture() -> np.ndarray:
    """Smooth tints with black lines on them."""
    x, y = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    image = np.stack([255 * x, 255 * y, 255 * (1 - x)], axis=2)
    for at in np.random.default_rng(0).integers(0, SIDE - 3, 30):
        image[at : at + 3, 40:220] = 0
        image[40:220, at : at + 2] = 0
    return image.round().astype(np.uint8)


def flat(value, side=SIDE) -> np.ndarray:
    return np.full((side, side, 3), value, dtype=np.uint8)


def error(image, name, strength) -> float:
    return float(np.abs(damaged(image, [f"{name}@{strength}"], "a").astype(float) - image).mean())


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 2), (33, 57)])
def test_any_image_keeps_its_kind_and_the_same_item_its_pixels(name, size):
    image = noise(*size)
    before = image.copy()
    for strength in STRENGTHS:
        made = damaged(image, [f"{name}@{strength}"], "item")
        assert made.dtype == np.uint8
        assert made.ndim == 3
        assert made.shape[2] == 3
        assert min(made.shape) > 0
        assert np.array_equal(made, damaged(image, [f"{name}@{strength}"], "item"))
    assert np.array_equal(image, before), "the image itself stays"


def test_what_is_random_is_drawn_by_the_item():
    image = picture()
    drawn = {name: [damaged(image, [f"{name}@2"], item) for item in ("a", "b")] for name in KNOWN}
    differ = {name for name, (one, other) in drawn.items() if not np.array_equal(one, other)}
    assert differ == {"halftone", "yellowing", "crop", "print-and-scan"}


@pytest.mark.parametrize("name", [name for name in DAMAGES if name not in ("crop",)])
def test_more_strength_is_more_damage(name):
    errors = [error(picture(), name, strength) for strength in STRENGTHS]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_identity_is_the_image_itself():
    image = picture()
    assert np.array_equal(damaged(image, ["identity@3"], "a"), image)


@pytest.mark.parametrize("tone", [30, 90, 128, 200])
@pytest.mark.parametrize("strength", STRENGTHS)
def test_dots_keep_the_mean_of_a_tint(tone, strength):
    made = damaged(flat(tone), [f"halftone@{strength}"], "a")
    assert abs(made.mean() - tone) < 6
    assert np.ptp(made) > 40, "dots, no tint"


def test_paper_and_solid_ink_have_no_dots():
    for value in (0, 255):
        assert np.array_equal(damaged(flat(value), ["halftone@3"], "a"), flat(value))


@pytest.mark.parametrize("strength", [2, 3])
def test_black_is_screened_at_45_degrees_with_as_many_lines_as_are_told(strength):
    """The strongest frequency of a screened grey, by a Fourier transform, is that of the screen."""
    side = 600
    made = damaged(flat(128, side), [f"halftone@{strength}"], "a")[:, :, 0].astype(float)
    spectrum = np.abs(np.fft.fft2(made - made.mean()))
    down, across = np.unravel_index(spectrum.argmax(), spectrum.shape)
    frequencies = np.fft.fftfreq(side) * side
    peak = np.array([frequencies[down], frequencies[across]])
    assert np.hypot(*peak) == pytest.approx(LINES[strength - 1] * PANEL_INCHES, abs=1.5)
    assert np.degrees(np.arctan2(*np.abs(peak))) == pytest.approx(45, abs=2)


def test_yellow_paper_lacks_blue_most():
    for strength in STRENGTHS:
        red, green, blue = damaged(flat(255), [f"yellowing@{strength}"], "a").mean((0, 1))
        assert red > green > blue
    assert np.array_equal(damaged(flat(0), ["yellowing@3"], "a"), flat(0)), "ink stays black"


def test_grey_has_no_colour_and_as_much_contrast_as_is_told():
    luma = np.asarray(Image.fromarray(picture()).convert("L")).astype(float)
    for strength, share in zip(STRENGTHS, (0.8, 0.5, 0.3), strict=True):
        made = damaged(picture(), [f"grey@{strength}"], "a").astype(float)
        assert (np.ptp(made, axis=2) == 0).all()
        assert made.std() / luma.std() == pytest.approx(share, abs=0.01)
        assert made.mean() == pytest.approx(luma.mean(), abs=0.6)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_cut_image_is_a_part_of_the_image(strength):
    image = noise(120, 80)
    x0, y0, x1, y1 = cut_box(120, 80, strength, "a")
    assert np.array_equal(damaged(image, [f"crop@{strength}"], "a"), image[y0:y1, x0:x1])
    left = 1 - strength / 10
    assert (x1 - x0, y1 - y0) == (round(120 * left), round(80 * left))


def test_scale_keeps_a_tint_and_loses_a_line():
    assert np.array_equal(damaged(flat(77), ["scale@3"], "a"), flat(77))
    line = flat(255, 448)
    line[:, 224] = 0
    faint = [damaged(line, [f"scale@{strength}"], "a").min() for strength in STRENGTHS]
    assert 0 < faint[0] < faint[1] < faint[2]
    small, large = (damaged(flat(0, side), ["scale@3"], "a").shape for side in (50, 500))
    assert (small[0], large[0]) == (50, 500)


def test_a_damage_is_read_as_it_is_written():
    assert [Damage.of(str(damage)) for damage in all_damages()] == all_damages()
    assert len(all_damages()) == 18
    for wrong in ("halftone", "halftone@4", "rain@1", ""):
        with pytest.raises(ValueError, match="is no damage"):
            Damage.of(wrong)


def test_an_image_is_damaged_before_it_is_resized(tmp_path):
    """The square of a damaged item is that of a file with the damaged pixels; of a cut-out alone, not of its page."""
    page = draw(tmp_path / "page.png", 200, 150)
    item = with_damage(Item("a", page, "s", "test", crop=(20, 30, 160, 120)), Damage("yellowing", 2))
    Image.fromarray(read_item(item)).save(tmp_path / "own.png")
    view = View(48)
    [made] = cache.resized(page, [item], view)
    [wanted] = cache.resized(tmp_path / "own.png", [Item("a", tmp_path / "own.png", "s", "test")], view)
    assert np.array_equal(made.pixels, wanted.pixels)
    cut = np.asarray(Image.open(page, formats=["PNG"]))[30:120, 20:160]
    assert np.array_equal(read_item(item), damaged(cut, ["yellowing@2"], "a"))


def test_damaged_squares_are_kept_apart_and_those_of_identity_are_the_clean_ones(tmp_path):
    caching = cache.Caching(tmp_path / "cache", "key", Progress(quiet=True))
    items = [Item(f"{k}", draw(tmp_path / f"{k}.jpg", 300, 260, seed=k), "s", "test") for k in range(3)]
    clean = cache.build(items, View(32), caching)
    again = cache.build([with_damage(item, Damage("identity", 3)) for item in items], View(32), caching)
    grey = cache.build([with_damage(item, Damage("grey", 1)) for item in items], View(32), caching)
    assert np.array_equal(clean.images, again.images)
    assert not np.array_equal(clean.images, grey.images)
    assert len(list((tmp_path / "cache").glob("*/"))) == 2


def test_parts_of_an_item_are_damaged_too():
    face = Item("f", None, "s", "test")
    both = with_damage(Item("a", None, "s", "test", parts={"face": face}), Damage("jpeg", 1))
    assert (both.damage, both.parts["face"].damage) == (("jpeg@1",), ("jpeg@1",))
