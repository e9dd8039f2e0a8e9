//! Random interleavings of everything that can happen to the job table, several at once, and what must always hold.

use crate::common::*;
use crate::volunteers::{audits, ends, volunteer};
use breakmywork_protocol::data_set::Reference;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{ExperimentId, RunId};
use breakmywork_protocol::jobs::{
    self, Ending, Error, FailureKind, Lease, MetricPoint, Offer, Progress, Trouble,
};
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Rounds of the test; each starts on what the last one left behind and adds an experiment.
const ROUNDS: usize = 12;
/// Steps of a round; each does up to three things at once.
const STEPS: usize = 25;

#[derive(Debug, Clone, Copy)]
enum Op {
    Take(usize),
    /// A worker's data folder has changed.
    Offer(usize),
    /// By a holder of any lease ever given, mostly stale ones.
    Beat(usize),
    Report(usize),
    Succeed(usize, u8),
    Diverge(usize),
    Break(usize),
    HandBack(usize),
    /// Its machine is at fault.
    CannotTrain(usize),
    /// The trainer was killed.
    Killed(usize),
    /// A worker says that something is wrong with its machine, or that all is well.
    Trouble(usize),
    ObeyCancel(usize),
    /// A worker goes silent.
    Expire(usize),
    Reap,
    Cancel(usize),
    Retry(usize),
    RetryFailed(usize),
    GiveUp(usize),
    Pause,
    Resume,
}

fn op() -> impl Strategy<Value = Op> {
    let pick = 0..1000_usize;
    prop_oneof![
        6 => pick.clone().prop_map(Op::Take),
        2 => pick.clone().prop_map(Op::Offer),
        2 => pick.clone().prop_map(Op::Beat),
        2 => pick.clone().prop_map(Op::Report),
        6 => (pick.clone(), any::<u8>()).prop_map(|(lease, value)| Op::Succeed(lease, value)),
        1 => pick.clone().prop_map(Op::Diverge),
        1 => pick.clone().prop_map(Op::Break),
        1 => pick.clone().prop_map(Op::HandBack),
        1 => pick.clone().prop_map(Op::CannotTrain),
        1 => pick.clone().prop_map(Op::Killed),
        1 => pick.clone().prop_map(Op::Trouble),
        1 => pick.clone().prop_map(Op::ObeyCancel),
        2 => pick.clone().prop_map(Op::Expire),
        3 => Just(Op::Reap),
        1 => pick.clone().prop_map(Op::Cancel),
        1 => pick.clone().prop_map(Op::Retry),
        1 => pick.clone().prop_map(Op::RetryFailed),
        1 => pick.prop_map(Op::GiveUp),
        1 => Just(Op::Pause),
        3 => Just(Op::Resume),
    ]
}

/// One step, of a number that changes now and then.
fn progress(pick: usize) -> Progress {
    Progress {
        step: 1,
        steps: [None, Some(10), Some(11)][pick % 3],
        alive: pick.is_multiple_of(2),
    }
}

struct World {
    pool: PgPool,
    actor: breakmywork_protocol::id::AccountId,
    workers: Vec<uuid::Uuid>,
    leases: Mutex<Vec<Lease>>,
    /// The good end of a run, of a number.
    ends: fn(u8) -> Ending,
}

impl World {
    /// Recent leases are picked more often than old ones, or hardly any would be alive.
    fn lease(&self, pick: usize) -> Option<Lease> {
        let leases = self.leases.lock().expect("not poisoned");
        let recent = if pick.is_multiple_of(4) {
            leases.len()
        } else {
            leases.len().min(4)
        };
        leases.iter().rev().nth(pick % recent.max(1)).cloned()
    }

    async fn run(&self, pick: usize) -> RunId {
        let runs = sqlx::query_scalar!(r#"select id as "id: RunId" from run order by id"#)
            .fetch_all(&self.pool)
            .await
            .expect("runs");
        runs[pick % runs.len()]
    }

    async fn experiment(&self, pick: usize) -> ExperimentId {
        let all =
            sqlx::query_scalar!(r#"select id as "id: ExperimentId" from experiment order by id"#)
                .fetch_all(&self.pool)
                .await
                .expect("experiments");
        all[pick % all.len()]
    }

    async fn end(&self, pick: usize, ending: Ending) -> Result<(), Error> {
        match self.lease(pick) {
            Some(lease) => finish(&self.pool, &lease, ending, TIMING).await,
            None => Ok(()),
        }
    }

    async fn apply(&self, op: Op) -> Result<(), Error> {
        let failed = |kind| Ending::Failed {
            kind,
            error: "why".into(),
        };
        match op {
            Op::Take(pick) => {
                let worker = self.workers[pick % self.workers.len()];
                if let Some(lease) = jobs::take(&self.pool, worker, TIMING).await? {
                    self.leases.lock().expect("not poisoned").push(lease);
                }
                Ok(())
            }
            Op::Offer(pick) => {
                let worker = self.workers[pick % self.workers.len()];
                // Two names, each with two contents, present or not.
                let offers = [1, 2].map(|version| Offer {
                    data_set: Reference::new("a", version).expect("a name"),
                    sha256: ["0", "1"][pick / 4 % 2].repeat(64),
                });
                let offers = &offers[..pick % 3];
                jobs::offer(&self.pool, worker, offers).await.map(drop)
            }
            Op::Beat(pick) => match self.lease(pick) {
                Some(lease) => jobs::beat(&self.pool, &lease, progress(pick), TIMING)
                    .await
                    .map(drop),
                None => Ok(()),
            },
            Op::Report(pick) => match self.lease(pick) {
                Some(lease) => {
                    let point = MetricPoint {
                        name: "train_loss".into(),
                        step: 1,
                        value: lease.epoch as f64,
                    };
                    jobs::report_metrics(&self.pool, &lease, progress(pick), &[point]).await
                }
                None => Ok(()),
            },
            Op::Succeed(pick, value) => self.end(pick, (self.ends)(value)).await,
            Op::Diverge(pick) => self.end(pick, failed(FailureKind::Diverged)).await,
            Op::Break(pick) => self.end(pick, failed(FailureKind::Error)).await,
            Op::HandBack(pick) => self.end(pick, Ending::Preempted).await,
            Op::CannotTrain(pick) => {
                let error = "the disk".into();
                self.end(pick, Ending::Unable { error }).await
            }
            Op::Killed(pick) => {
                let error = "signal 9".into();
                self.end(pick, Ending::Lost { error }).await
            }
            Op::Trouble(pick) => {
                let worker = self.workers[pick % self.workers.len()];
                let trouble = Trouble {
                    reason: "the disk".into(),
                    pauses: pick.is_multiple_of(2),
                };
                let trouble = (!pick.is_multiple_of(3)).then_some(&trouble);
                jobs::report_trouble(&self.pool, worker, trouble).await
            }
            Op::ObeyCancel(pick) => self.end(pick, Ending::Cancelled).await,
            Op::Expire(pick) => {
                if let Some(lease) = self.lease(pick) {
                    expire(&self.pool, lease.run).await;
                }
                Ok(())
            }
            Op::Reap => jobs::reap(&self.pool, TIMING).await.map(drop),
            Op::Cancel(pick) => {
                let run = self.run(pick).await;
                let mut tx = self.pool.begin().await?;
                jobs::cancel(&mut tx, run, self.actor, "why").await?;
                Ok(tx.commit().await?)
            }
            Op::Retry(pick) => {
                let run = self.run(pick).await;
                let mut tx = self.pool.begin().await?;
                jobs::retry(&mut tx, run, self.actor, "why").await?;
                Ok(tx.commit().await?)
            }
            Op::RetryFailed(pick) => {
                let experiment = self.experiment(pick).await;
                let mut tx = self.pool.begin().await?;
                jobs::retry_failed(&mut tx, experiment, self.actor, "why").await?;
                Ok(tx.commit().await?)
            }
            Op::GiveUp(pick) => {
                let experiment = self.experiment(pick).await;
                let mut tx = self.pool.begin().await?;
                jobs::give_up(&mut tx, experiment, self.actor, "why").await?;
                Ok(tx.commit().await?)
            }
            Op::Pause => {
                let mut connection = self.pool.acquire().await?;
                jobs::pause(&mut connection, self.actor, "why").await
            }
            Op::Resume => {
                let mut tx = self.pool.begin().await?;
                jobs::resume(&mut tx, self.actor).await?;
                Ok(tx.commit().await?)
            }
        }
    }
}

/// An admin admits again whoever was contradicted.
async fn believe(pool: &PgPool) {
    sqlx::query("update volunteer set contradicted_at = null, contradicted_run = null")
        .execute(pool)
        .await
        .expect("admits");
}

/// What is known of a run, to compare with a moment later.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    state: String,
    epoch: i64,
    last_words: Option<serde_json::Value>,
}

async fn look(pool: &PgPool) -> BTreeMap<i64, Seen> {
    sqlx::query!(
        "select id, state, epoch, coalesce(result, to_jsonb(error)) as last_words from run"
    )
    .fetch_all(pool)
    .await
    .expect("runs")
    .into_iter()
    .map(|row| {
        let seen = Seen {
            state: row.state,
            epoch: row.epoch,
            last_words: row.last_words,
        };
        (row.id, seen)
    })
    .collect()
}

fn is_final(state: &str) -> bool {
    matches!(state, "succeeded" | "failed" | "cancelled")
}

/// What must hold between two moments and at each of them.
async fn check(pool: &PgPool, before: &BTreeMap<i64, Seen>) -> BTreeMap<i64, Seen> {
    let after = look(pool).await;
    for (id, was) in before {
        let now = &after[id];
        assert!(
            now.epoch >= was.epoch,
            "the epoch of run {id} fell: {was:?} {now:?}"
        );
        if is_final(&was.state) {
            assert_eq!(now, was, "run {id} had ended");
        }
    }
    let broken = sqlx::query_scalar!(
        r#"select run.id as "id!" from run
           left join run_lease l on l.run_id = run.id
           left join run_attempt a on a.run_id = run.id and a.ended_at is null
           where (run.state = 'running') <> (l.run_id is not null)
              or (run.state = 'running') <> (a.run_id is not null)
              or l.epoch <> run.epoch or a.epoch <> run.epoch"#
    )
    .fetch_all(pool)
    .await
    .expect("rows");
    assert_eq!(
        broken,
        Vec::<i64>::new(),
        "runs whose lease, attempt and epoch do not agree"
    );
    let wrong = sqlx::query_scalar!(
        r#"select e.id from experiment e
           left join verdict v on v.experiment_id = e.id
           cross join lateral (select count(*) as posts from comment where experiment_id = e.id) c
           cross join lateral (select count(*) as open from run where experiment_id = e.id and finished_at is null) r
           where posts > 1 or (v.experiment_id is not null) <> (e.state = 'concluded')
              or (posts = 1) <> (e.state = 'concluded') or (r.open = 0) <> (e.state in ('concluded', 'stalled'))"#
    )
    .fetch_all(pool)
    .await
    .expect("rows");
    assert_eq!(
        wrong,
        Vec::<i64>::new(),
        "experiments whose verdict, post and runs do not agree"
    );
    after
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_that_happens_at_once_breaks_the_promises(pool: PgPool) {
    at_random(&pool, 0, &[], |value| success(f64::from(value))).await;
}

/// Three of six workers are volunteers', who say one of two things, so that they often agree, differ and are contradicted.
#[sqlx::test(migrator = "MIGRATOR")]
async fn nor_does_what_volunteers_do_at_once(pool: PgPool) {
    audits(&pool, 50).await;
    // What meets what is chance: a few histories have seen all of it.
    for history in 0..5 {
        let mut workers = Vec::new();
        for name in ["cyd", "dan", "eli"] {
            workers.push(volunteer(&pool, &format!("{name}{history}")).await);
        }
        at_random(&pool, history, &workers, |value| ends(f64::from(value % 2))).await;
        if volunteers_met(&pool).await {
            return;
        }
    }
    panic!("no volunteers agreed, or none was contradicted");
}

/// Whether some volunteers' numbers were kept aside, some confirmed and some contradicted.
async fn volunteers_met(pool: &PgPool) -> bool {
    let met = sqlx::query_scalar::<_, bool>(
        "select exists (select from volunteered) and exists (select from run where trust = 'confirmed')
           and exists (select from volunteered where word = 'different')",
    );
    met.fetch_one(pool).await.expect("a word")
}

async fn at_random(pool: &PgPool, history: u8, volunteers: &[uuid::Uuid], ends: fn(u8) -> Ending) {
    let pool = pool.clone();
    let actor = account(&pool, &format!("ada{history}")).await;
    let other = account(&pool, &format!("bob{history}")).await;
    let mut world = World {
        pool: pool.clone(),
        actor,
        workers: volunteers.to_vec(),
        leases: Mutex::default(),
        ends,
    };
    for _ in 0..3 {
        world.workers.push(worker(&pool).await);
    }
    let mut runner = TestRunner::default();
    let step = proptest::collection::vec(op(), 1..=3);
    let mut before = BTreeMap::new();
    let mut log = Vec::new();
    for round in 0..ROUNDS {
        let author = if round % 2 == 0 { actor } else { other };
        // Small on purpose: experiments must conclude while others fight over them. Two seeds give four runs.
        registered(&pool, author, &spec(2)).await;
        believe(&pool).await;
        for _ in 0..STEPS {
            let ops = step.new_tree(&mut runner).expect("a step").current();
            log.push(ops.clone());
            let results = join_all(ops.iter().map(|op| world.apply(*op))).await;
            for (op, result) in ops.iter().zip(results) {
                // Refusals are fine; a database error (deadlock, constraint) is not.
                assert!(
                    !matches!(result, Err(Error::Database(_))),
                    "{op:?}: {result:?} after {log:#?}"
                );
            }
            before = check(&pool, &before).await;
        }
    }
    // Whatever happened, everything can still be brought to an end.
    world.apply(Op::Resume).await.expect("opens");
    sqlx::query!("update run_lease set expires_at = now() - interval '1 second'")
        .execute(&pool)
        .await
        .expect("expires");
    jobs::reap(&pool, TIMING).await.expect("reaps");
    // Half an hour passes.
    sqlx::query("update run set board_after = null")
        .execute(&pool)
        .await
        .expect("passes");
    // A run on which one worker failed waits for another.
    let mut idle = 0;
    for worker in world.workers.iter().cycle() {
        let Some(lease) = take(&pool, *worker).await else {
            idle += 1;
            if idle == world.workers.len() {
                break;
            }
            continue;
        };
        idle = 0;
        finish(&pool, &lease, ends(1), TIMING)
            .await
            .expect("finishes");
        sqlx::query("update run set board_after = null")
            .execute(&pool)
            .await
            .expect("passes");
    }
    check(&pool, &before).await;
    let stalled = sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment where state = 'stalled'"#
    )
    .fetch_all(&pool)
    .await
    .expect("experiments");
    for experiment in stalled {
        let mut tx = pool.begin().await.expect("begins");
        jobs::give_up(&mut tx, experiment, actor, "nobody mends it")
            .await
            .expect("gives up");
        tx.commit().await.expect("commits");
    }
    check(&pool, &before).await;
    let unmended = sqlx::query_scalar!(
        r#"select count(*) as "count!" from run_event where data ->> 'error' = 'The board lost track of the attempt.'"#
    )
    .fetch_one(&pool)
    .await;
    assert_eq!(unmended.expect("a count"), 0, "no operation needs mending");
    let open = sqlx::query_scalar!("select count(*) from experiment where state <> 'concluded'")
        .fetch_one(&pool)
        .await;
    assert_eq!(
        open.expect("a count"),
        Some(0),
        "every accepted submission reaches a visible final state"
    );
}
