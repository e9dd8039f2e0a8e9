//! Files of checkpoints that outside workers send, in a folder: what one of them loses goes on elsewhere.
//!
//! A file comes in pieces, each in a request of its own that is bounded like any other, into a file beside the place where it
//! will lie. Once it is whole and what was said of it, it is moved there. Nobody is told of it before it is registered.

use crate::error::{Error, Result};
use crate::state::AppState;
use breakmywork_protocol::checkpoint_files;
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::{Checkpoint, outside::Held, outside::PIECE};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Files that are worked on at once: each piece waits for a disk.
const AT_ONCE: usize = 4;

/// Files of an attempt that are kept: one to go on from, and one more should it be damaged.
const KEPT: usize = 2;

/// Runs that are looked after at once.
const RUNS: usize = 5_000;

/// The folder; cheap to clone.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    root: Arc<Path>,
    places: Arc<Semaphore>,
    /// One piece of a file at a time; files share these locks.
    files: Arc<[Mutex<()>; 16]>,
}

impl Checkpoints {
    /// The folder at `root`, which is made when the first file comes.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.into(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            files: Arc::default(),
        }
    }

    /// Adds a piece of a file that begins at `offset`, unless it has it, or what is before it is missing.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub async fn add(
        &self,
        file: Checkpoint,
        offset: u64,
        piece: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Held> {
        let files = Arc::clone(&self.files);
        self.aside(move |root| {
            let mut hash = DefaultHasher::new();
            file.object_key.hash(&mut hash);
            let lock = &files[hash.finish() as usize % files.len()];
            // A panic in between leaves a part that the next piece goes on with, or finds wanting.
            let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
            add(root, &file, offset, piece.as_ref())
        })
        .await
    }

    /// The piece of that file which begins at `offset`; none if the file is not here.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn piece(&self, key: String, offset: u64) -> Result<Option<Vec<u8>>> {
        self.aside(move |root| piece(&root.join(key), offset)).await
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let places = self.places.clone();
        let place = places.acquire_owned().await.map_err(Error::internal)?;
        let root = self.root.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&root)
        });
        done.await
            .map_err(Error::internal)?
            .map_err(Error::internal)
    }
}

/// Removes what runs that have ended left behind.
///
/// # Errors
/// If the database is away.
pub async fn forget_ended(state: &AppState) -> Result<()> {
    let Some(store) = &state.checkpoints else {
        return Ok(());
    };
    let here = store.aside(|root| Ok(checkpoint_files::runs(root))).await?;
    for some in here.chunks(RUNS) {
        let ids: Vec<i64> = some.iter().map(|run| run.0).collect();
        let ended = sqlx::query_scalar!(
            r#"select id as "id: RunId" from run where id = any ($1) and finished_at is not null"#,
            &ids
        )
        .fetch_all(&state.pool)
        .await?;
        let removed = move |root: &Path| {
            ended
                .iter()
                .for_each(|run| checkpoint_files::remove(root, *run));
            Ok(())
        };
        store.aside(removed).await?;
    }
    Ok(())
}

fn add(root: &Path, file: &Checkpoint, offset: u64, piece: &[u8]) -> io::Result<Held> {
    let path = root.join(&file.object_key);
    let all = Held {
        bytes: file.bytes,
        whole: true,
    };
    let there = fs::metadata(&path).is_ok_and(|there| there.len() == file.bytes);
    if there && checkpoint_files::sha256(&path)? == file.sha256 {
        return Ok(all);
    }
    let folder = path.parent().unwrap_or(root);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let part = part(&path);
    if !part.exists() {
        forget_parts(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let out = options.mode(0o600).open(&part)?;
    let mut here = out.metadata()?.len();
    // A piece that came before may come again, and one may come before its time.
    if offset <= here {
        out.write_all_at(piece, offset)?;
        here = here.max(offset + piece.len() as u64);
    }
    if here < file.bytes {
        return Ok(Held {
            bytes: here,
            whole: false,
        });
    }
    out.sync_all()?;
    if here > file.bytes || checkpoint_files::sha256(&part)? != file.sha256 {
        fs::remove_file(&part)?;
        return Ok(Held {
            bytes: 0,
            whole: false,
        });
    }
    fs::rename(&part, &path)?;
    File::open(folder)?.sync_all()?;
    prune(folder)?;
    Ok(all)
}

/// Removes what was begun in an attempt and not ended: one file comes after the other.
fn forget_parts(folder: &Path) -> io::Result<()> {
    let parts = entries(folder, |name| name.ends_with(".part"))?;
    parts.iter().try_for_each(fs::remove_file)
}

/// Where a file lies until it is whole.
fn part(path: &Path) -> PathBuf {
    path.with_extension("part")
}

/// Leaves the newest files of an attempt, and of its run the attempt before this one.
fn prune(folder: &Path) -> io::Result<()> {
    // Names are as long as each other, so that they have the order of their steps.
    let mut files = entries(folder, |name| name.starts_with("step-"))?;
    files.sort();
    let whole = |path: &&PathBuf| path.extension().is_some_and(|it| it == "safetensors");
    let whole: Vec<&PathBuf> = files.iter().filter(whole).collect();
    if let Some(oldest) = whole.len().checked_sub(KEPT).and_then(|old| whole.get(old)) {
        for file in files.iter().take_while(|file| file < oldest) {
            fs::remove_file(file)?;
        }
    }
    let Some(run) = folder.parent() else {
        return Ok(());
    };
    let epoch = |path: &PathBuf| -> Option<i64> {
        path.file_name()?
            .to_str()?
            .strip_prefix("epoch-")?
            .parse()
            .ok()
    };
    let mut attempts = entries(run, |name| name.starts_with("epoch-"))?;
    attempts.sort_by_key(epoch);
    let old = attempts.len().saturating_sub(KEPT);
    for attempt in attempts.drain(..old).filter(|one| one != folder) {
        fs::remove_dir_all(attempt)?;
    }
    Ok(())
}

fn entries(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn piece(path: &Path, offset: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let left = file.metadata()?.len().saturating_sub(offset);
    let mut piece = vec![0; left.min(PIECE as u64) as usize];
    file.read_exact_at(&mut piece, offset)?;
    Ok(Some(piece))
}
