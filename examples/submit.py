#!/usr/bin/env python3
"""Propose an experiment, register it and wait for the verdict. Standard library only.

    export BREAKMYWORK_URL=http://127.0.0.1:8080
    export BREAKMYWORK_TOKEN=bmw_…        # breakmywork token create --user NAME, or /account
    python3 examples/submit.py C2 examples/specs/fixed-or-fresh.toml

Sending the same again within a day changes nothing: the Idempotency-Key is made from claim and file.
"""

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ.get("BREAKMYWORK_URL", "http://127.0.0.1:8080")
POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "5"))


def call(method, path, body=None, key=None):
    """One request; a problem is printed field by field and ends the program."""
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["BREAKMYWORK_TOKEN"])
    if key is not None:
        request.add_header("Idempotency-Key", key)
    data = None
    if body is not None:
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        try:
            problem = json.load(error)
        except ValueError:
            problem = {}
        print(f"The board answered {error.code}: {problem.get('detail', error.reason)}", file=sys.stderr)
        for field in problem.get("errors", []):
            print(f"  {field['pointer']}: {field['detail']}", file=sys.stderr)
        sys.exit(1)
    except urllib.error.URLError as error:
        sys.exit(f"The board at {URL} does not answer: {error.reason}")


def main():
    """Submits the file named on the command line."""
    if len(sys.argv) != 3 or "BREAKMYWORK_TOKEN" not in os.environ:
        sys.exit(__doc__)
    label, file = sys.argv[1:]
    with open(file, encoding="utf-8") as text:
        spec = text.read()
    claims = call("GET", f"/api/v1/claims?label={urllib.parse.quote(label)}")["items"]
    if not claims:
        sys.exit(f"There is no claim {label} on {URL}; {URL}/claims lists them.")
    claim = claims[0]["id"]

    key = hashlib.sha256(f"{claim} {spec}".encode()).hexdigest()
    experiment = call("POST", "/api/v1/experiments", {"claim": claim, "spec": spec, "register": True}, key)
    print(f"Registered: {URL}{experiment['url']}")

    while experiment["state"] != "concluded":
        time.sleep(POLL_SECONDS)
        experiment = call("GET", f"/api/v1/experiments/{experiment['id']}")
        runs = experiment["runs"]
        print(f"{experiment['state']}: {runs['ended']} of {runs['total']} runs ended")
        if experiment["state"] == "stalled":
            sys.exit(f"Too many runs are missing; an admin decides: {experiment['stalled_reason']}")
    print(f"Verdict: {experiment['outcome']}")
    if experiment["verdict"] is not None:
        print(experiment["verdict"]["explanation"])


if __name__ == "__main__":
    main()
