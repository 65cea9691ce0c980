"""A gzipped tar unpacked into a new folder: no file outside of it, no links, no more bytes than are expected."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

MOST_FILES = 200_000


def unpack(archive: Path, folder: Path, strip: int, most: int, progress: Progress) -> None:
    """Unpack the regular files of ``archive`` into ``folder``, without ``strip`` leading folders. Raises UsageError.

    ``most`` is how many bytes they may have in all.
    """
    left, count = most, 0
    try:
        with tarfile.open(archive, "r|gz") as tar, progress.bar(f"unpack {archive.name}", most, "bytes") as bar:
            for member in tar:
                count += 1
                left -= member.size
                if left < 0 or count > MOST_FILES:
                    raise UsageError(
                        f"{archive} unpacks to more than it should ({most:,} bytes in {MOST_FILES:,} files)"
                    )
                target = _place(archive, folder, member, strip)
                if target is None:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None
                with target.open("xb") as file:
                    shutil.copyfileobj(source, file)
                bar.advance(member.size)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UsageError(
            f"{archive} is not a complete gzipped tar ({error}); delete it and download it again"
        ) from None
    except FileExistsError as error:
        raise UsageError(f"{archive} contains {error.filename} twice") from None
    except OSError as error:
        raise UsageError(f"{archive} cannot be unpacked into {folder} ({error.strerror or error})") from None


def _place(archive: Path, folder: Path, member: tarfile.TarInfo, strip: int) -> Path | None:
    """Return the path of a member; None for folders and for the contents of folders that are left out."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise UsageError(f"{archive} contains {member.name!r}, which points outside its folder")
    if member.isdir():
        return None
    if not member.isfile():
        raise UsageError(f"{archive} contains {member.name!r}, which is not a regular file")
    parts = path.parts[strip:]
    return folder.joinpath(*parts) if parts else None
