import threading
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures_of import draw, noise
from PIL import Image

from inkbench.benchmark.data.filenames import is_image
from inkbench.benchmark.data.images import BadImage, decode, read_rgb, size_of


def test_rgb_png_is_read_bit_for_bit(tmp_path):
    path = draw(tmp_path / "a.png", 33, 21)
    assert np.array_equal(read_rgb(path), noise(33, 21))


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("L", "png"),
        ("1", "png"),
        ("P", "png"),
        ("CMYK", "jpg"),
        ("L", "jpg"),
        ("CMYK", "tif"),
        ("LAB", "tif"),
        ("YCbCr", "tif"),
    ],
)
def test_modes_become_the_colours_that_they_mean(tmp_path, mode, suffix):
    flat = Image.new("RGB", (16, 16), (255, 255, 255))
    flat.paste((0, 0, 0), (0, 0, 8, 16))
    path = tmp_path / f"a.{suffix}"
    flat.convert(mode).save(path)
    pixels = read_rgb(path)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert pixels[:, :7].max() <= 8
    assert pixels[:, 9:].min() >= 247


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, suffix):
    grey = np.array([[0, 257, 32_768, 65_535]], dtype=np.uint16)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(grey).save(path)
    assert read_rgb(path)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_greys_in_unit_range_are_scaled_and_others_refused(tmp_path):
    unit, wild = tmp_path / "unit.tif", tmp_path / "wild.tif"
    Image.fromarray(np.array([[0, 0.5, 1]], dtype=np.float32)).save(unit)
    Image.fromarray(np.array([[-3, 0.5, 1]], dtype=np.float32)).save(wild)
    assert read_rgb(unit)[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(BadImage, match="an unknown range"):
        read_rgb(wild)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(tmp_path, mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 2, 4))
    path = tmp_path / "a.png"
    image.convert(mode).save(path)
    assert read_rgb(path)[0, :, 0].tolist() == [0, 0, 255, 255]


def test_palette_with_a_transparent_colour_lies_on_white(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    path = tmp_path / "a.png"
    image.save(path, transparency=bytes([0, 255]))
    assert read_rgb(path)[0].tolist() == [[255, 255, 255], [200, 100, 50]]


def test_orientation_is_applied_to_pixels_and_size(tmp_path):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (40, 20), "white")
    image.paste("black", (0, 0, 20, 20))
    image.save(path, exif=exif)
    pixels = read_rgb(path)
    assert pixels.shape == (40, 20, 3)
    assert size_of(path) == (20, 40)
    assert pixels[5].max() < 30
    assert pixels[35].min() > 225


def test_a_wrong_extension_does_not_matter(tmp_path):
    path = draw(tmp_path / "a.png", 20, 20)
    renamed = path.rename(tmp_path / "a.jpg")
    assert np.array_equal(read_rgb(renamed), noise(20, 20))


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert read_rgb(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """More pixels than Pillow reads without a warning."""
    path = tmp_path_factory.mktemp("wide") / "a.png"
    Image.new("1", (20_000, 4_600)).save(path)
    return path


@pytest.mark.seconds
def test_wide_as_twenty_thousand_pixels(wide):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert size_of(wide) == (20_000, 4_600)
        assert read_rgb(wide, (19_990, 0, 20_000, 5)).shape == (5, 10, 3)


@pytest.mark.seconds
def test_a_bomb_is_reported_by_name(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(BadImage, match=r"bomb\.png: has more than 178 million pixels"):
        read_rgb(path)


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "webp", "tif", "bmp"])
def test_truncated_files_are_reported_by_name(tmp_path, kind):
    path = draw(tmp_path / f"a.{kind}", 200, 200)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage) as caught:
        read_rgb(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "is an empty file"), (b"<html>", "is not an image"), (b"\xff\xd8\xff\xe0", "a.jpg: ")]
)
def test_what_is_no_image_is_reported(tmp_path, data, reason):
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(BadImage, match=reason):
        read_rgb(path)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(BadImage, match=r"none\.png: No such file"):
        read_rgb(tmp_path / "none.png")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return {kind: draw(folder / f"a.{kind}", 60, 60).read_bytes() for kind in ("jpg", "png", "gif", "webp")}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=64), st.integers(0, 3_000), st.sampled_from(["jpg", "png", "gif", "webp"]))
def test_damage_anywhere_is_read_or_reported(tmp_path, whole, damage, at, kind):
    path = tmp_path / f"a.{kind}"
    data = bytearray(whole[kind])
    at = at % len(data)
    data[at : at + len(damage)] = damage
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            said = f"{path}: read {read_rgb(path).shape}"
        except BadImage as error:
            said = str(error)
    assert said.startswith(f"{path}: ")
    assert len(said) > len(f"{path}: ")
    assert "\n" not in said


def test_crops_are_cut_clamped_or_reported(tmp_path):
    path = draw(tmp_path / "a.png", 40, 30)
    assert np.array_equal(read_rgb(path, (5, 6, 15, 26)), noise(40, 30)[6:26, 5:15])
    assert np.array_equal(read_rgb(path, (30, 20, 99, 99)), noise(40, 30)[20:, 30:])
    with pytest.raises(BadImage, match=r"lies outside the image of 40 x 30"):
        read_rgb(path, (40, 0, 50, 10))


def test_a_jpeg_is_decoded_smaller_but_twice_as_large_as_it_ends(tmp_path):
    path = draw(tmp_path / "a.jpg", 403, 301)
    assert decode(path, lambda w, h: 3.9).reduced == 1
    quarter = decode(path, lambda w, h: 8.0)
    assert (quarter.reduced, quarter.width, quarter.height) == (4, 403, 301)
    assert quarter.image.size == (101, 76)
    assert decode(path, lambda w, h: 100.0).reduced == 8


@pytest.mark.seconds
def test_warnings_of_pillow_are_hidden_in_every_thread_and_the_filters_come_back(wide):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        failed = []

        def work() -> None:
            try:
                size_of(wide)
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert warnings.filters == before


def test_hidden_files_are_no_images():
    assert is_image("A.JPG")
    assert is_image("a.b.png")
    assert not is_image("._A.jpg")
    assert not is_image("labels.txt")
    assert not is_image("jpg")
