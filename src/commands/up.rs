//! `breakmywork up`: everything on one machine.

use super::admin::FirstAdmin;
use super::database::{Database, DatabaseArgs};
use super::listen::{CONNECTIONS, ListenArgs};
use super::secrets;
use super::signals::Stop;
use super::worker::{self, Worker};
use crate::sealing::{self, at_rest};
use crate::seed;
use crate::server;
use anyhow::Context;
use breakmywork_protocol::db;
use futures_util::future::join_all;
use std::fs::DirBuilder;
use std::io::Write;
use std::num::NonZero;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The worker takes no more.
const MOST_SLOTS: u8 = 64;

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
    /// Runs that each worker works on at once; else as many as make use of all cores.
    #[arg(long, env = "BREAKMYWORK_SLOTS", value_name = "K", value_parser = clap::value_parser!(u8).range(1..=64))]
    slots: Option<u8>,
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
    let mut settings = args.listen.settings(&listener)?;
    // Workers that come over REST use that of the workers here, so that each goes on from what the others have.
    let checkpoints = settings
        .checkpoint_dir
        .get_or_insert_with(|| data_dir.join("checkpoints"))
        .clone();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&checkpoints)
        .with_context(|| format!("Cannot make {}", checkpoints.display()))?;
    db::migrate(&database.pool)
        .await
        .context("Cannot migrate the database")?;
    // A database of one's own may have other servers, which could not open what is sealed with a key of ours.
    if settings.secret_keys.is_empty() && args.database.database_url.is_none() {
        let own = own_key(data_dir);
        sealing::make(&own).with_context(|| format!("Cannot make {}", own.display()))?;
        settings.secret_keys = secrets::read(&own)?;
    }
    at_rest::start(&database.pool, &settings.secret_keys).await?;
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
                slots: slots(args),
                environment: args.listen.shared_environment(),
            })
        })
        .transpose()?
        .map(|worker| vec![worker; usize::from(args.workers)])
        .unwrap_or_default();

    announce(args, &settings.public_url, &admin)?;
    let shutdown = CancellationToken::new();
    let pool = database.pool.clone();
    let state = args.listen.state(pool, settings, shutdown.clone());
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

/// The file of keys that `up` makes for its embedded database, where none is named.
pub(super) fn own_key(data_dir: &Path) -> PathBuf {
    data_dir.join("secret-key")
}

fn several(count: u16, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// Slots of each worker: what was asked for, else the worker's share of the cores. A card has slots only when asked for:
/// whether they bring anything depends on how its processes share it.
fn slots(args: &Args) -> u8 {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = std::env::var("BREAKMYWORK_THREADS")
        .ok()
        .and_then(|text| text.parse().ok());
    let on_a_card = std::env::var("BREAKMYWORK_DEVICE").is_ok_and(|device| device != "cpu");
    match args.slots {
        Some(slots) => slots,
        None if on_a_card => 1,
        None => share(cores, usize::from(args.workers), threads.unwrap_or(1)),
    }
}

/// One of `workers` equal shares of the cores, in slots of that many threads.
fn share(cores: usize, workers: usize, threads: usize) -> u8 {
    let slots = cores / (workers.max(1) * threads.max(1));
    u8::try_from(slots)
        .unwrap_or(MOST_SLOTS)
        .clamp(1, MOST_SLOTS)
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
        n => format!(
            "{} here, with {} each.",
            several(n, "worker runs", "workers run"),
            several(slots(args).into(), "run at once", "runs at once")
        ),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "Break My Work is at {address}")?;
    writeln!(out, "{}", admin.describe())?;
    writeln!(out, "{database} {workers} Ctrl-C stops everything.")
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn workers_share_the_cores() {
        assert_eq!(share(2, 1, 1), 2);
        assert_eq!(share(8, 3, 1), 2);
        assert_eq!(share(8, 1, 4), 2);
        assert_eq!(share(1, 4, 1), 1, "never none");
        assert_eq!(share(256, 1, 1), 64, "never more than a worker takes");
        assert_eq!(share(4, 0, 0), 4);
    }
}
