//! Numbers of runs that comments pin: looked up for everybody to see, kept, and held against what later runs have.

use crate::pins::{Pin, Pinned};
use breakmywork_protocol::id::{CommentId, ExperimentId, RunId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// These numbers as they are now; those left out that are not there, or not for everybody to see.
///
/// # Errors
/// If the database is away.
pub async fn resolve(db: impl PgExecutor<'_>, pins: &[Pin]) -> sqlx::Result<Vec<Pinned>> {
    let runs: Vec<RunId> = pins.iter().map(|pin| pin.run).collect();
    let metrics: Vec<String> = pins.iter().map(|pin| pin.metric.clone()).collect();
    let steps: Vec<Option<i32>> = pins.iter().map(|pin| pin.step).collect();
    let rows = sqlx::query!(
        r#"select p.run as "run!: RunId", p.metric as "metric!", p.step, n.value as "value!", e.spec_sha256 as "spec_sha256!", r.seed as "seed!"
           from unnest($1::bigint[], $2::text[], $3::integer[]) as p (run, metric, step)
             join public_run r on r.id = p.run
             join public_experiment e on e.id = r.experiment_id
             cross join lateral (select run_number(p.run, p.metric, p.step) as value) n
           where n.value is not null and e.spec_sha256 is not null"#,
        &runs as &[RunId],
        &metrics,
        &steps as &[Option<i32>],
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Pinned {
            pin: Pin {
                run: row.run,
                metric: row.metric,
                step: row.step,
            },
            value: row.value,
            spec_sha256: row.spec_sha256,
            seed: row.seed,
        })
        .collect())
}

/// Keeps what a comment pins, and nothing that it pinned before and does not any more. What it pinned already stays as it
/// was pinned.
///
/// # Errors
/// If the database is away.
pub async fn keep(
    tx: &mut PgConnection,
    comment: CommentId,
    pinned: &[Pinned],
) -> sqlx::Result<()> {
    let runs: Vec<RunId> = pinned.iter().map(|one| one.pin.run).collect();
    let metrics: Vec<String> = pinned.iter().map(|one| one.pin.metric.clone()).collect();
    let steps: Vec<Option<i32>> = pinned.iter().map(|one| one.pin.step).collect();
    let values: Vec<f64> = pinned.iter().map(|one| one.value).collect();
    let hashes: Vec<String> = pinned.iter().map(|one| one.spec_sha256.clone()).collect();
    let seeds: Vec<i64> = pinned.iter().map(|one| one.seed).collect();
    sqlx::query!(
        "delete from comment_pin where comment_id = $1 and not exists (
           select from unnest($2::bigint[], $3::text[], $4::integer[]) as p (run, metric, step)
           where p.run = run_id and p.metric = comment_pin.metric and p.step is not distinct from comment_pin.step)",
        comment as CommentId,
        &runs as &[RunId],
        &metrics,
        &steps as &[Option<i32>],
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into comment_pin (comment_id, run_id, metric, step, value, spec_sha256, seed)
         select $1, * from unnest($2::bigint[], $3::text[], $4::integer[], $5::double precision[], $6::text[], $7::bigint[])
         on conflict do nothing",
        comment as CommentId,
        &runs as &[RunId],
        &metrics,
        &steps as &[Option<i32>],
        &values,
        &hashes,
        &seeds,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A number that a comment pins, as it is shown.
#[derive(Debug, Clone)]
pub struct CommentPin {
    /// The comment.
    pub comment: CommentId,
    /// The run.
    pub run: RunId,
    /// The experiment that the run is of.
    pub experiment: ExperimentId,
    /// The run's arm.
    pub arm: String,
    /// The run's seed.
    pub seed: i64,
    /// The metric.
    pub metric: String,
    /// The step at which it was measured; none for what the run came to.
    pub step: Option<i32>,
    /// The number, as it was when it was pinned.
    pub value: f64,
    /// SHA-256 of the specification that the run was of.
    pub spec_sha256: String,
    /// When it was pinned.
    pub pinned_at: DateTime<Utc>,
    /// The newest other run of the same plan and seed, or of an amendment of it, that has another number.
    pub other_run: Option<RunId>,
    /// What that one has.
    pub other_value: Option<f64>,
}

impl CommentPin {
    /// As its comment names it.
    pub fn pin(&self) -> Pin {
        Pin {
            run: self.run,
            metric: self.metric.clone(),
            step: self.step,
        }
    }
}

/// Experiments of one specification, or amendments of one, of whose runs a pinned number is held against: the newest.
const HELD_AGAINST: i64 = 20;

/// Numbers that differ by no more than this share of them are the same: processors differ in their arithmetic.
const SAME: f64 = 1e-6;

/// What these comments pin, in the order in which it was kept.
///
/// # Errors
/// If the database is away.
pub async fn of(db: impl PgExecutor<'_>, comments: &[CommentId]) -> sqlx::Result<Vec<CommentPin>> {
    sqlx::query_as!(
        CommentPin,
        r#"select p.comment_id as "comment: CommentId", p.run_id as "run: RunId", r.experiment_id as "experiment!: ExperimentId",
             r.arm as "arm!", p.seed, p.metric, p.step, p.value, p.spec_sha256, p.pinned_at,
             other.run_id as "other_run?: RunId", other.value as "other_value?"
           from comment_pin p
             join public_run r on r.id = p.run_id
             left join lateral (
               select again.id as run_id, n.value
               from ((select id from experiment where spec_sha256 = p.spec_sha256 and not closed order by id desc limit $2)
                     union
                     (select id from experiment where amends = r.experiment_id and not closed order by id desc limit $2)) e
                 join public_run again on again.experiment_id = e.id
                 cross join lateral (select run_number(again.id, p.metric, p.step) as value) n
               where again.arm = r.arm and again.seed = p.seed and again.trial is not distinct from r.trial and again.id <> p.run_id
                 and abs(n.value - p.value) > $3 * abs(p.value)
               order by again.id desc limit 1
             ) other on true
           where p.comment_id = any ($1)
           order by p.id"#,
        comments as &[CommentId],
        HELD_AGAINST,
        SAME,
    )
    .fetch_all(db)
    .await
}
