//! Where the files of checkpoints lie in a folder that several programs may share: of each run a folder, of each attempt one
//! in it, so that a stale worker writes where nobody looks.

use crate::id::RunId;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a checkpoint's file may have beyond the memory that its run should need, in bytes.
pub const MARGIN: u64 = 64 << 20;

/// Name of a checkpoint's file.
pub fn name(step: u32) -> String {
    format!("step-{step:08}.safetensors")
}

/// Folder of an attempt, seen from the store's.
pub fn attempt(run: RunId, epoch: i64) -> PathBuf {
    Path::new(&of_run(run)).join(format!("epoch-{epoch}"))
}

/// Where a checkpoint lies, seen from the store's folder: its key.
pub fn key(run: RunId, epoch: i64, step: u32) -> String {
    format!("{}/epoch-{epoch}/{}", of_run(run), name(step))
}

fn of_run(run: RunId) -> String {
    format!("run-{run}")
}

/// The runs that have a folder in this store.
pub fn runs(root: &Path) -> Vec<RunId> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_prefix("run-")?.parse().ok().map(RunId))
        .collect()
}

/// Removes what a run that has ended left behind.
pub fn remove(root: &Path, run: RunId) {
    match std::fs::remove_dir_all(root.join(of_run(run))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%run, %error, "could not remove old checkpoints");
        }
        _ => {}
    }
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(digest.finalize())),
            read => digest.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_by_their_folders_and_removed_with_them() {
        let root = tempfile::tempdir().expect("a folder");
        let key = key(RunId(12), 3, 500);
        assert_eq!(key, "run-12/epoch-3/step-00000500.safetensors");
        let path = root.path().join(&key);
        assert_eq!(
            path.parent(),
            Some(&*root.path().join(attempt(RunId(12), 3)))
        );
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
        std::fs::create_dir(root.path().join("run-x")).expect("makes");
        assert_eq!(runs(root.path()), [RunId(12)]);
        remove(root.path(), RunId(12));
        remove(root.path(), RunId(12));
        assert_eq!(runs(root.path()), []);
    }
}
