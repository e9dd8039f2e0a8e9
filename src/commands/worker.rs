//! Local workers: child processes that are started again when they end.

use crate::process::end_with_parent;
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

const PROGRAM: &str = "breakmywork-worker";
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A worker that cannot start (no GPU, a broken disk) is tried once a minute in the end.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A worker that ran this long did not end of the cause that the last one ended of.
const SETTLED: Duration = Duration::from_secs(60);
/// A worker that is told to stop writes a checkpoint and hands its run back; a large network takes its time.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How a local worker is started.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) program: PathBuf,
    pub(super) database_url: String,
    pub(super) checkpoints: PathBuf,
    pub(super) data_sets: PathBuf,
    /// Runs at once.
    pub(super) slots: u8,
    /// Settings that the web server and its workers must agree on.
    pub(super) environment: Vec<(&'static str, String)>,
}

/// The worker's program: the setting, or what stands beside our own.
pub(super) fn find(setting: Option<&Path>) -> anyhow::Result<PathBuf> {
    let program = match setting {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()
            .context("Cannot tell where this program is; name the worker with --worker-bin")?
            .with_file_name(PROGRAM),
    };
    if !program.is_file() {
        bail!(
            "The worker {} is missing. Build it with `cargo build --release -p {PROGRAM}`, name it with \
             --worker-bin, or start without workers: --workers 0.",
            program.display()
        );
    }
    Ok(program)
}

impl Worker {
    /// Keeps one worker running until `stop`, then lets it hand its run back.
    ///
    /// To be polled by the main thread: the kernel ends the child with the thread that started it.
    pub(super) async fn supervise(&self, stop: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let started = Instant::now();
            match self.spawn() {
                Ok(mut child) => tokio::select! {
                    () = stop.cancelled() => return end(child).await,
                    status = child.wait() => match status {
                        Ok(status) => tracing::warn!("a worker ended by itself ({status})"),
                        Err(error) => tracing::error!(%error, "lost sight of a worker"),
                    },
                },
                Err(error) => {
                    tracing::error!(%error, "cannot start the worker {}", self.program.display());
                }
            }
            if started.elapsed() > SETTLED {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut command = std::process::Command::new(&self.program);
        command
            .arg("--data-sets")
            .arg(&self.data_sets)
            .args(["--slots", &self.slots.to_string()])
            .env("DATABASE_URL", &self.database_url)
            .env("BREAKMYWORK_CHECKPOINT_DIR", &self.checkpoints)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            // Ctrl-C in a terminal reaches the whole group; workers stop when we say so.
            .process_group(0);
        end_with_parent(&mut command, Signal::TERM);
        Command::from(command).spawn()
    }
}

async fn end(mut child: Child) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // An error means that it has just ended.
        let _ = kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(STOP_TIMEOUT, child.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            "a worker did not stop within {} s; its run goes on from the last checkpoint elsewhere",
            STOP_TIMEOUT.as_secs()
        );
        let _ = child.kill().await;
    }
}
