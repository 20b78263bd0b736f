"""7. One paper, one file: the mechanism against a fair rival in a world whose truth is known.

rows, find        every row; one by its slug
run               train, measure and judge a row at some seeds
base              what a row is made of (read it before you write one)
results           the results file and the atlas made from it
"""

from .base import Arm, Check, Paper, Row, at_least, at_most, exactly, find, mean, rows, verdict
from .commands import make_atlas, run
from .results import summary
from .runner import Run, choose_rates, train

__all__ = [
    "Arm", "Check", "Paper", "Row", "Run", "at_least", "at_most", "choose_rates", "exactly", "find",
    "make_atlas", "mean", "rows", "run", "summary", "train", "verdict",
]  # fmt: skip
