//! Worker processes as people see them.

use breakmywork_protocol::id::RunId;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use sqlx::types::Uuid;

/// A worker process.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Fresh for each process.
    pub id: Uuid,
    /// Host name.
    pub host: String,
    /// Its device.
    pub device: String,
    /// Version of its code.
    pub version: String,
    /// When it registered.
    pub started_at: DateTime<Utc>,
    /// Last time it was heard of.
    pub last_seen_at: DateTime<Utc>,
    /// When it signed off.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Whether it counts: not signed off and not silent for long.
    pub live: bool,
    /// Data sets that it gets runs of.
    pub data_sets: Vec<String>,
    /// Data sets that it has with another content than the board's.
    pub other_content: Vec<String>,
    /// Most runs that it works on at once.
    pub slots: i16,
    /// Whether it takes runs.
    pub takes: bool,
    /// What is wrong with its machine.
    pub trouble: Option<String>,
    /// Since when.
    pub trouble_at: Option<DateTime<Utc>>,
    /// The runs it works on that everybody may see, the longest first.
    pub runs: Vec<RunId>,
    /// Seconds that it trained in attempts that have ended.
    pub trained_seconds: f64,
    /// Of a volunteer's worker: whose.
    pub volunteer: Option<String>,
}

impl Worker {
    /// What it is called in public.
    pub fn name(&self) -> String {
        name(&self.id)
    }
}

/// What a worker is called in public: the start of its id. Hosts are named to admins alone.
pub fn name(id: &Uuid) -> String {
    let mut name = id.simple().to_string();
    name.truncate(8);
    name
}

/// The workers that count: not signed off and not silent for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crew {
    /// How many they are.
    pub workers: i64,
    /// Runs that they can work on at once.
    pub slots: i64,
}

/// The workers that count.
///
/// # Errors
/// If the database is away.
pub async fn crew(db: impl PgExecutor<'_>) -> sqlx::Result<Crew> {
    sqlx::query_as!(
        Crew,
        r#"select count(*) as "workers!", coalesce(sum(slots), 0) as "slots!" from live_worker"#
    )
    .fetch_one(db)
    .await
}

macro_rules! select_workers {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Worker,
            r#"select id, host, device, version, started_at, last_seen_at, stopped_at, takes, trouble, trouble_at,
             (id in (select id from live_worker) or volunteer_id is not null and stopped_at is null
               and last_seen_at > now() - interval '2 minutes') as "live!",
             (select name from account where account.id = volunteer_id) as "volunteer?",
             array(select o.name from worker_data_set o join data_set d on d.name = o.name
                   where o.worker_id = worker.id and o.sha256 = d.sha256 order by o.name) as "data_sets!",
             array(select o.name from worker_data_set o join data_set d on d.name = o.name
                   where o.worker_id = worker.id and o.sha256 <> d.sha256 order by o.name) as "other_content!",
             slots, trained_seconds,
             array(select run_id from run_lease join public_run on public_run.id = run_id
                   where worker_id = worker.id order by taken_at, run_id) as "runs!: Vec<RunId>"
           from worker where last_seen_at > now() - interval '1 hour' "# + $tail
            $(, $argument)*
        )
    };
}

/// Workers heard of within the last hour, the board's own and of those the lively ones first.
///
/// # Errors
/// If the database is away.
pub async fn recent(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Worker>> {
    select_workers!(
        "order by volunteer_id is not null, stopped_at is not null, last_seen_at desc limit 200"
    )
    .fetch_all(db)
    .await
}

/// Workers heard of within the last hour, in the order of their ids, after one of them.
///
/// # Errors
/// If the database is away.
pub async fn after(
    db: impl PgExecutor<'_>,
    worker: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Worker>> {
    select_workers!(
        "and ($1::uuid is null or id > $1) order by id limit $2",
        worker,
        limit
    )
    .fetch_all(db)
    .await
}
