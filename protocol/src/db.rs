//! The database: pool settings that web and worker share, and the migrations.

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;

/// The migrations, embedded once: each `#[sqlx::test]` would otherwise carry its own copy.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// No statement of ours runs this long; one that does is a bug and must not hold its locks.
const STATEMENT_TIMEOUT: &str = "30s";
/// Waiting longer for a row than this means that somebody forgot a transaction.
const LOCK_TIMEOUT: &str = "10s";
/// A dropped request future may leave a transaction behind; Postgres ends it.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";
/// Better an honest 503 than a visitor who waits half a minute.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// A pool for `url`, connected lazily: it can be made while the database is away.
///
/// # Errors
/// If `url` is not a Postgres URL.
pub fn pool(url: &str, max_connections: u32) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?.options([
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT,
        ),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options))
}

/// Applies the migrations that are missing.
///
/// # Errors
/// If the database is away, or its schema was changed by other hands.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    MIGRATOR.run(pool).await
}
