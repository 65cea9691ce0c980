"""A task with the toy scorer, for tables of it; it cannot be run."""

from toy_scorer import SCORER

from inkbench.benchmark.api import Task


class Toy(Task):
    name = "toy"
    scorer = SCORER
