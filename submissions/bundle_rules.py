"""The rules of the servers' unpackers for a bundle, so that it is refused here and not there.

Codabench: ``competitions/unpackers`` (v2.py, v1.py) and the leaderboard's models; CodaLab 1.5: codalab-competitions.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import yaml

from inkbench.benchmark.archives.members import BUNDLE
from inkbench.benchmark.archives.sources import opened_zip
from inkbench.benchmark.errors import UsageError

COMPETITION = "competition.yaml"
MOST_CHARACTERS = 36
RULES = (
    "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple", "Force_Best",
)  # fmt: skip
"""When a submission goes to the leaderboard."""
COMMANDS = ("metadata.yaml", "metadata")


def broken(files: Mapping[str, bytes], flavor: Literal["codabench", "codalab"]) -> list[str]:
    """Return the rules that a bundle breaks, a line each; ``files`` by name, ``competition.yaml`` among them."""
    if COMPETITION not in files:
        return [f"there is no {COMPETITION} at the root"]
    try:
        told = yaml.safe_load(files[COMPETITION].decode())
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        return [f"{COMPETITION} is not YAML ({' '.join(str(problem).split())})"]
    if not isinstance(told, dict):
        return [f"{COMPETITION} is not a dictionary"]
    check = _codabench if flavor == "codabench" else _codalab
    return [*_common(told, files), *check(told, files)]


def _common(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    if not told.get("title"):
        yield "no title"
    if not files.get(str(told.get("image"))):
        yield f"image {told.get('image')} is missing"


def _codabench(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    if told.get("version") != 2:
        yield "version is not 2"
    if not told.get("docker_image"):
        yield "no docker_image: the server would take Python 3.7"
    if not files.get(str(told.get("terms"))):
        yield f"terms {told.get('terms')} missing or empty"
    for page in _list(told, "pages"):
        if not page.get("title") or not files.get(str(page.get("file"))):
            yield f"page {page.get('file')} has no title, is missing or is empty"
    if not told.get("pages"):
        yield "no pages"
    yield from _tasks(told, files)
    yield from _phases(told, files)
    yield from _boards(told)


def _tasks(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    tasks = _list(told, "tasks")
    if not tasks:
        yield "no tasks"
    indices = [task.get("index") for task in tasks]
    if None in indices:
        yield "a task has no index"
    if len(set(indices)) < len(indices):
        yield "two tasks have the same index"
    for task in tasks:
        if not task.get("name"):
            yield "a task has no name"
        yield from _program(task.get("scoring_program"), files)
        if not _data(task.get("reference_data"), files):
            yield f"reference_data {task.get('reference_data')} is missing"
    yield from _solutions(told, files, indices)


def _solutions(told: Mapping[str, Any], files: Mapping[str, bytes], indices: list[Any]) -> Iterator[str]:
    for solution in _list(told, "solutions"):
        if "index" not in solution:
            yield "a solution has no index"
        if not solution.get("tasks") or not set(solution["tasks"]) <= set(indices):
            yield "a solution names no task, or one that does not exist"
        if not _data(solution.get("path"), files):
            yield f"solution {solution.get('path')} is missing"


def _phases(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    phases = sorted(_list(told, "phases"), key=lambda phase: phase.get("index", 0))
    known = {task.get("index") for task in _list(told, "tasks")}
    if not phases:
        yield "no phases"
    for phase in phases:
        yield from _phase(phase, files, known)
    for phase, following in itertools.pairwise(phases):
        if not _day(phase.get("end")):
            yield "a phase followed by another has no end"
        elif str(following.get("start")) < str(phase["end"]):
            yield "phases overlap"


def _phase(phase: Mapping[str, Any], files: Mapping[str, bytes], known: set[Any]) -> Iterator[str]:
    if not phase.get("name"):
        yield "a phase has no name"
    if not _day(phase.get("start")):
        yield "a phase has no start"
    if not phase.get("tasks") or not set(phase["tasks"]) <= known:
        yield "a phase names no task, or one that does not exist"
    for part in ("starting_kit", "public_data"):
        if part in phase and not _data(phase[part], files):
            yield f"{part} {phase[part]} is missing"


def _boards(told: Mapping[str, Any]) -> Iterator[str]:
    boards = _list(told, "leaderboards")
    if not boards:
        yield "no leaderboards (the key is plural)"
    for board in boards:
        if not board.get("title") or not 0 < len(str(board.get("key", ""))) <= MOST_CHARACTERS:
            yield f"a leaderboard has no title, or no key of at most {MOST_CHARACTERS} characters"
        if board.get("submission_rule", "Add") not in RULES:
            yield f"submission_rule {board['submission_rule']} is none of {', '.join(RULES)}"
        yield from _columns(_list(board, "columns"))


def _columns(columns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not columns:
        yield "a leaderboard has no columns"
    for column in columns:
        if not all(0 < len(str(column.get(name, ""))) <= MOST_CHARACTERS for name in ("title", "key")):
            yield f"column {column.get('key')}: title and key have 1 to {MOST_CHARACTERS} characters"
        if column.get("sorting", "desc") not in ("asc", "desc"):
            yield f"column {column.get('key')}: sorting is asc or desc"
    if len({column.get("key") for column in columns}) < len(columns):
        yield "two columns have the same key"
    if sorted(column.get("index", -1) for column in columns) != list(range(len(columns))):
        yield "columns are not numbered from 0 by index"


def _codalab(told: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    if not told.get("description"):
        yield "no description"
    if not told.get("competition_docker_image"):
        yield "no competition_docker_image: the server would take Python 3.7"
    pages = told.get("html")
    if not isinstance(pages, dict):
        yield "no html"
        pages = {}
    elif "terms" not in pages:
        yield "html has no terms"
    for name, file in pages.items():
        if not files.get(str(file)):
            yield f"page {name} ({file}) is missing or empty"
    phases = told.get("phases")
    if not isinstance(phases, dict) or not phases:
        yield "no phases, a dictionary by number"
        phases = {}
    for phase in phases.values():
        yield from _old_phase(phase, files)
    yield from _old_board(told.get("leaderboard"))


def _old_phase(phase: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    for name in ("phasenumber", "label"):
        if not phase.get(name):
            yield f"a phase has no {name}"
    if not _day(phase.get("start_date")):
        yield "a phase has no start_date"
    yield from _program(phase.get("scoring_program"), files)
    if not _data(phase.get("reference_data"), files):
        yield f"reference_data {phase.get('reference_data')} is missing"
    for part in ("starting_kit", "public_data", "input_data"):
        if part in phase and not _data(phase[part], files):
            yield f"{part} {phase[part]} is missing"


def _old_board(board: Any) -> Iterator[str]:
    if not isinstance(board, dict):
        yield "no leaderboard"
        return
    boards = board.get("leaderboards")
    if not isinstance(boards, dict) or not boards:
        yield "leaderboard has no leaderboards"
        boards = {}
    labels = {str(entry.get("label", "")).lower() for entry in boards.values()}
    if "" in labels:
        yield "a leaderboard has no label"
    columns = board.get("columns")
    if not isinstance(columns, dict) or not columns:
        yield "leaderboard has no columns"
        columns = {}
    for key, column in columns.items():
        if not all(0 < len(str(name)) <= MOST_CHARACTERS for name in (key, column.get("label", ""))):
            yield f"column {key}: key and label have 1 to {MOST_CHARACTERS} characters"
        if str((column.get("leaderboard") or {}).get("label", "")).lower() not in labels - {""}:
            yield f"column {key} belongs to no leaderboard"
        if column.get("sort", "desc") not in ("asc", "desc"):
            yield f"column {key}: sort is asc or desc"
        if not isinstance(column.get("numeric_format", 2), int) or not isinstance(column.get("rank", 1), int):
            yield f"column {key}: rank and numeric_format are whole numbers"


def _program(name: Any, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the faults of a scoring program: it must be there and tell its command at its root."""
    own = _data(name, files)
    if not own:
        yield f"scoring_program {name} is missing"
        return
    told = next((own[file] for file in COMMANDS if file in own), b"")
    try:
        command = yaml.safe_load(told.decode())
    except (yaml.YAMLError, UnicodeDecodeError):
        command = None
    if not isinstance(command, dict) or not command.get("command"):
        yield f"scoring_program {name} has no command in metadata.yaml or metadata at its root"


def _data(name: Any, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a folder or a zip of the bundle; empty where it is not there."""
    if not isinstance(name, str) or not name:
        return {}
    if name in files:
        try:
            with opened_zip(io.BytesIO(files[name]), BUNDLE, name) as packed:
                return {member.place: b"".join(packed.pieces(member)) for member in packed.members}
        except UsageError:
            return {}
    folder = f"{name.rstrip('/')}/"
    return {file.removeprefix(folder): data for file, data in files.items() if file.startswith(folder)}


def _list(told: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    entries = told.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _day(value: Any) -> bool:
    """Return whether a value is a date that a server can read."""
    if isinstance(value, date):
        return True
    try:
        date.fromisoformat(str(value)[:10])
    except ValueError:
        return False
    return True
