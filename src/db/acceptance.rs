//! Who is the author of a claim, and which proposals wait for that person's answer.

use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use sqlx::{PgConnection, PgExecutor};

/// A proposal that tests a claim of somebody, without an answer for that claim.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Key.
    pub id: ExperimentId,
    /// Short name.
    pub title: String,
    /// Who proposed it.
    pub author: String,
    /// The claim: that of the proposal, or the rival that it tests, too.
    pub claim: ClaimId,
    /// That claim's short name.
    pub claim_label: String,
}

/// Proposals of others that test claims of an account, themselves or as rivals, and that it has not answered for that claim, or
/// that changed after its answer: newest first, older than `before`, of one claim or of all.
///
/// # Errors
/// If the database is away.
pub async fn waiting(
    db: impl PgExecutor<'_>,
    account: AccountId,
    claim: Option<ClaimId>,
    before: ExperimentId,
    limit: i64,
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"select e.id as "id!: ExperimentId", e.title as "title!", account.name as author, claim.id as "claim: ClaimId",
             claim.label as claim_label
           from claim
             cross join lateral (
               select id, title, author_id, state, closed, hidden_at from experiment where claim_id = claim.id and state = 'proposed'
               union all
               select id, title, author_id, state, closed, hidden_at from experiment where rival_id = claim.id and state = 'proposed') e
             join account on account.id = e.author_id
             left join co_signature s on s.experiment_id = e.id and s.claim_id = claim.id
           where not e.closed and e.hidden_at is null and coalesce(claim.named_author_id, claim.author_id) = $1 and ($2::bigint is null or claim.id = $2)
             and e.author_id <> all (accounts_of($1)) and e.id < $3
             and (s.experiment_id is null or s.lapsed_at is not null or s.account_id <> $1)
           order by e.id desc, claim.id limit $4"#,
        account as AccountId,
        claim as Option<ClaimId>,
        before as ExperimentId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Names the author of a claim that no account put here, or takes that back; false if an account did.
///
/// # Errors
/// If the database is away.
pub async fn name_author(
    tx: &mut PgConnection,
    claim: ClaimId,
    author: Option<AccountId>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update claim set named_author_id = $2 where id = $1 and author_id is null",
        claim as ClaimId,
        author as Option<AccountId>,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// An account that may be named: neither disabled nor the board's own.
///
/// # Errors
/// If the database is away.
pub async fn account(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<AccountId>> {
    sqlx::query_scalar!(
        r#"select id as "id: AccountId" from account where name = $1 and disabled_at is null and not is_board"#,
        name
    )
    .fetch_optional(db)
    .await
}
