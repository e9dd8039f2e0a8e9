//! Which database a command works on.

use crate::postgres::{Options, Postgres};
use anyhow::{Context, ensure};
use breakmywork_protocol::db;
use sqlx::{Connection, PgConnection, PgPool};
use std::path::PathBuf;
use std::time::Duration;

pub(super) const DEFAULT_DATA_DIR: &str = "./var";
/// A command that does one thing needs few connections.
const CONNECTIONS: u32 = 2;
/// Closing waits for connections in use; what hangs is not waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Which database.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DatabaseArgs {
    /// A PostgreSQL server of your own; without it, the embedded one in --data-dir is used.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Where the embedded database, the checkpoints, the first admin's password and the key of secrets are kept.
    #[arg(long, env = "BREAKMYWORK_DATA_DIR", default_value = DEFAULT_DATA_DIR, value_name = "DIR")]
    pub(super) data_dir: PathBuf,
    /// Folder of PostgreSQL's `initdb` and `postgres`; else PATH and Debian's folders are searched.
    #[arg(long, env = "BREAKMYWORK_POSTGRES_BIN", value_name = "DIR")]
    pub(super) postgres_bin: Option<PathBuf>,
}

/// A database that answers.
pub(super) struct Database {
    pub(super) url: String,
    pub(super) pool: PgPool,
    embedded: Option<Postgres>,
}

impl DatabaseArgs {
    /// Opens the database for a command beside a server that may be running. An embedded one must exist.
    pub(super) async fn open(&self) -> anyhow::Result<Database> {
        ensure!(
            self.database_url.is_some() || Postgres::exists(&self.data_dir),
            "There is no database in {}. Start `breakmywork up` first, or name another one with --data-dir or \
             DATABASE_URL.",
            self.data_dir.display()
        );
        let database = self.start(CONNECTIONS, true).await?;
        if let Err(mismatch) = db::schema_fits(&database.pool).await {
            database.close().await;
            return Err(mismatch.into());
        }
        Ok(database)
    }

    /// Makes sure that the database answers; an embedded one is made if need be.
    pub(super) async fn start(&self, connections: u32, adopt: bool) -> anyhow::Result<Database> {
        let (url, embedded) = match &self.database_url {
            Some(url) => {
                // A pool would try again for seconds and then keep the reason to itself.
                let connection = PgConnection::connect(url)
                    .await
                    .context("Cannot use the database that DATABASE_URL names")?;
                connection.close().await?;
                (url.clone(), None)
            }
            None => {
                let options = Options {
                    binaries: self.postgres_bin.clone(),
                    throwaway: false,
                    adopt,
                };
                let postgres = Postgres::start(&self.data_dir, options).await?;
                (postgres.url().to_owned(), Some(postgres))
            }
        };
        let pool = db::pool(&url, connections)?;
        Ok(Database {
            url,
            pool,
            embedded,
        })
    }
}

impl Database {
    /// Closes all connections, and then stops the embedded server if it is ours.
    pub(super) async fn close(self) {
        // A connection in use after that long is dropped with the process.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.pool.close()).await;
        if let Some(postgres) = self.embedded {
            postgres.stop().await;
        }
    }
}
