//! The runner: takes runs off the job table and has each trained by a child process.
//!
//! It trains nothing itself, so a crash, a hang or a device fault in training cannot stop the heartbeat. Everything
//! it writes goes through [`breakmywork_protocol::jobs`] and names its lease; when the lease is gone it drops the run.
//! Each run of several at once is a task of its own, with a lease and a trainer of its own; the tasks share the
//! connections to the database and nothing else.
//! One thread: the kernel ties a trainer's life to the thread that started it.

mod child;
mod outbox;
mod shelf;
mod slots;
mod store;
mod work;

use crate::cli::WorkArgs;
use crate::exit;
use crate::train::VERSION;
use breakmywork_protocol::{db, jobs};
use shelf::Shelf;
use sqlx::PgPool;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::LocalSet;
use uuid::Uuid;

/// Longest pause between two tries to reach a database that is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A runner that is to do one thing and end does not wait longer than this for its database.
const PATIENCE: Duration = Duration::from_secs(30);

/// Works until it is stopped, or as long as the arguments say; gives the exit code.
pub fn run(args: WorkArgs) -> u8 {
    let Some(url) = args.database_url.clone() else {
        tracing::error!(
            "no database: name the board's with DATABASE_URL or --database-url, or train without one: breakmywork-worker train SPEC"
        );
        return exit::FAILED;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime.and_then(|runtime| {
        let result = LocalSet::new().block_on(&runtime, serve(args, &url));
        // Else a look into a data folder on a dead network would be waited for.
        runtime.shutdown_background();
        result
    });
    result.unwrap_or_else(|error| {
        tracing::error!("the worker cannot go on: {error}");
        exit::RETRYABLE
    })
}

/// What the parts of a runner share.
pub(crate) struct Runner {
    args: WorkArgs,
    pool: PgPool,
    id: Uuid,
    /// How often somebody asked for the end.
    stop: watch::Receiver<u32>,
}

async fn serve(args: WorkArgs, url: &str) -> io::Result<u8> {
    // A worker without its device would fail every run it takes.
    if !child::device_works(&args).await? {
        return Ok(exit::FAILED);
    }
    std::fs::create_dir_all(&args.checkpoint_dir)?;
    let mut shelf = Shelf::new(args.folder.data_sets.clone());
    // One for each run, so that a slow report of one never makes another's beat wait, and one for the data sets. The
    // question for a run needs none of its own: it is asked while a slot is free.
    let connections = u32::from(args.slots) + 1;
    let runner = Rc::new(Runner {
        pool: db::pool(url, connections).map_err(io::Error::other)?,
        args,
        id: Uuid::new_v4(),
        stop: stop_signals()?,
    });
    // What is taken is given back; what is not yet taken stays: nothing is held while this fails.
    if !runner.register(&mut shelf).await {
        return Ok(exit::RETRYABLE);
    }
    // Beside the work, so that an import shows on the board at once, however long the present run takes.
    let telling = tokio::spawn(shelf.keep_telling(runner.pool.clone(), runner.id));
    let code = Rc::clone(&runner).take_and_work().await;
    telling.abort();
    if let Err(error) = jobs::stop_worker(&runner.pool, runner.id).await {
        tracing::debug!(%error, "could not sign off");
    }
    Ok(code)
}

/// Counts SIGTERM and SIGINT; the second ends the process, and the lease runs out.
fn stop_signals() -> io::Result<watch::Receiver<u32>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let (sender, receiver) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if *sender.borrow() > 0 {
                std::process::exit(exit::PREEMPTED.into());
            }
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok(receiver)
}

impl Runner {
    pub(crate) fn stopping(&self) -> bool {
        *self.stop.borrow() > 0
    }

    /// Makes this process and its data sets known, as soon as the database answers; false if that is not to be
    /// waited for.
    async fn register(&self, shelf: &mut Shelf) -> bool {
        let device = format!(
            "{} ({})",
            self.args.device.device,
            self.args.device.device.name()
        );
        let started = Instant::now();
        let mut pause = Duration::from_millis(500);
        loop {
            match self.introduce(&device, shelf).await {
                Ok(()) => {
                    tracing::info!(worker = %self.id, %device, "ready");
                    return true;
                }
                Err(error) => {
                    tracing::warn!("the database does not take this worker yet: {error}")
                }
            }
            let impatient = self.args.once || self.args.idle_exit.is_some();
            if self.stopping() || (impatient && started.elapsed() > PATIENCE) {
                return false;
            }
            self.wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn introduce(&self, device: &str, shelf: &mut Shelf) -> Result<(), jobs::Error> {
        let slots = self.args.slots;
        jobs::register_worker(&self.pool, self.id, &hostname(), device, VERSION, slots).await?;
        shelf.tell(&self.pool, self.id).await
    }

    /// Sleeps, but not past a request to stop.
    async fn wait(&self, pause: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|count| *count > 0) => {}
        }
    }
}

fn hostname() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
