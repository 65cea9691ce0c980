"""A finished table as text: for a terminal, Markdown, LaTeX, CSV, HTML, JSON."""

from __future__ import annotations

from leaderboards.render.csv import csv
from leaderboards.render.html import html
from leaderboards.render.json import json
from leaderboards.render.markdown import markdown
from leaderboards.render.terminal import WIDTH, text
from leaderboards.render.tex import tex

RENDERERS = {"text": text, "md": markdown, "tex": tex, "csv": csv, "html": html, "json": json}
"""``--format`` -> what it calls."""
FILES = {suffix: RENDERERS[suffix] for suffix in ("md", "tex", "csv", "html", "json")}
"""The suffixes of the files that a table is written to."""

__all__ = ["FILES", "RENDERERS", "WIDTH", "csv", "html", "json", "markdown", "tex", "text"]
