//! What readers think of comments.

use breakmywork_protocol::id::{AccountId, CommentId};
use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;

/// One of the words that a reader may say to a comment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Reaction {
    /// So it is.
    Agree,
    /// Is it?
    Doubt,
    /// It helped.
    Thanks,
}

impl Reaction {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Agree, Self::Doubt, Self::Thanks];

    /// As it is stored and sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Doubt => "doubt",
            Self::Thanks => "thanks",
        }
    }
}

/// Notes what somebody thinks of a comment; said twice, it is noted once.
///
/// # Errors
/// If the database is away.
pub async fn add(
    db: impl PgExecutor<'_>,
    comment: CommentId,
    by: AccountId,
    reaction: Reaction,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reaction (comment_id, kind, account_id) values ($1, $2, $3) on conflict do nothing",
        comment.0,
        reaction.name(),
        by.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes it back.
///
/// # Errors
/// If the database is away.
pub async fn take_back(
    db: impl PgExecutor<'_>,
    comment: CommentId,
    by: AccountId,
    reaction: Reaction,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from reaction where comment_id = $1 and kind = $2 and account_id = $3",
        comment.0,
        reaction.name(),
        by.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a reader thinks of these comments.
///
/// # Errors
/// If the database is away.
pub async fn of(
    db: impl PgExecutor<'_>,
    reader: AccountId,
    comments: &[CommentId],
) -> sqlx::Result<Vec<(CommentId, Reaction)>> {
    let ids: Vec<i64> = comments.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select comment_id as "comment: CommentId", kind as "kind: Reaction" from reaction
           where account_id = $1 and comment_id = any ($2)"#,
        reader.0,
        &ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.comment, row.kind))
        .collect())
}
