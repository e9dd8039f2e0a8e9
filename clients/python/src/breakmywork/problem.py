"""What can go wrong between a script and the board, each with what to do next."""

from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class FieldError:
    """One field of what was sent, and what is wrong with it."""

    pointer: str
    detail: str


class Problem(Exception):
    """The board refused a request (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str, errors: list[FieldError], request_id: str | None) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        lines = [f"{status} {title}: {detail}", *(f"  {error.pointer}: {error.detail}" for error in errors)]
        super().__init__("\n".join(lines))

    @classmethod
    def of(cls, response: httpx.Response) -> "Problem":
        """The problem that an answer tells, also where a proxy in between answered something else."""
        try:
            told: Any = response.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            told = {}
        errors = told.get("errors")
        fields = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        return cls(
            response.status_code,
            str(told.get("title", response.reason_phrase)),
            str(told.get("detail", "no reason was given")),
            [FieldError(str(error.get("pointer", "")), str(error.get("detail", ""))) for error in fields],
            told.get("request_id"),
        )


class Unreachable(Exception):
    """The board did not answer, however often it was asked."""


class Unknown(LookupError):
    """There is no such claim on the board."""


class Ambiguous(LookupError):
    """Several works have a claim of that label: say which work, or the claim's number."""
