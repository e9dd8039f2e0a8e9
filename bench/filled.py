"""A board that is filled with copies of what really ran; standard library and psql."""

import subprocess
import sys

from running import ROOT, verdict

# Copies a row of a table as often as a query names keys, with what that query gives in place of some columns.
COPY = """
create function pg_temp.copies(copied text, one bigint, given text, keys text) returns void language plpgsql as $$
declare columns text; values text;
begin
  select string_agg(quote_ident(attname), ', '), string_agg(
           case when attname = any (string_to_array(given, ' ')) then 'k.' else 'r.' end || quote_ident(attname), ', ')
    into columns, values from pg_attribute
    where attrelid = copied::regclass and attnum > 0 and not attisdropped and attgenerated = '' and
          (attname = any (string_to_array(given, ' ')) or attidentity = '');
  execute format('insert into %I (%s) overriding system value select %s from (%s) k, %I r where r.%I = %s',
    copied, columns, values, keys, copied,
    case when copied in ('experiment', 'run', 'comment') then 'id' else 'experiment_id' end, one);
end $$;
"""

TABLES = ["thread", "experiment", "verdict", "experiment_point", "run", "run_metric", "comment"]


class Filled:
    """A board with one real verdict, and ways to copy it."""

    def __init__(self, board):
        self.board = board
        self.url = board.database()
        verdict(board, "C2", ROOT / "examples/specs/fixed-or-fresh.toml", 600)
        self.experiment, self.claim, self.thread = map(int, self.sql(
            "select e.id, e.claim_id, c.thread_id from experiment e join claim c on c.id = e.claim_id").split("|"))
        board.call("POST", f"/threads/{self.thread}/comments",
                   {"body": "A comment with *words*, `code` and a formula: $p(y | x) = \\sum_z p(y | x, z)$. " * 3})
        # An experiment with very many runs, once there is one.
        self.long = None
        self.comment = int(self.sql("select max(id) from comment where kind = 'comment'"))

    def sql(self, text):
        """What statements say, all of them in one transaction and without triggers of ours: they count, record and tell."""
        off = "".join(f"alter table {table} disable trigger user;" for table in TABLES)
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-1", "-v", "ON_ERROR_STOP=1", self.url], text=True,
                              input=COPY + (off + text + ";" + off.replace("disable", "enable") if "copies" in text else text),
                              capture_output=True)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout.strip()

    def grow(self, claim, experiments, metrics_a_run):
        """Copies the experiment onto a claim, with its verdict, its runs and so many points of each run's curve."""
        if experiments <= 0:
            return
        first = int(self.sql("select max(id) + 1 from experiment"))
        thread = int(self.sql("select max(id) + 1 from thread"))
        keys = f"select {first} + g as id, {thread} + g as thread_id, {claim} as claim_id from generate_series(0, {experiments - 1}) g"
        verdicts = f"select {first} + g as experiment_id, {claim} as claim_id from generate_series(0, {experiments - 1}) g"
        one = self.experiment
        self.sql(f"""
            insert into thread (id) overriding system value select {thread} + g from generate_series(0, {experiments - 1}) g;
            select pg_temp.copies('experiment', {one}, 'id thread_id claim_id', $q${keys}$q$);
            select pg_temp.copies('verdict', {one}, 'experiment_id', $q${verdicts}$q$);
            select pg_temp.copies('experiment_point', {one}, 'experiment_id claim_id', $q${verdicts}$q$);
            create temp table new_run as select r.id as old, e.id as experiment_id,
              (select max(id) from run) + row_number() over (order by e.id, r.id) as id
              from run r, experiment e where r.experiment_id = {one} and e.id >= {first};
            do $$ declare old bigint; begin for old in select distinct n.old from new_run n loop
              perform pg_temp.copies('run', old, 'id experiment_id', format('select id, experiment_id from new_run where old = %s', old));
            end loop; end $$;
            insert into run_metric (run_id, name, step, value)
              select id, 'train_loss', g, 1.0 / g from new_run, generate_series(1, {metrics_a_run}) g;
            select setval(pg_get_serial_sequence('thread', 'id'), (select max(id) from thread));
            select setval(pg_get_serial_sequence('experiment', 'id'), (select max(id) from experiment));
            select setval(pg_get_serial_sequence('run', 'id'), (select max(id) from run))""")

    def lengthen(self, experiment, runs):
        """Copies a run of the experiment into it, with seeds that none of its runs has."""
        one, fresh = self.sql(f"select min(id), (select max(id) + 1 from run) from run where experiment_id = {experiment}").split("|")
        keys = f"select {fresh} + g as id, g as seed from generate_series(1, {runs}) g"
        self.sql(f"""
            select pg_temp.copies('run', {one}, 'id seed', $q${keys} where not exists (
                select from run where experiment_id = {experiment} and run.seed = g)$q$);
            select setval(pg_get_serial_sequence('run', 'id'), (select max(id) from run))""")
        self.long = experiment

    def talk(self, comments, threads):
        """Copies the comment into the threads that a query names, in turn."""
        if comments <= 0:
            return
        first = int(self.sql("select max(id) + 1 from comment"))
        keys = f"""select {first} + g as id, {first} + g as root_id,
            ids[1 + g % cardinality(ids)] as thread_id from generate_series(0, {comments - 1}) g,
            (select array_agg(id) as ids from ({threads}) t(id)) s"""
        self.sql(f"""
            select pg_temp.copies('comment', {self.comment}, 'id root_id thread_id', $q${keys}$q$);
            select setval(pg_get_serial_sequence('comment', 'id'), (select max(id) from comment))""")

    def settle(self):
        subprocess.run(["psql", "-X", "-q", self.url, "-c", f"vacuum analyze {', '.join(TABLES)}"], check=True)

    def pages(self):
        claim, experiment, thread = self.claim, self.experiment, self.thread
        long = {"very many runs": f"/experiments/{self.long}/runs"} if self.long else {}
        return {
            "home": "/",
            "works": "/works",
            "claims": "/claims",
            "a claim": f"/claims/{claim}",
            "its thread, newest first": f"/claims/{claim}?sort=newest",
            "experiments": "/experiments",
            "an experiment": f"/experiments/{experiment}",
            "its runs": f"/experiments/{experiment}/runs",
            **long,
            "search": "/search?q=mask",
            "queue": "/queue",
            "a claim as JSON": f"/api/v1/claims/{claim}",
            "an experiment as JSON": f"/api/v1/experiments/{experiment}",
            "experiments as JSON": "/api/v1/experiments",
            "its runs as JSON": f"/api/v1/experiments/{experiment}/runs",
            "its thread as JSON": f"/api/v1/threads/{thread}/comments",
            "feed": "/feed.atom",
            "badge": f"/claims/{claim}/badge.svg",
            "card": f"/experiments/{experiment}/embed",
        }
