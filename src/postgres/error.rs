//! What can go wrong with the embedded server, each said so that a person can act on it.

use std::io;
use std::path::{Path, PathBuf};

/// The one command that installs what is missing.
pub const INSTALL_COMMAND: &str = "apt-get install -y postgresql";

/// Why the embedded PostgreSQL is not available.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server binaries anywhere.
    #[error(
        "PostgreSQL's server programs (initdb, postgres, version {minimum} or later) were not found in {looked_in}. \
         Install them with `{INSTALL_COMMAND}` as root, name their folder with --postgres-bin, or set DATABASE_URL \
         to use a server of your own."
    )]
    NotInstalled {
        /// Where we looked, for people.
        looked_in: String,
        /// The oldest major version we work with.
        minimum: u32,
    },

    /// The data directory was made by a version that is not installed.
    #[error(
        "{} holds data of PostgreSQL {data}, but installed is {installed}. {}",
        directory.display(),
        other_version(*data)
    )]
    WrongVersion {
        /// The cluster.
        directory: PathBuf,
        /// Major version in its `PG_VERSION`.
        data: u32,
        /// Versions found, for people.
        installed: String,
    },

    /// A file that is no cluster where the cluster should be.
    #[error(
        "{} is not a PostgreSQL data directory ({reason}). Restore it from a backup, or move it away to start empty.",
        directory.display()
    )]
    NotACluster {
        /// The cluster.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// Postgres refuses root, and no other account can be had.
    #[error(
        "PostgreSQL refuses to run as root, and no account for it was found or could be made ({0}). Create one with `useradd --system breakmywork`."
    )]
    NoAccount(String),

    /// The unprivileged account may not enter a parent folder.
    #[error(
        "PostgreSQL runs as user id {uid} and cannot enter {}. \
         Let it pass through the folders above (chmod o+x), or choose another folder.",
        directory.display()
    )]
    CannotEnter {
        /// The folder that cannot be entered.
        directory: PathBuf,
        /// Who cannot enter it.
        uid: u32,
    },

    /// The cluster belongs to somebody else, as a copy that root restored does.
    #[error(
        "{} belongs to user id {owner}, and PostgreSQL runs as user id {uid}. Give it to that account, as root: \
         chown -R {uid} {}",
        directory.display(),
        directory.display()
    )]
    ForeignOwner {
        /// The cluster.
        directory: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        uid: u32,
    },

    /// Something else sits where the socket should be.
    #[error("{} must be a private folder of user id {uid} for the server's socket, and is not. Remove it and start again.", directory.display())]
    SocketFolder {
        /// The folder.
        directory: PathBuf,
        /// Whose it should be.
        uid: u32,
    },

    /// `initdb` failed.
    #[error("Creating the database in {} failed.{}\n{output}", directory.display(), hint(output))]
    Initdb {
        /// Where it was to be created.
        directory: PathBuf,
        /// What `initdb` said.
        output: String,
    },

    /// The server ended instead of starting.
    #[error("PostgreSQL did not start ({status}).{} The end of {}:\n{tail}", hint(tail), log.display())]
    Exited {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },

    /// The server neither ended nor answered.
    #[error("PostgreSQL did not answer within {seconds} s. The end of {}:\n{tail}", log.display())]
    Timeout {
        /// How long we waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },

    /// Another `breakmywork` owns the data directory, and the caller wants to own it.
    #[error("{} is in use by another breakmywork (process {owner}). Stop that one first, or choose another --data-dir.", directory.display())]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// Its process id, as written in the lock file.
        owner: String,
    },

    /// Another `breakmywork` runs the server, and the server takes no connection.
    #[error(
        "The database in {} runs (process {owner} started it) but takes no connection: {reason}. Try again in a moment.",
        directory.display()
    )]
    Refused {
        /// The data directory.
        directory: PathBuf,
        /// The process id of its owner, as written in the lock file.
        owner: String,
        /// What the server said.
        reason: String,
    },

    /// A file operation failed.
    #[error("{}: {cause}.{}", path.display(), hint(&cause.to_string()))]
    Io {
        /// On what.
        path: PathBuf,
        /// Why; part of the message, and so not its source.
        cause: io::Error,
    },

    /// The server answers, but not as it should.
    #[error("the embedded PostgreSQL refused to be set up: {0}")]
    Database(sqlx::Error),

    /// The supervising thread ended without an answer.
    #[error("the thread that supervises PostgreSQL ended unexpectedly")]
    Supervisor,
}

impl Error {
    /// For `map_err`: an error about `path`.
    pub(super) fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io {
            path: path.as_ref().to_owned(),
            cause,
        }
    }
}

/// What to do with data of a version that is not installed.
fn other_version(data: u32) -> String {
    let move_data = format!(
        "move the data: dump it with version {data} (pg_dumpall), start with an empty --data-dir, and load the dump"
    );
    if data < super::binaries::OLDEST {
        format!("That version is too old, so {move_data}.")
    } else {
        format!(
            "Install version {data} beside it (apt-get install -y postgresql-{data}), or {move_data}."
        )
    }
}

/// What to do about the failures that no program can mend.
fn hint(text: &str) -> &'static str {
    let text = text.to_ascii_lowercase();
    let full = [
        "no space left on device",
        "quota exceeded",
        "check free disk space",
    ];
    if full.iter().any(|sign| text.contains(sign)) {
        " The disk is full: free some space and start again."
    } else if text.contains("permission denied") || text.contains("not permitted") {
        " Check who owns the folder, and that it may be written to."
    } else if text.contains("read-only file system") {
        " The disk is mounted read-only: choose another --data-dir."
    } else {
        ""
    }
}
