"""Image files as people have them: every orientation of every kind of file, large text, suffixes, pointers."""

import struct
import zlib

import numpy as np
import pytest
from pictures_of import draw, noise
from PIL import Image, PngImagePlugin

from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.filenames import is_image, without_suffix
from inkbench.benchmark.data.images import BadImage, decode, head_of, read_rgb, size_of
from inkbench.benchmark.data.layouts.folder import Folder
from inkbench.benchmark.progress import Progress

QUIET = Progress(quiet=True)
SHOWN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}
"""What each orientation of EXIF 2.32, table 4.6.4, means for an array (h, w, 3), in terms of numpy."""
KINDS = {
    "jpg": {"quality": 95, "subsampling": 0},
    "png": {},
    "webp": {"lossless": True},
    "tif": {},
    "tiff": {"compression": "tiff_lzw"},
    "avif": {"quality": 100},
}


def quarters():
    """Four quarters of different colours, 24 x 40: no two orientations of it are alike."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:12, :20], pixels[:12, 20:], pixels[12:, :20] = (250, 10, 10), (10, 250, 10), (10, 10, 250)
    return pixels


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("kind", KINDS)
def test_an_orientation_is_applied_once_whatever_the_kind_of_file(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(quarters()).save(path, exif=exif, **KINDS[kind])
    wanted = SHOWN[orientation](quarters()).astype(int)
    height, width = wanted.shape[:2]
    assert size_of(path) == (width, height)
    assert head_of(path) == (width, height, orientation)
    decoded = decode(path, lambda w, h: 1.0)
    assert (decoded.width, decoded.height) == (width, height)
    assert np.abs(read_rgb(path).astype(int) - wanted).mean() < 8, "lossy kinds blur the edges alone"


def test_an_orientation_in_xmp_is_applied_to_a_tiff_once(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6"/></x:xmpmeta>'
    path = tmp_path / "a.tif"
    Image.fromarray(quarters()).save(path, tiffinfo={700: xmp})
    assert np.array_equal(read_rgb(path), SHOWN[6](quarters()))
    assert size_of(path) == (24, 40)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(path, *chunks, before=True):
    """A PNG of ``noise`` with chunks before or behind its pixels."""
    data = draw(path, 30, 20).read_bytes()
    place = data.index(b"IDAT" if before else b"IEND") - 4
    path.write_bytes(data[:place] + b"".join(chunks) + data[place:])
    return path


LARGE = b"comic " * 700_000
TEXTS = {
    "zTXt": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(LARGE)),
    "iTXt, packed": chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(LARGE)),
    "iTXt": chunk(b"iTXt", b"Comment\0\0\0\0\0" + LARGE),
    "tEXt": chunk(b"tEXt", b"Comment\0" + LARGE),
    "iCCP": chunk(b"iCCP", b"profile\0\0" + zlib.compress(LARGE)),
    "many": b"".join(chunk(b"zTXt", b"k%d\0\0" % k + zlib.compress(b"x" * 1_000_000)) for k in range(80)),
}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.seconds
def test_a_png_with_large_text_or_profile_is_read(tmp_path, kind, before):
    path = png_with(tmp_path / "a.png", TEXTS[kind], before=before)
    assert size_of(path) == (30, 20)
    assert np.array_equal(read_rgb(path), noise(30, 20))
    assert examine(Folder(tmp_path), QUIET).errors == []


def test_small_text_of_a_png_with_a_large_profile_still_turns_it(tmp_path):
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<d tiff:Orientation="3"/>'
    path = png_with(tmp_path / "a.png", TEXTS["iCCP"], chunk(b"iTXt", xmp))
    assert np.array_equal(read_rgb(path), noise(30, 20)[::-1, ::-1])


def test_a_png_that_is_cut_off_beside_its_large_text_is_still_told(tmp_path):
    path = png_with(tmp_path / "a.png", TEXTS["zTXt"])
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(BadImage):
        read_rgb(path)


def test_pillow_s_own_limit_is_as_it_was():
    assert PngImagePlugin.MAX_TEXT_CHUNK == 1024 * 1024


@pytest.mark.parametrize(
    "name", ["a.jpe", "a.JFIF", "a.jif", "a.pjpeg", "a.dib", "a.TIFF", "a.ppm", "a.pgm", "a.tga", "a.jp2", "a.avif"]
)
def test_every_suffix_of_a_kind_that_can_be_read_is_an_image(tmp_path, name):
    assert is_image(name)
    kinds = {"jpe": "JPEG", "jfif": "JPEG", "jif": "JPEG", "pjpeg": "JPEG", "dib": "DIB", "ppm": "PPM", "pgm": "PPM",
             "jp2": "JPEG2000", "tiff": "TIFF", "tga": "TGA", "avif": "AVIF"}  # fmt: skip
    image = Image.fromarray(noise(32, 24))
    image = image.convert("L") if name.endswith("pgm") else image
    image.save(tmp_path / name, kinds[name.rpartition(".")[2].lower()])
    report = examine(Folder(tmp_path), QUIET)
    assert (report.counts["images"], report.errors) == (1, [])
    assert not any("as its name says" in line for line in report.warnings)


@pytest.mark.parametrize(
    ("name", "bare"),
    [("a.jpg", "a"), ("vol.3_p03", "vol.3_p03"), ("vol.3.png", "vol.3"), ("a b .JPG", "a b "), (".jpg", ".jpg"),
     ("x.1", "x.1")],
)  # fmt: skip
def test_dots_belong_to_a_name_unless_they_begin_the_suffix_of_a_picture(name, bare):
    assert without_suffix(name) == bare


def test_a_program_in_postscript_is_no_image_whatever_it_is_called(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(BadImage, match="is not an image"):
        read_rgb(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s9--0.jpg\n", "git annex get"),
    ],
)
def test_a_pointer_of_a_store_of_large_files_is_told_with_the_mend(tmp_path, content, told):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(BadImage, match=told):
        read_rgb(tmp_path / "a.jpg")


def test_pictures_of_more_than_eight_bits_are_told_where_their_range_is_a_guess(tmp_path):
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64)).save(tmp_path / "twelve.png")
    Image.fromarray((np.arange(4096, dtype=np.uint16) * 16).reshape(64, 64)).save(tmp_path / "sixteen.png")
    Image.fromarray(np.linspace(0, 200, 4096, dtype=np.float32).reshape(64, 64)).save(tmp_path / "float.tif")
    told = examine(Folder(tmp_path), QUIET).warnings
    assert sum("twelve.png has 16 bits and no value above 4095" in line for line in told) == 1
    assert sum("float.tif holds floats up to 200 (read as 0 to 255)" in line for line in told) == 1
    assert not any(line.startswith("sixteen.png") for line in told)
