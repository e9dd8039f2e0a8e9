//! Reading the record.

use super::{Entry, Head, Subject};
use sqlx::PgExecutor;

/// Bytes of bodies in one answer; a page ends with the entry that exceeds them.
const BYTES: i64 = 1_000_000;

/// Where the record ends now.
///
/// # Errors
/// If the database is away.
pub async fn head(db: impl PgExecutor<'_>) -> sqlx::Result<Head> {
    sqlx::query_as!(Head, "select seq, hash from record_head")
        .fetch_one(db)
        .await
}

/// The entries after place `after`, in order; at most `limit`, and about a megabyte of them.
///
/// # Errors
/// If the database is away.
pub async fn entries(db: impl PgExecutor<'_>, after: i64, limit: i64) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        r#"select seq as "seq!", previous as "previous!", hash as "hash!", at as "at!", kind as "kind!",
                  subject as "subject!", subject_id, body as "body!"
           from (select *, (sum(octet_length(body)) over (order by seq))::bigint - octet_length(body) as bytes_before
                 from (select * from record_entry where seq > $1 order by seq limit $2) page) measured
           where bytes_before < $3 order by seq"#,
        after,
        limit,
        BYTES
    )
    .fetch_all(db)
    .await
}

/// The newest entries, the newest first.
///
/// # Errors
/// If the database is away.
pub async fn newest(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "select seq, previous, hash, at, kind, subject, subject_id, body from record_entry order by seq desc limit $1",
        limit
    )
    .fetch_all(db)
    .await
}

/// What moderators and those whom it concerns did, before place `before`, the newest first.
///
/// # Errors
/// If the database is away.
pub async fn moderation(
    db: impl PgExecutor<'_>,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "select seq, previous, hash, at, kind, subject, subject_id, body from record_entry
         where kind = 'act' and body::jsonb ->> 'act' in (
             'hidden', 'shown', 'appealed', 'appeal_declined', 'thread_locked', 'thread_unlocked',
             'disputed', 'dispute_answered', 'dispute_resolved', 'disabled', 'enabled', 'author_named')
           and seq < $1
         order by seq desc limit $2",
        before,
        limit
    )
    .fetch_all(db)
    .await
}

/// The entries about one thing, in order.
///
/// # Errors
/// If the database is away.
pub async fn about(
    db: impl PgExecutor<'_>,
    subject: Subject,
    limit: i64,
) -> sqlx::Result<Vec<Entry>> {
    about_after(db, subject, 0, limit).await
}

/// The entries about one thing after place `after`, in order.
///
/// # Errors
/// If the database is away.
pub async fn about_after(
    db: impl PgExecutor<'_>,
    subject: Subject,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "select seq, previous, hash, at, kind, subject, subject_id, body from record_entry
         where subject = $1 and subject_id is not distinct from $2 and seq > $3 order by seq limit $4",
        subject.name(),
        subject.id(),
        after,
        limit
    )
    .fetch_all(db)
    .await
}
