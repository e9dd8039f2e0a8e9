//! One running server process: start it, wait until it answers, stop it.

use super::cluster::{Cluster, PORT, SUPERUSER};
use super::{Error, leftover};
use crate::process::end_with_parent;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Longest wait for a sign of life. Recovery after a crash gives such signs, and is waited for as long as it takes.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const FIRST_POLL: Duration = Duration::from_millis(20);
const SLOWEST_POLL: Duration = Duration::from_millis(500);
/// A fast shutdown writes all changed pages; after this long we let the next start recover them from the log instead.
const FAST_STOP_TIMEOUT: Duration = Duration::from_secs(60);
const IMMEDIATE_STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two looks at a running server.
const LOOK: Duration = Duration::from_secs(2);
/// A server that somebody told to stop has this long to let its connections go.
const LONGEST_FAREWELL: Duration = Duration::from_secs(10);
/// The log is somebody's disk: one old file is kept.
const LARGEST_LOG: u64 = 10 * 1024 * 1024;
/// As much of the log as an error message shows.
const TAIL_LINES: usize = 15;

/// A child that runs the cluster. Dropped without [`Server::stop`], it is stopped by the end of its thread.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts the server and waits until it answers.
    ///
    /// After a crash the old server's helpers may live for a moment and hold the shared memory: then it tries again.
    pub(super) async fn start(cluster: &Cluster) -> Result<Self, Error> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let mut poll = Poll::new();
        loop {
            leftover::clear(&cluster.directory, &cluster.socket_folder).await?;
            let (mut server, log_start) = Self::spawn(cluster)?;
            match server.ready(cluster, log_start).await {
                Ok(()) => return Ok(server),
                Err(Error::Exited { tail, .. })
                    if is_passing(&tail) && Instant::now() < deadline =>
                {
                    tracing::info!("the old PostgreSQL has not quite ended; trying again");
                    poll.wait().await;
                }
                Err(error) => {
                    server.stop().await;
                    return Err(error);
                }
            }
        }
    }

    /// Starts the process; also tells where its part of the log begins.
    fn spawn(cluster: &Cluster) -> Result<(Self, u64), Error> {
        let (log, log_start) = open_log(&cluster.log).map_err(Error::io(&cluster.log))?;
        let program = cluster.binaries.postgres();
        let mut command = cluster.account.command(&program);
        command
            .arg("-D")
            .arg(&cluster.directory)
            .args(["-p", &PORT.to_string()]);
        for (name, value) in settings(cluster) {
            command.args(["-c", &format!("{name}={value}")]);
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Error::io(&cluster.log))?)
            .stderr(log)
            // Ctrl-C in a terminal reaches the whole group; this one must end last, when we say so.
            .process_group(0);
        end_with_parent(&mut command, Signal::INT);
        let child = Command::from(command)
            .spawn()
            .map_err(Error::io(&program))?;
        Ok((Self { child }, log_start))
    }

    /// Waits until the server answers a query, or ends, or gives no sign of life for too long.
    async fn ready(&mut self, cluster: &Cluster, log_start: u64) -> Result<(), Error> {
        let mut alive = Instant::now();
        let mut poll = Poll::new();
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .map_err(Error::io(&cluster.directory))?
            {
                return Err(Error::Exited {
                    status: describe(status),
                    log: cluster.log.clone(),
                    tail: tail(&cluster.log, log_start),
                });
            }
            match connect(&cluster.socket_folder, SUPERUSER, SUPERUSER).await {
                Ok(connection) => {
                    // It answered; how the good-bye goes does not matter.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) if is_starting(&error) => alive = Instant::now(),
                Err(_) if alive.elapsed() < READY_TIMEOUT => {}
                Err(_) => {
                    return Err(Error::Timeout {
                        seconds: READY_TIMEOUT.as_secs(),
                        log: cluster.log.clone(),
                        tail: tail(&cluster.log, log_start),
                    });
                }
            }
            poll.wait().await;
        }
    }

    /// Waits for the server to end by itself, and looks after it meanwhile.
    ///
    /// A server that was told to stop slowly (SIGTERM) lets old connections go on and refuses new ones, for ever if need
    /// be. Half a board helps nobody: its stop is made a quick one.
    pub(super) async fn ended(&mut self, cluster: &Cluster) -> String {
        tokio::select! {
            status = self.child.wait() => return status.map_or_else(|error| error.to_string(), describe),
            () = look_after(cluster) => {}
        }
        tracing::warn!(
            "PostgreSQL was told to stop and takes no connections; stopping it for good"
        );
        self.end().await;
        "told to stop by somebody else".to_owned()
    }

    /// Stops the server: open transactions are rolled back, everything is written out.
    pub(super) async fn stop(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        for (signal, patience) in [
            (Signal::INT, FAST_STOP_TIMEOUT),
            (Signal::QUIT, IMMEDIATE_STOP_TIMEOUT),
        ] {
            let Some(pid) = self
                .child
                .id()
                .and_then(|id| Pid::from_raw(id.cast_signed()))
            else {
                return;
            };
            // An error means that it has just ended.
            let _ = kill_process(pid, signal);
            if tokio::time::timeout(patience, self.child.wait())
                .await
                .is_ok()
            {
                return;
            }
            tracing::warn!(
                "PostgreSQL has not ended {} s after {signal:?}",
                patience.as_secs()
            );
        }
        // It did not even react to SIGQUIT; what is committed is in the log.
        let _ = self.child.kill().await;
    }
}

/// Keeps the log small, and returns once the server has been on its way out for [`LONGEST_FAREWELL`].
async fn look_after(cluster: &Cluster) {
    let mut leaving: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = shorten_log(&cluster.log) {
            tracing::warn!("cannot shorten {}: {error}", cluster.log.display());
        }
        let answer = connect(&cluster.socket_folder, SUPERUSER, SUPERUSER).await;
        match answer {
            Ok(connection) => {
                leaving = None;
                // It answered; how the good-bye goes does not matter.
                let _ = connection.close().await;
            }
            Err(error) if is_leaving(&error) => {
                if leaving.get_or_insert_with(Instant::now).elapsed() >= LONGEST_FAREWELL {
                    return;
                }
            }
            // Recovering, or out of connections: that passes by itself.
            Err(_) => leaving = None,
        }
    }
}

/// What is set on the command line, and so holds whatever the cluster's own files say.
fn settings(cluster: &Cluster) -> Vec<(&'static str, String)> {
    // The setting is a list: quotes keep a comma in the path from splitting it.
    let folder = cluster
        .socket_folder
        .display()
        .to_string()
        .replace('"', "\"\"");
    let mut settings = vec![
        ("listen_addresses", String::new()),
        ("unix_socket_directories", format!("\"{folder}\"")),
        ("unix_socket_permissions", "0700".to_owned()),
        ("logging_collector", "off".to_owned()),
        // Web, workers, `psql`, and in tests a pool for each of several databases.
        ("max_connections", "200".to_owned()),
        // As every connection of ours asks (`protocol/src/db.rs`), for those that do not: `psql`, and pools of tests.
        ("jit", "off".to_owned()),
    ];
    if !cluster.durable {
        settings.extend(
            ["fsync", "synchronous_commit", "full_page_writes"]
                .map(|name| (name, "off".to_owned())),
        );
        // It may lie in memory.
        settings.push(("max_wal_size", "256MB".to_owned()));
    }
    settings
}

/// A connection through the socket.
pub(super) async fn connect(
    socket_folder: &Path,
    role: &str,
    database: &str,
) -> sqlx::Result<PgConnection> {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_folder)
        .port(PORT)
        .username(role)
        .database(database)
        .connect()
        .await
}

/// `cannot_connect_now`: starting, or recovering.
fn is_starting(error: &sqlx::Error) -> bool {
    has_code(error, "57P03")
}

/// `too_many_connections`.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    has_code(error, "53300")
}

fn has_code(error: &sqlx::Error, wanted: &str) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code == wanted)
}

/// `cannot_connect_now` because it stops; messages are in English, see [`super::account`].
fn is_leaving(error: &sqlx::Error) -> bool {
    is_starting(error)
        && error
            .as_database_error()
            .is_some_and(|error| error.message().contains("shutting down"))
}

/// Reasons not to start that go away by themselves when the old server has quite ended.
fn is_passing(tail: &str) -> bool {
    tail.contains("pre-existing shared memory block")
        || tail.contains("lock file \"postmaster.pid\" already exists")
}

fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("ended by signal {signal}"),
        None => format!("exit status {}", status.code().unwrap_or_default()),
    }
}

/// Opens the log for appending; also tells how long it is.
fn open_log(path: &Path) -> io::Result<(File, u64)> {
    if path.metadata().is_ok_and(|log| log.len() > LARGEST_LOG) {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    let length = log.metadata()?.len();
    Ok((log, length))
}

/// Moves what a running server has written to the old file. It appends, so it goes on at the new end.
fn shorten_log(path: &Path) -> io::Result<()> {
    if path.metadata()?.len() > LARGEST_LOG {
        std::fs::copy(path, path.with_extension("log.old"))?;
        OpenOptions::new().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

/// The last lines that were written to the log after `start`.
fn tail(log: &Path, start: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        file.seek(SeekFrom::Start(start))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("(the log cannot be read: {error})"));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Waits that start short and double.
struct Poll(Duration);

impl Poll {
    fn new() -> Self {
        Self(FIRST_POLL)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(SLOWEST_POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_long_log_is_moved_away_under_its_writer() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("postgres.log");
        let (mut writer, _) = open_log(&path).expect("opened");
        writer.write_all(b"short\n").expect("written");
        shorten_log(&path).expect("looked at");
        assert_eq!(std::fs::read(&path).expect("read"), b"short\n");

        writer.set_len(LARGEST_LOG).expect("grown");
        writer.write_all(b"long\n").expect("written");
        shorten_log(&path).expect("shortened");
        writer.write_all(b"next\n").expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"next\n");
        let old = path.with_extension("log.old").metadata().expect("kept");
        assert_eq!(old.len(), LARGEST_LOG + 5);
    }
}
