//! Volunteers' workers: what they get, what becomes of what they report, and of whom a worker of the board's own contradicts.
//!
//! A result of theirs does not end its run. It is kept aside, unseen, and the run goes back to the queue at no cost to it, to be
//! trained from its beginning by a second host of another person. Where two volunteers agree the run ends *confirmed*, but for
//! a share that is drawn then and looked after by the board's own workers. Those decide where volunteers differ, too.

use super::finish::{already_ended, cancel, close_attempt, fail, let_go, requeue};
use super::{Ending, FailureKind, Lease, Result, conclude, events, line};
use crate::id::{AccountId, ExperimentId, RunId};
use crate::record::{self, Act, Subject};
use crate::reproduction::{Device, Machine, TOLERANCE, Word, agreement};
use crate::result::RunResult;
use crate::verdict::{self, End};
use rand::Rng;
use sqlx::{PgConnection, PgPool, PgTransaction};
use std::collections::BTreeMap;
use uuid::Uuid;

/// People who wait, and runs of each, that are looked through for a volunteer: some may be nothing for that one.
const PEOPLE: i64 = 20;
const RUNS: i64 = 100;

/// Results of volunteers, and attempts of theirs without one, after which a run is for the board's own workers.
const MOST_TRIES: i64 = 3;

/// Minutes for which the board's own workers leave a run to a second volunteer, if one is there.
const LEFT_MINUTES: i32 = 30;

/// Whose volunteer's worker that is; nobody's if it is of the board's own.
pub(super) async fn of_worker(
    tx: &mut PgConnection,
    worker: Uuid,
) -> sqlx::Result<Option<AccountId>> {
    let found = sqlx::query_scalar!(
        r#"select volunteer_id as "volunteer: AccountId" from worker where id = $1"#,
        worker
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.flatten())
}

/// The run that a volunteer's worker is offered, in the order in which the board's own get theirs. Looked for beside the lock
/// on takes: however much of what waits is nothing for this person, others do not wait for that.
pub(super) async fn next(
    pool: &PgPool,
    worker: Uuid,
    volunteer: AccountId,
) -> sqlx::Result<Option<RunId>> {
    sqlx::query_scalar!(
        r#"select head.id as "id: RunId"
        from (
            select line.owner_id, line.priority, min(line.used) as used, min(line.entered_at) as entered_at,
                   array_agg(line.data_set) as data_sets
            from queue_order() line
            where (line.data_set = '' or exists (
                    select from worker_data_set mine
                    join data_set board on board.name = mine.name and board.sha256 = mine.sha256
                    where mine.worker_id = $1 and mine.name = line.data_set))
              and line.owner_id <> person_of($2) and volunteer_takes($2)
            group by line.owner_id, line.priority
            order by line.priority desc, min(line.used), min(line.entered_at), line.owner_id
            limit $3
        ) person
        cross join lateral (
            select waiting.id from unnest(person.data_sets) needed (data_set)
            cross join lateral (
                select r.id from run r
                where r.state = 'queued' and r.owner_id = person.owner_id and r.priority = person.priority
                  and coalesce(r.data_set, '') = needed.data_set and r.run_after <= now()
                order by r.id limit $4
            ) waiting
            where volunteer_may($2, waiting.id)
            order by waiting.id limit 1
        ) head
        order by person.priority desc, person.used, person.entered_at, person.owner_id
        limit 1"#,
        worker,
        volunteer as AccountId,
        PEOPLE,
        RUNS
    )
    .fetch_optional(pool)
    .await
}

/// Looks again under the lock on takes, where nothing moves any more, and at the switches of the queue.
pub(super) async fn still(
    tx: &mut PgConnection,
    volunteer: AccountId,
    run: RunId,
) -> sqlx::Result<Option<RunId>> {
    sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where id = $2 and volunteer_may($1, id) and volunteer_takes($1)
             and exists (
                 select from queue_control q
                 where q.paused_at is null
                   and (q.max_running is null or (select count(*) from run r where r.state = 'running') < q.max_running)
                   and (q.max_running_per_person is null or (
                       select count(*) from run r where r.state = 'running' and r.owner_id = run.owner_id)
                       < q.max_running_per_person))"#,
        volunteer as AccountId,
        run as RunId
    )
    .fetch_optional(tx)
    .await
}

/// Ends the attempt of a volunteer's worker.
pub(super) async fn finish(
    mut tx: PgTransaction<'_>,
    lease: &Lease,
    ending: Ending,
    volunteer: AccountId,
) -> Result<()> {
    let outcome = match &ending {
        Ending::Succeeded(_) => "volunteered",
        Ending::Failed { kind, .. } => match kind {
            FailureKind::Diverged => "volunteered",
            FailureKind::TimedOut => "timed_out",
            _ => "failed",
        },
        Ending::Unable { .. } => "unable",
        Ending::Lost { .. } => "lost",
        // Only people cancel runs.
        Ending::Preempted | Ending::Cancelled => "preempted",
    };
    if !let_go(&mut tx, lease).await? {
        return already_ended(&mut tx, lease, outcome).await;
    }
    let asked = sqlx::query_scalar!(
        r#"select cancel_asked_at is not null as "asked!" from run where id = $1 for no key update"#,
        lease.run as RunId
    )
    .fetch_one(&mut *tx)
    .await?;
    let result = match ending {
        Ending::Succeeded(result) => Some(Ok(*result)),
        Ending::Failed {
            kind: FailureKind::Diverged,
            error,
        } => Some(Err(error)),
        _ => None,
    };
    // What it says of a failure is not shown either: numbers have many ways out.
    close_attempt(&mut tx, lease.run, lease.epoch, outcome, None).await?;
    let data = serde_json::json!({ "epoch": lease.epoch });
    events::record(
        &mut tx,
        lease.experiment,
        Some(lease.run),
        None,
        outcome,
        data,
    )
    .await?;
    match result {
        _ if asked => cancel(&mut tx, lease.run).await?,
        Some(result) => keep(&mut tx, lease, volunteer, result).await?,
        None => back(&mut tx, lease.run).await?,
    }
    conclude::if_done(&mut tx, lease.experiment).await?;
    line::enter(&mut tx, lease.run).await?;
    tx.commit().await?;
    Ok(())
}

/// Queues a run again that a volunteer's worker did not bring to an end, at no cost to it; false if the attempt was none of a
/// volunteer's. A cancel that was asked for ends it.
pub(super) async fn lost(tx: &mut PgConnection, run: RunId, epoch: i64) -> sqlx::Result<bool> {
    let attempt = sqlx::query!(
        r#"select w.volunteer_id is not null as "volunteers!", r.cancel_asked_at is not null as "asked!"
           from run r left join run_attempt a on a.run_id = r.id and a.epoch = $2
             left join worker w on w.id = a.worker_id
           where r.id = $1"#,
        run as RunId,
        epoch
    )
    .fetch_one(&mut *tx)
    .await?;
    match (attempt.volunteers, attempt.asked) {
        (false, _) => return Ok(false),
        (true, true) => cancel(tx, run).await?,
        (true, false) => back(tx, run).await?,
    }
    Ok(true)
}

/// Queues a run again; for the board alone after so many that did not bring it to an end.
async fn back(tx: &mut PgConnection, run: RunId) -> sqlx::Result<()> {
    requeue(&mut *tx, run, 0.0).await?;
    sqlx::query!(
        "update run set board_after = null, board_only = board_only or $2 <= (
             select count(*) from run_attempt a join worker w on w.id = a.worker_id
             where a.run_id = $1 and w.volunteer_id is not null and a.outcome in ('failed', 'unable', 'lost', 'timed_out'))
         where id = $1",
        run as RunId,
        MOST_TRIES
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What two results of one run say of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// The same numbers.
    Same,
    /// Other numbers, where they should be the same.
    Different,
    /// Made by other means, so that nobody can tell.
    Unlike,
}

/// Holds two results of volunteers against each other; none is one that diverged. On processors only those are alike that
/// compute in the same way, and every bit is asked for, of the masks as well; on cards the tolerance of reproductions.
fn held(one: Option<&RunResult>, other: Option<&RunResult>) -> Held {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (None, None) => return Held::Same,
        _ => return Held::Different,
    };
    let [here, there] = [one, other].map(|result| Machine::of(&result.provenance));
    let kind = |machine: &Machine| {
        (
            machine.device,
            machine.arithmetic.clone(),
            machine.worker_version.clone(),
            machine.code_version.clone(),
        )
    };
    let on_processors = here.device == Device::Cpu;
    if kind(&here) != kind(&there)
        || on_processors && (here.arithmetic.is_empty() || here.threads != there.threads)
    {
        return Held::Unlike;
    }
    let (tolerance, treated) = match on_processors {
        true => (0.0, one.treatment == other.treatment),
        false => (
            TOLERANCE,
            one.treatment.verified == other.treatment.verified,
        ),
    };
    let on_the_same = match (&one.constant, &other.constant) {
        (Some(one), Some(other)) => one.is_of_the_same(other),
        (one, other) => one == other,
    };
    match treated && on_the_same && word(Some(one), Some(other), tolerance) != Word::Different {
        true => Held::Same,
        false => Held::Different,
    }
}

/// The word of reproductions, of all numbers of both.
fn word(one: Option<&RunResult>, other: Option<&RunResult>, tolerance: f64) -> Word {
    let [here, there] = [one, other].map(|result| result.map(|result| &result.metrics));
    let names = |metrics: Option<&BTreeMap<String, f64>>| -> Option<Vec<String>> {
        metrics.map(|metrics| metrics.keys().cloned().collect())
    };
    match names(here) == names(there) {
        true => agreement(here, there, tolerance).word,
        false => Word::Different,
    }
}

/// A result that was kept aside.
struct Kept {
    run: RunId,
    epoch: i64,
    account: AccountId,
    result: Option<serde_json::Value>,
}

impl Kept {
    /// What it came to; none if it diverged.
    fn result(&self) -> Option<RunResult> {
        serde_json::from_value(self.result.clone()?).ok()
    }
}

/// What volunteers made of a run, and of the one that it repeats, and no worker of the board's own has judged.
async fn kept(tx: &mut PgConnection, run: RunId) -> sqlx::Result<Vec<Kept>> {
    let mut kept = sqlx::query_as!(
        Kept,
        r#"select run_id as "run: RunId", epoch, account_id as "account: AccountId", result
           from volunteered where word is null and (run_id = $1 or run_id = (select retry_of from run where id = $1))
           order by run_id, epoch"#,
        run as RunId
    )
    .fetch_all(tx)
    .await?;
    // What no release reads any more says nothing of anybody.
    kept.retain(|one| one.result.is_none() || one.result().is_some());
    Ok(kept)
}

/// Keeps a result aside, and ends the run if it is the second of its kind.
async fn keep(
    tx: &mut PgConnection,
    lease: &Lease,
    volunteer: AccountId,
    result: Result<RunResult, String>,
) -> Result<()> {
    let earlier = kept(&mut *tx, lease.run).await?;
    let (new, error) = match &result {
        Ok(result) => (Some(result), None),
        Err(error) => (None, Some(error.as_str())),
    };
    let stored = new.map(|result| serde_json::to_value(result).expect("a result is plain data"));
    sqlx::query!(
        "insert into volunteered (run_id, epoch, account_id, result, error) values ($1, $2, $3, $4, $5)",
        lease.run as RunId,
        lease.epoch,
        volunteer as AccountId,
        stored,
        error
    )
    .execute(&mut *tx)
    .await?;
    let mut board_only = earlier.len() as i64 + 1 >= MOST_TRIES;
    for before in &earlier {
        match held(before.result().as_ref(), new) {
            Held::Same => {
                if !drawn(&mut *tx).await? {
                    return confirm(tx, lease, before, error).await;
                }
                board_only = true;
            }
            Held::Different => {
                tracing::warn!(run = %lease.run, one = %before.account, other = %volunteer, "two volunteers differ");
                board_only = true;
            }
            Held::Unlike => {}
        }
    }
    requeue(&mut *tx, lease.run, 0.0).await?;
    sqlx::query!(
        "update run set board_only = board_only or $2, board_after = case when not board_only and not $2 and exists (
             select from worker w
             where w.volunteer_id is not null and w.stopped_at is null and w.takes
               and w.last_seen_at > now() - interval '2 minutes' and volunteer_may(w.volunteer_id, run.id)
               and exists (select from volunteer v
                           where v.account_id = w.volunteer_id and v.ended_at is null and v.contradicted_at is null))
           then now() + make_interval(mins => $3) end
         where id = $1",
        lease.run as RunId,
        board_only,
        LEFT_MINUTES
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether this run is one of those that the board looks after: drawn once both have reported, by the system's random numbers.
async fn drawn(tx: &mut PgConnection) -> sqlx::Result<bool> {
    let percent = sqlx::query_scalar!("select audit_percent from queue_control")
        .fetch_one(tx)
        .await?;
    Ok(rand::rng().random_range(0..100) < percent)
}

/// Ends a run by what two volunteers made of it: the numbers are those of the first.
async fn confirm(
    tx: &mut PgConnection,
    lease: &Lease,
    first: &Kept,
    diverged: Option<&str>,
) -> Result<()> {
    let kind = match diverged {
        Some(error) => {
            fail(&mut *tx, lease.run, FailureKind::Diverged.name(), error).await?;
            "failed"
        }
        None => {
            sqlx::query!(
                "update run set state = 'succeeded', result = $2, finished_at = now() where id = $1",
                lease.run as RunId,
                first.result
            )
            .execute(&mut *tx)
            .await?;
            "succeeded"
        }
    };
    sqlx::query!(
        "update run set trust = 'confirmed', board_after = null where id = $1",
        lease.run as RunId
    )
    .execute(&mut *tx)
    .await?;
    let epochs = vec![first.epoch, lease.epoch];
    let names = sqlx::query_scalar!(
        r#"with counted as (
             update volunteered set counted = true where run_id = $1 and epoch = any ($2) returning account_id, epoch)
           select a.name from counted join account a on a.id = counted.account_id order by counted.epoch"#,
        lease.run as RunId,
        &epochs
    )
    .fetch_all(&mut *tx)
    .await?;
    let data = serde_json::json!({ "confirmed_by": names.join(", ") });
    events::record(tx, lease.experiment, Some(lease.run), None, kind, data).await?;
    Ok(())
}

/// Holds what volunteers made of a run against what a worker of the board's own came to, whose numbers count. Whoever is
/// contradicted gets no more runs.
pub(super) async fn judge(
    tx: &mut PgConnection,
    run: RunId,
    came_to: Option<&RunResult>,
) -> Result<()> {
    let mut against = Vec::new();
    for kept in kept(&mut *tx, run).await? {
        let theirs = kept.result();
        let ours = came_to.map(|result| Machine::of(&result.provenance));
        let repeats = ours
            .zip(theirs.as_ref())
            .is_some_and(|(ours, theirs)| Machine::of(&theirs.provenance).repeats(&ours));
        let tolerance = if repeats { 0.0 } else { TOLERANCE };
        let verified = |result: Option<&RunResult>| result.map(|result| result.treatment.verified);
        let word = match verified(theirs.as_ref()) == verified(came_to) {
            true => word(came_to, theirs.as_ref(), tolerance),
            false => Word::Different,
        };
        sqlx::query!(
            "update volunteered set word = $3 where run_id = $1 and epoch = $2",
            kept.run as RunId,
            kept.epoch,
            word.name()
        )
        .execute(&mut *tx)
        .await?;
        if word == Word::Different {
            against.push(kept.account);
        }
    }
    // In one order, so that of two runs that end at once neither waits for the other.
    against.sort_unstable();
    for account in against {
        let now = sqlx::query!(
            "update volunteer set contradicted_at = now(), contradicted_run = $2
             where account_id = $1 and contradicted_at is null",
            account as AccountId,
            run as RunId
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if now > 0 {
            tracing::warn!(%run, %account, "a volunteer is contradicted by a worker of the board's own");
            let subject = Subject::Account(account);
            let data = serde_json::json!({ "run": run });
            record::act(&mut *tx, subject, Act::VolunteerContradicted, None, data).await?;
        }
    }
    Ok(())
}

/// Has the board's own workers do confirmed runs of an experiment again before it is judged: those that stand on the word of
/// somebody who was contradicted since, and those of a seed whose runs were not made alike. Says whether there are any.
pub(super) async fn again(tx: &mut PgConnection, experiment: ExperimentId) -> Result<bool> {
    let confirmed = sqlx::query_scalar!(
        r#"select exists (select from run where experiment_id = $1 and trust = 'confirmed') as "any!""#,
        experiment as ExperimentId
    )
    .fetch_one(&mut *tx)
    .await?;
    if !confirmed {
        return Ok(false);
    }
    let rows = sqlx::query!(
        r#"select r.id as "id: RunId", r.seed, r.trust = 'confirmed' as "confirmed!", r.state, r.failure, r.error, r.result,
             exists (select from volunteered k join volunteer v on v.account_id = k.account_id
                     where k.run_id = r.id and k.counted and v.contradicted_at is not null) as "doubted!"
           from run r
           where r.experiment_id = $1 and r.trial is null
             and not exists (select from run later where later.retry_of = r.id)
           order by r.id"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut seeds: BTreeMap<i64, Vec<End>> = BTreeMap::new();
    let mut runs = Vec::new();
    for row in rows {
        let end = conclude::end(&row.state, row.failure.as_deref(), row.error, row.result);
        seeds.entry(row.seed).or_default().push(end);
        if row.confirmed {
            runs.push((row.id, row.seed, row.doubted));
        }
    }
    let mixed = |seed: &i64| verdict::made_by_different_means(&seeds[seed]);
    let again: Vec<(RunId, &str)> = runs
        .iter()
        .filter_map(|(run, seed, doubted)| match *doubted {
            true => Some((*run, "whoever confirmed it was contradicted since")),
            false if mixed(seed) => {
                Some((*run, "the runs of its seed were made by different means"))
            }
            false => None,
        })
        .collect();
    for (run, reason) in &again {
        let id = sqlx::query_scalar!(
            r#"insert into run (experiment_id, owner_id, arm, seed, plan, steps, data_set, priority, max_failures,
                                max_losses, max_runtime_s, retry_of, board_only)
               select experiment_id, owner_id, arm, seed, plan, steps, data_set, priority, max_failures,
                      max_losses, max_runtime_s, id, true
               from run where id = $1
               returning id as "id: RunId""#,
            *run as RunId
        )
        .fetch_one(&mut *tx)
        .await?;
        let data = serde_json::json!({ "reason": reason, "retry_of": run });
        events::record(&mut *tx, experiment, Some(id), None, "retried", data).await?;
    }
    if !again.is_empty() {
        line::enter_all(tx, experiment).await?;
    }
    Ok(!again.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(value: f64, change: impl FnOnce(&mut RunResult)) -> RunResult {
        let mut result = RunResult::simulated(&[("test_mse", value)]);
        result.provenance.arithmetic = Some("AVX2".into());
        change(&mut result);
        result
    }

    #[test]
    fn processors_are_asked_for_every_bit_and_cards_for_the_tolerance() {
        let card = |value| {
            result(value, |result| {
                result.provenance.device = "cuda:0".into();
                result.provenance.products = Some("f32".into());
                result.provenance.arithmetic = None;
            })
        };
        let cpu = |value| result(value, |_| ());
        let next = f64::from_bits(0.1_f64.to_bits() + 1);
        let of = |one: &RunResult, other: &RunResult| held(Some(one), Some(other));
        assert_eq!(of(&cpu(0.1), &cpu(0.1)), Held::Same);
        assert_eq!(of(&cpu(0.1), &cpu(next)), Held::Different);
        assert_eq!(of(&card(0.1), &card(0.1005)), Held::Same);
        assert_eq!(of(&card(0.1), &card(0.11)), Held::Different);
        assert_eq!(of(&card(0.1), &cpu(0.1)), Held::Unlike);
        assert_eq!(held(None, None), Held::Same);
        assert_eq!(held(Some(&cpu(0.1)), None), Held::Different);
    }

    #[test]
    fn what_computes_otherwise_is_unlike_and_what_was_treated_otherwise_is_different() {
        let plain = result(0.1, |_| ());
        for other in [
            result(0.1, |result| result.provenance.threads = 2),
            result(0.1, |result| {
                result.provenance.arithmetic = Some("NEON".into());
            }),
            result(0.1, |result| result.provenance.code_version = "x".into()),
            result(0.1, |result| result.provenance.worker_version = "x".into()),
        ] {
            assert_eq!(held(Some(&plain), Some(&other)), Held::Unlike);
        }
        // Another name of the same kind changes no bit, and excuses none.
        let named = result(0.1, |result| result.provenance.device_name = "x".into());
        assert_eq!(held(Some(&plain), Some(&named)), Held::Same);
        let untreated = result(0.1, |result| result.treatment.verified = false);
        assert_eq!(held(Some(&plain), Some(&untreated)), Held::Different);
        let more = result(0.1, |result| {
            result.metrics.insert("valid_mse".into(), 0.1);
        });
        for (one, other) in [(&plain, &more), (&more, &plain)] {
            assert_eq!(held(Some(one), Some(other)), Held::Different);
        }
    }
}
