"""Text from strangers: UTF-8, or UTF-16 and UTF-32 where a byte-order mark says so, as spreadsheets write it."""

from __future__ import annotations

import codecs

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's mark, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_of(data: bytes) -> str:
    """Decode ``data`` as text without its byte-order mark. Raises UnicodeDecodeError, a ValueError."""
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), "utf-8-sig")
    return data.decode(encoding)
