//! What every web process does on the side. Any number of processes may do so at once.

use crate::auth::session;
use crate::checkpoints;
use crate::forecast;
use crate::front;
use crate::noted;
use crate::pace;
use crate::sealing::at_rest;
use crate::state::AppState;
use breakmywork_protocol::jobs::{self, Timing};
use breakmywork_protocol::news;
use sqlx::PgPool;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Rows that are merely over harm nobody.
const CLEAN_UP: Duration = Duration::from_secs(60 * 60);
/// Estimates on pages may be that old.
const LOOK_AT_PACE: Duration = Duration::from_secs(15);
/// And surprises, and the order of the claims on the first page, that old: it takes all forecasts and verdicts.
const LOOK_FOR_SURPRISES: Duration = Duration::from_secs(60);
/// Where many follow, the last of them are told that much later.
const SPREAD_NEWS: Duration = Duration::from_secs(5);

/// What the sweeps of this process did since it started, for `/metrics`: counts of [`jobs::Reaped`].
#[derive(Debug, Default)]
pub struct Swept {
    /// Leases taken away from silent or stuck workers.
    pub lost: AtomicU64,
    /// Attempts out of time.
    pub timed_out: AtomicU64,
    /// Runs and experiments whose rows did not agree.
    pub mended: AtomicU64,
    /// Rows that were stepped over.
    pub failed: AtomicU64,
}

/// How often what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chores {
    /// Limits that the job table applies.
    pub timing: Timing,
    /// Pause between two searches for lost workers.
    pub reap_every: Duration,
}

/// Takes leases away from lost workers, removes sessions and idempotency keys that are over, tells
/// those who follow, and looks how fast the workers are, where the record ends, which verdicts surprised and which claims
/// survived most, until shutdown.
pub async fn run(state: AppState, chores: Chores) {
    let mut reap = interval(chores.reap_every);
    let mut clean_up = interval(CLEAN_UP);
    let mut look = interval(LOOK_AT_PACE);
    let mut surprises = interval(LOOK_FOR_SURPRISES);
    let mut spread = interval(SPREAD_NEWS);
    // After a pause (a laptop that slept) one sweep is enough.
    reap.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clean_up.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    surprises.set_missed_tick_behavior(MissedTickBehavior::Delay);
    spread.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Right after the database was away every lease looks late: live workers get the time to beat first.
    let grace = Duration::from_secs(u64::from(chores.timing.lease_s.unsigned_abs())) / 3;
    let mut back_since = Instant::now();
    loop {
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            _ = reap.tick() => {
                if back_since.elapsed() >= grace && !take_back(&state, chores.timing).await {
                    back_since = Instant::now();
                }
            }
            _ = clean_up.tick() => forget(&state).await,
            _ = look.tick() => {
                pace::look_again(&state).await;
                noted::look_again(&state).await;
            }
            _ = surprises.tick() => {
                forecast::look_again(&state).await;
                front::look_again(&state).await;
            }
            _ = spread.tick() => {
                if let Err(error) = news::spread_left(&state.pool).await {
                    tracing::warn!("could not tell all who follow: {error}");
                }
            }
        }
    }
}

/// Takes leases away from lost workers; false if the database was away.
async fn take_back(state: &AppState, timing: Timing) -> bool {
    match jobs::reap(&state.pool, timing).await {
        Ok(reaped) => {
            let swept = &state.swept;
            swept.lost.fetch_add(reaped.lost.into(), Relaxed);
            swept.timed_out.fetch_add(reaped.timed_out.into(), Relaxed);
            swept.mended.fetch_add(reaped.mended.into(), Relaxed);
            swept.failed.fetch_add(reaped.failed.into(), Relaxed);
            if reaped != jobs::Reaped::default() {
                tracing::info!(
                    lost = reaped.lost,
                    timed_out = reaped.timed_out,
                    mended = reaped.mended,
                    failed = reaped.failed,
                    "took runs back"
                );
            }
            true
        }
        Err(error) => {
            tracing::warn!("could not look for lost workers: {error}");
            false
        }
    }
}

/// Removes rows that are over, and renders what an older version wrote. What fails now is done the next time.
async fn forget(state: &AppState) {
    loop {
        match crate::discussion::render_some(&state.pool).await {
            Ok(true) if !state.shutdown.is_cancelled() => {}
            Ok(_) => break,
            Err(error) => {
                tracing::warn!("could not render old comments: {error}");
                break;
            }
        }
    }
    // What was sealed meanwhile by a server with an older key, or while the database was away at the start.
    if let Err(error) = at_rest::reseal(&state.pool, &state.settings.secret_keys).await {
        tracing::warn!("could not seal secrets with the first key: {error}");
    }
    if let Err(error) = session::clean_up(&state.pool).await {
        tracing::warn!("could not remove old sessions: {error}");
    }
    if let Err(error) = crate::db::resets::clean_up(&state.pool).await {
        tracing::warn!("could not remove old links for new passwords: {error}");
    }
    if let Err(error) = crate::db::second_factors::clean_up(&state.pool).await {
        tracing::warn!("could not remove what was begun of signing in: {error}");
    }
    if let Err(error) = crate::db::identities::clean_up(&state.pool).await {
        tracing::warn!("could not remove what was begun of signing in elsewhere: {error}");
    }
    if let Err(error) = crate::api::forget_old(&state.pool).await {
        tracing::warn!("could not remove old idempotency keys: {error}");
    }
    if let Err(error) = crate::db::news::forget_old(&state.pool).await {
        tracing::warn!("could not remove old notices: {error}");
    }
    if let Err(error) = crate::db::mail::forget_old(&state.pool).await {
        tracing::warn!("could not remove old mails: {error}");
    }
    if let Err(error) = crate::db::webhooks::log::forget_old(&state.pool).await {
        tracing::warn!("could not remove old deliveries of webhooks: {error}");
    }
    if let Err(error) = forget_machines(&state.pool).await {
        tracing::warn!("could not remove old workers and checkpoint events: {error}");
    }
    if let Err(error) = checkpoints::forget_ended(state).await {
        tracing::warn!("could not remove the checkpoints of ended runs: {error}");
    }
    match jobs::complete_lines(&state.pool).await {
        Ok(0) => {}
        Ok(lines) => tracing::warn!(lines, "runs waited in no line of the queue; now they do"),
        Err(error) => tracing::warn!("could not look for runs outside the queue's lines: {error}"),
    }
}

/// Rows of machines that nobody asks for any more: a worker process that no attempt names, a day after it was last
/// heard of, and the notes of checkpoints (the checkpoints themselves stay) after thirty days. What people and runs
/// did stays for ever.
async fn forget_machines(pool: &PgPool) -> sqlx::Result<()> {
    // Bounded, so that the first clean-up of an old board holds nobody up; the next one goes on. Those of long ago,
    // which attempts name and which therefore stay, are not looked through each hour.
    sqlx::query!(
        "delete from worker where id = any (array(
             select id from worker
             where last_seen_at between now() - interval '30 days' and now() - interval '1 day'
               and not exists (select from run_attempt where worker_id = worker.id)
               and not exists (select from run_lease where worker_id = worker.id)
             limit 10000))"
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "delete from run_event where id = any (array(
             select id from run_event
             where kind in ('checkpoint', 'resumed') and created_at < now() - interval '30 days' limit 10000))"
    )
    .execute(pool)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::db::MIGRATOR;

    async fn count(pool: &PgPool, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(pool)
            .await
            .expect("a count")
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn rows_of_machines_go_and_what_runs_did_stays(pool: PgPool) -> sqlx::Result<()> {
        sqlx::raw_sql(
            "insert into account (name, password_hash) values ('ada', 'x');
             insert into thread select from generate_series(1, 2);
             insert into work (slug, title, authors, year, url, citation, phenomenon)
             values ('w', 'W', array['A'], 2016, 'https://example.org', 'c', 'p');
             insert into claim (work_id, label, sentence, thread_id) select id, 'C1', 's', 1 from work;
             insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
             select claim.id, account.id, 2, 't', 'p', 's', '{}' from claim, account where name = 'ada';
             insert into run (experiment_id, owner_id, arm, seed, plan) select id, author_id, 'a', 1, '{}' from experiment;
             insert into worker (id, host, device, version, last_seen_at)
             select gen_random_uuid(), host, 'cpu', '1', now() - interval '2 days' from unnest(array['idle', 'busy']) host
             union all select gen_random_uuid(), 'live', 'cpu', '1', now();
             insert into run_attempt (run_id, epoch, worker_id, ended_at, outcome)
             select run.id, 1, worker.id, now(), 'lost' from run, worker where host = 'busy';
             insert into run_event (experiment_id, kind, created_at)
             select id, kind, now() - age from experiment, unnest(array['checkpoint', 'resumed', 'registered']) kind,
               unnest(array[interval '31 days', interval '1 day']) age;",
        )
        .execute(&pool)
        .await?;
        forget_machines(&pool).await?;
        let hosts: Vec<String> = sqlx::query_scalar("select host from worker order by host")
            .fetch_all(&pool)
            .await?;
        assert_eq!(hosts, ["busy", "live"]);
        assert_eq!(count(&pool, "select count(*) from run_event").await, 4);
        let old = "select count(*) from run_event where created_at < now() - interval '30 days' and kind = 'registered'";
        assert_eq!(count(&pool, old).await, 1);
        Ok(())
    }
}
