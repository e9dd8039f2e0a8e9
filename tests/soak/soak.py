#!/usr/bin/env python3
"""Breaks a board of real programs at random for a while, lets it settle, and audits what is left.

    soak.py FOLDER BREAKMYWORK BREAKMYWORK_WORKER

SOAK_SECONDS (120) is how long faults go on, SOAK_SEED repeats their order. Started by tests/soak/main.rs, which then
recomputes the verdicts. Ends with 0 if every invariant held at every look and every experiment has its end.
"""

import collections
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import time

from board import Board
from faults import FAULTS

SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))
SEED = int(os.environ.get("SOAK_SEED", str(random.randrange(2**32))))
AUDIT = pathlib.Path(__file__).with_name("audit.sql").read_text()
# Seconds between two faults, on average.
PAUSE = 1.5
AUDIT_EVERY = 5
# Experiments that wait or run at once.
OPEN = 6
# Each may propose 120 an hour.
AUTHORS = 12
# Until everything has ended after the last fault: pauses of workers, back-offs and a busy machine take their time.
SETTLE_SECONDS = max(240.0, SECONDS / 3)
TINY_DISK_KB = 32768

SPEC = """
title = "Soak {number}"
seeds = 6
[task]
name = "adding"
length = {length}
[model]
cell = "{cell}"
hidden = {hidden}
[training]
steps = {steps}
batch = 8
[evaluation]
every = {every}
sequences = 50
[[arms]]
name = "fixed"
dropout.state = {{ rate = 0.25, time = "fixed" }}
[[arms]]
name = "fresh"
dropout.state = {{ rate = 0.25, time = "per_step" }}
[criterion]
kind = "difference"
metric = "test_mse"
treatment = "fixed"
control = "fresh"
margin = 0.02
"""


class Soak:
    """The board, what was done to it, and what was found."""

    def __init__(self, folder, program, worker_program):
        self.random = random.Random(SEED)
        self.board = Board(folder, program, worker_program)
        self.tiny_disk = self._mount()
        self.pending = []
        self.faults = collections.Counter()
        self.violations = collections.Counter()
        self.audits = 0
        self.submissions = {}
        self.accepted = set()
        self.hopeless = 0
        self.tokens = []
        self.retries = 0
        self.seen = {}

    def _mount(self):
        """A small file system for the checkpoints, where that is allowed."""
        if os.geteuid() != 0:
            return False
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TINY_DISK_KB}k", "soak", self.board.checkpoints],
                              stderr=subprocess.DEVNULL)
        return done.returncode == 0

    def later(self, seconds, action):
        """Does something after a while, at the latest when the faults end."""
        self.pending.append((time.monotonic() + seconds, action))

    def undo(self, everything=False):
        """Does what is due."""
        now = time.monotonic()
        due = [action for moment, action in self.pending if everything or moment <= now]
        self.pending = [] if everything else [entry for entry in self.pending if entry[0] > now]
        for action in due:
            action()

    def admin(self, method, path, body=None):
        """A request of the admin."""
        return self.board.call(self.tokens[0], method, path, body)

    def sign_up(self):
        """An admin and some authors."""
        for number in range(AUTHORS + 1):
            name = f"soak-{number}"
            role = ["--role", "admin"] if number == 0 else []
            self.board.command("user", "create", name, *role)
            scopes = ["read", "propose", "discuss", "follow"] + (["admin"] if number == 0 else [])
            self.tokens.append(self.board.command(
                "token", "create", "--user", name, *(part for scope in scopes for part in ("--scope", scope))))
        status, claims = self.admin("GET", "/claims")
        assert status == 200, claims
        self.claims = [claim["id"] for claim in claims["items"]]

    def submit(self):
        """Keeps some experiments open. A submission without an answer is repeated with its key."""
        for key, (token, body) in list(self.submissions.items()):
            status, answer = self.board.call(token, "POST", "/experiments", body, key)
            if status == 201:
                del self.submissions[key]
                self.accepted.add(answer["id"])
            elif status == 422 and [error["pointer"] for error in answer["errors"]] == ["/spec/seeds"]:
                # Pairs of this author's differed so much that six would show nothing: the board says so, rightly.
                del self.submissions[key]
                self.hopeless += 1
            elif status in (400, 422, 404):
                self.violate(f"a submission was answered {status}: {answer}")
                del self.submissions[key]
            elif status == 429:
                del self.submissions[key]
        rows = self.board.rows("select count(*) from experiment where state not in ('concluded', 'withdrawn')")
        if rows and int(rows[0][0]) + len(self.submissions) < OPEN:
            number = len(self.accepted) + len(self.submissions)
            steps = self.random.choice([20, 60, 400, 3000])
            spec = SPEC.format(number=number, steps=steps, every=max(steps // 4, 10), length=self.random.choice([5, 12]),
                               hidden=self.random.choice([3, 8]), cell=self.random.choice(["lstm", "gru", "rnn"]))
            body = {"claim": self.random.choice(self.claims), "spec": spec, "register": True}
            key = f"soak-{SEED}-{number}-{self.random.randrange(2**32)}"
            self.submissions[key] = (self.random.choice(self.tokens[1:]), body)

    def violate(self, what):
        """Remembers a broken promise, and says it once."""
        if what not in self.violations:
            print(f"VIOLATION at {time.strftime('%H:%M:%S')}: {what}", flush=True)
        self.violations[what] += 1

    def audit(self):
        """What must hold at every moment, and what must never change from one look to the next."""
        rows = self.board.rows(AUDIT)
        if rows is None:
            return
        self.audits += 1
        for rule, subject in rows:
            self.violate(f"{rule}: {subject}")
        runs = self.board.rows("select id, epoch, state, md5(result::text) from run order by id") or []
        for run, epoch, state, result in runs:
            before = self.seen.get(run)
            if before and int(before[0]) > int(epoch):
                self.violate(f"an epoch fell: run {run} from {before[0]} to {epoch}")
            if before and before[1] in ("succeeded", "failed", "cancelled") and before[1:] != (state, result):
                self.violate(f"a final run changed: run {run} from {before[1]} to {state}")
            self.seen[run] = (epoch, state, result)
        posts = self.board.rows("select 'post ' || id, md5(body || kind) from comment where kind = 'result'") or []
        for post, text in posts:
            if self.seen.setdefault(post, text) != text:
                self.violate(f"a result changed: {post}")
        if len([key for key in self.seen if key.startswith("post ")]) > len(posts) and posts:
            self.violate("a result post is gone")

    def strike(self):
        """One fault."""
        names = list(FAULTS)
        name = self.random.choices(names, [FAULTS[name][0] for name in names])[0]
        if FAULTS[name][1](self):
            self.faults[name] += 1

    def rage(self):
        """Faults, submissions and audits, until the time is over."""
        end = time.monotonic() + SECONDS
        next_fault = next_audit = time.monotonic() + 2
        while time.monotonic() < end:
            self.undo()
            self.board.revive()
            self.submit()
            if time.monotonic() >= next_fault:
                self.strike()
                next_fault = time.monotonic() + self.random.expovariate(1 / PAUSE)
            if time.monotonic() >= next_audit:
                self.audit()
                self.help()
                next_audit = time.monotonic() + AUDIT_EVERY
            time.sleep(0.1)

    def settle(self):
        """No faults any more: everything must come to its end, what waits for an admin with the admin's help."""
        self.undo(everything=True)
        for worker in self.board.workers:
            worker.thaw()
        end = time.monotonic() + SETTLE_SECONDS
        resumed = False
        while time.monotonic() < end:
            self.board.revive()
            resumed = resumed or self.admin("POST", "/queue/resume")[0] in (200, 409)
            self.submit_rest()
            self.audit()
            open_ones = self.board.rows(
                "select e.id from experiment e where e.state not in ('concluded', 'withdrawn', 'proposed')")
            if open_ones == [] and not self.submissions:
                return
            self.help()
            time.sleep(1)
        rows = self.board.rows(
            "select e.id, e.state, r.id, r.state, r.epoch, r.failures, r.losses, r.run_after from experiment e"
            " left join run r on r.experiment_id = e.id and r.state in ('queued', 'running')"
            " where e.state not in ('concluded', 'withdrawn', 'proposed')")
        self.violate(f"not everything came to its end within {SETTLE_SECONDS:.0f} s: {rows}")

    def submit_rest(self):
        """Submissions that had no answer yet; nothing new."""
        for key, (token, body) in list(self.submissions.items()):
            status, answer = self.board.call(token, "POST", "/experiments", body, key)
            if status == 201:
                self.accepted.add(answer["id"])
            if status not in (0, 409, 500, 502, 503):
                del self.submissions[key]

    def help(self):
        """An admin has done again what failed in experiments that wait for that."""
        rows = self.board.rows(
            "select r.id from run r join experiment e on e.id = r.experiment_id"
            " where e.state not in ('concluded', 'withdrawn', 'proposed') and r.state in ('failed', 'cancelled')"
            " and not exists (select from run later where later.retry_of = r.id)"
            " and not exists (select from run o where o.experiment_id = e.id and o.state in ('queued', 'running'))")
        for (run,) in rows or []:
            self.retries += self.admin("POST", f"/runs/{run}/retry", {"reason": "The soak goes on"})[0] == 201

    def last_look(self):
        """What can only be said at the end."""
        if self.audits == 0 or not self.accepted:
            self.violate("nothing was audited")
        stored = {int(row[0]) for row in self.board.rows("select id from experiment where title like 'Soak %'") or []}
        if stored != self.accepted:
            self.violate(f"accepted and stored differ: {sorted(stored ^ self.accepted)}")
        # A cancelled run leaves five pairs, which is a person's word; a machine's trouble alone ends nothing.
        aborted = self.board.rows(
            "select v.experiment_id from verdict v join experiment e on e.id = v.experiment_id"
            " where v.outcome = 'aborted' and e.stopped_at is null and not exists (select from run r"
            " where r.experiment_id = v.experiment_id and r.state = 'cancelled'"
            " and not exists (select from run later where later.retry_of = r.id))")
        if aborted:
            self.violate(f"aborted without a person's word: experiments {', '.join(row[0] for row in aborted)}")
        for log in self.board.folder.glob("*.log"):
            text = log.read_text(errors="replace")
            if "panicked at" in text:
                self.violate(f"a panic in {log.name}")

    def report(self):
        """One line for people, and the rest below it."""
        count = lambda sql: (self.board.rows(sql) or [["?"]])[0][0]
        outcomes = self.board.rows("select outcome, count(*) from verdict group by 1 order by 1") or []
        attempts = self.board.rows("select outcome, count(*) from run_attempt group by 1 order by 1") or []
        print(f"seed {SEED}: {count('select count(*) from run')} runs of {len(self.accepted)} experiments, {self.hopeless} refused for their noise, "
              f"{sum(self.faults.values())} faults in {SECONDS:.0f} s, {self.audits} audits, "
              f"{count('select count(*) from verdict')} verdicts, {len(self.violations)} violations")
        print("faults: " + ", ".join(f"{name} {number}" for name, number in sorted(self.faults.items())))
        print("attempts: " + ", ".join(f"{name} {number}" for name, number in attempts))
        print("verdicts: " + ", ".join(f"{name} {number}" for name, number in outcomes)
              + f"; runs of stalled experiments that the admin had done again: {self.retries}", flush=True)

    def close(self):
        """Ends all processes."""
        with contextlib.suppress(Exception):
            self.undo(everything=True)
        self.board.stop()
        if self.tiny_disk:
            subprocess.run(["umount", "-l", self.board.checkpoints], check=False)


def main():
    """The whole soak; the exit code says whether everything held."""
    print(f"soak with seed {SEED} for {SECONDS:.0f} s", flush=True)
    soak = Soak(*sys.argv[1:])
    try:
        soak.board.start()
        soak.sign_up()
        soak.rage()
        soak.settle()
        soak.last_look()
        soak.report()
    finally:
        soak.close()
    return 1 if soak.violations else 0


if __name__ == "__main__":
    sys.exit(main())
