"""Every command that the README and the pages show, as words; what a person must bring is a placeholder."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^(?:\S*python3? )?run_benchmark\.py(?: |$)")
ELLIPSIS = "..."
"""Stands for the rest of a command that is shown for its flags."""
SMALL = {
    "pretrain": ("pretrain.images=64", "pretrain.held_out=16"),
    "saliency-text": ("saliency-text.steps=2",),
    "saliency": ("saliency.steps=2",),
    "detection": ("detection.steps=2", "detection.side=64"),
}
"""Settings by their owner that tests add to a command that runs something, so that it is quick."""


@dataclass(frozen=True)
class Command:
    """A command as it stands on a page."""

    page: str
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def on_page(path: Path) -> list[Command]:
    """Return the commands of fenced blocks and of inline code that names the program."""
    found, fenced, waiting = [], False, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        texts = [line] if fenced else re.findall(r"`([^`]+)`", line)
        for text in texts:
            whole = f"{waiting} {text}".strip()
            waiting = whole.removesuffix("\\") if fenced and whole.endswith("\\") else ""
            for part in whole.split("&&"):
                if not waiting and COMMAND.match(part.strip()):
                    found.append(Command(str(path.relative_to(ROOT)), number, _words(part.strip())))
    return found


def _words(text: str) -> tuple[str, ...]:
    """The words of a command without the program, without what is optional, the first of alternatives."""
    text = COMMAND.sub("", text)
    text = re.sub(r"\s#.*$|\s>.*$|\s?\[[^\]]*\]", "", text)
    words = shlex.split(text)
    if words[:1] == [ELLIPSIS]:
        words = ["--method", "random", "--task", "detection", *words[1:]]
    return tuple(re.split(r"(?<=\w)\|", word)[0] for word in words)


def everywhere() -> list[Command]:
    """Return all commands, each once, by the page that shows it first."""
    found: dict[tuple[str, ...], Command] = {}
    for page in PAGES:
        for command in on_page(page):
            if command.words:
                found.setdefault(command.words, command)
    return list(found.values())


def without_plugins(words: tuple[str, ...]) -> list[str]:
    """The words without ``--plugin FILE``, which must be there: what is plugged in stays so in the process."""
    found = list(words)
    while "--plugin" in found:
        place = found.index("--plugin")
        assert (ROOT / found[place + 1]).is_file() or found[place + 1] == "my.toml", found
        del found[place : place + 2]
    return found


def with_files(words: tuple[str, ...], folder: Path) -> list[str]:
    """The words with files of ``folder`` in the place of those that a person brings."""
    (folder / "weights.pth").touch()
    found = without_plugins(words)
    for place, word in enumerate(found):
        if word == "--weights":
            found[place + 1] = str(folder / "weights.pth")
        found[place] = re.sub(r"predictions:[^,]+", f"predictions:{folder}", found[place])
        found[place] = re.sub(r"weights:[^,]+", f"weights:{folder / 'weights.pth'}", found[place])
    return found


def small(words: Sequence[str], tasks: Iterable[str]) -> list[str]:
    """The words, with the settings of ``SMALL`` where they run something on ``tasks``."""
    if not (words[0].startswith("-") or "--run" in words):
        return list(words)
    owners = {"pretrain", *tasks}
    return [
        *words,
        *(part for owner, sets in SMALL.items() if owner in owners for one in sets for part in ("--set", one)),
    ]
