//! Papers and posts under test.

use crate::board::Reader;
use breakmywork_protocol::id::{AccountId, WorkId};
use sqlx::PgExecutor;

/// A work.
#[derive(Debug, Clone)]
pub struct Work {
    /// Key.
    pub id: WorkId,
    /// Part of its address.
    pub slug: String,
    /// paper, post or implementation.
    pub kind: String,
    /// As published.
    pub title: String,
    /// In the order of the title page.
    pub authors: Vec<String>,
    /// Of first publication.
    pub year: i16,
    /// Where to read it.
    pub url: String,
    /// Its DOI.
    pub doi: Option<String>,
    /// Its number on arXiv, without a version.
    pub arxiv: Option<String>,
    /// One line.
    pub citation: String,
    /// What it explains (Markdown).
    pub phenomenon: String,
    /// Claims on the board.
    pub claims: i64,
    /// How many of them were tested: their standing is another than *untested*.
    pub tested: i64,
    /// Experiments proposed, withdrawn ones left out; one more than [`claims::COUNTED`](super::claims::COUNTED) stands for
    /// more than that.
    pub experiments: i64,
    /// Who put it on the board; none of seed content.
    pub added_by: Option<String>,
    /// The account of that person.
    pub added_by_id: Option<AccountId>,
    /// shown, waiting or declined.
    pub moderation: String,
    /// What a moderator said of it.
    pub moderation_reason: Option<String>,
    /// Its last edit; 0 where there was none.
    pub version: i64,
}

impl Work {
    /// Whether everybody sees it.
    pub fn is_shown(&self) -> bool {
        self.moderation == "shown"
    }
}

macro_rules! select_works {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Work,
            r#"select work.id as "id: WorkId", slug, kind, title, authors, year, url, doi, arxiv, citation, phenomenon, moderation,
                 moderation_reason, added_by as "added_by_id: AccountId",
                 (select name from account where account.id = work.added_by) as added_by,
                 (select coalesce(max(id), 0) from board_edit where work_id = work.id) as "version!",
                 fared.claims as "claims!", fared.tested as "tested!", fared.experiments as "experiments!"
               from (select * from work "# + $tail + r#") work
               cross join lateral (
                 select count(*) as claims,
                   -- As `Claim::standing` has it: something bears on it that was survived, is a challenge, or was confirmed.
                   count(*) filter (where tally.survived > 0 or tally.refuted > 0
                     or tally.challenged_by is not null or tally.fell_by is not null) as tested,
                   least(coalesce(sum(tried.experiments), 0), 1001)::bigint as experiments
                 from public_claim claim
                 cross join lateral tried_on(claim.id) as tried
                 left join lateral (select * from claim_tally t where t.claim_id = claim.id offset 0) tally on true
                 where claim.work_id = work.id
               ) fared
               order by work.id"#
            $(, $argument)*
        )
    };
}

/// Works that everybody sees, after that one; newest on the board last.
///
/// # Errors
/// If the database is away.
pub async fn list(db: impl PgExecutor<'_>, after: WorkId, limit: i64) -> sqlx::Result<Vec<Work>> {
    select_works!(
        "where moderation = 'shown' and id > $1 order by id limit $2",
        after.0,
        limit
    )
    .fetch_all(db)
    .await
}

/// Works that wait for a moderator, after that one, the longest first; of one person or of all.
///
/// # Errors
/// If the database is away.
pub async fn waiting(
    db: impl PgExecutor<'_>,
    by: Option<AccountId>,
    after: WorkId,
    limit: i64,
) -> sqlx::Result<Vec<Work>> {
    select_works!(
        "where moderation = 'waiting' and ($1::bigint is null or added_by = $1) and id > $2 order by id limit $3",
        by as Option<AccountId>,
        after.0,
        limit
    )
    .fetch_all(db)
    .await
}

/// The work of that slug, if everybody sees it.
///
/// # Errors
/// If the database is away.
pub async fn find(db: impl PgExecutor<'_>, slug: &str) -> sqlx::Result<Option<Work>> {
    seen(db, slug, Reader::default()).await
}

/// The work of that slug, if that reader sees it.
///
/// # Errors
/// If the database is away.
pub async fn seen(
    db: impl PgExecutor<'_>,
    slug: &str,
    reader: Reader,
) -> sqlx::Result<Option<Work>> {
    select_works!(
        "where slug = $1 and (moderation = 'shown' or $2 or added_by = $3)",
        slug,
        reader.is_moderator,
        reader.id as Option<AccountId>
    )
    .fetch_optional(db)
    .await
}
