"""What the board answers, as far as this package reads it; the whole is described at /docs/api on the board."""

from typing import Any, NotRequired, TypedDict


class RunTally(TypedDict):
    """Runs by state."""

    total: int
    running: int
    ended: int


class Pair(TypedDict):
    """One seed of the treatment beside the same seed of the control."""

    seed: int
    treatment: float | None
    control: float | None
    difference: float | None
    note: str


class Verdict(TypedDict):
    """What the machine concluded, and from which numbers."""

    outcome: str
    effect: float | None
    interval: list[float] | None
    unit: str
    metric: str
    margin: float
    level: float
    p_support: NotRequired[float | None]
    p_falsify: NotRequired[float | None]
    pairs: list[Pair]
    explanation: str


class ExperimentAnswer(TypedDict):
    """A proposed test of a claim."""

    id: int
    claim: int
    title: str
    state: str
    stalled_reason: NotRequired[str | None]
    outcome: NotRequired[str | None]
    verdict: NotRequired[Verdict | None]
    spec: NotRequired[dict[str, Any] | None]
    spec_sha256: NotRequired[str | None]
    runs: RunTally
    url: str


class RunResult(TypedDict):
    """What a run that succeeded came to, and where."""

    metrics: dict[str, float]
    provenance: dict[str, Any]


class RunAnswer(TypedDict):
    """One arm with one seed."""

    id: int
    arm: str
    seed: int
    state: str
    trial: NotRequired[int | None]
    failure: NotRequired[str | None]
    result: NotRequired[RunResult | None]


class CurveAnswer(TypedDict):
    """One metric of one run over its optimizer steps, thinned as on the experiment's page."""

    run: int
    arm: str
    seed: int
    name: str
    steps: list[int]
    values: list[float | None]


class ClaimAnswer(TypedDict):
    """What a work says that could be false, and where that stands."""

    id: int
    label: str
    work: str
    sentence: str
    standing: str
    url: str
