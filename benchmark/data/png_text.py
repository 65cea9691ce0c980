"""PNG files whose text or colour profile is larger than Pillow takes: their pixels are fine, and are read."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 512 * 1024
"""Bytes that a chunk may unpack to; Pillow refuses the whole file from 1 MiB on."""
MOST = 8 * 2**20
"""Bytes of all such chunks together; Pillow's limit is 64 MiB."""
_COMPRESSED_AFTER = {b"iCCP": 1, b"zTXt": 1}
_TEXT = frozenset({b"iCCP", b"zTXt", b"iTXt", b"tEXt"})


def without_large_text(data: bytes) -> bytes | None:
    """Return a PNG's bytes without too large chunks of text and profile; None for what is no PNG.

    They say nothing of the pixels. What is small stays: an orientation may stand in it.
    """
    if not data.startswith(SIGNATURE):
        return None
    kept, place, held = [SIGNATURE], len(SIGNATURE), 0
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        chunk = data[place : place + 12 + length]
        size = _unpacked(kind, chunk[8:-4]) if kind in _TEXT else 0
        if size <= LARGEST and held + size <= MOST:
            kept.append(chunk)
            held += size
        place += 12 + length
    return b"".join(kept)


def _unpacked(kind: bytes, content: bytes) -> int:
    """Return the number of bytes of a chunk's text, counted up to just above the limit."""
    head, _, rest = content.partition(b"\0")
    if kind == b"iTXt":
        if rest[:1] != b"\1":
            return len(content)
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif kind in _COMPRESSED_AFTER:
        rest = rest[1:]
    else:
        return len(content)
    try:
        return len(head) + len(zlib.decompressobj().decompress(rest, LARGEST + 1))
    except zlib.error:
        return len(content)
