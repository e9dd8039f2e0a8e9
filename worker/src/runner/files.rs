//! Files of checkpoints on their way to a board that keeps them, and back: for a worker that shares no folder with others.

use super::board::{Board, Error};
use super::{Runner, store};
use breakmywork_protocol::jobs::outside::{Known, PIECE};
use breakmywork_protocol::jobs::{Checkpoint, Lease};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest time for which pieces are sent before the runner looks what else there is.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Failures after which a file stays where it is: nobody waits for it.
const TRIES: u32 = 3;

/// How far a file is on its way to the board.
#[derive(Debug, Default)]
pub(super) struct Upload {
    sent: u64,
    failed: u32,
}

impl Upload {
    /// Sends pieces of `file` for a moment; true if nothing is left to do for it.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] is final; [`Error::Away`] can be tried again, and is not given for ever.
    pub(super) async fn go_on(
        &mut self,
        board: &Board,
        lease: &Lease,
        root: &Path,
        file: &Checkpoint,
    ) -> Result<bool, Error> {
        let begun = Instant::now();
        while self.failed < TRIES {
            if begun.elapsed() > AT_ONCE {
                return Ok(false);
            }
            let (path, offset) = (root.join(&file.object_key), self.sent);
            let piece = match store::aside(move || read(&path, offset)).await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return Ok(self.give_up(lease, file, &error.to_string())),
                None => return Ok(true),
            };
            // It counts until there is an answer, for which nobody may wait any more.
            self.failed += 1;
            match board.send_piece(lease, file, offset, piece).await {
                Ok(held) if held.whole => return Ok(true),
                Ok(held) => {
                    if held.bytes > self.sent {
                        self.failed = 0;
                    }
                    self.sent = held.bytes;
                }
                Err(Error::Refused(why)) => return Ok(self.give_up(lease, file, &why)),
                Err(error) => return Err(error),
            }
        }
        Ok(self.give_up(lease, file, "it failed too often"))
    }

    fn give_up(&self, lease: &Lease, file: &Checkpoint, why: &str) -> bool {
        tracing::warn!(run = %lease.run, step = file.step, "a checkpoint stays on this machine: {why}");
        true
    }
}

fn read(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let left = file.metadata()?.len().saturating_sub(offset);
    let mut piece = vec![0; left.min(PIECE as u64) as usize];
    file.read_exact_at(&mut piece, offset)?;
    Ok(piece)
}

impl Runner {
    /// Gets the furthest checkpoint that the board keeps, where it lies further than the first of `usable`, and puts it
    /// before that one.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub(super) async fn fetch(
        &self,
        lease: &Lease,
        known: &Known,
        plan_sha256: &str,
        usable: &mut Vec<PathBuf>,
    ) -> Result<(), Error> {
        if !known.kept {
            return Ok(());
        }
        let root = &self.args.checkpoint_dir;
        for file in known.checkpoints.iter().take(store::TRIED) {
            let path = root.join(&file.object_key);
            if usable.contains(&path) {
                return Ok(());
            }
            match self.get(lease, file, &path).await {
                Ok(()) => {}
                Err(error @ Error::LeaseLost { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(run = %lease.run, step = file.step, "the board does not give a checkpoint: {error}");
                    continue;
                }
            }
            let (store, got, plan_sha256) = (root.clone(), file.clone(), plan_sha256.to_owned());
            let checked = move || {
                let found = store::usable(&store, std::slice::from_ref(&got), &plan_sha256);
                if found.is_empty() {
                    store::forget(&store, &got.object_key);
                }
                found
            };
            if let Some(found) = store::aside(checked).await.and_then(|mut it| it.pop()) {
                tracing::info!(run = %lease.run, step = file.step, "got a checkpoint from the board");
                usable.insert(0, found);
                return Ok(());
            }
        }
        Ok(())
    }

    async fn get(&self, lease: &Lease, file: &Checkpoint, path: &Path) -> Result<(), Error> {
        let part = path.with_extension("part");
        on_disk(&part, begin).await?;
        let (mut here, mut failed) = (0, 0);
        while here < file.bytes {
            if self.stopping() {
                return Err(Error::Away("this worker stops".into()));
            }
            match self.in_time(self.board.get_piece(lease, file, here)).await {
                Ok(piece) if piece.is_empty() => {
                    return Err(Error::Away("its file is shorter than it was".into()));
                }
                Ok(piece) => {
                    here += piece.len() as u64;
                    on_disk(&part, move |part| append(part, &piece)).await?;
                }
                Err(Error::Away(_)) if failed < TRIES => failed += 1,
                Err(error) => return Err(error),
            }
        }
        let path = path.to_owned();
        on_disk(&part, move |part| std::fs::rename(part, path)).await
    }
}

async fn on_disk(
    path: &Path,
    work: impl FnOnce(&PathBuf) -> io::Result<()> + Send + 'static,
) -> Result<(), Error> {
    let path = path.to_owned();
    match store::aside(move || work(&path)).await {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(Error::Away(format!(
            "this machine cannot store it: {error}"
        ))),
        None => Err(Error::Away("this machine cannot store it".into())),
    }
}

fn begin(part: &PathBuf) -> io::Result<()> {
    std::fs::create_dir_all(part.parent().unwrap_or(part))?;
    File::create(part).map(drop)
}

fn append(part: &PathBuf, piece: &[u8]) -> io::Result<()> {
    File::options().append(true).open(part)?.write_all(piece)
}
