//! The embedded PostgreSQL: the machine's own server programs, run as a child over a private Unix socket.
//!
//! Invariants:
//! - One process owns the server of a data directory: the one that holds the lock on `postgres.lock`. Everyone else
//!   uses the server that runs ([`Postgres::adopted`]).
//! - The server never runs as root, listens on no TCP port, and its socket is in a folder that only its own account
//!   (and root) may enter.
//! - It ends with its owner, even one that was killed; what is left over is ended before a new one starts.

mod account;
mod binaries;
mod cluster;
mod error;
mod leftover;
mod server;
mod supervisor;
mod throwaway;

pub use error::{Error, INSTALL_COMMAND};

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use supervisor::Supervisor;
use tokio::sync::oneshot;

/// Owner of the database and the role of web and workers; no superuser.
const ROLE: &str = "breakmywork";
const DATABASE: &str = "breakmywork";
/// Until a server that somebody else owns must answer: they may be in the middle of a crash recovery.
const ADOPT_TIMEOUT: Duration = Duration::from_secs(60);
/// A short command (`token create`) may own the server just now; `up` lets it finish.
const OWN_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(100);

/// What kind of server is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folder of `initdb` and `postgres`; without it, PATH and Debian's folders are searched.
    pub binaries: Option<PathBuf>,
    /// For tests: nothing survives a power cut, and the data directory is removed at the end.
    pub throwaway: bool,
    /// Whether a server that another process owns will do.
    pub adopt: bool,
}

/// A server that answers. It stops with [`Postgres::stop`], or when dropped, if it is ours.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    owned: Option<Owned>,
}

#[derive(Debug)]
struct Owned {
    /// Dropped or used, it stops the server.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    throwaway: Option<PathBuf>,
    /// Held until all else is done.
    _lock: File,
}

impl Postgres {
    /// Makes sure that the server of `data_dir` runs: starts it (creating the database at first), or finds it running.
    ///
    /// # Errors
    /// Each says what is wrong and what to do about it.
    pub async fn start(data_dir: &Path, options: Options) -> Result<Self, Error> {
        make_data_dir(data_dir)?;
        let data_dir = data_dir.canonicalize().map_err(Error::io(data_dir))?;
        let started = Instant::now();
        let (mut refused, mut full) = (None, false);
        loop {
            if let Some(lock) = lock(&data_dir)? {
                return Self::own(data_dir, options, lock).await;
            }
            if options.adopt {
                let socket_folder = cluster::socket_folder(&cluster::directory(&data_dir));
                match server::connect(&socket_folder, ROLE, DATABASE).await {
                    Ok(_) => {
                        return Ok(Self {
                            url: url(&socket_folder),
                            owned: None,
                        });
                    }
                    // Without an answer of the server, whoever holds the lock is still at its start.
                    Err(error) => {
                        full = server::is_full(&error);
                        refused = error
                            .as_database_error()
                            .map(|answer| answer.message().to_owned());
                    }
                }
            }
            let patience = if options.adopt && !full {
                ADOPT_TIMEOUT
            } else {
                OWN_TIMEOUT
            };
            if started.elapsed() > patience {
                let owner =
                    std::fs::read_to_string(data_dir.join("postgres.lock")).unwrap_or_default();
                let (directory, owner) = (data_dir, owner.trim().to_owned());
                return Err(match refused {
                    Some(reason) => Error::Refused {
                        directory,
                        owner,
                        reason,
                    },
                    None => Error::InUse { directory, owner },
                });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    /// A server in a temporary directory, for tests: not durable, removed at the end.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub async fn throwaway(binaries: Option<PathBuf>) -> Result<Self, Error> {
        let data_dir = throwaway::folder().join(format!("breakmywork-{}", random_name()?));
        let started = Self::start(
            &data_dir,
            Options {
                binaries,
                throwaway: true,
                adopt: false,
            },
        )
        .await;
        if started.is_err() {
            // The error says what matters.
            let _ = std::fs::remove_dir_all(&data_dir);
        }
        started
    }

    async fn own(data_dir: PathBuf, options: Options, lock: File) -> Result<Self, Error> {
        let throwaway = options.throwaway.then(|| data_dir.clone());
        let (stop, stopped) = oneshot::channel();
        let Supervisor { thread, ready } = supervisor::run(options, data_dir.clone(), stopped)?;
        // From here on, dropping this (an error, a cancelled caller) stops the server.
        let owned = Owned {
            stop: Some(stop),
            thread: Some(thread),
            throwaway,
            _lock: lock,
        };
        ready.await.map_err(|_| Error::Supervisor)??;
        let socket_folder = cluster::socket_folder(&cluster::directory(&data_dir));
        Ok(Self {
            url: url(&socket_folder),
            owned: Some(owned),
        })
    }

    /// Whether `data_dir` holds a database.
    pub fn exists(data_dir: &Path) -> bool {
        cluster::directory(data_dir).join("PG_VERSION").exists()
    }

    /// Where to connect, for sqlx and libpq alike.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether another process owns the server, so that it goes on after [`Postgres::stop`].
    pub fn adopted(&self) -> bool {
        self.owned.is_none()
    }

    /// Stops the server, if it is ours, and waits for its end.
    pub async fn stop(self) {
        // Joining a thread blocks.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panicked if this is an error, and said so.
            let _ = thread.join();
        }
        if let Some(folder) = &self.throwaway
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            tracing::warn!("{} stays behind: {error}", folder.display());
        }
    }
}

/// Only root's data directory may be passed through by others: the server's account has to.
fn make_data_dir(data_dir: &Path) -> Result<(), Error> {
    if data_dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = data_dir.parent() {
        std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
    }
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(data_dir)
        .map_err(Error::io(data_dir))
}

/// The right to own the server, or nothing if somebody else has it. The kernel gives it back when its holder ends.
fn lock(data_dir: &Path) -> Result<Option<File>, Error> {
    let path = data_dir.join("postgres.lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => {
            let owner = format!("{}\n", std::process::id());
            file.set_len(0)
                .and_then(|()| file.write_all(owner.as_bytes()))
                .map_err(Error::io(&path))?;
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io(&path)(error)),
    }
}

fn url(socket_folder: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut encoded = String::new();
    for &byte in socket_folder.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!(
        "postgres://{ROLE}@localhost:{}/{DATABASE}?host={encoded}",
        cluster::PORT
    )
}

/// Sixteen characters that nobody else has.
fn random_name() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::io("/dev/urandom")(std::io::Error::other(error.to_string())))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::url;
    use std::path::Path;

    #[test]
    fn a_folder_with_odd_characters_survives_the_url() {
        assert_eq!(
            url(Path::new("/data/a b&c?d/ü")),
            "postgres://breakmywork@localhost:5432/breakmywork?host=/data/a%20b%26c%3Fd/%C3%BC"
        );
    }
}
