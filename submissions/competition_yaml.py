"""competition.yaml as Codabench (version 2) and CodaLab (1.5) take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inkbench.submissions.columns import Column
from inkbench.submissions.pages import Page
from inkbench.submissions.reference import Reference

IMAGE = "codalab/codalab-legacy:py312"
"""Python of 3.11 or newer with numpy and Pillow; the servers' default image has Python 3.7."""
FIRST_DAY, LAST_DAY = "2025-01-01", "2099-12-31"
SECONDS = 600
PRECISION = 4


def codabench(reference: Reference, shown: Sequence[Column], told: Sequence[Page]) -> dict[str, Any]:
    """Return competition.yaml of Codabench (version 2)."""
    name = reference.task.name
    return {
        "version": 2,
        "title": _title(reference),
        "description": f"{name} of inkbench on {reference.data.name}",
        "image": "logo.png",
        "terms": "pages/terms.md",
        "docker_image": IMAGE,
        "registration_auto_approve": True,
        "pages": [{"title": page.title, "file": f"pages/{page.name}.md"} for page in told if page.name != "terms"],
        "tasks": [
            {
                "index": 0,
                "name": name,
                "description": f"{len(reference.ids)} items of the {reference.split} split",
                "scoring_program": "scoring_program",
                "reference_data": "reference_data",
            }
        ],
        "solutions": [{"index": 0, "name": "baseline", "path": "solutions/baseline.zip", "tasks": [0]}],
        "phases": [
            {
                "index": 0,
                "name": reference.split,
                "description": f"predictions of the {reference.split} split",
                "start": FIRST_DAY,
                "end": LAST_DAY,
                "tasks": [0],
                "max_submissions": 100,
                "max_submissions_per_day": 5,
                "execution_time_limit": SECONDS,
                "accepts_only_result_submissions": True,
                "starting_kit": "starting_kit",
            }
        ],
        "leaderboards": [
            {
                "title": "Results",
                "key": "results",
                "submission_rule": "Force_Last",
                "hidden": False,
                "columns": [
                    {
                        "title": column.title,
                        "key": column.key,
                        "index": index,
                        "sorting": column.sorting,
                        "precision": PRECISION,
                        "hidden": False,
                    }
                    for index, column in enumerate(shown)
                ],
            }
        ],
    }


def codalab(reference: Reference, shown: Sequence[Column], told: Sequence[Page]) -> dict[str, Any]:
    """Return competition.yaml of CodaLab 1.5, which Codabench takes too."""
    board = {"label": "Results", "rank": 1}
    return {
        "title": _title(reference),
        "description": f"{reference.task.name} of inkbench on {reference.data.name}",
        "image": "logo.png",
        "has_registration": False,
        "force_submission_to_leaderboard": True,
        "end_date": LAST_DAY,
        "competition_docker_image": IMAGE,
        "html": {page.name: f"pages/{page.name}.html" for page in told},
        "phases": {
            1: {
                "phasenumber": 1,
                "label": reference.split,
                "description": f"predictions of the {reference.split} split",
                "start_date": FIRST_DAY,
                "max_submissions": 100,
                "max_submissions_per_day": 5,
                "execution_time_limit": SECONDS,
                "is_scoring_only": True,
                "scoring_program": "scoring_program.zip",
                "reference_data": "reference_data.zip",
                "starting_kit": "starting_kit.zip",
                "color": "blue",
            }
        },
        "leaderboard": {
            "leaderboards": {"RESULTS": board},
            "columns": {
                column.key: {
                    "leaderboard": board,
                    "label": column.title,
                    "numeric_format": PRECISION,
                    "rank": rank,
                    "sort": column.sorting,
                }
                for rank, column in enumerate(shown, start=1)
            },
        },
    }


def _title(reference: Reference) -> str:
    return f"{reference.task.name} on {reference.data.name} ({reference.split})"
