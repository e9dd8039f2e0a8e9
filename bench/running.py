"""A board of real programs, for as long as a measurement takes; standard library alone."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parent.parent


# Debian's packages of the programs that measurements need.
PACKAGES = {"psql": "postgresql-client", "wrk": "wrk"}


def need(*programs):
    """Ends with what to install if one of these programs is missing: before a board is filled, not after."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        packages = " ".join(PACKAGES[program] for program in missing)
        sys.exit(f"{' and '.join(missing)} not found; on Debian: apt-get install {packages}")


class Board:
    """A board that runs as long as the `with` block."""

    def __init__(self, programs, flags, port):
        self.programs, self.flags, self.port = programs, flags, port

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="board-")
        # Its Postgres may run as another account.
        os.chmod(self.folder.name, 0o755)
        self.data = pathlib.Path(self.folder.name) / "var"
        command = [self.programs / "breakmywork", "up", "--data-dir", self.data, "--port", str(self.port)]
        environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "RAYON_NUM_THREADS")}
        self.log = open(pathlib.Path(self.folder.name) / "log", "wb")
        self.process = subprocess.Popen(
            [*command, *self.flags], env=environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            wait(60, lambda: self.process.poll() is not None or self.answers())
            self.token = self.run("token", "create", "--user", "admin").strip()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.log.close()
        self.folder.cleanup()

    def run(self, *words):
        command = [self.programs / "breakmywork", *words, "--data-dir", self.data]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def database(self):
        """The address of its Postgres."""
        command = [self.programs / "breakmywork", "postgres", "--data-dir", self.data, "--", "sh", "-c", 'echo "$DATABASE_URL"']
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def call(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def wait(limit, done):
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            sys.exit(f"It took longer than {limit:.0f} s.")
        time.sleep(0.2)


def verdict(board, claim, spec, limit):
    """Seconds from registration to verdict, and the verdict."""
    number = next(c["id"] for c in board.call("GET", "/claims")["items"] if c["label"] == claim)
    body = {"claim": number, "register": True, "spec": spec.read_text()}
    path = f"/experiments/{board.call('POST', '/experiments', body)['id']}"
    answer = {}

    def done():
        answer.update(board.call("GET", path))
        return answer["state"] not in ("registered", "running")

    wait(limit, done)
    if answer["state"] != "concluded":
        sys.exit(f"The experiment is {answer['state']}.")
    registered, concluded = (datetime.fromisoformat(answer[f"{what}_at"]) for what in ("registered", "concluded"))
    return (concluded - registered).total_seconds(), answer["verdict"]["outcome"]
