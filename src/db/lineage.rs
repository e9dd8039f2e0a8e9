//! Revisions of claims, and what became of the experiments on the earlier ones.

use super::claims::Claim;
use crate::lineage::Resorted;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId, ThreadId};
use breakmywork_protocol::scope::{Scope, Sorting};
use breakmywork_protocol::spec::TunedSettings;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use std::collections::BTreeMap;

/// A registered experiment, as far as it is sorted by.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Key.
    pub id: ExperimentId,
    /// Its title.
    pub title: String,
    /// Its specification, as it is stored.
    pub spec: Value,
    /// Whether it never carries a verdict.
    pub exploratory: bool,
    /// Whether a moderator disputes it.
    pub disputed: bool,
    /// Its verdict in a word.
    pub outcome: Option<String>,
    /// Whether it challenges the claim: open, confirmed or not_confirmed.
    pub challenge: Option<String>,
    /// What its arms chose, by their names; none of one that is not tuned.
    pub chosen: Option<Json<BTreeMap<String, TunedSettings>>>,
    /// Whether it is sealed and not opened.
    pub closed: bool,
}

/// The newest registered experiments of a claim, those that challenge it, and those by which it fell with a wider one, at most
/// `limit` of each; newest first.
///
/// # Errors
/// If the database is away.
pub async fn experiments(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    limit: i64,
) -> sqlx::Result<Vec<Earlier>> {
    sqlx::query_as!(
        Earlier,
        r#"with chosen as (
             (select experiment_id as id from experiment_point where claim_id = $1 order by experiment_id desc limit $2)
             union
             (select id from experiment where claim_id = $1 and challenge in ('confirmed', 'open')
              order by challenge, id desc limit $2)
             union
             (select experiment_id from inherited_fall where claim_id = $1 order by experiment_id desc limit $2))
           select e.id as "id!: ExperimentId", title as "title!", spec as "spec!", exploratory as "exploratory!",
             disputed_at is not null as "disputed!", verdict.outcome as "outcome?", challenge, closed as "closed!",
             (select jsonb_object_agg(arm, settings) from trial where experiment_id = e.id and chosen)
               as "chosen: Json<BTreeMap<String, TunedSettings>>"
           from chosen join public_experiment e using (id) left join verdict on verdict.experiment_id = e.id
           order by e.id desc"#,
        claim as ClaimId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The next free label of a claim's line: after C2 comes C2a, then C2b. Nobody else gets it before the transaction ends.
///
/// # Errors
/// If the database is away.
pub async fn next_label(tx: &mut PgConnection, claim: &Claim) -> sqlx::Result<Option<String>> {
    sqlx::query!(
        "select from work where id = $1 for no key update",
        claim.work.0
    )
    .execute(&mut *tx)
    .await?;
    let base = claim
        .label
        .trim_end_matches(|char: char| char.is_ascii_lowercase());
    let last = sqlx::query_scalar!(
        r#"select max(right(label, 1)) as "last" from claim where work_id = $1 and label ~ ('^' || $2 || '[a-z]$')"#,
        claim.work.0,
        base,
    )
    .fetch_one(tx)
    .await?;
    let next = match last.and_then(|last| last.chars().next()) {
        None => Some('a'),
        Some('z') => None,
        Some(last) => char::from_u32(u32::from(last) + 1),
    };
    Ok(next.map(|letter| format!("{base}{letter}")))
}

/// A revision to store.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// The claim that it narrows.
    pub earlier: &'a Claim,
    /// Its label.
    pub label: &'a str,
    /// The claim.
    pub sentence: &'a str,
    /// Where it is said to hold (Markdown).
    pub scope: &'a str,
    /// Over what it speaks.
    pub covers: &'a Scope,
    /// Why the earlier claim is narrowed.
    pub reason: &'a str,
    /// Who narrows it.
    pub author: AccountId,
}

/// Stores a revision with a thread of its own.
///
/// # Errors
/// If the database is away.
pub async fn insert(tx: &mut PgConnection, new: New<'_>) -> sqlx::Result<ClaimId> {
    let thread =
        sqlx::query_scalar!(r#"insert into thread default values returning id as "id: ThreadId""#)
            .fetch_one(&mut *tx)
            .await?;
    sqlx::query_scalar!(
        r#"insert into claim (work_id, label, sentence, scope, covers, revises, revision_reason, author_id, thread_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id as "id: ClaimId""#,
        new.earlier.work.0,
        new.label,
        new.sentence,
        new.scope,
        serde_json::to_value(new.covers).expect("a scope is plain data"),
        new.earlier.id as ClaimId,
        new.reason,
        new.author as AccountId,
        thread as ThreadId,
    )
    .fetch_one(tx)
    .await
}

/// Stores what a revision makes of the experiments on the earlier claim.
///
/// # Errors
/// If the database is away.
pub async fn insert_sorted(
    tx: &mut PgConnection,
    revision: ClaimId,
    sorted: &[Resorted],
) -> sqlx::Result<()> {
    let rows = sorted
        .iter()
        .map(|it| json!({ "id": it.id, "sorting": it.sorting, "reasons": it.reasons }));
    sqlx::query!(
        "insert into resorted_experiment (claim_id, experiment_id, sorting, reasons)
         select $1, id, sorting, array(select jsonb_array_elements_text(reasons))
         from jsonb_to_recordset($2) as r (id bigint, sorting text, reasons jsonb)",
        revision as ClaimId,
        Value::Array(rows.collect()),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What a revision made of the experiments on the earlier claim, newest first, before `before`, with their verdicts as they
/// are now.
///
/// # Errors
/// If the database is away.
pub async fn resorted(
    db: impl PgExecutor<'_>,
    revision: ClaimId,
    before: ExperimentId,
    limit: i64,
) -> sqlx::Result<Vec<Resorted>> {
    sqlx::query_as!(
        Resorted,
        r#"select e.id as "id!: ExperimentId", title as "title!", verdict.outcome as "outcome?", challenge,
             sorting as "sorting: Sorting", reasons
           from resorted_experiment r join public_experiment e on e.id = r.experiment_id
             left join verdict on verdict.experiment_id = e.id
           where r.claim_id = $1 and r.experiment_id < $2 order by r.experiment_id desc limit $3"#,
        revision as ClaimId,
        before as ExperimentId,
        limit,
    )
    .fetch_all(db)
    .await
}
