//! What readers' own machines made of an experiment's runs. Only experiments that have ended take any, and those are open.

use super::visible::Visible;
use breakmywork_protocol::id::{AccountId, ExperimentId, ReproductionId, RunId};
use breakmywork_protocol::reproduction::{Machine, Reported, Word};
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::stored::Stored;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};

/// Runs of an experiment that are read at once, as in `db/runs.rs`.
const MOST: i64 = 2_000;

/// A run that the verdict compares and that has a result: of what it came to.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Key.
    pub id: RunId,
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: i64,
    /// Its result; none if it diverged.
    pub result: Option<Json<Stored<RunResult>>>,
}

impl Ended {
    /// Its result, if it has one that can be read.
    pub fn result(&self) -> Option<&RunResult> {
        self.result.as_ref()?.get()
    }

    /// Whether it diverged, which is its result.
    pub fn diverged(&self) -> bool {
        self.result.is_none()
    }
}

/// The runs of an experiment that can be reproduced: compared, not repeated since, with a result or diverged.
///
/// # Errors
/// If the database is away.
pub async fn ended(db: impl PgExecutor<'_>, experiment: Visible) -> sqlx::Result<Vec<Ended>> {
    sqlx::query_as!(
        Ended,
        r#"select r.id as "id: RunId", r.arm, r.seed, r.result as "result: Json<Stored<RunResult>>"
           from run r
           where r.experiment_id = $1 and r.trial is null
             and (r.state = 'succeeded' or r.state = 'failed' and r.failure = 'diverged')
             and not exists (select from run later where later.retry_of = r.id)
           order by r.id limit $2"#,
        experiment.id() as ExperimentId,
        MOST,
    )
    .fetch_all(db)
    .await
}

/// Whether a worker with a token of that account trained any of these runs.
///
/// # Errors
/// If the database is away.
pub async fn trained_by(
    db: impl PgExecutor<'_>,
    account: AccountId,
    runs: &[RunId],
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
             select from run_attempt a join worker w on w.id = a.worker_id join api_token t on t.id = w.token_id
             where a.run_id = any ($2) and t.account_id = any (accounts_of($1))) as "it!""#,
        account as AccountId,
        runs as &[RunId],
    )
    .fetch_one(db)
    .await
}

/// How many somebody reported within the last hour, those that were taken back too.
///
/// # Errors
/// If the database is away.
pub async fn within_an_hour(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from reproduction
           where account_id = any (accounts_of($1)) and created_at > now() - interval '1 hour'"#,
        account as AccountId,
    )
    .fetch_one(db)
    .await
}

/// Stores a report; an earlier one of the same account, experiment and kind of hardware gives way.
///
/// # Errors
/// If the database is away.
pub async fn keep(
    tx: &mut PgConnection,
    experiment: Visible,
    account: AccountId,
    machine: &Machine,
    word: Word,
    runs: &[Reported],
) -> sqlx::Result<ReproductionId> {
    let device = machine.device.name();
    sqlx::query!(
        "update reproduction set removed_at = now(), numbers = '[]'
         where experiment_id = $1 and account_id = $2 and device = $3 and arithmetic = $4 and removed_at is null",
        experiment.id() as ExperimentId,
        account as AccountId,
        device,
        machine.arithmetic,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query_scalar!(
        r#"insert into reproduction (experiment_id, account_id, device, arithmetic, device_name, threads, worker_version,
             code_version, word, runs, numbers)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id as "id: ReproductionId""#,
        experiment.id() as ExperimentId,
        account as AccountId,
        device,
        machine.arithmetic,
        machine.device_name,
        i32::try_from(machine.threads).unwrap_or(i32::MAX),
        machine.worker_version,
        machine.code_version,
        word.name(),
        i32::try_from(runs.len()).unwrap_or(i32::MAX),
        serde_json::to_value(runs).map_err(|error| sqlx::Error::Encode(error.into()))?,
    )
    .fetch_one(tx)
    .await
}

/// A report, as it is shown.
#[derive(Debug, Clone)]
pub struct Reproduction {
    /// Key.
    pub id: ReproductionId,
    /// The experiment.
    pub experiment: ExperimentId,
    /// Who reports it.
    pub account: AccountId,
    /// That person's public name.
    pub by: String,
    /// Who answers for it: the sponsor of an agent, or that person.
    pub person: AccountId,
    /// Whether the same person answers for the experiment.
    pub is_author: bool,
    /// cpu or cuda.
    pub device: String,
    /// Vector instructions, or precision of products.
    pub arithmetic: String,
    /// The device's own name.
    pub device_name: String,
    /// Threads of each run.
    pub threads: i32,
    /// Version of the program.
    pub worker_version: String,
    /// The commit that it was built from.
    pub code_version: String,
    /// identical, within_tolerance or different.
    pub word: String,
    /// How many runs.
    pub runs: i32,
    /// When it was reported.
    pub created_at: DateTime<Utc>,
}

impl Reproduction {
    /// What the board found.
    pub fn word(&self) -> Word {
        let word = Word::ALL.into_iter().find(|word| word.name() == self.word);
        // Constraint `reproduction_word_known`: it is one of them.
        word.unwrap_or(Word::Different)
    }
}

macro_rules! select_reproductions {
    ($tail:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Reproduction,
            r#"select r.id as "id: ReproductionId", r.experiment_id as "experiment: ExperimentId", r.account_id as "account: AccountId",
                 a.name as by, person_of(a.id) = person_of(e.author_id) as "is_author!", person_of(a.id) as "person!: AccountId", r.device, r.arithmetic, r.device_name, r.threads, r.worker_version, r.code_version,
                 r.word, r.runs, r.created_at
               from reproduction r join account a on a.id = r.account_id join public_experiment e on e.id = r.experiment_id
               where r.removed_at is null and not is_disabled(a.id) and "# + $tail
            $(, $argument)*
        )
    };
}

/// The reports of an experiment before `before`, the newest first; those of disabled accounts do not count.
///
/// # Errors
/// If the database is away.
pub async fn of(
    db: impl PgExecutor<'_>,
    experiment: Visible,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Reproduction>> {
    select_reproductions!(
        "r.experiment_id = $1 and r.id < coalesce($2, 9223372036854775807) order by r.id desc limit $3",
        experiment.id() as ExperimentId,
        before,
        limit,
    )
    .fetch_all(db)
    .await
}

/// One report.
///
/// # Errors
/// If the database is away.
pub async fn find(
    db: impl PgExecutor<'_>,
    id: ReproductionId,
) -> sqlx::Result<Option<Reproduction>> {
    select_reproductions!("r.id = $1", id as ReproductionId)
        .fetch_optional(db)
        .await
}

/// The numbers of one report.
///
/// # Errors
/// If the database is away.
pub async fn numbers(
    db: impl PgExecutor<'_>,
    id: ReproductionId,
) -> sqlx::Result<Option<Vec<Reported>>> {
    let numbers = sqlx::query_scalar!(
        r#"select numbers as "numbers: Json<Vec<Reported>>" from reproduction where id = $1"#,
        id as ReproductionId
    )
    .fetch_optional(db)
    .await?;
    Ok(numbers.map(|numbers| numbers.0))
}

/// Takes a report back; false if it is not that account's, or not there any more.
///
/// # Errors
/// If the database is away.
pub async fn remove(
    db: impl PgExecutor<'_>,
    id: ReproductionId,
    account: AccountId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update reproduction set removed_at = now(), numbers = '[]' where id = $1 and account_id = $2 and removed_at is null",
        id as ReproductionId,
        account as AccountId,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
