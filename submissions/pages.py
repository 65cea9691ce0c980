"""The pages of a competition, in Markdown for Codabench or HTML for CodaLab 1.5, from one text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from inkbench.benchmark.data.own import UNKNOWN, about
from inkbench.submissions.columns import Column
from inkbench.submissions.formats.names import flat
from inkbench.submissions.formats.spec import UNVERIFIED
from inkbench.submissions.reference import Reference, form_of, served

SUBMIT = "python run_benchmark.py submit"
MORE = f"Figures that need more than a server has (networks, scikit-learn) come from `{SUBMIT} score` at home."


@dataclass(frozen=True, slots=True)
class Page:
    """A heading and what is under it: paragraphs, and tables as lists of rows, the first one their head."""

    name: str
    title: str
    parts: Sequence[str | Sequence[Sequence[str]]]


def pages(reference: Reference, columns: Sequence[Column]) -> list[Page]:
    """Return overview, evaluation, data and terms of a competition."""
    task, data, form = reference.task, reference.data, form_of(reference.task)
    n, ids, known = len(reference.ids), reference.ids, about(data)
    simulated = " The comics are drawn by a program." if data.simulated else ""
    said = (type(task).__doc__ or "").strip().splitlines()[0]
    return [
        Page(
            "overview",
            "Overview",
            [
                f"{task.name} on {data.name}: {said}{simulated}",
                f"A submission is a zip of predictions for the {n} items of the {reference.split} split. It is scored "
                f"by inkbench's own metrics, and it can be scored at home to the same digits: `{SUBMIT} score X.zip "
                "--reference DIR`, where DIR is a copy of the data.",
            ],
        ),
        Page(
            "evaluation",
            "Evaluation",
            [
                "Ranked by the first column. An invalid submission fails and says why; it has no score.",
                [["column", "better", "what"]]
                + [[c.title, "higher" if c.sorting == "desc" else "lower", c.help] for c in columns],
                *([MORE] if served(reference) != reference.options else []),
                f"Check a zip before you send it: `{SUBMIT} check X.zip --reference DIR --strict`.",
            ],
        ),
        Page(
            "data",
            "Data and format",
            [
                f"Data: {data.name}, {reference.split} split, {n} items (`items.csv` of the starting kit lists them). "
                + known.words(),
                " ".join(form.about.split()),
                f"Files lie at the root of the zip, not in a folder. The file of item `{ids[0]}` is named "
                f"`{flat(ids[0])}` where there is one file an item. Forms: {', '.join(form.forms)}.",
                *([f"Of the AI4VA challenge: {UNVERIFIED}."] if not data.own and data.reader == "ai4va" else []),
            ],
        ),
        Page(
            "terms",
            "Terms",
            [
                f"The data keep their licence: {known.licence or UNKNOWN}.",
                "Whoever runs this competition adds their own terms here.",
            ],
        ),
    ]


def markdown(page: Page) -> str:
    """Return a page for Codabench."""
    lines = [f"# {page.title}", ""]
    for part in page.parts:
        if isinstance(part, str):
            lines += [part, ""]
        else:
            head, *rows = [[cell.replace("|", "\\|") for cell in row] for row in part]
            lines += [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)] + [""]
    return "\n".join(lines)


def hypertext(page: Page) -> str:
    """Return a page for CodaLab 1.5."""
    lines = [f"<h1>{html.escape(page.title)}</h1>"]
    for part in page.parts:
        if isinstance(part, str):
            lines.append(f"<p>{html.escape(part)}</p>")
        else:
            cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in part]
            lines.append("<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>")
    return "\n".join(lines) + "\n"
