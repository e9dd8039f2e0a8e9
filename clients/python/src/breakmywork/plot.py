"""What an experiment found, as matplotlib figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from breakmywork import frames
from breakmywork.answers import CurveAnswer, Verdict

if TYPE_CHECKING:
    from breakmywork.experiment import Experiment

# Told apart by those who see colours otherwise, too: Okabe and Ito.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]


def experiment(shown: Experiment, metric: str | None = None) -> Figure:
    """The pairs of its verdict, if it has one, beside the learning curves of a metric (else of the first it has)."""
    verdict = shown.verdict if shown.verdict is not None and shown.verdict["pairs"] else None
    figure = Figure(figsize=(11 if verdict else 6.5, 4.2), layout="constrained")
    axes = figure.subplots(1, 2 if verdict else 1, squeeze=False)[0]
    if verdict is not None:
        draw_pairs(axes[0], verdict)
    draw_curves(axes[-1], shown.curve_answers(metric), metric)
    figure.suptitle(f"{shown.answer['title']}: {shown.outcome or shown.state}")
    return figure


def draw_pairs(axes: Axes, verdict: Verdict) -> None:
    """One dot a pair of runs, the estimated effect with its bounds, and the smallest effect that counts."""
    table = frames.pairs(verdict).dropna(subset=["difference"])
    axes.axvline(0, color="0.6", linewidth=1)
    axes.axvline(verdict["margin"], color="0.3", linewidth=1, linestyle="--", label="smallest effect that counts")
    axes.plot(table["difference"], range(1, len(table) + 1), "o", color=COLOURS[0], label="one pair of runs")
    effect, interval = verdict["effect"], verdict["interval"]
    if effect is not None:
        axes.plot([effect], [0], "D", color="black", label=f"effect, one-sided bounds at {verdict['level']:g}")
        if interval is not None:
            axes.plot(interval, [0, 0], color="black", linewidth=2)
    axes.set_yticks([])
    axes.set_xlabel(f"advantage of the treatment in {verdict['metric']} ({verdict['unit']})")
    axes.legend(fontsize="small")


def draw_curves(axes: Axes, answers: list[CurveAnswer], metric: str | None = None) -> None:
    """Each run thin, the mean of each arm strong."""
    table = frames.curves(answers)
    if metric is None and not table.empty:
        metric = str(table["metric"].iloc[0])
    table = table[table["metric"] == metric]
    for colour, (arm, runs) in zip(COLOURS * (table["arm"].nunique() // len(COLOURS) + 1), table.groupby("arm"), strict=False):
        for _, run in runs.groupby("run"):
            axes.plot(run["step"], run["value"], color=colour, linewidth=0.7, alpha=0.4)
        mean: pandas.Series[float] = runs.groupby("step")["value"].mean()
        axes.plot(mean.index, mean.to_numpy(), color=colour, linewidth=2, label=str(arm))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(metric or "")
    if table.empty:
        axes.text(0.5, 0.5, "nothing was measured yet", ha="center", transform=axes.transAxes)
    else:
        axes.legend(fontsize="small")
