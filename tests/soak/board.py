"""A board of real programs: `breakmywork up` with its embedded server, four workers, and ways to look and to act."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid

# Short times, so that minutes hold what takes hours elsewhere. A busy machine may keep a process waiting for seconds.
LEASE_SECONDS = 8
STALL_SECONDS = 25
SHARED = {
    "BREAKMYWORK_LEASE_SECONDS": str(LEASE_SECONDS),
    "BREAKMYWORK_STALL_SECONDS": str(STALL_SECONDS),
    "BREAKMYWORK_BACKOFF_SECONDS": "1",
}
WORKER = {
    "BREAKMYWORK_BEAT_SECONDS": "2",
    "BREAKMYWORK_POLL_SECONDS": "0.3",
    "BREAKMYWORK_CHECKPOINT_EVERY": "1",
}
SLOTS = [1, 2, 2, 1]
ANSWER_SECONDS = 20
SET_PDEATHSIG = 1


def end_with_us():
    """In a child: ends with this script, however that ends."""
    ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL)


def kill(pid, number):
    """Sends a signal; false if the process has just ended."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, TypeError):
        return False
    return True


def parents():
    """The parent of every process that lives."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if stat[0] not in "ZX":
                found[int(entry)] = int(stat[1])
    return found


def children(pid):
    """Processes that `pid` has started."""
    return [child for child, parent in parents().items() if parent == pid]


class Worker:
    """A worker process that is started again when it ends."""

    def __init__(self, board, number):
        self.board, self.number = board, number
        self.log = open(board.folder / f"worker-{number}.log", "ab")
        self.child = None
        self.frozen = False

    @property
    def pid(self):
        return self.child.pid if self.child and self.child.poll() is None else None

    def revive(self):
        """Starts it if it does not run."""
        if self.pid is None:
            environment = os.environ | SHARED | WORKER | {
                "DATABASE_URL": self.board.url,
                "BREAKMYWORK_CHECKPOINT_DIR": str(self.board.checkpoints),
                "BREAKMYWORK_SLOTS": str(SLOTS[self.number % len(SLOTS)]),
                "BREAKMYWORK_DATA_SETS": str(self.board.folder / "data"),
            }
            self.child = subprocess.Popen([self.board.worker_program], env=environment, stdin=subprocess.DEVNULL,
                                          stdout=self.log, stderr=self.log, start_new_session=True, preexec_fn=end_with_us)

    def trainers(self):
        """Its trainers, as process ids."""
        return children(self.pid) if self.pid else []

    def thaw(self):
        """Lets it and its trainers go on."""
        for pid in [self.pid, *self.trainers()]:
            kill(pid, signal.SIGCONT)
        self.frozen = False


class Board:
    """Everything that runs, in one folder."""

    def __init__(self, folder, program, worker_program):
        self.folder = pathlib.Path(folder)
        self.program = program
        # A copy, so that it can be replaced.
        self.original = worker_program
        self.worker_program = str(self.folder / "breakmywork-worker")
        self.replace_worker()
        self.checkpoints = self.folder / "checkpoints"
        self.checkpoints.mkdir(exist_ok=True)
        self.log = open(self.folder / "up.log", "ab")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.up = None
        self.url = None
        self.workers = []

    def replace_worker(self):
        """Puts a new file in the place of the worker's program, as a build or an upgrade does."""
        draft = self.folder / f"draft-{uuid.uuid4().hex}"
        draft.write_bytes(pathlib.Path(self.original).read_bytes())
        draft.chmod(0o755)
        draft.rename(self.worker_program)

    def command(self, *arguments):
        """Output of a command beside `up`."""
        done = subprocess.run([self.program, *arguments, "--data-dir", self.folder / "var"], check=True,
                              stdout=subprocess.PIPE, stderr=self.log, text=True)
        return done.stdout.strip()

    def start(self):
        """Starts `up` and the workers, and waits until the site is ready."""
        self.revive()
        self.wait_until_ready(180)
        self.url = subprocess.run(
            [self.program, "postgres", "--data-dir", self.folder / "var", "--", "sh", "-c", 'echo "$DATABASE_URL"'],
            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.workers = [Worker(self, number) for number in range(len(SLOTS))]

    def revive(self):
        """Starts again what has ended."""
        if self.up is None or self.up.poll() is not None:
            arguments = ["--workers", "0", "--port", str(self.port), "--data-dir", self.folder / "var", "--reap-seconds", "1",
                         "--requests-per-minute", "0"]
            self.up = subprocess.Popen([self.program, "up", *arguments], env=os.environ | SHARED, stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log, start_new_session=True, preexec_fn=end_with_us)
        for worker in self.workers:
            worker.revive()

    def wait_until_ready(self, seconds):
        """Waits for /readyz; false if that is in vain."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.get("/readyz") == 200:
                return True
            self.revive()
            time.sleep(0.3)
        return False

    def get(self, path):
        """The status of a page; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=ANSWER_SECONDS) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def call(self, token, method, path, body=None, key=None):
        """A request to REST: status and answer, or 0 and nothing where nobody answers."""
        request = urllib.request.Request(self.address + "/api/v1" + path, method=method)
        request.add_header("Authorization", "Bearer " + token)
        request.add_header("Idempotency-Key", key or uuid.uuid4().hex)
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=ANSWER_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except (OSError, ValueError):
            return 0, None

    def rows(self, sql):
        """Rows of a query as lists of texts; nothing while the database is away, which is all that may stop it."""
        done = subprocess.run(["psql", "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", self.url], input=sql,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            # psql's word for a connection that was refused or lost.
            if done.returncode != 2:
                raise RuntimeError(done.stderr)
            return None
        return [line.split("\t") for line in done.stdout.splitlines()]

    def postmaster(self):
        """The process id of the database server."""
        try:
            return int((self.folder / "var/postgres/postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def stop(self):
        """Ends everything, the polite way first."""
        for worker in self.workers:
            worker.thaw()
            kill(worker.pid, signal.SIGTERM)
        self._wait([worker.child for worker in self.workers])
        if self.up:
            kill(self.up.pid, signal.SIGTERM)
            self._wait([self.up])

    @staticmethod
    def _wait(processes):
        for process in filter(None, processes):
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
