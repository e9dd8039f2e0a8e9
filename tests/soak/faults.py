"""What can go wrong with machines and people, each as one function that takes the soak."""

import os
import signal
import subprocess
import time

from board import LEASE_SECONDS, STALL_SECONDS, children, kill


def some_worker(soak):
    """A worker that lives and is not frozen."""
    living = [worker for worker in soak.board.workers if worker.pid and not worker.frozen]
    return soak.random.choice(living) if living else None


def signal_runner(number):
    """A fault: some runner gets that signal."""
    def fault(soak):
        worker = some_worker(soak)
        return bool(worker) and kill(worker.pid, number)
    return fault


def runner_told_twice(soak):
    """The second SIGTERM ends it at once."""
    worker = some_worker(soak)
    if not worker:
        return False
    kill(worker.pid, signal.SIGTERM)
    time.sleep(soak.random.uniform(0, 0.3))
    kill(worker.pid, signal.SIGTERM)
    return True


def runner_frozen(soak):
    """A machine that sleeps, for less or for longer than the lease."""
    worker = some_worker(soak)
    if not worker:
        return False
    worker.frozen = True
    # Its trainers sleep with it, or go on without it.
    frozen = [worker.pid] + (worker.trainers() if soak.random.random() < 0.5 else [])
    for pid in frozen:
        kill(pid, signal.SIGSTOP)
    soak.later(soak.random.uniform(1, 2 * LEASE_SECONDS), worker.thaw)
    return True


def some_trainer(soak):
    """A trainer of some worker."""
    worker = some_worker(soak)
    trainers = worker.trainers() if worker else []
    return soak.random.choice(trainers) if trainers else None


def trainer_killed(soak):
    """As the system does when memory is short."""
    return kill(some_trainer(soak), signal.SIGKILL)


def trainer_frozen(soak):
    """A device that hangs: for a moment, or until somebody ends it."""
    pid = some_trainer(soak)
    if not kill(pid, signal.SIGSTOP):
        return False
    soak.later(soak.random.choice([2, STALL_SECONDS + 10]), lambda: kill(pid, signal.SIGCONT))
    return True


def signal_postmaster(number):
    """A fault: the database server gets that signal."""
    def fault(soak):
        return kill(soak.board.postmaster(), number)
    return fault


def backend_killed(soak):
    """One connection's process dies, and the server starts anew for all."""
    backends = children(soak.board.postmaster())
    return bool(backends) and kill(soak.random.choice(backends), signal.SIGKILL)


def up_killed(soak):
    """Web server and database die together, without a word."""
    return kill(soak.board.up.pid, signal.SIGKILL)


def rows_locked(soak):
    """Somebody's transaction, or a migration, keeps others waiting."""
    table = soak.random.choice(["run", "run_lease", "experiment"])
    seconds = soak.random.choice([2, 5, 12])
    sql = f"begin; lock table {table} in access exclusive mode; select pg_sleep({seconds}); commit;"
    subprocess.Popen(["psql", "-X", "-q", soak.board.url, "-c", sql], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return True


def disk_full(soak):
    """No room for checkpoints: a tiny file system that is filled, else (not root) a folder that is read-only."""
    folder = soak.board.checkpoints
    if soak.tiny_disk:
        filler = folder / "filler"

        def fill():
            with open(filler, "ab", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        try:
            fill()
        except OSError:
            soak.later(soak.random.uniform(3, 12), lambda: filler.unlink(missing_ok=True))
            return True
    if os.geteuid() == 0:
        return False
    folder.chmod(0o500)
    soak.later(soak.random.uniform(3, 12), lambda: folder.chmod(0o700))
    return True


def checkpoint_damaged(soak):
    """A file that a power cut left short."""
    files = [file for file in soak.board.checkpoints.rglob("*") if file.is_file() and file.name != "filler"]
    if not files:
        return False
    file = soak.random.choice(files)
    try:
        os.truncate(file, file.stat().st_size // 2)
    except OSError:
        return False
    return True


def program_replaced(soak):
    """A build or an upgrade puts a new worker in the place of the one that runs."""
    soak.board.replace_worker()
    return True


def run_cancelled(soak):
    """An admin ends a run."""
    rows = soak.board.rows("select id from run where state in ('queued', 'running') order by random() limit 1")
    if not rows:
        return False
    return soak.admin("POST", f"/runs/{rows[0][0]}/cancel", {"reason": "soak"})[0] == 200


def run_retried(soak):
    """An admin has a run done again."""
    rows = soak.board.rows(
        "select r.id from run r where r.state in ('failed', 'cancelled')"
        " and not exists (select from run later where later.retry_of = r.id)"
        " and not exists (select from verdict v where v.experiment_id = r.experiment_id) order by random() limit 1")
    if not rows:
        return False
    return soak.admin("POST", f"/runs/{rows[0][0]}/retry", {"reason": "soak"})[0] == 201


def experiment_stopped(soak):
    """An admin ends all runs of an experiment."""
    rows = soak.board.rows("select id from experiment where state in ('registered', 'running', 'stalled') order by random() limit 1")
    if not rows:
        return False
    return soak.admin("POST", f"/experiments/{rows[0][0]}/stop", {"reason": "soak"})[0] == 200


def queue_paused(soak):
    """An admin stops the queue for a moment."""
    def resume():
        # What was not answered is asked again: the database may be away.
        if soak.admin("POST", "/queue/resume")[0] not in (200, 409):
            soak.later(1, resume)
    soak.later(soak.random.uniform(1, 4), resume)
    return soak.admin("POST", "/queue/pause", {"reason": "soak"})[0] == 200


# How often each comes, relative to the others.
FAULTS = {
    "runner killed": (4, signal_runner(signal.SIGKILL)),
    "runner stopped": (3, signal_runner(signal.SIGTERM)),
    "runner told twice": (1, runner_told_twice),
    "runner frozen": (2, runner_frozen),
    "trainer killed": (4, trainer_killed),
    "trainer frozen": (1, trainer_frozen),
    "database killed": (1, signal_postmaster(signal.SIGKILL)),
    "database stopped fast": (1, signal_postmaster(signal.SIGINT)),
    "database stopped slowly": (0.5, signal_postmaster(signal.SIGTERM)),
    "connection killed": (1, backend_killed),
    "everything but workers killed": (0.7, up_killed),
    "table locked": (1, rows_locked),
    "disk full": (2, disk_full),
    "checkpoint damaged": (2, checkpoint_damaged),
    "program replaced": (2, program_replaced),
    "run cancelled": (1, run_cancelled),
    "run retried": (2, run_retried),
    "experiment stopped": (0.5, experiment_stopped),
    "queue paused": (0.7, queue_paused),
}
