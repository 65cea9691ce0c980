"""Rules for the names of files: images, files to ignore, and spellings of one name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

IMAGE_FORMATS: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp"), "JPEG"),
    **dict.fromkeys((".png", ".apng"), "PNG"),
    **dict.fromkeys((".bmp", ".dib"), "BMP"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PPM"),
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf"), "JPEG2000"),
    ".webp": "WEBP", ".gif": "GIF", ".tga": "TGA", ".avif": "AVIF",
})  # fmt: skip
"""The format that a file of each suffix should have, by Pillow's names."""
UNREAD_PICTURES = frozenset(
    {".heic", ".heif", ".jxl", ".jxr", ".wdp", ".svg", ".eps", ".ps", ".ai", ".pdf", ".psd", ".psb", ".xcf", ".kra",
     ".clip", ".sai", ".ora", ".djvu", ".exr", ".hdr", ".ico", ".pcx", ".dds", ".raw", ".dng", ".cr2", ".cr3", ".nef",
     ".arw", ".orf", ".rw2", ".raf"}
)  # fmt: skip
"""Suffixes of pictures that nothing here reads."""
ARCHIVES = frozenset({".zip", ".cbz", ".cbr", ".cb7", ".cbt", ".rar", ".7z", ".tar", ".tgz"})
_KNOWN = frozenset({*IMAGE_FORMATS, *UNREAD_PICTURES})
_NOBODYS = frozenset(
    {"__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "@sharebin",
     "$recycle.bin", "recycler", "recycled", "system volume information", "lost+found", "network trash folder",
     "temporary items", "found.000"}
)  # fmt: skip
"""Folders that operating systems and network storage make: thumbnails, deleted files, what a repair found."""
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", "icon\r"})


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image; hidden files (``._a.jpg`` of a Mac) are none."""
    return suffix_of(name) in IMAGE_FORMATS and not name.startswith(".")


def suffix_of(name: str) -> str:
    """Return the last suffix in small letters, with its dot; empty where there is none."""
    place = name.rfind(".")
    return name[place:].lower() if place >= 0 else ""


def is_nobodys(name: str) -> bool:
    """Return whether a file or folder is hidden, or made by an operating system or network storage."""
    return name.startswith(".") or name.lower() in _NOBODYS or name.lower() in SYSTEM_FILES


def one_name(name: str) -> str:
    """Return a name in the one form (NFC) by which names are compared: macOS spells é as two signs, others as one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def without_suffix(name: str) -> str:
    """Return a name without the suffix of a picture; other dots belong to the name (``vol.3_p03`` stays)."""
    suffix = suffix_of(name)
    return name[: -len(suffix)] if suffix in _KNOWN and len(name) > len(suffix) else name
