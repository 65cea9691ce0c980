"""A finished table as text: for a terminal, Markdown, LaTeX, CSV, HTML, JSON."""

from __future__ import annotations

from inkbench.leaderboards.render.csv import csv
from inkbench.leaderboards.render.html import html
from inkbench.leaderboards.render.json import json
from inkbench.leaderboards.render.markdown import markdown
from inkbench.leaderboards.render.terminal import WIDTH, text
from inkbench.leaderboards.render.tex import tex

RENDERERS = {"text": text, "md": markdown, "tex": tex, "csv": csv, "html": html, "json": json}
"""``--format`` -> what it calls."""
FILES = {suffix: RENDERERS[suffix] for suffix in ("md", "tex", "csv", "html", "json")}
"""The suffixes of the files that a table is written to."""

__all__ = ["FILES", "RENDERERS", "WIDTH", "csv", "html", "json", "markdown", "tex", "text"]
