"""A whole competition: truth, scoring program, pages, starting kit and a baseline, for Codabench or CodaLab 1.5."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import yaml
from PIL import Image, ImageDraw

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.scoring.score import item_arrays
from inkbench.benchmark.store.files import write_atomic
from inkbench.submissions.bundle_rules import broken
from inkbench.submissions.columns import columns
from inkbench.submissions.competition_yaml import codabench, codalab
from inkbench.submissions.formats.names import flat
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.pack import zip_bytes
from inkbench.submissions.pages import Page, hypertext, markdown, pages
from inkbench.submissions.reference import Reference, form_of, reference_files, served, trivial
from inkbench.submissions.server import lay
from inkbench.submissions.vendor import program

Flavor = Literal["codabench", "codalab"]


def bundle(reference: Reference, flavor: Flavor, out: Path) -> list[str]:
    """Write a competition as the folder ``out`` and as ``out.zip``, what a server takes; gives the names in it.

    Raises UsageError where a server cannot score the task, where ``out`` is there, and where what was made breaks
    a rule of the server's unpacker.
    """
    packed = out.with_name(f"{out.name}.zip")
    for path in (out, packed):
        if path.exists():
            raise UsageError(f"{path} already exists; give another --out, or move it away")
    files = dict(sorted(competition(reference, flavor).items()))
    said = broken(files, flavor)
    if said:
        raise UsageError(f"the bundle would be refused by the server: {'; '.join(said)}")
    try:
        lay(out, files)
        write_atomic(packed, zip_bytes(files))
    except OSError as problem:
        raise UsageError(f"{out} cannot be written ({problem.strerror}); give another place with --out") from None
    return list(files)


def competition(reference: Reference, flavor: Flavor) -> dict[str, bytes]:
    """Return the files of a competition by name; the same reference gives the same bytes. Raises UsageError."""
    task, scorer, options = reference.task, reference.task.scorer, served(reference)
    code = program(task)
    predicted = trivial(reference)
    items = scorer.score_items(predicted, reference.truths, ids=reference.ids, **options)
    items |= item_arrays(reference.items)
    shown = columns(scorer, list(scorer.aggregate(items)))
    told = pages(reference, shown)
    keys = {column.key: column.metric for column in shown}
    form = form_of(task)
    sample = zip_bytes(dict(sorted(form.write(items, predicted, options, Spec(form.forms[0])).items())))
    parts = {
        "reference_data": reference_files(reference, options, True, keys),
        "scoring_program": code,
        "starting_kit": _kit(reference, told, sample),
    }
    show, suffix = (markdown, "md") if flavor == "codabench" else (hypertext, "html")
    files = {f"pages/{page.name}.{suffix}": show(page).encode() for page in told}
    files["logo.png"] = _logo(task.name)
    files["solutions/baseline.zip"] = sample
    if flavor == "codabench":
        files |= {f"{part}/{name}": data for part, own in parts.items() for name, data in own.items()}
    else:
        files |= {f"{part}.zip": zip_bytes(dict(sorted(own.items()))) for part, own in parts.items()}
    describe = codabench if flavor == "codabench" else codalab
    files["competition.yaml"] = yaml.safe_dump(
        describe(reference, shown, told), sort_keys=False, allow_unicode=True, width=100
    ).encode()
    return files


def _kit(reference: Reference, told: list[Page], sample: bytes) -> Mapping[str, bytes]:
    """Return the participants' kit: the list of items, the names of their files, a submission that is valid."""
    listed = io.StringIO()
    lines = csv.writer(listed, lineterminator="\n")
    lines.writerow(["id", "file"])
    lines.writerows([item, flat(item)] for item in reference.ids)
    text = "\n".join(markdown(page) for page in told if page.name in ("data", "evaluation"))
    return {
        "README.md": text.encode(),
        "items.csv": listed.getvalue().encode(),
        "sample_submission.zip": sample,
    }


def _logo(name: str) -> bytes:
    """Draw a square with the task's name: servers ask for a picture."""
    image = Image.fromarray(np.full((240, 240, 3), 250, dtype=np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle((8, 8, 231, 231), outline=(20, 20, 20), width=6)
    draw.text((120, 108), name, fill=(20, 20, 20), anchor="mm")
    draw.text((120, 132), "inkbench", fill=(120, 120, 120), anchor="mm")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
