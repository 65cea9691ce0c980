"""Text that comes from data, names above all, made harmless for the place where it is shown: one function for each.

What a terminal or a reader's eye would obey instead of show is written out: control characters (ESC, line ends, C1),
marks that turn the order of writing, and halves of characters, ``\\x1b`` and ``\\u202e``. Files that programs read
back (predictions, records) keep names exactly as they are.
"""

from __future__ import annotations

import html as html_text
import json as json_text
import re
from typing import Any

_OBEYED = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_UNSEEN = re.compile(f"[{_OBEYED}]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_MARKDOWN = re.compile(
    r"`|(?<=\S)\*|\*(?=\S)|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=\])\(|(?<=\]):(?=\s*\S*[:/#])|\\(?=[|*`<])"
)
_ENTITIES = {"<": "&lt;", "&": "&amp;"}
_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20].", re.DOTALL)
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "Δ": r"$\Delta$",
    "×": r"$\times$",
    "–": "--",
    "•": r"$\bullet$",
    "✓": r"\checkmark",
    "✗": r"$\times$",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
}
_SPECIAL = re.compile("|".join(map(re.escape, _LATEX)))


def terminal(text: object) -> str:
    """Return text in one line that a terminal shows and does not obey."""
    return _UNSEEN.sub(_written_out, str(text))


def lines(text: object) -> str:
    """Return text of several lines, made by the program around names, whose own line ends are written out already."""
    return "\n".join(map(terminal, str(text).split("\n")))


def markdown(text: str) -> str:
    """Return text for a line of Markdown: no tag, link, code or emphasis begins in it."""
    return _MARKDOWN.sub(lambda found: _ENTITIES.get(found.group(), f"\\{found.group()}"), terminal(text))


def markdown_cell(text: str) -> str:
    """Return text for a cell of a table in Markdown, which does not end in it."""
    return markdown(text).replace("|", "\\|")


def csv(value: Any) -> Any:
    """Return a value for a table that a spreadsheet opens: text that would be a formula begins with an apostrophe.

    Numbers, be they written as text, stay as they are.
    """
    if not isinstance(value, str) or _is_number(value):
        return value
    safe = terminal(value)
    return f"'{safe}" if _FORMULA.match(value) else safe


def latex(text: str) -> str:
    """Return text for LaTeX, in one line."""
    return _SPECIAL.sub(lambda found: _LATEX[found.group()], terminal(text.replace("\n", " ")))


def html(text: object) -> str:
    """Return text for HTML, between tags or within an attribute's quotes."""
    return html_text.escape(terminal(text))


def json(value: Any) -> str:
    """Return a value as JSON for people and programs: as it is when it is read again, and harmless when it is shown."""
    text = json_text.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return _UNSEEN.sub(lambda found: found.group() if found.group() == "\n" else f"\\u{ord(found.group()):04x}", text)


def _written_out(found: re.Match[str]) -> str:
    sign = found.group()
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that is no UTF-8
        code -= 0xDC00
    return _SHORT.get(sign) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
