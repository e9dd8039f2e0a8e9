"""What runs came to, as pandas DataFrames."""

import pandas

from breakmywork.answers import CurveAnswer, RunAnswer, Verdict

_PLACE = ["device", "device_name", "code_version", "wall_seconds"]


def runs(answers: list[RunAnswer]) -> pandas.DataFrame:
    """One row a run, by its number; a run without a result has no numbers."""
    rows = []
    for run in answers:
        row: dict[str, object] = {name: run.get(name) for name in ("id", "arm", "seed", "trial", "state", "failure")}
        result = run.get("result")
        if result is not None:
            row |= result["metrics"] | {name: result["provenance"].get(name) for name in _PLACE}
        rows.append(row)
    columns = None if rows else ["id", "arm", "seed", "trial", "state", "failure"]
    return pandas.DataFrame(rows, columns=columns).set_index("id")


def pairs(verdict: Verdict | None) -> pandas.DataFrame:
    """One row a seed; none before the verdict."""
    columns = ["seed", "treatment", "control", "difference", "note"]
    rows = verdict["pairs"] if verdict is not None else []
    return pandas.DataFrame([dict(pair) for pair in rows], columns=columns).set_index("seed")


def curves(answers: list[CurveAnswer]) -> pandas.DataFrame:
    """One row a measured step; what left the finite numbers is NaN."""
    rows = [
        (curve["run"], curve["arm"], curve["seed"], curve["name"], step, float("nan") if value is None else value)
        for curve in answers
        for step, value in zip(curve["steps"], curve["values"], strict=True)
    ]
    return pandas.DataFrame(rows, columns=["run", "arm", "seed", "metric", "step", "value"])
