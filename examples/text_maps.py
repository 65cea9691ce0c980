"""Maps of saliency that are handed in as text: a file for each item, a line for each row of pixels."""

import io

import numpy as np

from inkbench.benchmark.api import PredictionFormat
from inkbench.submissions.formats.reading import bytes_of, read_folder
from inkbench.tasks.saliency import Saliency


def examine(files, ids, truths, options, report):
    for name in files.names:
        try:
            rows = np.loadtxt(io.BytesIO(bytes_of(files, name, report) or b"nan"), ndmin=2)
            yield name.removesuffix(".txt"), {"map": rows}
        except ValueError as problem:
            report.error(name, str(problem), "write a line of numbers for each row of pixels")


def read(source, ids, truths, options, findings=None):
    return read_folder(examine, source, ids, truths, options, findings)


def write(items, predictions, options, spec):
    files = {}
    for item, one in zip(items["id"], predictions, strict=True):
        text = io.StringIO()
        np.savetxt(text, one["map"], fmt="%.17g")
        files[f"{item}.txt"] = text.getvalue().encode()
    return files


class TextMaps(Saliency):
    """Saliency whose maps are handed in as text."""

    name = "saliency-text"
    prediction_format = PredictionFormat(("txt",), "A text file an item, a line a row of pixels.", read, examine, write)
