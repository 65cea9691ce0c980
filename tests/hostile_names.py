"""Names that somebody may give to a file, a run or a dataset so that a terminal, a page or a spreadsheet obeys them."""

NAMES = (
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b31mC1",
    "\x90q\x9c",
    "a\nerror: fake",
    "a\r\x1b[Kb",
    "tab\there",
    "bell\x07 back\x08\x08",
    "delete\x7f",
    "\u202egnp.exe",
    "\u2066isolate\u2069",
    "\u200emark\u061c",
    "line\u2028separator\u2029",
    "byte\udcff of no UTF-8",
    '<script>alert(1)</script>"><img src=x onerror=y>',
    "' onmouseover='x",
    "&lt;b&gt; &#x3c; &amp",
    "[click](javascript:alert(1)) ![x](http://h/p)",
    "[x]: http://h `code` **bold** *em*",
    "a|b \\| c",
    '=cmd|" /C calc"!A0',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "＝1+1",
    "\\input{/etc/passwd} \\write18{id}",
    "$x$ % # _ & {y} ~ ^ ^^5c",
    "[bold red]rich[/]",
    "%s %d {0} {x.__class__}",
    "x" * 3_000,
)
OBEYED = [chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))]
OBEYED += [*"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
OBEYED += [chr(code) for code in range(0xD800, 0xE000)]
"""What may stand nowhere that a person looks at, but for line ends."""


def obeyed(text: str) -> list[str]:
    """The signs of a text that a terminal or an eye obeys."""
    return sorted(set(text) & set(OBEYED))
