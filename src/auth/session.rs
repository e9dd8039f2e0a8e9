//! Signed-in browsers: a random cookie, of which the database knows only the hash.

use super::{account::Role, client::Client, secret};
use crate::config::Settings;
use axum_extra::extract::{CookieJar, cookie::Cookie};
use breakmywork_protocol::id::{AccountId, SessionId};
use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

/// A session ends this long after signing in, however busy.
const ABSOLUTE_DAYS: i32 = 30;

/// A session ends after this long without a request.
const IDLE_DAYS: i32 = 7;

/// Browsers that one person may be signed in with; past that the one unseen for the longest is signed out.
const MOST: i64 = 50;

/// Who is signed in, and with which session.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The account.
    pub id: AccountId,
    /// Its public name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Unread notices in the inbox, counted up to a hundred.
    pub unread: i64,
    /// Names the session when it is ended.
    pub session: [u8; 32],
    /// Whether there is a password to sign in with.
    pub has_password: bool,
    /// Whether signing in takes a second factor.
    pub second_factor: bool,
    /// The role that waits for one: it is asked of that role here, and is not set up.
    pub waits: Option<Role>,
}

impl Viewer {
    /// Whoever has a role of which a second factor is asked, and has none, is a member until then.
    pub(crate) fn held_to(mut self, settings: &Settings) -> Self {
        (self.role, self.waits) = settings
            .second_factor_for
            .holds(self.role, self.second_factor);
        self
    }
}

/// `__Host-` binds the cookie to this very host over https; browsers refuse that prefix on plain http.
fn cookie_name(settings: &Settings) -> &'static str {
    if settings.https() {
        "__Host-breakmywork"
    } else {
        "breakmywork"
    }
}

/// The session token that a browser sent.
pub fn token_in<'a>(cookies: &'a CookieJar, settings: &Settings) -> Option<&'a str> {
    cookies.get(cookie_name(settings)).map(Cookie::value)
}

/// The `Set-Cookie` that signs a browser in.
pub fn cookie(token: &str, settings: &Settings) -> String {
    let seconds = i64::from(ABSOLUTE_DAYS) * 24 * 60 * 60;
    set_cookie(token, seconds, settings)
}

/// The `Set-Cookie` that makes a browser forget.
pub fn removal(settings: &Settings) -> String {
    set_cookie("", 0, settings)
}

fn set_cookie(value: &str, max_age: i64, settings: &Settings) -> String {
    let name = cookie_name(settings);
    let secure = if settings.https() { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// Starts a session and returns its token: always a new one, so that a planted cookie gains nothing.
///
/// # Errors
/// If the database is away.
pub async fn start(
    db: impl PgExecutor<'_>,
    account: AccountId,
    client: &Client,
) -> sqlx::Result<String> {
    let token = secret::random_hex();
    let token_hash = secret::hash(&token);
    sqlx::query!(
        "with pushed_out as (
             delete from session where token_hash in (
                 select token_hash from session where account_id = $2
                 order by last_seen_at desc, id desc offset $6))
         insert into session (token_hash, account_id, expires_at, device, address_range)
         values ($1, $2, now() + make_interval(days => $3), $4, $5)",
        token_hash.as_slice(),
        account.0,
        ABSOLUTE_DAYS,
        client.device,
        client.range,
        MOST - 1,
    )
    .execute(db)
    .await?;
    Ok(token)
}

/// Who a token belongs to, if its session still runs. Remembers the visit, at most once a minute.
pub async fn find(pool: &PgPool, token: &str, client: &Client) -> sqlx::Result<Option<Viewer>> {
    let session = secret::hash(token);
    let found = sqlx::query!(
        r#"select account.id as "id: AccountId", account.name, account.role as "role: Role",
                  last_seen_at < now() - interval '1 minute' as "stale!",
                  password_hash not like 'none%' as "has_password!",
                  exists (select from second_factor f where f.account_id = account.id and confirmed_at is not null) as "second_factor!",
                  (select count(*) from (
                    select from notice where notice.account_id = account.id and read_at is null limit 100) few) as "unread!"
           from session join account on account.id = session.account_id
           where token_hash = $1 and expires_at > now() and disabled_at is null
             and last_seen_at > now() - make_interval(days => $2)"#,
        session.as_slice(),
        IDLE_DAYS,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    if row.stale {
        sqlx::query!(
            "update session set last_seen_at = now(), device = $2, address_range = $3 where token_hash = $1",
            session.as_slice(),
            client.device,
            client.range,
        )
        .execute(pool)
        .await?;
    }
    Ok(Some(Viewer {
        id: row.id,
        name: row.name,
        role: row.role,
        unread: row.unread,
        session,
        has_password: row.has_password,
        second_factor: row.second_factor,
        waits: None,
    }))
}

/// Minutes after signing in for which whoever has no password need not do it again to change what protects the account.
pub const FRESH_MINUTES: i32 = 10;

/// Whether a session began only just now.
///
/// # Errors
/// If the database is away.
pub async fn is_fresh(db: impl PgExecutor<'_>, session: &[u8; 32]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from session
             where token_hash = $1 and created_at > now() - make_interval(mins => $2)) as "is!""#,
        session.as_slice(),
        FRESH_MINUTES,
    )
    .fetch_one(db)
    .await
}

/// Ends one session.
pub async fn end(db: impl PgExecutor<'_>, session: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from session where token_hash = $1",
        session.as_slice()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends every session of a person, and says how many there were.
pub async fn end_all(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from session where account_id = $1", account.0)
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}

/// A signed-in browser, as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Names it when it is ended.
    pub id: SessionId,
    /// When it was signed in.
    pub created_at: DateTime<Utc>,
    /// Its last request, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// Kind of browser and of system; empty where that was not noted.
    pub device: String,
    /// The network that it was last used from, where that is known.
    pub address_range: Option<String>,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// The browsers that somebody is signed in with, the one used last first; `this` is the one that asks.
///
/// # Errors
/// If the database is away.
pub async fn list(
    db: impl PgExecutor<'_>,
    account: AccountId,
    this: Option<&[u8; 32]>,
) -> sqlx::Result<Vec<SessionRow>> {
    sqlx::query_as!(
        SessionRow,
        r#"select id as "id: SessionId", created_at, last_seen_at, device, address_range,
                  coalesce(token_hash = $3, false) as "is_this!"
           from session
           where account_id = $1 and expires_at > now()
             and last_seen_at > now() - make_interval(days => $2)
           order by last_seen_at desc, id desc limit $4"#,
        account.0,
        IDLE_DAYS,
        this.map(<[u8; 32]>::as_slice),
        MOST,
    )
    .fetch_all(db)
    .await
}

/// Ends one of a person's sessions by its number; false if they have none of that number.
///
/// # Errors
/// If the database is away.
pub async fn end_one(
    db: impl PgExecutor<'_>,
    account: AccountId,
    id: SessionId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from session where id = $1 and account_id = $2",
        id.0,
        account.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes sessions that are over.
pub async fn clean_up(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from session
         where expires_at <= now() or last_seen_at <= now() - make_interval(days => $1)",
        IDLE_DAYS,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_bound_to_the_host_over_https() {
        let plain = cookie("t", &Settings::default());
        assert_eq!(
            plain,
            "breakmywork=t; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
        );
        let https = Settings {
            public_url: "https://example.org".into(),
            ..Settings::default()
        };
        assert!(cookie("t", &https).starts_with("__Host-breakmywork=t; Path=/;"));
        assert!(cookie("t", &https).ends_with("; Secure"));
    }
}
