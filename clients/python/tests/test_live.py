"""Against a board that runs: BREAKMYWORK_URL, and BREAKMYWORK_TOKEN of somebody who may propose."""

import os
from pathlib import Path

import pytest

from breakmywork import Ambiguous, Board, Ended, Experiment, Problem, Unknown, Unreachable
from breakmywork.__main__ import main
from breakmywork.readme import BEGIN, put_badge

SPEC = """
title = "Six pairs of tiny networks"
seeds = 6
[task]
name = "adding"
length = 4
[model]
hidden = 3
[training]
steps = 8
batch = 4
[evaluation]
every = 4
sequences = 20
[[arms]]
name = "fixed"
dropout.state = { rate = 0.25, time = "fixed" }
[[arms]]
name = "fresh"
dropout.state = { rate = 0.25, time = "per_step" }
[criterion]
kind = "difference"
metric = "test_mse"
treatment = "fixed"
control = "fresh"
margin = 0.02
"""


@pytest.fixture(scope="module")
def board() -> Board:
    return Board()


@pytest.fixture(scope="module")
def ended(board: Board) -> Experiment:
    return board.submit("C2", SPEC, work="recurrent-dropout").wait(every=0.3, timeout=120)


def test_a_verdict_is_waited_for(board: Board, ended: Experiment) -> None:
    assert ended.state == "concluded"
    assert ended.outcome in {"supported", "falsified", "inconclusive"}
    assert ended.verdict is not None
    assert board.experiment(ended.id).answer == ended.answer


def test_the_same_submission_is_the_same_experiment(board: Board, ended: Experiment) -> None:
    assert board.submit("C2", SPEC, work="recurrent-dropout").id == ended.id


def test_runs_pairs_and_curves_are_tables_that_agree(ended: Experiment) -> None:
    runs, pairs, curves = ended.runs(), ended.pairs(), ended.curves("train_loss")
    assert len(runs) == 12 and set(runs["arm"]) == {"fixed", "fresh"}
    assert len(pairs) == 6
    fixed = runs[runs["arm"] == "fixed"].set_index("seed")["test_mse"]
    assert (pairs["treatment"].sort_index() == fixed.sort_index()).all()
    assert set(curves["run"]) == set(runs.index)
    assert set(curves["step"]) == {4, 8}


def test_it_is_drawn(ended: Experiment, tmp_path: Path) -> None:
    pairs, curves = ended.plot("train_loss").axes
    assert len(curves.lines) == 12 + 2, "each run, and the mean of each arm"
    assert len(pairs.lines[2].get_xdata()) == 6  # type: ignore[arg-type]
    main(["show", str(ended.id), "--csv", str(tmp_path / "runs.csv"), "--picture", str(tmp_path / "it.png")])
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "runs.csv").read_text().count("\n") == 13


def test_what_is_wrong_is_named_by_its_field(board: Board) -> None:
    with pytest.raises(Problem) as refused:
        board.submit("C2", SPEC.replace("rate = 0.25", "rate = 2"), work="recurrent-dropout")
    assert refused.value.status == 422
    assert "/spec/arms/0/dropout/state/rate" in [error.pointer for error in refused.value.errors]
    with pytest.raises(Problem) as unknown:
        board.experiment(10**9)
    assert unknown.value.status == 404


def test_a_claim_is_found_by_its_label(board: Board) -> None:
    claim = board.claim("C2", "recurrent-dropout")
    assert board.claim(claim["id"])["sentence"] == claim["sentence"]
    with pytest.raises(Unknown):
        board.claim("C999")
    labels = [each["label"] for each in board.items("/api/v1/claims", {"limit": 7})]
    assert len(labels) == len(list(board.items("/api/v1/claims", {"limit": 200})))
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        with pytest.raises(Ambiguous):
            board.claim(twice)


def test_a_proposal_does_not_run_until_it_is_registered(board: Board) -> None:
    proposal = board.propose("C3", SPEC, work="recurrent-dropout")
    assert proposal.state == "proposed"
    with pytest.raises(Ended):
        proposal.wait(progress=False)
    assert proposal.register().wait(every=0.3, timeout=120, progress=False).outcome is not None


def test_a_board_that_is_away_is_named() -> None:
    with Board("http://127.0.0.1:9", patience=0.1) as nobody, pytest.raises(Unreachable, match="127.0.0.1:9"):
        nobody.claim("C2")
    with pytest.raises(ValueError, match="http"):
        Board("board.example")


def test_the_command_tells_the_verdict_and_puts_the_badge(
    ended: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, readme = tmp_path / "experiment.toml", tmp_path / "README.md"
    spec.write_text(SPEC)
    readme.write_text("# Mine\n")
    words = ["submit", "C2", str(spec), "--work", "recurrent-dropout", "--readme", str(readme)]
    main(words)
    told = capsys.readouterr().out
    assert "Registered: " in told and "Verdict: " in told
    once = readme.read_text()
    assert f"/claims/{ended.answer['claim']}/badge.svg" in once and once.endswith("# Mine\n")
    spec.write_text(SPEC.replace("rate = 0.25", "rate = 2"))
    with pytest.raises(SystemExit, match="rate"):
        main(words)
    assert readme.read_text() == once
    assert not put_badge(readme, once.split("\n")[1]), "a badge is put once"
    readme.write_text(BEGIN)
    with pytest.raises(ValueError):
        put_badge(readme, "x")


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKMYWORK_URL", os.environ["BREAKMYWORK_URL"] + "/")
    assert not Board().url.endswith("/")
