//! The files of one embedded server: where they are, and how they come to be.
//!
//! ```text
//! DATA_DIR/postgres        the cluster, owned by the account that runs it, mode 0700; the socket is in it
//! DATA_DIR/postgres.log    what the server says
//! DATA_DIR/postgres.lock   held by the one process that owns the server
//! ```

use super::account::Account;
use super::binaries::{self, Binaries};
use super::{Error, Options};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Where a cluster lives when its account may not enter the data directory (root's home, for one).
const SYSTEM_HOME: &str = "/var/lib/breakmywork";
/// Part of the socket's file name; there is no TCP port.
pub(super) const PORT: u16 = 5432;
/// `sockaddr_un` holds 108 bytes, the last of them zero.
const LONGEST_SOCKET_PATH: usize = 107;
/// Where a cluster is made before it is put in its place.
const DRAFT: &str = "postgres.new";
/// The superuser of the cluster: it sets up, and nothing else uses it.
pub(super) const SUPERUSER: &str = "postgres";

/// An initialised cluster and what is needed to run it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) directory: PathBuf,
    pub(super) socket_folder: PathBuf,
    pub(super) log: PathBuf,
    pub(super) account: Account,
    pub(super) binaries: Binaries,
    /// Whether committed rows survive a power cut. Only tests say no.
    pub(super) durable: bool,
}

/// Where the cluster of `data_dir` is (not necessarily made yet): links are followed.
pub(super) fn directory(data_dir: &Path) -> PathBuf {
    let entry = data_dir.join("postgres");
    entry.canonicalize().unwrap_or(entry)
}

impl Cluster {
    /// Opens the cluster of the data directory, and makes it first if there is none.
    pub(super) fn open(options: &Options, data_dir: &Path) -> Result<Self, Error> {
        let entry = data_dir.join("postgres");
        let account = Account::choose(&entry)?;
        let log = data_dir.join("postgres.log");
        let binaries;
        if entry.symlink_metadata().is_ok() {
            let directory = entry.canonicalize().map_err(Error::io(&entry))?;
            let version = version(&directory)?;
            binaries = binaries::find(options.binaries.as_deref(), Some((&directory, version)))?;
            check_owner(&directory, &account)?;
            clear_draft(data_dir)?;
        } else {
            binaries = binaries::find(options.binaries.as_deref(), None)?;
            create(data_dir, &entry, &account, &binaries, options.throwaway)?;
        }
        let directory = entry.canonicalize().map_err(Error::io(&entry))?;
        if !account.can_enter(&directory) {
            return Err(Error::CannotEnter {
                directory,
                uid: account.uid,
            });
        }
        let socket_folder = socket_folder(&directory);
        if socket_folder != directory {
            private_folder(&socket_folder, &account)?;
        }
        Ok(Self {
            directory,
            socket_folder,
            log,
            account,
            binaries,
            durable: !options.throwaway,
        })
    }
}

/// The folder that only the account may enter and where the socket is: the cluster itself, unless its path is too
/// long for a socket, or holds a comma, at which libpq splits. The same for every process that asks, whatever its
/// environment.
pub(super) fn socket_folder(cluster: &Path) -> PathBuf {
    let socket = format!("/.s.PGSQL.{PORT}");
    let path = cluster.as_os_str().as_bytes();
    if path.len() + socket.len() <= LONGEST_SOCKET_PATH && !path.contains(&b',') {
        return cluster.to_owned();
    }
    let digest = hex::encode(Sha256::digest(path));
    Path::new("/tmp").join(format!("breakmywork-{}", &digest[..32]))
}

/// Makes `folder` with mode 0700 for the account, or checks that it is so: anyone may write to /tmp.
fn private_folder(folder: &Path, account: &Account) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => account.take_over(folder),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let found = folder.symlink_metadata().map_err(Error::io(folder))?;
            if found.is_dir() && found.uid() == account.uid && found.mode() & 0o077 == 0 {
                Ok(())
            } else {
                Err(Error::SocketFolder {
                    directory: folder.to_owned(),
                    uid: account.uid,
                })
            }
        }
        Err(error) => Err(Error::io(folder)(error)),
    }
}

/// PostgreSQL works on its own account's files alone.
fn check_owner(directory: &Path, account: &Account) -> Result<(), Error> {
    let owner = directory.metadata().map_err(Error::io(directory))?.uid();
    if owner == account.uid {
        return Ok(());
    }
    Err(Error::ForeignOwner {
        directory: directory.to_owned(),
        owner,
        uid: account.uid,
    })
}

/// The major version that made the cluster.
fn version(directory: &Path) -> Result<u32, Error> {
    let path = directory.join("PG_VERSION");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let reason = "it has no PG_VERSION file".to_owned();
            return Err(Error::NotACluster {
                directory: directory.to_owned(),
                reason,
            });
        }
        Err(error) => return Err(Error::io(&path)(error)),
    };
    text.trim().parse().map_err(|_| Error::NotACluster {
        directory: directory.to_owned(),
        reason: format!("PG_VERSION holds {:?}", text.trim()),
    })
}

/// Makes a cluster and puts it at `entry` in one step, so that an interruption leaves none rather than half of one.
fn create(
    data_dir: &Path,
    entry: &Path,
    account: &Account,
    binaries: &Binaries,
    throwaway: bool,
) -> Result<(), Error> {
    let home = if account.can_enter(data_dir) {
        None
    } else {
        Some(system_home(account)?)
    };
    let home = home.as_deref();
    clear_draft(home.unwrap_or(data_dir))?;
    let draft = home.unwrap_or(data_dir).join(DRAFT);
    DirBuilder::new()
        .mode(0o700)
        .create(&draft)
        .map_err(Error::io(&draft))?;
    account.take_over(&draft)?;
    initdb(&draft, account, binaries, throwaway)?;

    match home {
        None => fs::rename(&draft, entry).map_err(Error::io(entry))?,
        Some(home) => {
            let place = home.join("postgres");
            fs::rename(&draft, &place).map_err(Error::io(&place))?;
            symlink(&place, entry).map_err(Error::io(entry))?;
            tracing::warn!(
                "{} is closed to the account that runs PostgreSQL, so the database is in {} (a link points there)",
                data_dir.display(),
                place.display()
            );
        }
    }
    File::open(data_dir)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io(data_dir))
}

/// Removes what a first start left that was interrupted.
fn clear_draft(folder: &Path) -> Result<(), Error> {
    let draft = folder.join(DRAFT);
    match fs::remove_dir_all(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&draft)(error)),
        _ => Ok(()),
    }
}

/// A new folder below /var/lib that the account can enter.
fn system_home(account: &Account) -> Result<PathBuf, Error> {
    let home = Path::new(SYSTEM_HOME).join(super::random_name()?);
    DirBuilder::new()
        .mode(0o711)
        .recursive(true)
        .create(&home)
        .map_err(Error::io(&home))?;
    if account.can_enter(&home) {
        Ok(home)
    } else {
        Err(Error::CannotEnter {
            directory: home,
            uid: account.uid,
        })
    }
}

fn initdb(
    directory: &Path,
    account: &Account,
    binaries: &Binaries,
    throwaway: bool,
) -> Result<(), Error> {
    let mut command = account.command(&binaries.initdb());
    command
        .args([
            "--username",
            SUPERUSER,
            "--encoding",
            "UTF8",
            "--data-checksums",
            "--no-instructions",
        ])
        // Sorting by code point never changes with the system's library, so no index ever breaks; upper and lower
        // case still follow Unicode.
        .args(["--locale", "C", "--lc-ctype", "C.UTF-8"])
        // The kernel guards the socket: its folder and itself are open to this account (and root) alone.
        .args(["--auth-local", "trust", "--auth-host", "reject"])
        .arg("--pgdata")
        .arg(directory)
        .stdin(Stdio::null());
    if throwaway {
        command.arg("--no-sync");
    }
    let program = binaries.initdb();
    let output = command.output().map_err(Error::io(&program))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Initdb {
        directory: directory.to_owned(),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket_folder_that_is_always_the_same() {
        let short = PathBuf::from("/data/postgres");
        assert_eq!(socket_folder(&short), short);
        let long = PathBuf::from(format!("/{}", "x".repeat(100)));
        assert_eq!(socket_folder(&long), socket_folder(&long));
        assert!(socket_folder(&long).starts_with("/tmp"));
        assert!(socket_folder(&long).as_os_str().len() < 60);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let account = Account::choose(Path::new("/nonexistent")).expect("an account");
        let folder = root.path().join("socket");
        private_folder(&folder, &account).expect("made");
        private_folder(&folder, &account).expect("found again");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&folder, open).expect("opened up");
        assert!(matches!(
            private_folder(&folder, &account),
            Err(Error::SocketFolder { .. })
        ));
    }

    #[test]
    fn a_folder_without_a_version_is_no_cluster() {
        let root = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(
            version(root.path()),
            Err(Error::NotACluster { .. })
        ));
        fs::write(root.path().join("PG_VERSION"), "fifteen\n").expect("written");
        assert!(matches!(
            version(root.path()),
            Err(Error::NotACluster { .. })
        ));
        fs::write(root.path().join("PG_VERSION"), "15\n").expect("written");
        assert_eq!(version(root.path()).expect("a version"), 15);
    }
}
