"""The command line: submit an experiment, wait for its verdict, put the badge into a README."""

import argparse
import sys
from pathlib import Path

from breakmywork.board import Board
from breakmywork.experiment import Ended, Experiment, Stalled
from breakmywork.problem import Ambiguous, Problem, Unknown, Unreachable
from breakmywork.readme import put_badge


def arguments(words: list[str] | None) -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(prog="breakmywork", description=__doc__)
    parser.add_argument("--url", help="the board (default: BREAKMYWORK_URL, else http://127.0.0.1:8080)")
    commands = parser.add_subparsers(dest="command", required=True)
    submit = commands.add_parser("submit", help="register an experiment; its token is BREAKMYWORK_TOKEN")
    submit.add_argument("claim", help="label (C2) or number of the claim that it tests")
    submit.add_argument("spec", type=Path, help="its specification, a TOML file")
    submit.add_argument("--work", help="slug of the claim's work, where several works have a claim of that label")
    submit.add_argument("--rationale", default="", help="why this tests the claim, in Markdown")
    submit.add_argument("--no-wait", action="store_true", help="do not wait for the verdict")
    submit.add_argument("--readme", type=Path, metavar="FILE", help="put the claim's badge into this Markdown file")
    show = commands.add_parser("show", help="how an experiment stands")
    show.add_argument("number", type=int)
    show.add_argument("--csv", type=Path, metavar="FILE", help="write what its runs came to (needs pandas)")
    show.add_argument("--picture", type=Path, metavar="FILE", help="draw pairs and curves (needs matplotlib)")
    return parser.parse_args(words)


def submit(board: Board, asked: argparse.Namespace) -> None:
    """Registers, waits, tells."""
    claim = int(asked.claim) if asked.claim.isdigit() else asked.claim
    experiment = board.submit(claim, asked.spec, work=asked.work, rationale=asked.rationale)
    print(f"Registered: {experiment.url}", flush=True)
    if asked.readme is not None:
        page = f"{board.url}/claims/{experiment.answer['claim']}"
        put_badge(asked.readme, f"[![where the claim stands]({page}/badge.svg)]({experiment.url})")
    if not asked.no_wait:
        tell(experiment.wait(progress=sys.stderr.isatty()))


def show(board: Board, asked: argparse.Namespace) -> None:
    """Tells, and writes what was asked for."""
    experiment = board.experiment(asked.number)
    tell(experiment)
    if asked.csv is not None:
        experiment.runs().to_csv(asked.csv)
    if asked.picture is not None:
        experiment.plot().savefig(asked.picture)


def tell(experiment: Experiment) -> None:
    """The outcome, and its reasons."""
    print(f"Verdict: {experiment.outcome}" if experiment.outcome else f"State: {experiment.state}")
    if experiment.verdict is not None:
        print(experiment.verdict["explanation"])


def main(words: list[str] | None = None) -> None:
    """Does what the command line asks; ends with 1 and the reason where that cannot be done."""
    asked = arguments(words)
    try:
        with Board(asked.url) as board:
            (submit if asked.command == "submit" else show)(board, asked)
    except (Ambiguous, Ended, OSError, Problem, Stalled, Unknown, Unreachable, ValueError) as error:
        sys.exit(f"breakmywork: {error}")
    except ImportError as error:
        sys.exit(f'breakmywork: {error}; pip install "./clients/python[plot]" brings it')


if __name__ == "__main__":
    main()
