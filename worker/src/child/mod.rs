//! This program once more, as a child with the least of an environment: what a trainer cannot read it cannot leak.

mod environment;

use breakmywork_training::device::DeviceChoice;
use breakmywork_training::memory;
use breakmywork_training::precision::Products;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// This very program. Not the file of its name, which a newer build may have replaced meanwhile: the kernel keeps the
/// one that runs.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// What it calls itself in lists of processes.
const NAME: &str = "breakmywork-worker";

/// Where and how a plan is trained.
pub(crate) struct Training<'a> {
    /// On what.
    pub(crate) device: DeviceChoice,
    /// Precision of a card's products.
    pub(crate) products: Products,
    /// Processor threads.
    pub(crate) threads: u16,
    /// Where data sets lie.
    pub(crate) data_sets: &'a Path,
    /// Where checkpoints go.
    pub(crate) directory: &'a Path,
    /// Seconds between two of them.
    pub(crate) checkpoint_every: f64,
    /// It goes on from the first of these that it can use.
    pub(crate) resume: &'a [PathBuf],
}

/// This program, for that device.
pub(crate) fn program(device: DeviceChoice) -> Command {
    let mut command = Command::new(THIS_PROGRAM);
    command
        .arg0(NAME)
        .env_clear()
        .envs(environment::kept(device, std::env::vars_os()));
    command
}

/// A trainer, which reads a plan from stdin and says on stdout what comes of it. It is in a process group of its own: what is
/// asked from a terminal is asked of its parent, which passes it on.
pub(crate) fn trainer(how: &Training<'_>) -> Command {
    let mut command = program(how.device);
    command
        .arg("trainer")
        .arg("--checkpoint-dir")
        .arg(how.directory)
        .args(["--checkpoint-every", &how.checkpoint_every.to_string()])
        .args(["--device", &how.device.to_string()])
        .args(["--products", &how.products.to_string()])
        .arg("--data-sets")
        .arg(how.data_sets)
        .args(["--parent", &std::process::id().to_string()]);
    for path in how.resume {
        command.arg("--resume").arg(path);
    }
    command
        .env("RAYON_NUM_THREADS", how.threads.to_string())
        .envs(memory::large_pages())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0);
    command
}

/// The process group of a child, by its number.
pub(crate) fn group(number: u32) -> Option<Pid> {
    Pid::from_raw(number.cast_signed())
}

/// Signals a trainer and whatever it started.
pub(crate) fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // An error means that it has just ended.
        let _ = kill_process_group(group, signal);
    }
}
