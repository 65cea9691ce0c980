"""Strips of rows give what the whole gives, to the bit, in every mode; what is too large or no file is refused."""

import os

import hostile_images
import numpy as np
import pytest
from PIL import Image

from inkbench.benchmark.data import by_rows, images
from inkbench.benchmark.data.grey_map import read_map
from inkbench.benchmark.data.images import BadImage, decode, head_of, read_rgb
from inkbench.benchmark.data.label_map import read_labels

RNG = np.random.default_rng(0)
GREYS = RNG.integers(0, 65_536, (37, 23)).astype(np.uint16)
COLOURS = Image.fromarray(RNG.integers(0, 256, (37, 23, 4)).astype(np.uint8))


def palette(image: Image.Image) -> Image.Image:
    made = image.convert("RGB").quantize(7)
    made.info["transparency"] = bytes([0, 128, 255, 7, 9, 200, 255])
    return made


KINDS = {
    "L": (COLOURS.convert("L"), "PNG"),
    "1": (COLOURS.convert("1"), "PNG"),
    "RGB": (COLOURS.convert("RGB"), "PNG"),
    "RGBA": (COLOURS, "PNG"),
    "LA": (COLOURS.convert("LA"), "PNG"),
    "P": (COLOURS.convert("RGB").quantize(9), "PNG"),
    "P and transparency": (palette(COLOURS), "PNG"),
    "16 bits": (Image.fromarray(GREYS), "PNG"),
    "floats": (Image.fromarray(GREYS / np.float32(65_535)), "TIFF"),
    "CMYK": (COLOURS.convert("CMYK"), "TIFF"),
}


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_strips_are_the_whole(tmp_path, monkeypatch, kind, orientation):
    image, form = KINDS[kind]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{form.lower()}"
    image.save(path, form, exif=exif)
    whole = read_rgb(path)
    monkeypatch.setattr(by_rows, "PIXELS", 100)
    monkeypatch.setattr(images, "HUGE_PIXELS", 100)
    again = read_rgb(path)
    assert (again.dtype, again.shape) == (whole.dtype, whole.shape)
    assert np.array_equal(again, whole)
    assert np.array_equal(read_rgb(path, (3, 5, 20, 22)), whole[5:22, 3:20])
    assert decode(path).image.mode == "RGB"


@pytest.mark.parametrize("kind", ["L", "1", "16 bits", "floats"])
def test_maps_by_strips_are_the_whole(tmp_path, monkeypatch, kind):
    image, form = KINDS[kind]
    image.save(path := tmp_path / f"x.{form.lower()}", form)
    whole = read_map(path)
    monkeypatch.setattr(by_rows, "PIXELS", 100)
    assert np.array_equal(read_map(path), whole)


def test_a_strip_is_refused_as_the_whole_is(tmp_path, monkeypatch):
    values = np.ones((40, 30), np.float32)
    values[33, 3] = np.nan
    Image.fromarray(values).save(tmp_path / "x.tif")
    monkeypatch.setattr(by_rows, "PIXELS", 100)
    with pytest.raises(BadImage, match="has NaN values"):
        read_rgb(tmp_path / "x.tif")


def test_maps_and_labels_of_several_channels_are_refused_where_they_are_huge(tmp_path, monkeypatch):
    COLOURS.save(tmp_path / "x.png")
    monkeypatch.setattr("inkbench.benchmark.data.grey_map.HUGE_PIXELS", 100)
    for read in (read_map, read_labels):
        with pytest.raises(BadImage, match=r"is RGBA and has 0 million pixels; save one channel of grey"):
            read(tmp_path / "x.png")


def test_the_limit_is_held_by_the_head_alone(tmp_path, monkeypatch):
    COLOURS.save(tmp_path / "x.png")
    monkeypatch.setattr(images, "MOST_PIXELS", 23 * 37 - 1)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("pixels were decoded"))
    for read in (head_of, read_rgb, read_map, read_labels):
        with pytest.raises(BadImage, match="has more than 178 million pixels"):
            read(tmp_path / "x.png")


@pytest.mark.parametrize(("form", "suffix"), [("WEBP", "webp"), ("JPEG2000", "jp2"), ("AVIF", "avif"), ("PNG", "png")])
def test_kinds_whose_decoders_need_much_have_a_limit_of_their_own(tmp_path, monkeypatch, form, suffix):
    if form == "AVIF" and "AVIF" not in Image.SAVE:
        pytest.skip("this Pillow writes no AVIF")
    COLOURS.convert("RGB").save(path := tmp_path / f"x.{suffix}", form)
    monkeypatch.setattr(images, "MOST_OF_KIND", dict.fromkeys(images.MOST_OF_KIND, 100))
    if form == "PNG":
        assert read_rgb(path).shape == (37, 23, 3)
        return
    with pytest.raises(BadImage, match=f"has more than 0 million pixels as {form}; save it as PNG"):
        read_rgb(path)


@pytest.mark.parametrize("name", hostile_images.PLACES)
def test_what_only_has_the_name_of_an_image_is_refused_at_once(tmp_path, name):
    path = hostile_images.make(name, tmp_path)
    for read in (head_of, read_rgb, read_map, read_labels):
        with pytest.raises(BadImage) as refused:
            read(path)
        assert "\n" not in str(refused.value)


def test_a_pipe_among_annotations_is_not_waited_for(tmp_path):
    from inkbench.benchmark.data.texts import text_of
    from inkbench.benchmark.data.xmlfile import xml_of
    from inkbench.benchmark.errors import UsageError

    os.mkfifo(tmp_path / "x.json")
    for read in (text_of, xml_of):
        with pytest.raises(UsageError, match="is not a regular file"):
            read(tmp_path / "x.json")
