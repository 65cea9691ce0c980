"""The one way by which files come out of an archive: below one folder, each once, counted while they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from inkbench.benchmark.archives.members import Fault, Limits, clashes, judged
from inkbench.benchmark.archives.sources import Source
from inkbench.benchmark.errors import UsageError, brief

SHOWN = 5


def extract(
    source: Source, folder: Path, limits: Limits, called: str, strip: int = 0, told: Callable[[int], None] | None = None
) -> None:
    """Unpack the files of an archive that is ``called`` so into ``folder``, without ``strip`` leading folders.

    Folders are made for the files in them. ``told`` is given the bytes of each piece that is written. Raises UsageError
    with what is wrong in the archive, before anything is written, and for bytes that are damaged or cannot be written.
    """
    safe, faults = judged(source.members, limits, source.packed)
    places = {id(member): "/".join(PurePosixPath(member.place).parts[strip:]) for member in safe}
    wanted = [member for member in safe if places[id(member)]]
    faults += clashes([places[id(member)] for member in wanted]) if strip else []
    if faults:
        raise UsageError(f"{called} was not unpacked: {refusal(faults)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for member, pieces in source.contents(wanted):
            _write(folder / places[id(member)], pieces, member.size, told)
    except ValueError as problem:
        raise UsageError(f"{called} is damaged: {problem}; pack it again") from None
    except OSError as problem:
        raise UsageError(f"{called} cannot be unpacked into {folder} ({problem.strerror or problem})") from None


def refusal(faults: list[Fault]) -> str:
    """Return the first faults in a line, and how many more there are."""
    said = [f"{brief(fault.name)} {fault.message}" if fault.name else f"it {fault.message}" for fault in faults]
    more = f" (and {len(said) - SHOWN} more)" if len(said) > SHOWN else ""
    return "; ".join(said[:SHOWN]) + more


def _write(path: Path, pieces: Iterable[bytes], size: int, told: Callable[[int], None] | None) -> None:
    """Write a new file. Raises ValueError where the bytes are not as many as were declared, OSError for the rest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    came = 0
    try:
        with path.open("xb") as file:
            for piece in pieces:
                came += len(piece)
                if came > size:
                    break
                file.write(piece)
                if told:
                    told(len(piece))
        if came != size:
            raise ValueError(f"is not of the {size} bytes that it declares")
    except ValueError as problem:
        raise ValueError(f"{brief(path.name)} {problem}") from None
