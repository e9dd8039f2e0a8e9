//! One run, trained by a child of this program that has a trainer's rights: whose plan it is nobody here knows.

use super::stops;
use crate::child::{self, Training};
use breakmywork_protocol::spec::Plan;
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::events::{Event, Failure, FailureKind};
use breakmywork_training::precision::Products;
use breakmywork_training::train::{Outcome, Requests};
use breakmywork_training::{checkpoint, exit};
use rustix::process::Signal;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Child;

/// Where nobody keeps checkpoints none is written, but when it is asked to stop; longer than any run.
const NEVER: f64 = 1e9;

/// Where and how a run is trained.
pub(super) struct How<'a> {
    pub(super) device: DeviceChoice,
    pub(super) products: Products,
    pub(super) threads: u16,
    pub(super) data_sets: &'a Path,
    /// Where checkpoints are kept, if they are.
    pub(super) checkpoints: Option<&'a Path>,
    pub(super) checkpoint_every: f64,
}

/// Trains a plan and hears what the trainer says meanwhile.
///
/// # Errors
/// Why it failed; divergence is one.
pub(super) fn train(
    how: &How<'_>,
    plan: &Plan,
    requests: &Requests,
    heard: &mut dyn FnMut(&Event),
) -> Result<Outcome, Failure> {
    let machine = |error: io::Error| {
        Failure::new(
            FailureKind::Machine,
            0,
            format!("the trainer cannot be started: {error}"),
        )
    };
    let folder = Folder::of(how, plan).map_err(machine)?;
    let mut trainer = start(how, folder.path()).map_err(machine)?;
    let (stdin, stdout) = (trainer.stdin.take(), trainer.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(machine(io::Error::other("it has no pipes")));
    };
    let sent = serde_json::to_vec(plan).map_err(|error| machine(error.into()))?;
    // A child that died before reading is seen by its exit status, which says more than this error.
    let _ = stdin.write_all(&sent);
    drop(stdin);
    let mut end = None;
    let (mut step, mut asked) = (0, false);
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { break };
        if stops(requests) && !asked {
            asked = true;
            child::signal(child::group(trainer.id()), Signal::TERM);
        }
        // A number that is not finite is no JSON; the end says that it diverged.
        let Ok(event) = serde_json::from_str::<Event>(&line) else {
            continue;
        };
        heard(&event);
        match event {
            Event::Progress { step: done, .. } => step = done,
            Event::Checkpoint(_) => {
                if let Err(error) = checkpoint::prune(folder.path()) {
                    tracing::warn!("older checkpoints could not be removed: {error}");
                }
            }
            Event::Result(result) => end = Some(Ok(Outcome::Finished(result))),
            Event::Failure(failure) => end = Some(Err(failure)),
            _ => {}
        }
    }
    let status = trainer.wait().map_err(machine)?;
    match end {
        Some(end) => end,
        None if status.code() == Some(exit::PREEMPTED.into()) || asked => {
            Ok(Outcome::Stopped { step })
        }
        None => Err(Failure::new(
            FailureKind::Machine,
            step,
            format!("the trainer ended without a result ({status})"),
        )),
    }
}

fn start(how: &How<'_>, folder: &Path) -> io::Result<Child> {
    let (checkpoint_every, resume) = match how.checkpoints {
        Some(_) => (how.checkpoint_every, checkpoint::list(folder)),
        None => (NEVER, Vec::new()),
    };
    let training = Training {
        device: how.device,
        products: how.products,
        threads: how.threads,
        data_sets: how.data_sets,
        directory: folder,
        checkpoint_every,
        resume: &resume,
    };
    child::trainer(&training).spawn()
}

/// Where a run has its files.
enum Folder {
    /// Named by the plan and by how it is trained, so that nobody goes on from what was computed otherwise.
    Kept(PathBuf),
    /// Gone with the run.
    Passing(PathBuf),
}

impl Folder {
    fn of(how: &How<'_>, plan: &Plan) -> io::Result<Self> {
        let name = &plan.sha256()[..16];
        if let Some(kept) = how.checkpoints {
            let device = how.device.to_string().replace(':', "-");
            let path = kept.join(format!("{name}-{device}-{}-{}", how.products, how.threads));
            std::fs::create_dir_all(&path)?;
            return Ok(Self::Kept(path));
        }
        let unique = uuid::Uuid::new_v4().simple();
        let path = std::env::temp_dir().join(format!("breakmywork-{name}-{unique}"));
        std::fs::create_dir(&path)?;
        Ok(Self::Passing(path))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Passing(path) => path,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Passing(path) = self
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::warn!("{} was left behind: {error}", self.path().display());
        }
    }
}
