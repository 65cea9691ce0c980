"""Images that nobody means well with; each is made by its name in a folder, and each is given as a path."""

import os
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from hostile_names import NAMES
from submission_data import image_bytes

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, RGBA = 0, 2, 6
HUGE = 13_300
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\n(x) (w) file\nshowpage\n%%EOF\n"
SMALL = image_bytes(np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8))
JPEG = image_bytes(np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8), "JPEG")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def head(width: int, height: int, depth: int = 8, colour: int = GREY) -> bytes:
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(width: int, height: int, depth: int, colour: int) -> Iterable[bytes]:
    """A correct PNG of zeros, in pieces: of a huge one there is never a whole."""
    channels = {GREY: 1, RGB: 3, RGBA: 4}[colour]
    row, packer = bytes(1 + width * channels * depth // 8), zlib.compressobj(1)
    yield head(width, height, depth, colour)
    for _ in range(height):
        if data := packer.compress(row):
            yield chunk(b"IDAT", data)
    yield chunk(b"IDAT", packer.flush()) + chunk(b"IEND", b"")


def in_front(*chunks: bytes) -> bytes:
    """A small PNG with chunks between its head and its pixels."""
    return SMALL[:33] + b"".join(chunks) + SMALL[33:]


def packed(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size // 2**20)) + packer.flush()


def tiff(*tags: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A TIFF of one directory; (tag, type, count, value)."""
    told = b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<LH", 8, len(tags)) + told + struct.pack("<L", following)


def bmp(side: int, bits: int, packing: int) -> bytes:
    """The head of a BMP."""
    return b"BM" + struct.pack("<LLLLllHHLLllLL", 99, 0, 54, 40, side, side, 1, bits, packing, 9, 0, 0, 0, 0)


FRAME = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
SIDES = ((256, 4, 1, 20), (257, 4, 1, 20), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1))
BYTES: dict[str, Callable[[], bytes | Iterable[bytes]]] = {
    "EPS.png": lambda: EPS,
    "PS.jpg": lambda: b"%!PS\n" + EPS,
    "EPS in DOS.png": lambda: b"\xc5\xd0\xd3\xc6" + struct.pack("<LL", 32, len(EPS)) + bytes(20) + EPS,
    "PDF.png": lambda: b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
    "SVG.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://h/p"/></svg>',
    "XBM.png": lambda: b"#define a_width 20\n#define a_height 20\nstatic char a_bits[] = {0};\n",
    "PCX.png": lambda: image_bytes(np.zeros((20, 20), np.uint8), "PCX"),
    "ICO.png": lambda: image_bytes(np.zeros((32, 32, 4), np.uint8), "ICO"),
    "WMF.png": lambda: b"\xd7\xcd\xc6\x9a\x00\x00" + struct.pack("<hhhhH", 0, 0, 100, 100, 96) + bytes(40),
    "MPEG.png": lambda: b"\x00\x00\x01\xb3\x14\x01\x40" + bytes(40),
    "50,000 squared.png": lambda: head(50_000, 50_000) + chunk(b"IDAT", zlib.compress(bytes(99))),
    "no pixels.png": lambda: head(0, 0) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""),
    "endless.png": lambda: head(2**31 - 1, 1) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""),
    "tall.png": lambda: head(1, 2**28) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""),
    "bomb of text.png": lambda: in_front(chunk(b"zTXt", b"a\0\0" + packed(512 * 2**20))),
    "bomb of a profile.png": lambda: in_front(chunk(b"iCCP", b"a\0\0" + packed(512 * 2**20))),
    "bombs of text.png": lambda: in_front(*[chunk(b"iTXt", b"a\0\1\0\0\0" + packed(2**20))] * 300),
    "bomb of pixels.png": lambda: (
        head(20, 20) + chunk(b"IDAT", packed(512 * 2**20)) + chunk(b"IEND", b"")
    ),
    "lying chunk.png": lambda: SMALL[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + SMALL[41:],
    "cut.png": lambda: SMALL[:200],
    "cut.jpg": lambda: JPEG[:300],
    "65,500 squared.jpg": lambda: JPEG.replace(struct.pack(">HH", 20, 20), struct.pack(">HH", 65_500, 65_500), 1),
    "orientation.jpg": lambda: b"\xff\xd8\xff\xe1\x00\x20Exif\0\0" + b"II*\0\xff\xff\xff\xff" + bytes(16) + JPEG[2:],
    "screen.gif": lambda: b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    "frames.gif": lambda: b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6) + FRAME * 20_000,
    "circle.tif": lambda: tiff(*SIDES, (273, 4, 1, 8), (278, 4, 1, 20), (279, 4, 1, 400), following=8),
    "strips.tif": lambda: tiff(*SIDES, (273, 4, 2**31 - 1, 8), (278, 4, 1, 1), (279, 4, 2**31 - 1, 8)),
    "sides.tif": lambda: tiff((256, 4, 1, 2**31), (257, 4, 1, 2**31), *SIDES[2:], (273, 4, 1, 8), (279, 4, 1, 9)),
    "text.tif": lambda: tiff(*SIDES, (270, 2, 2**32 - 1, 8), (273, 4, 1, 8), (279, 4, 1, 400)),
    "runs.bmp": lambda: bmp(30_000, 8, 1) + b"\0\1" * 9,
    "sides.bmp": lambda: bmp(-(2**31), 24, 0),
    "numbers.ppm": lambda: b"P3\n100000 100000\n255\n" + b"1 " * 999,
    "negative.ppm": lambda: b"P6\n-20 20\n255\n" + bytes(99),
    "sides.tga": lambda: struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, 65_535, 65_535, 32, 0) + b"\xff" * 99,
    "sides.webp": lambda: (
        b"RIFF\xff\xff\x00\x00WEBPVP8X" + struct.pack("<L", 10) + b"\x10\0\0\0" + b"\xfe\x3f\0" * 2 + bytes(40)
    ),
    "sides.jp2": lambda: (
        b"\xff\x4f\xff\x51" + struct.pack(">HH4L", 47, 0, 2**31, 2**31, 0, 0) + b"\x80\0\0\0" * 2 + bytes(99)
    ),
    "box.avif": lambda: b"\0\0\0\x20ftypavif" + bytes(4) + b"avifmif1miaf\xff\xff\xff\xffmeta" + bytes(99),
    "empty.png": lambda: b"",
    "noise.png": lambda: np.random.default_rng(1).bytes(5_000),
    f"{NAMES[0]}.png": lambda: SMALL[:200],
    f"{NAMES[4].replace('/', '-')}.png": lambda: b"GIF89a",
}  # fmt: skip
"""Files by their names; all small."""
LARGE: dict[str, Callable[[], Iterable[bytes]]] = {
    "huge.png": lambda: png(HUGE, HUGE, 8, RGBA),
    "huge and deep.png": lambda: png(HUGE, HUGE, 16, GREY),
    "huge and grey.png": lambda: png(HUGE, HUGE, 8, GREY),
    "too large.png": lambda: png(14_000, 14_000, 8, GREY),
}
"""Correct files that fit into memory only if nothing is there three times."""
PLACES: dict[str, Callable[[Path], object]] = {
    "pipe.png": os.mkfifo,
    "folder.png": lambda path: path.mkdir(),
    "loop.png": lambda path: path.symlink_to(path.name),
    "zero.png": lambda path: path.symlink_to("/dev/zero"),
    "nothing.png": lambda path: path.symlink_to("nowhere"),
}
"""What only has the name of an image."""
NAMED = [*BYTES, *PLACES, *LARGE]


def make(name: str, folder: Path) -> Path:
    path = folder / name
    if name in PLACES:
        PLACES[name](path)
        return path
    data = {**BYTES, **LARGE}[name]()
    with path.open("wb") as file:
        for piece in [data] if isinstance(data, bytes) else data:
            file.write(piece)
    return path
