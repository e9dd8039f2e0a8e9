"""An experiment, from its registration to what it found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, cast

from tqdm.auto import tqdm

from breakmywork.answers import CurveAnswer, ExperimentAnswer, RunAnswer, Verdict

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from breakmywork.board import Board


class Stalled(Exception):
    """Too many runs are missing for a verdict; an admin of the board decides how it goes on."""


class Ended(Exception):
    """Nothing will run: it is only proposed, or was withdrawn."""


class Experiment:
    """A test of a claim. `answer` is all that the board said of it when it was last asked."""

    def __init__(self, board: Board, answer: ExperimentAnswer) -> None:
        self.board = board
        self.answer = answer

    def __repr__(self) -> str:
        return f"<Experiment {self.id} {self.answer['title']!r}: {self.outcome or self.state}>"

    @property
    def id(self) -> int:
        """Its number."""
        return self.answer["id"]

    @property
    def url(self) -> str:
        """Its page."""
        return self.board.url + self.answer["url"]

    @property
    def state(self) -> str:
        """`proposed`, `registered`, `running`, `stalled`, `concluded` or `withdrawn`."""
        return self.answer["state"]

    @property
    def outcome(self) -> str | None:
        """How it ended: `supported`, `falsified`, `inconclusive`, `inadmissible`, `aborted`; None before that."""
        return self.answer.get("outcome")

    @property
    def verdict(self) -> Verdict | None:
        """The verdict with its numbers; None before the end, and of what is exploratory."""
        return self.answer.get("verdict")

    def refresh(self) -> Self:
        """Asks the board how it stands."""
        self.answer = cast(ExperimentAnswer, self.board.get(f"/api/v1/experiments/{self.id}"))
        return self

    def register(self) -> Self:
        """Freezes the proposal and queues its runs."""
        path = f"/api/v1/experiments/{self.id}/register"
        self.answer = cast(ExperimentAnswer, self.board.post(path, {}, key=f"register-{self.id}"))
        return self

    def wait(self, *, every: float = 5.0, timeout: float | None = None, progress: bool = True) -> Self:
        """Waits until it has ended, and shows how many of its runs have; asks each `every` seconds.

        Raises `TimeoutError` after `timeout` seconds (it goes on without you), `Stalled` while an admin has to decide,
        `Ended` if it is not registered.
        """
        started = time.monotonic()
        with tqdm(desc=self.answer["title"], unit="run", total=0, disable=not progress) as bar:
            while True:
                tally = self.answer["runs"]
                # A sequential plan queues its runs a pair at a time.
                bar.total, bar.n = tally["total"], tally["ended"]
                bar.refresh()
                if self.state == "concluded":
                    return self
                if self.state == "stalled":
                    raise Stalled(f"{self.url} is stalled: {self.answer.get('stalled_reason')}")
                if self.state in {"proposed", "withdrawn"}:
                    raise Ended(f"{self.url} is {self.state}, so it will not run")
                if timeout is not None and time.monotonic() - started + every > timeout:
                    raise TimeoutError(f"{self.url} is {self.state} after {timeout:g} s, and goes on")
                time.sleep(every)
                self.refresh()

    def run_answers(self) -> list[RunAnswer]:
        """Its runs as the board answers them, those of a tuned experiment's trials, too."""
        return cast(list[RunAnswer], list(self.board.items(f"/api/v1/experiments/{self.id}/runs", {"limit": 200})))

    def curve_answers(self, metric: str | None = None) -> list[CurveAnswer]:
        """The learning curves of the runs that are compared, of one metric or of all."""
        asked: dict[str, str | int] | None = None if metric is None else {"name": metric}
        return cast(list[CurveAnswer], self.board.get(f"/api/v1/experiments/{self.id}/curves", asked))

    def runs(self) -> pandas.DataFrame:
        """One row a run: arm, seed, state, its final metrics, and where it ran. Needs pandas."""
        from breakmywork import frames

        return frames.runs(self.run_answers())

    def pairs(self) -> pandas.DataFrame:
        """One row a seed: treatment, control, difference. Needs pandas and a verdict."""
        from breakmywork import frames

        return frames.pairs(self.verdict)

    def curves(self, metric: str | None = None) -> pandas.DataFrame:
        """One row a measured step of a run: run, arm, seed, metric, step, value. Needs pandas."""
        from breakmywork import frames

        return frames.curves(self.curve_answers(metric))

    def plot(self, metric: str | None = None) -> Figure:
        """The pairs of its verdict beside the learning curves of a metric. Needs matplotlib."""
        from breakmywork import plot

        return plot.experiment(self, metric)
