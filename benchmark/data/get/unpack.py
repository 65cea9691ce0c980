"""The archive of a dataset, a gzipped tar, unpacked into a new folder with a bar."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.archives.extract import extract
from inkbench.benchmark.archives.members import Limits
from inkbench.benchmark.archives.sources import Tar
from inkbench.benchmark.progress import Progress

MOST_FILES = 200_000


def unpack(archive: Path, folder: Path, strip: int, most: int, progress: Progress) -> None:
    """Unpack the regular files of ``archive`` into ``folder``, without ``strip`` leading folders. Raises UsageError.

    ``most`` is how many bytes they may have in all.
    """
    source = Tar(archive, most, MOST_FILES)
    limits = Limits(MOST_FILES, entry_bytes=most, total_bytes=most, whole_from=most)
    with progress.bar(f"unpack {archive.name}", sum(member.size for member in source.members), "bytes") as bar:
        extract(source, folder, limits, str(archive), strip, bar.advance)
