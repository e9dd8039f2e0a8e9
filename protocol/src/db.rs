//! The database: pool settings that web and worker share, the migrations, and whether program and schema fit.

use crate::{jobs, record};
use sqlx::migrate::{MigrateError, Migration};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, PgTransaction};
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
/// A connection that came back so lately was asked then whether it is alive, and is not asked again: a page takes one for each
/// of its twenty queries.
const SURELY_ALIVE: Duration = Duration::from_secs(1);

/// A pool for `url`, connected lazily: it can be made while the database is away.
///
/// # Errors
/// If `url` is not a Postgres URL.
pub fn pool(url: &str, max_connections: u32) -> Result<PgPool, sqlx::Error> {
    // sqlx takes any scheme for its own.
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(sqlx::Error::Configuration(
            "the address does not begin with postgres://".into(),
        ));
    }
    let options = PgConnectOptions::from_str(url)?.options([
        // No statement here runs so long that compiling it would pay; it costs seconds where the tables are large.
        ("jit", "off"),
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
        .test_before_acquire(false)
        .before_acquire(|connection, used| {
            Box::pin(async move {
                if used.idle_for > SURELY_ALIVE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Has the rest of a transaction read along indexes, one row after the other, whatever the planner believes of how large the
/// tables are: statistics that were true of a young board are kept until the database looks again.
///
/// A statement that relies on it leaves one way only: a subquery with a limit for what would be joined, and of one key a range
/// in the order of the index that is meant.
///
/// # Errors
/// If the database is away.
pub async fn along_indexes(tx: &mut PgTransaction<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "select set_config('enable_seqscan', 'off', true) as scan, set_config('enable_hashjoin', 'off', true) as hash,
           set_config('enable_mergejoin', 'off', true) as merge,
           set_config('enable_sort', 'off', true) as sort, set_config('enable_incremental_sort', 'off', true) as part,
           set_config('plan_cache_mode', 'force_custom_plan', true) as plan"
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(())
}

/// Why this program and the database do not fit, and the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// The program needs migrations that the database does not have.
    #[error(
        "The database is older than this program ({missing} of its {known} migrations are missing). Run \
         `breakmywork migrate` of this release."
    )]
    Older {
        /// How many the database lacks.
        missing: usize,
        /// How many the program knows.
        known: usize,
    },
    /// The database has migrations of a later release.
    #[error(
        "The database is newer than this program (migration {version} is not known here). Start the release that \
         made it, or take the database back with that release's `breakmywork migrate --revert`."
    )]
    Newer {
        /// The first one that the program does not know.
        version: i64,
    },
    /// A migration was applied with another content.
    #[error(
        "Migration {version} of the database is not the one of this program, so its tables may differ. Start the \
         release that made the database, or restore a backup that this release made."
    )]
    Changed {
        /// The first one that differs.
        version: i64,
    },
    /// The database did not answer.
    #[error("The database did not tell its version: {0}")]
    Unknown(#[from] sqlx::Error),
}

/// Why migrations were not applied or taken back.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database is of another release.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// A migration failed; what it did is rolled back.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// What was there before the record did not all get its entries.
    #[error(
        "The record of what was there before it is not complete; run `breakmywork migrate` again: {0}"
    )]
    Record(#[source] sqlx::Error),
}

/// The versions of the migrations that the database has, oldest first, with the hashes of their content.
///
/// # Errors
/// If the database does not answer.
pub async fn applied(pool: &PgPool) -> Result<Vec<(i64, Vec<u8>)>, sqlx::Error> {
    let kept: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(pool)
        .await?;
    if !kept {
        return Ok(Vec::new());
    }
    sqlx::query_as("select version, checksum from _sqlx_migrations where success order by version")
        .fetch_all(pool)
        .await
}

/// Whether this program can work on the database: it has exactly the migrations that the program knows.
///
/// # Errors
/// Each says what does not fit and which command mends it.
pub async fn schema_fits(pool: &PgPool) -> Result<(), Mismatch> {
    compare(&applied(pool).await?)
}

/// The migrations of this program, oldest first.
fn known() -> impl Iterator<Item = &'static Migration> {
    MIGRATOR
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
}

fn compare(applied: &[(i64, Vec<u8>)]) -> Result<(), Mismatch> {
    for (version, checksum) in applied {
        let Some(ours) = known().find(|migration| migration.version == *version) else {
            return Err(Mismatch::Newer { version: *version });
        };
        if *ours.checksum != **checksum {
            return Err(Mismatch::Changed { version: *version });
        }
    }
    let known = known().count();
    match known - applied.len() {
        0 => Ok(()),
        missing => Err(Mismatch::Older { missing, known }),
    }
}

/// Applies the migrations that are missing, puts on record what was there before the record, and lets narrower claims fall
/// with those that fell before that was asked.
///
/// # Errors
/// If the database is away, or of another release, or a migration fails.
pub async fn migrate(pool: &PgPool) -> Result<(), SchemaError> {
    match schema_fits(pool).await {
        Ok(()) => {}
        Err(Mismatch::Older { .. }) => {
            let mut connection = for_migrations(pool).await?;
            MIGRATOR.run(&mut connection).await?;
            connection.close().await.map_err(Mismatch::from)?;
        }
        Err(other) => return Err(other.into()),
    }
    let made = record::backfill(pool).await.map_err(SchemaError::Record)?;
    if made > 0 {
        tracing::info!(entries = made, "what was on the board is on record now");
    }
    let fallen = jobs::inherit_all(pool).await.map_err(SchemaError::Record)?;
    if fallen > 0 {
        tracing::info!(
            claims = fallen,
            "narrower claims fell with the claims that they narrow"
        );
    }
    Ok(())
}

/// Takes back all migrations after `version`. What they added is lost.
///
/// # Errors
/// As [`migrate`].
pub async fn revert(pool: &PgPool, version: i64) -> Result<(), SchemaError> {
    match schema_fits(pool).await {
        Ok(()) | Err(Mismatch::Older { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    let mut connection = for_migrations(pool).await?;
    MIGRATOR.undo(&mut connection, version).await?;
    Ok(connection.close().await.map_err(Mismatch::from)?)
}

/// A connection that may take its time over large tables, and does not print a migration's text because it does; that
/// the table of migrations exists already is no news either.
async fn for_migrations(pool: &PgPool) -> Result<PgConnection, Mismatch> {
    let options = pool.connect_options().as_ref().clone();
    let options = options
        .options([
            ("statement_timeout", "0"),
            ("client_min_messages", "warning"),
        ])
        .disable_statement_logging();
    Ok(options.connect().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(i64, Vec<u8>)> {
        known()
            .map(|migration| (migration.version, migration.checksum.to_vec()))
            .collect()
    }

    #[test]
    fn an_older_a_newer_and_another_database_are_told_apart() {
        assert!(compare(&all()).is_ok());
        let mut fewer = all();
        fewer.remove(1);
        let older = compare(&fewer).expect_err("one is missing").to_string();
        assert!(older.contains("(1 of its"), "{older}");
        assert!(older.contains("`breakmywork migrate`"), "{older}");
        let nothing = compare(&[]).expect_err("all are missing");
        assert!(matches!(nothing, Mismatch::Older { missing, known } if missing == known));

        let mut more = all();
        more.push((20_990_101_000_000, vec![0; 48]));
        let newer = compare(&more).expect_err("a later release").to_string();
        assert!(
            newer.contains("migration 20990101000000 is not known"),
            "{newer}"
        );
        assert!(newer.contains("`breakmywork migrate --revert`"), "{newer}");

        let mut changed = all();
        changed[0].1[0] ^= 1;
        let changed = compare(&changed).expect_err("another content");
        assert!(matches!(changed, Mismatch::Changed { .. }), "{changed}");
    }
}
