//! The thread that owns the server: it makes the cluster, starts the server, restarts it when it dies, and stops it.
//!
//! A thread of its own, because the kernel ends the server with the thread that started it (see [`crate::process`]),
//! and a runtime's threads may come and go.

use super::cluster::Cluster;
use super::server::{self, Server};
use super::{DATABASE, Error, Options, ROLE};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A full disk takes a person; asking twice a minute is soon enough after that.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that ran this long did not die of the cause that the last one died of.
const SETTLED: Duration = Duration::from_secs(60);

/// The thread, and what it reports.
pub(super) struct Supervisor {
    pub(super) thread: JoinHandle<()>,
    /// That the server is ready, or why it never will be.
    pub(super) ready: oneshot::Receiver<Result<(), Error>>,
}

/// Starts the thread. The server stops when the sender of `stop` is used or dropped.
pub(super) fn run(
    options: Options,
    data_dir: PathBuf,
    stop: oneshot::Receiver<()>,
) -> Result<Supervisor, Error> {
    let (report, ready) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io(&data_dir))?;
    let body = {
        let data_dir = data_dir.clone();
        move || runtime.block_on(supervise(&options, &data_dir, stop, report))
    };
    let thread = std::thread::Builder::new()
        .name("postgres".to_owned())
        .spawn(body)
        .map_err(Error::io(&data_dir))?;
    Ok(Supervisor { thread, ready })
}

async fn supervise(
    options: &Options,
    data_dir: &Path,
    mut stop: oneshot::Receiver<()>,
    report: oneshot::Sender<Result<(), Error>>,
) {
    let (cluster, mut server) = match first_start(options, data_dir).await {
        Ok(running) => running,
        Err(error) => {
            // Nobody listens any more if the caller gave up meanwhile.
            let _ = report.send(Err(error));
            return;
        }
    };
    let _ = report.send(Ok(()));

    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let status = tokio::select! {
            _ = &mut stop => return server.stop().await,
            status = server.ended(&cluster) => status,
        };
        tracing::error!(
            "PostgreSQL ended by itself ({status}); its log is {}",
            cluster.log.display()
        );
        if started.elapsed() > SETTLED {
            pause = FIRST_PAUSE;
        }
        server = loop {
            tokio::select! {
                _ = &mut stop => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
            match Server::start(&cluster).await {
                Ok(server) => break server,
                Err(error) => tracing::error!("PostgreSQL does not come back: {error}"),
            }
        };
        tracing::info!("PostgreSQL is back");
    }
}

async fn first_start(options: &Options, data_dir: &Path) -> Result<(Cluster, Server), Error> {
    let cluster = Cluster::open(options, data_dir)?;
    let server = Server::start(&cluster).await?;
    match set_up(&cluster).await {
        Ok(()) => Ok((cluster, server)),
        Err(error) => {
            server.stop().await;
            Err(Error::Database(error))
        }
    }
}

/// Makes the application's role, which is no superuser, and its database.
async fn set_up(cluster: &Cluster) -> sqlx::Result<()> {
    let mut superuser = server::connect(
        &cluster.socket_folder,
        super::cluster::SUPERUSER,
        "postgres",
    )
    .await?;
    if !exists(
        &mut superuser,
        "select exists (select from pg_roles where rolname = $1)",
        ROLE,
    )
    .await?
    {
        // Tests make a database each.
        let rights = if cluster.durable {
            "login"
        } else {
            "login createdb"
        };
        let statement = AssertSqlSafe(format!("create role {ROLE} {rights}"));
        sqlx::raw_sql(statement).execute(&mut superuser).await?;
    }
    if !exists(
        &mut superuser,
        "select exists (select from pg_database where datname = $1)",
        DATABASE,
    )
    .await?
    {
        let statement = AssertSqlSafe(format!("create database {DATABASE} owner {ROLE}"));
        sqlx::raw_sql(statement).execute(&mut superuser).await?;
    }
    if !cluster.durable {
        // Whoever makes many databases may put into this one what all of them begin with (`scripts/with-template`).
        let statement = AssertSqlSafe(format!("alter database template1 owner to {ROLE}"));
        sqlx::raw_sql(statement).execute(&mut superuser).await?;
    }
    superuser.close().await
}

async fn exists(
    connection: &mut PgConnection,
    query: &'static str,
    name: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(query)
        .bind(name)
        .fetch_one(connection)
        .await
}
