//! What the holder of a lease reports while it trains. Every write names (run, epoch).

use super::{Error, Lease, Result, Timing, events};
use crate::id::{ExperimentId, RunId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What a heartbeat learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Somebody asked for the end of the run.
    pub cancel: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RunProgress))]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Optimizer steps done.
    pub step: u32,
    /// Optimizer steps in all, once the worker knows them.
    pub steps: Option<u32>,
    /// Whether the trainer gave a sign of life since the last report: measuring makes no steps.
    pub alive: bool,
}

impl Progress {
    /// So many steps done, of nobody knows how many.
    pub fn at(step: u32) -> Self {
        Self {
            step,
            ..Self::default()
        }
    }

    /// Steps in all as they are stored; a run of no steps is none.
    fn total(self) -> Option<i32> {
        self.steps.filter(|&steps| steps > 0).map(to_int)
    }
}

/// One point of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetricPoint {
    /// Metric, as in [`crate::metric`].
    pub name: String,
    /// Optimizer steps done.
    pub step: u32,
    /// Its value; one that is not finite as "NaN", "inf" or "-inf", which JSON has no numbers for.
    #[serde(with = "any_number")]
    #[cfg_attr(feature = "openapi", schema(value_type = AnyNumber))]
    pub value: f64,
}

/// A number, or the name of one that is not finite.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub(super) enum AnyNumber {
    /// A finite one.
    Number(f64),
    /// "NaN", "inf" or "-inf".
    Name(String),
}

mod any_number {
    use super::AnyNumber;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        match value.is_finite() {
            true => AnyNumber::Number(*value).serialize(to),
            false => AnyNumber::Name(value.to_string()).serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        match AnyNumber::deserialize(from)? {
            AnyNumber::Number(value) => Ok(value),
            AnyNumber::Name(name) => match name.as_str() {
                "NaN" => Ok(f64::NAN),
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                _ => Err(D::Error::custom(
                    "must be a number, \"NaN\", \"inf\" or \"-inf\"",
                )),
            },
        }
    }
}

/// A registered checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The attempt that wrote it.
    pub epoch: i64,
    /// Optimizer steps done.
    pub step: u32,
    /// Where it lies in the checkpoint store.
    pub object_key: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Proves liveness: extends the lease by the database clock and stores the progress.
///
/// A late beat of a lease that nobody has taken away yet revives it: the epoch, not the time, is the fence.
///
/// # Errors
/// [`Error::LeaseLost`] if the lease was taken away.
pub async fn beat(
    pool: &PgPool,
    lease: &Lease,
    progress: Progress,
    timing: Timing,
) -> Result<Beat> {
    let row = sqlx::query!(
        r#"with beat as (
            update run_lease
            set beat_at = now(), expires_at = now() + make_interval(secs => $4),
                progress_at = case when $3 > step or $6 then now() else progress_at end,
                step = greatest(step, least($3, (select coalesce(steps, $3) from run where id = $1)))
            where run_id = $1 and epoch = $2 and worker_id = $7
            returning run_id, worker_id
        ), seen as (
            update worker set last_seen_at = now() from beat where worker.id = beat.worker_id
        ), counted as (
            update run set steps = $5 from beat join worker w on w.id = beat.worker_id
            where run.id = beat.run_id and run.steps is distinct from $5 and $5 is not null and w.volunteer_id is null
        )
        select run.cancel_asked_at is not null as "cancel!" from beat join run on run.id = beat.run_id"#,
        lease.run as RunId,
        lease.epoch,
        to_int(progress.step),
        f64::from(timing.lease_s),
        progress.total(),
        progress.alive,
        lease.worker
    )
    .fetch_optional(pool)
    .await?
    .ok_or_else(|| lease.lost())?;
    Ok(Beat { cancel: row.cancel })
}

/// Stores points of the learning curves and the progress at that moment, so that a page that shows the curve
/// need not wait for a beat. A resumed run writes the same points again; the last one stays. Of a volunteer's worker none is
/// stored: a second host is to find these numbers, not to read them.
///
/// # Errors
/// [`Error::LeaseLost`] if the lease was taken away.
pub async fn report_metrics(
    pool: &PgPool,
    lease: &Lease,
    progress: Progress,
    points: &[MetricPoint],
) -> Result<()> {
    let mut tx = pool.begin().await?;
    // The update holds the lease's row, or finds none: the fence and the progress in one.
    let volunteers = sqlx::query_scalar!(
        r#"update run_lease
           set progress_at = case when $3 > step or $4 then now() else progress_at end,
               step = greatest(step, least($3, (select coalesce(steps, $3) from run where id = $1)))
           where run_id = $1 and epoch = $2 and worker_id = $5
           returning exists (select from worker where id = $5 and volunteer_id is not null) as "it!""#,
        lease.run as RunId,
        lease.epoch,
        to_int(progress.step),
        progress.alive,
        lease.worker
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| lease.lost())?;
    if volunteers {
        tx.commit().await?;
        return Ok(());
    }
    if let Some(steps) = progress.total() {
        sqlx::query!(
            "update run set steps = $2 where id = $1 and steps is distinct from $2",
            lease.run as RunId,
            steps
        )
        .execute(&mut *tx)
        .await?;
    }
    let names: Vec<String> = points.iter().map(|point| point.name.clone()).collect();
    let steps: Vec<i32> = points.iter().map(|point| to_int(point.step)).collect();
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    sqlx::query!(
        "insert into run_metric (run_id, name, step, value)
         select distinct on (name, step) $1, name, step, value
         from unnest($2::text[], $3::integer[], $4::float8[]) with ordinality as p (name, step, value, place)
         order by name, step, place desc
         on conflict (run_id, name, step) do update set value = excluded.value",
        lease.run as RunId,
        &names,
        &steps,
        &values
    )
    .execute(&mut *tx)
    .await?;
    events::changed(&mut tx, lease.experiment).await?;
    tx.commit().await?;
    Ok(())
}

/// Registers a checkpoint that lies safely in the store: only now does it exist. One of a volunteer's worker is not
/// registered, since nobody goes on from it.
///
/// # Errors
/// [`Error::LeaseLost`] if the lease was taken away.
pub async fn checkpoint(pool: &PgPool, lease: &Lease, checkpoint: &Checkpoint) -> Result<()> {
    let mut tx = pool.begin().await?;
    if fence(&mut tx, lease).await? == Holder::Volunteer {
        return Ok(());
    }
    let new = sqlx::query!(
        "insert into run_checkpoint (run_id, epoch, step, object_key, bytes, sha256)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (run_id, epoch, step) do nothing",
        lease.run as RunId,
        lease.epoch,
        to_int(checkpoint.step),
        checkpoint.object_key,
        i64::try_from(checkpoint.bytes).unwrap_or(i64::MAX),
        checkpoint.sha256
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if new == 0 {
        // Sent again after a lost answer: the event is written too.
        return Ok(());
    }
    let data = serde_json::json!({ "epoch": lease.epoch, "step": checkpoint.step });
    events::record(
        &mut tx,
        lease.experiment,
        Some(lease.run),
        None,
        "checkpoint",
        data,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Notes that nobody can go on from a checkpoint, whole as its file may be: the next attempt uses an older one.
///
/// # Errors
/// [`Error::LeaseLost`] if the lease was taken away.
pub async fn checkpoint_unusable(pool: &PgPool, lease: &Lease, object_key: &str) -> Result<()> {
    let mut tx = pool.begin().await?;
    if fence(&mut tx, lease).await? == Holder::Volunteer {
        return Ok(());
    }
    sqlx::query!(
        "update run_checkpoint set unusable_at = now()
         where run_id = $1 and object_key = $2 and unusable_at is null",
        lease.run as RunId,
        object_key
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// The registered checkpoints of a run that a worker can use, the furthest first. A volunteer's begins anew: it is to come to
/// the numbers by itself.
///
/// # Errors
/// If the database is away.
pub async fn checkpoints(pool: &PgPool, lease: &Lease) -> Result<Vec<Checkpoint>> {
    let rows = sqlx::query!(
        "select epoch, step, object_key, bytes, sha256 from run_checkpoint
         where run_id = $1 and unusable_at is null
           and exists (select from worker where id = $2 and volunteer_id is null)
         order by step desc, epoch desc",
        lease.run as RunId,
        lease.worker
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Checkpoint {
            epoch: row.epoch,
            step: u32::try_from(row.step).unwrap_or(0),
            object_key: row.object_key,
            bytes: u64::try_from(row.bytes).unwrap_or(0),
            sha256: row.sha256,
        })
        .collect())
}

/// Notes that this attempt goes on from the checkpoint at `step`.
///
/// # Errors
/// [`Error::LeaseLost`] if the lease was taken away.
pub async fn resumed(pool: &PgPool, lease: &Lease, step: u32) -> Result<()> {
    let mut tx = pool.begin().await?;
    if fence(&mut tx, lease).await? == Holder::Volunteer {
        return Ok(());
    }
    let new = sqlx::query!(
        "update run_attempt set resumed_from = $3
         where run_id = $1 and epoch = $2 and resumed_from is distinct from $3",
        lease.run as RunId,
        lease.epoch,
        to_int(step)
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if new == 0 {
        return Ok(());
    }
    let data = serde_json::json!({ "epoch": lease.epoch, "step": step });
    events::record(
        &mut tx,
        lease.experiment,
        Some(lease.run),
        None,
        "resumed",
        data,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Whose worker holds a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The board's own.
    Board,
    /// A volunteer's, of which nothing is written beside its result.
    Volunteer,
}

/// Holds the lease's row for the rest of the transaction, or fails: what follows is written by the one who may.
pub(super) async fn fence(tx: &mut PgConnection, lease: &Lease) -> Result<Holder> {
    let volunteers = sqlx::query_scalar!(
        r#"select exists (select from worker where id = $3 and volunteer_id is not null) as "it!"
           from run_lease where run_id = $1 and epoch = $2 and worker_id = $3 for update of run_lease"#,
        lease.run as RunId,
        lease.epoch,
        lease.worker
    )
    .fetch_optional(tx)
    .await?
    .ok_or_else(|| lease.lost())?;
    Ok(match volunteers {
        true => Holder::Volunteer,
        false => Holder::Board,
    })
}

impl Lease {
    /// The lease that an outside worker names; whether it holds, every report finds out for itself.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if there is no such run.
    pub async fn named(pool: &PgPool, run: RunId, epoch: i64, worker: Uuid) -> Result<Self> {
        let row = sqlx::query!(
            r#"select experiment_id as "experiment: ExperimentId", plan, max_runtime_s from run where id = $1"#,
            run as RunId
        )
        .fetch_optional(pool)
        .await?
        .ok_or(Error::LeaseLost { run, epoch })?;
        Ok(Self {
            run,
            epoch,
            experiment: row.experiment,
            worker,
            plan: serde_json::from_value(row.plan).map_err(|error| error.to_string()),
            max_runtime_s: row.max_runtime_s,
        })
    }

    /// Whether it is held at this moment.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if it was taken away.
    pub async fn check(&self, pool: &PgPool) -> Result<()> {
        let mut tx = pool.begin().await?;
        fence(&mut tx, self).await.map(drop)
    }

    pub(super) fn lost(&self) -> Error {
        Error::LeaseLost {
            run: self.run,
            epoch: self.epoch,
        }
    }
}

/// Steps are limited to far less than this by the specification.
fn to_int(step: u32) -> i32 {
    i32::try_from(step).unwrap_or(i32::MAX)
}
