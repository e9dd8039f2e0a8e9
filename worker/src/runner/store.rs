//! The checkpoint store: a folder that all workers of a board share.
//!
//! A file's key names run and epoch, so a stale worker writes into a folder of its own; a file that is not
//! registered in the job table does not exist for anybody.

use breakmywork_protocol::checkpoint_files;
use breakmywork_protocol::jobs::{Checkpoint, Lease};
use breakmywork_training::checkpoint;
use std::io;
use std::path::{Path, PathBuf};

/// Checkpoints of a run that a trainer tries to go on from before it begins anew.
pub(super) const TRIED: usize = 3;

/// Does work on files beside the runner's one thread: a large checkpoint takes seconds to read, a folder on a dead
/// network for ever, and meanwhile the other runs must beat. `None` if it panicked.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(work)
        .await
        .inspect_err(|error| tracing::error!("could not look after checkpoints: {error}"))
        .ok()
}

/// Folder into which this attempt writes.
pub(super) fn folder(root: &Path, lease: &Lease) -> PathBuf {
    root.join(checkpoint_files::attempt(lease.run, lease.epoch))
}

/// The key of a file in the store; `None` if it lies elsewhere.
pub(super) fn key(root: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// The registered checkpoints that are here, whole, and of this very plan as this version reads it: the furthest few,
/// the furthest first.
pub(super) fn usable(root: &Path, known: &[Checkpoint], plan_sha256: &str) -> Vec<PathBuf> {
    let found = known
        .iter()
        .filter_map(|known| checked(root, known, plan_sha256));
    found.take(TRIED).collect()
}

fn checked(root: &Path, known: &Checkpoint, plan_sha256: &str) -> Option<PathBuf> {
    let path = root.join(&known.object_key);
    match checkpoint_files::sha256(&path) {
        Ok(sha256) if sha256 == known.sha256 => match checkpoint::step(&path, plan_sha256) {
            Ok(_) => Some(path),
            // A newer version may know settings that an older one did not, or keep other things: from the start, then.
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a checkpoint is of no use to this version");
                None
            }
        },
        Ok(_) => {
            tracing::warn!(path = %path.display(), "a checkpoint was damaged; an older one is used");
            None
        }
        // Older ones are removed once newer ones are there, and other machines may have a store of their own.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a checkpoint cannot be read; an older one is used");
            None
        }
    }
}

/// Removes one file; whoever looks for it takes a newer one.
pub(super) fn forget(root: &Path, key: &str) {
    if let Err(error) = std::fs::remove_file(root.join(key)) {
        tracing::warn!(key, %error, "could not remove an old checkpoint");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As after an upgrade: the file is what was registered, but not what this version reads. Training must begin anew, not
    /// fail until the run's failures are used up.
    #[test]
    fn a_whole_file_that_this_version_cannot_use_is_passed_over() {
        let root = tempfile::tempdir().expect("a folder");
        let key = "run-1/epoch-1/step-00000005.safetensors";
        let path = root.path().join(key);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("the folder");
        std::fs::write(&path, b"from another version").expect("writes");
        let known = Checkpoint {
            epoch: 1,
            step: 5,
            object_key: key.into(),
            bytes: 20,
            sha256: checkpoint_files::sha256(&path).expect("reads"),
        };
        assert_eq!(
            usable(root.path(), &[known], "a plan"),
            Vec::<PathBuf>::new()
        );
    }
}
