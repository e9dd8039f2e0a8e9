//! `breakmywork up`: everything on one machine.

use super::admin::FirstAdmin;
use super::database::{Database, DatabaseArgs};
use super::listen::{CONNECTIONS, ListenArgs};
use super::signals::Stop;
use super::worker::{self, Worker};
use crate::seed;
use crate::server;
use crate::state::AppState;
use anyhow::Context;
use breakmywork_protocol::db;
use futures_util::future::join_all;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs everything on this machine: database, web server and workers. Ctrl-C stops all of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    listen: ListenArgs,
    /// Worker processes to run beside the web server.
    #[arg(
        long,
        env = "BREAKMYWORK_WORKERS",
        default_value_t = 1,
        value_name = "N"
    )]
    workers: u16,
    /// The worker's program; else `breakmywork-worker` beside this one.
    #[arg(long, env = "BREAKMYWORK_WORKER_BIN", value_name = "FILE")]
    worker_bin: Option<PathBuf>,
    /// Where the workers' data sets lie; else the folder `data` in the data directory.
    #[arg(long, env = "BREAKMYWORK_DATA_SETS", value_name = "DIR")]
    data_sets: Option<PathBuf>,
}

/// Starts all, waits for Ctrl-C or SIGTERM, and stops all in order.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    // What can be wrong with the request is found out before anything starts.
    let listener = args.listen.bind().await?;
    let worker_program = match args.workers {
        0 => None,
        _ => Some(worker::find(args.worker_bin.as_deref())?),
    };
    let database = args.database.start(CONNECTIONS, false).await?;
    let result = run_on(&args, listener, &database, worker_program).await;
    database.close().await;
    result
}

async fn run_on(
    args: &Args,
    listener: TcpListener,
    database: &Database,
    worker_program: Option<PathBuf>,
) -> anyhow::Result<()> {
    let data_dir = &args.database.data_dir;
    let checkpoints = data_dir.join("checkpoints");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&checkpoints)
        .with_context(|| format!("Cannot make {}", checkpoints.display()))?;
    db::migrate(&database.pool)
        .await
        .context("Cannot migrate the database")?;
    seed::apply(&database.pool)
        .await
        .context("Cannot add the first content")?;
    let data_sets = match &args.data_sets {
        Some(folder) => std::path::absolute(folder),
        None => std::path::absolute(data_dir.join("data")),
    }
    .context("Cannot tell where the data sets are; name their folder with --data-sets")?;
    let admin = FirstAdmin::ensure(&database.pool, data_dir).await?;
    let workers: Vec<Worker> = worker_program
        .map(|program| -> std::io::Result<Worker> {
            Ok(Worker {
                program,
                database_url: database.url.clone(),
                checkpoints: checkpoints.canonicalize()?,
                data_sets: data_sets.clone(),
                environment: args.listen.shared_environment(),
            })
        })
        .transpose()?
        .map(|worker| vec![worker; usize::from(args.workers)])
        .unwrap_or_default();

    let settings = args.listen.settings(&listener)?;
    announce(args, &settings.public_url, &admin)?;
    let shutdown = CancellationToken::new();
    let state = AppState::new(database.pool.clone(), settings, shutdown.clone());
    let mut stop = Stop::install()?;
    let web = async {
        let result = server::serve(listener, state, args.listen.chores()).await;
        // If it failed, the rest must not go on without it.
        shutdown.cancel();
        result
    };
    // On this task, not spawned: the workers' supervisors must stay on the main thread.
    let all = async {
        let supervisors = join_all(workers.iter().map(|worker| worker.supervise(&shutdown)));
        tokio::join!(web, supervisors).0
    };
    tokio::pin!(all);
    tokio::select! {
        result = &mut all => return Ok(result?),
        _ = stop.asked() => {}
    }
    writeln!(
        std::io::stdout(),
        "Stopping. Workers hand their runs back first; once more stops at once."
    )?;
    shutdown.cancel();
    tokio::select! {
        result = all => Ok(result?),
        // The kernel tells our children when this process ends.
        _ = stop.asked() => Ok(()),
    }
}

fn announce(args: &Args, address: &str, admin: &FirstAdmin) -> std::io::Result<()> {
    let database = match &args.database.database_url {
        Some(_) => "The database is the one that DATABASE_URL names.".to_owned(),
        None => format!(
            "The database is embedded, in {}.",
            args.database.data_dir.display()
        ),
    };
    let workers = match args.workers {
        0 => "No worker runs here; experiments wait until one does.".to_owned(),
        1 => "One worker runs here.".to_owned(),
        n => format!("{n} workers run here."),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "Break My Work is at {address}")?;
    writeln!(out, "{}", admin.describe())?;
    writeln!(out, "{database} {workers} Ctrl-C stops everything.")
}
