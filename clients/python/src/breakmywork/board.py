"""A board, and the requests to it."""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httpx

from breakmywork.answers import ClaimAnswer, ExperimentAnswer
from breakmywork.experiment import Experiment
from breakmywork.problem import Ambiguous, Problem, Unknown, Unreachable

#: A specification: its file, its TOML text, or the same as nested mappings.
Spec = Path | str | Mapping[str, Any]

# What passes by itself: sent again, a request that changes nothing or has an Idempotency-Key does no harm.
PASSING = {408, 429, 502, 503, 504}


class Board:
    """A Break My Work server, asked with the rights of a token.

    `url` and `token` default to the environment's `BREAKMYWORK_URL` and `BREAKMYWORK_TOKEN`; reading needs no token.
    What fails in passing is asked again for up to `patience` seconds. A board may be used in a `with` statement.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 40.0,
        patience: float = 120.0,
    ) -> None:
        self.url = (url or os.environ.get("BREAKMYWORK_URL") or "http://127.0.0.1:8080").rstrip("/")
        if urlsplit(self.url).scheme not in {"http", "https"}:
            raise ValueError(f"the board's address must begin with http:// or https://, not {self.url!r}")
        token = token or os.environ.get("BREAKMYWORK_TOKEN")
        self.patience = patience
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token.strip()}"
        # Redirects are not followed: a token goes to this board alone.
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """What `path` (`/api/v1/…`) answers.

        Raises `Problem` if it is refused, `Unreachable` if nobody answers.
        """
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
        """What posting `body` to `path` answers.

        `key` is the `Idempotency-Key`: the same within a day does nothing twice. Each call has one of its own if none
        is given, so that it can be sent again when the answer was lost.
        """
        return self._ask("POST", path, body=body, key=key or str(uuid.uuid4()))

    def items(self, path: str, params: Mapping[str, str | int] | None = None) -> Iterator[Any]:
        """All items of a collection, however many pages it has."""
        asked = dict(params or {})
        while True:
            page = self.get(path, asked)
            yield from page["items"]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def claim(self, claim: int | str, work: str | None = None) -> ClaimAnswer:
        """The claim of that number, or of that label (`C2`); `work` is the slug of its work, where several have one.

        Raises `Unknown` or `Ambiguous`.
        """
        if isinstance(claim, int):
            return cast(ClaimAnswer, self.get(f"/api/v1/claims/{claim}"))
        asked: dict[str, str | int] = {"label": claim}
        if work is not None:
            asked["work"] = work
        found = cast(list[ClaimAnswer], list(self.items("/api/v1/claims", asked)))
        if not found:
            raise Unknown(f"there is no claim {claim} on {self.url}; {self.url}/claims lists them")
        if len(found) > 1:
            works = ", ".join(f"{each['work']} ({each['id']})" for each in found)
            raise Ambiguous(f"several works have a claim {claim}: {works}; say `work`, or the claim's number")
        return found[0]

    def experiment(self, number: int) -> Experiment:
        """The experiment of that number."""
        return Experiment(self, cast(ExperimentAnswer, self.get(f"/api/v1/experiments/{number}")))

    def propose(
        self, claim: int | str, spec: Spec, *, work: str | None = None, register: bool = False, **fields: Any
    ) -> Experiment:
        """Proposes an experiment on a claim; with `register` it is frozen and its runs are queued at once.

        `fields` are further ones of the request (`rationale`, `title`, `exploratory`, `seal_days`, …: `/docs/api` on the
        board). The same proposal sent again within a day is the same experiment.
        """
        number = self.claim(claim, work)["id"]
        body = {"claim": number, "spec": _readable(spec), "register": register, **fields}
        key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        return Experiment(self, cast(ExperimentAnswer, self.post("/api/v1/experiments", body, key=key)))

    def submit(self, claim: int | str, spec: Spec, *, work: str | None = None, **fields: Any) -> Experiment:
        """Proposes an experiment and registers it: from then on nothing about it changes but what its runs come to."""
        return self.propose(claim, spec, work=work, register=True, **fields)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            waited = min(2.0**tries / 4, 15.0)
            try:
                headers = {"Idempotency-Key": key} if key else None
                response = self._http.request(method, path, params=params, json=body, headers=headers)
            except httpx.RequestError as error:
                if time.monotonic() - started + waited > self.patience:
                    raise Unreachable(f"the board at {self.url} does not answer: {error}") from error
            else:
                if response.is_success:
                    return response.json() if response.content else None
                waited = max(waited, _retry_after(response))
                over = time.monotonic() - started + waited > self.patience
                if response.status_code not in PASSING or over:
                    raise Problem.of(response)
            time.sleep(waited)


def _readable(spec: Spec) -> str | dict[str, Any]:
    if isinstance(spec, Path):
        return spec.read_text(encoding="utf-8")
    return spec if isinstance(spec, str) else dict(spec)


def _retry_after(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
