//! Checks the record: the chain itself, the tables against it, and every verdict against its runs.
//!
//! Everything is seen at one instant, whatever goes on meanwhile, and a part at a time, however long the record is. The
//! chain is walked in order; what entries tell is held against the tables by several readers at once.

mod chain;
mod content;
mod falls;
mod finding;
mod tuned;
mod unrecorded;

use super::{Head, entries, head};
use chain::Chain;
use content::Checked;
use sqlx::{AssertSqlSafe, PgPool, PgTransaction};
use tokio::task::JoinSet;

pub use finding::{Finding, What};

/// Entries that are looked at together.
const PAGE: i64 = 50;

/// What to check, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Heads that somebody noted elsewhere: the record must still pass through each.
    pub noted: Vec<Head>,
    /// Readers at once, each with a connection of its own beside one more.
    pub readers: usize,
}

/// What is told while it goes on.
#[derive(Debug)]
pub enum Told {
    /// Something does not agree.
    Finding(Finding),
    /// The chain was followed up to this entry, of so many.
    Progress {
        /// Entries looked at.
        done: i64,
        /// Entries there are.
        of: i64,
    },
}

/// What was checked.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Entries of the record.
    pub entries: u64,
    /// Registrations whose frozen specifications were hashed again.
    pub registrations: u64,
    /// Conclusions whose runs, posts and verdicts were hashed again.
    pub conclusions: u64,
    /// Verdicts that were computed again from their runs.
    pub recomputed: u64,
    /// Verdicts of an earlier rule, which this release does not compute again.
    pub of_earlier_rules: u64,
    /// Noted heads that the record was held against.
    pub noted: u64,
    /// What does not agree.
    pub findings: u64,
    /// Where the record ends, as `SEQ:HASH`.
    pub head: String,
}

/// Checks everything, and tells of it on the way.
///
/// # Errors
/// If the database is away.
pub async fn verify(
    pool: &PgPool,
    options: &Options,
    mut tell: impl FnMut(Told),
) -> sqlx::Result<Summary> {
    let mut main = look(pool, None).await?;
    let snapshot: String = sqlx::query_scalar("select pg_export_snapshot()")
        .fetch_one(&mut *main)
        .await?;
    let end = head(&mut *main).await?;
    let mut idle = Vec::new();
    for _ in 0..options.readers.max(1) {
        idle.push(look(pool, Some(&snapshot)).await?);
    }
    let mut summary = Summary {
        noted: options.noted.len() as u64,
        head: end.to_string(),
        ..Summary::default()
    };
    let mut chain = Chain::new(&options.noted);
    let mut busy: JoinSet<sqlx::Result<(PgTransaction<'static>, Checked)>> = JoinSet::new();
    loop {
        let page = entries(&mut *main, chain.last(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            report(&mut summary, chain.step(entry), &mut tell);
        }
        summary.entries += page.len() as u64;
        tell(Told::Progress {
            done: chain.last(),
            of: end.seq,
        });
        let mut reader = match idle.pop() {
            Some(reader) => reader,
            None => {
                let (reader, checked) = next(&mut busy).await?;
                let found = checked.count_in(&mut summary);
                report(&mut summary, found, &mut tell);
                reader
            }
        };
        busy.spawn(async move {
            let checked = content::check(&mut reader, page).await?;
            Ok((reader, checked))
        });
    }
    while !busy.is_empty() {
        let (_, checked) = next(&mut busy).await?;
        let found = checked.count_in(&mut summary);
        report(&mut summary, found, &mut tell);
    }
    report(&mut summary, chain.end(&end), &mut tell);
    let unrecorded = unrecorded::all(&mut main).await?;
    report(&mut summary, unrecorded, &mut tell);
    let falls = falls::all(&mut main).await?;
    report(&mut summary, falls, &mut tell);
    Ok(summary)
}

fn report(summary: &mut Summary, found: Vec<Finding>, tell: &mut impl FnMut(Told)) {
    summary.findings += found.len() as u64;
    for finding in found {
        tell(Told::Finding(finding));
    }
}

async fn next(
    busy: &mut JoinSet<sqlx::Result<(PgTransaction<'static>, Checked)>>,
) -> sqlx::Result<(PgTransaction<'static>, Checked)> {
    match busy.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(stopped)) => Err(sqlx::Error::Protocol(format!(
            "a reader stopped: {stopped}"
        ))),
        None => Err(sqlx::Error::WorkerCrashed),
    }
}

/// A transaction that only looks, at the present or at what another one sees, and may take its time.
async fn look(pool: &PgPool, snapshot: Option<&str>) -> sqlx::Result<PgTransaction<'static>> {
    let mut tx = pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    if let Some(snapshot) = snapshot {
        let same = format!("set transaction snapshot '{}'", snapshot.replace('\'', ""));
        sqlx::raw_sql(AssertSqlSafe(same)).execute(&mut *tx).await?;
    }
    sqlx::raw_sql(
        "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0",
    )
    .execute(&mut *tx)
    .await?;
    Ok(tx)
}
