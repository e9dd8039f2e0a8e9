//! Invitations: links with which one person signs up, once, where sign-up is open to invited people alone.

use super::secret;
use crate::error::{FieldProblem, Result};
use breakmywork_protocol::{
    id::{AccountId, InvitationId},
    visible,
};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Longest note, in characters, as the table's constraint has it.
pub const NOTE_CHARS: usize = 100;

/// Days that an invitation lasts where nothing else is said.
pub const DAYS: i32 = 14;

/// Days that an invitation lasts at most.
pub const MOST_DAYS: i32 = 90;

/// Invitations that can be used still, at once.
pub const MOST: i64 = 200;

/// An invitation to make.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    note: String,
    days: i32,
}

/// An invitation that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Names it for revoking.
    pub id: InvitationId,
    /// The code: the only time anybody sees it.
    pub code: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// An invitation that can be used still.
#[derive(Debug, Clone)]
pub struct Row {
    /// Names it for revoking.
    pub id: InvitationId,
    /// Whom it is for.
    pub note: String,
    /// Who made it; none for the command line.
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl NewInvitation {
    /// Checks what an admin wants.
    ///
    /// # Errors
    /// What is wrong, by field: `/note`, `/days`.
    pub fn checked(note: &str, days: i32) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let note = match visible::line(note) {
            Ok(note) if (1..=NOTE_CHARS).contains(&note.chars().count()) => note,
            Ok(_) => {
                let detail = format!("Say in 1 to {NOTE_CHARS} characters whom it is for.");
                problems.push(FieldProblem::new("/note", detail));
                String::new()
            }
            Err(detail) => {
                problems.push(FieldProblem::new("/note", format!("The note {detail}")));
                String::new()
            }
        };
        if !(1..=MOST_DAYS).contains(&days) {
            let detail = format!("An invitation lasts 1 to {MOST_DAYS} days.");
            problems.push(FieldProblem::new("/days", detail));
        }
        match problems.is_empty() {
            true => Ok(Self { note, days }),
            false => Err(problems),
        }
    }
}

/// The path of the link.
pub fn path(code: &str) -> String {
    format!("/sign-up?invitation={code}")
}

/// What somebody is told where so many are open.
pub fn too_many() -> String {
    format!("{MOST} invitations are open. Revoke one that nobody will use, then make this one.")
}

/// Makes an invitation; none if too many are open. `by` nobody on the command line.
///
/// # Errors
/// If the database is away.
pub async fn create(
    tx: &mut PgConnection,
    new: &NewInvitation,
    by: Option<AccountId>,
) -> sqlx::Result<Option<Made>> {
    // One at a time, so that the limit holds whatever is sent at once.
    sqlx::query!("lock table invitation in share row exclusive mode")
        .execute(&mut *tx)
        .await?;
    let code = secret::random_hex();
    let code_hash = secret::hash(&code);
    let made = sqlx::query!(
        r#"insert into invitation (code_hash, note, made_by, expires_at)
           select $1, $2, $3, now() + make_interval(days => $4)
           where (select count(*) from invitation
                  where used_at is null and revoked_at is null and expires_at > now()) < $5
           returning id as "id: InvitationId", expires_at"#,
        code_hash.as_slice(),
        new.note,
        by as Option<AccountId>,
        new.days,
        MOST,
    )
    .fetch_optional(tx)
    .await?;
    Ok(made.map(|row| Made {
        id: row.id,
        code,
        expires_at: row.expires_at,
    }))
}

/// Whether somebody could sign up with that code.
///
/// # Errors
/// If the database is away.
pub async fn is_good(db: impl PgExecutor<'_>, code: &str) -> sqlx::Result<bool> {
    let code_hash = secret::hash(code);
    sqlx::query_scalar!(
        r#"select exists (select from invitation
             where code_hash = $1 and used_at is null and revoked_at is null and expires_at > now()) as "good!""#,
        code_hash.as_slice(),
    )
    .fetch_one(db)
    .await
}

/// Uses a code up for a new account; false if somebody else has, or it is over: then roll the account back.
///
/// # Errors
/// If the database is away.
pub async fn spend(db: impl PgExecutor<'_>, code: &str, account: AccountId) -> sqlx::Result<bool> {
    let code_hash = secret::hash(code);
    let done = sqlx::query!(
        "update invitation set used_at = now(), used_by = $2
         where code_hash = $1 and used_at is null and revoked_at is null and expires_at > now()",
        code_hash.as_slice(),
        account.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an invitation back; false if it cannot be used any more.
///
/// # Errors
/// If the database is away.
pub async fn revoke(db: impl PgExecutor<'_>, id: InvitationId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update invitation set revoked_at = now()
         where id = $1 and used_at is null and revoked_at is null and expires_at > now()",
        id.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Invitations that can be used still, newest first, older than `before`.
///
/// # Errors
/// If the database is away.
pub async fn open(
    db: impl PgExecutor<'_>,
    before: Option<InvitationId>,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select invitation.id as "id: InvitationId", note, account.name as "made_by?",
                  invitation.created_at, invitation.expires_at
           from invitation left join account on account.id = made_by
           where used_at is null and revoked_at is null and expires_at > now()
             and ($1::bigint is null or invitation.id < $1)
           order by invitation.id desc limit $2"#,
        before as Option<InvitationId>,
        limit,
    )
    .fetch_all(db)
    .await
}
