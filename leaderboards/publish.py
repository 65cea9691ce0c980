"""The project's own boards, ``leaderboards/published/*.md``, made from the committed records beside them.

python -m inkbench.leaderboards.publish                 write the boards from the records
python -m inkbench.leaderboards.publish --add results   first take the finished records of a results folder
python -m inkbench.leaderboards.publish --check         compare only; 1 where a board is not what its records give
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from inkbench.benchmark.errors import InkbenchError, plural
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import Requested
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.believed import believed
from inkbench.leaderboards.combine.overall import overall
from inkbench.leaderboards.declared.filled import filled

FOLDER = Path(__file__).resolve().parent / "published"


def boards(folder: Path = FOLDER) -> dict[str, str]:
    """Return the boards that the records of ``folder`` give: the name of the file -> Markdown."""
    with tempfile.TemporaryDirectory() as scratch:  # statistics are kept beside the records that they are of
        shutil.copytree(folder / "records", Path(scratch) / "records")
        store = Store(Path(scratch) / "records")
        records = list(store.records())
        made = build.tables(store, records)
        whole = [joined for joined in [overall(made)] if joined is not None]
        problems: list[str] = []
        made = [*whole, *made, *filled(store, records, problems)]
        if problems:
            raise ValueError("; ".join(problems))
        return {f"{table.name}.md": render.markdown(table) for table in made}


def add(results: Path, folder: Path = FOLDER) -> int:
    """Take the finished records of a results folder, with their items and without what is of one machine alone."""
    source, target = Store(results), Store(folder / "records")
    taken = 0
    for record in believed(source, list(source.records())):
        if record.status == "done" and source.complete(record):
            items = source.items_path(record.id)
            write_atomic(target.items_path(record.id), items.read_bytes())
            target.write(_of_no_machine(record))
            taken += 1
    return taken


def write(folder: Path = FOLDER) -> list[str]:
    """Write the boards; gives their names. Those that no record gives any more are removed."""
    made = boards(folder)
    for stale in {path.name for path in folder.glob("*.md")} - set(made):
        (folder / stale).unlink()
    for name, text in made.items():
        write_atomic(folder / name, text.encode())
    return list(made)


def differing(folder: Path = FOLDER) -> list[str]:
    """Return the names of boards that are not what the records give, are missing or should not be there."""
    made = boards(folder)
    there = {path.name: path.read_text() for path in folder.glob("*.md")}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def _of_no_machine(record: Record) -> Record:
    """Return a record without the folders that it was made in and the words that name them."""
    typed = list(record.request.typed)
    if "--results" in typed:
        place = typed.index("--results")
        del typed[place : place + 2]
    return record.but(request=Requested(typed=tuple(typed)))


def main(words: list[str]) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m inkbench.leaderboards.publish", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--add", type=Path, metavar="DIR", help="results folder whose finished records are added")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a board differs")
    flags = parser.parse_args(words)
    try:
        return _carried_out(flags)
    except (InkbenchError, ValueError) as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2


def _carried_out(flags: argparse.Namespace) -> int:
    if flags.add is not None:
        print(f"{plural(add(flags.add), 'record')} added", file=sys.stderr)
    if flags.check:
        wrong = differing()
        print(f"differ: {', '.join(wrong)}" if wrong else "every board matches its records", file=sys.stderr)
        return int(bool(wrong))
    print("\n".join(write()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
