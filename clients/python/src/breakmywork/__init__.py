"""A client for Break My Work: submit an experiment, wait for its verdict, read what its runs came to.

    from pathlib import Path
    from breakmywork import Board

    board = Board("https://board.example", token="bmw_…")
    experiment = board.submit("C2", Path("experiment.toml")).wait()
    print(experiment.outcome)
    experiment.runs()   # a pandas DataFrame, one row a run
    experiment.plot()   # a matplotlib figure: the pairs, and the learning curves
"""

from breakmywork.answers import ClaimAnswer, ExperimentAnswer, Pair, RunAnswer, Verdict
from breakmywork.board import Board
from breakmywork.experiment import Ended, Experiment, Stalled
from breakmywork.problem import Ambiguous, FieldError, Problem, Unknown, Unreachable

__all__ = [
    "Ambiguous",
    "Board",
    "ClaimAnswer",
    "Ended",
    "Experiment",
    "ExperimentAnswer",
    "FieldError",
    "Pair",
    "Problem",
    "RunAnswer",
    "Stalled",
    "Unknown",
    "Unreachable",
    "Verdict",
]
