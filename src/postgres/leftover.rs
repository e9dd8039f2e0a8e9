//! What a killed launcher leaves behind: a server that still runs, or its lock file.
//!
//! Only the holder of `postgres.lock` calls this, so a live server here has lost its launcher.

use super::Error;
use super::cluster::PORT;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A fast shutdown writes everything out first; a busy disk takes its time.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// Who is named in a lock file of PostgreSQL's: `postmaster.pid`, or the one beside the socket.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    /// There is no lock file, or it names a process that is gone: PostgreSQL will see through it by itself.
    Nobody,
    /// The file is empty or holds no process number, as after a power cut: PostgreSQL would refuse to start over it.
    Unreadable,
    /// A server on this very cluster.
    Server(Pid),
    /// A dead process that nobody has collected, or (after a restart of the machine) an unrelated one with the same
    /// number. PostgreSQL would take either for a living server and refuse to start, for ever if need be.
    Phantom,
}

/// Ends a server that lost its launcher, and removes lock files that would keep a new one from starting.
pub(super) async fn clear(cluster: &Path, socket_folder: &Path) -> Result<(), Error> {
    for lock_file in [
        cluster.join("postmaster.pid"),
        socket_folder.join(format!(".s.PGSQL.{PORT}.lock")),
    ] {
        match holder(cluster, &lock_file) {
            Holder::Nobody => {}
            Holder::Server(pid) => stop(cluster, &lock_file, pid).await?,
            Holder::Phantom | Holder::Unreadable => {
                // Safe: whoever may own this cluster holds our own lock, and before it opens the data, PostgreSQL also
                // checks that no process holds the old shared memory.
                tracing::info!("removing {}: its PostgreSQL is gone", lock_file.display());
                fs::remove_file(&lock_file).map_err(Error::io(&lock_file))?;
            }
        }
    }
    Ok(())
}

/// Stops a server that is not our child, and waits until it has gone.
async fn stop(cluster: &Path, lock_file: &Path, pid: Pid) -> Result<(), Error> {
    tracing::info!(
        pid = pid.as_raw_nonzero(),
        "stopping a PostgreSQL that lost its launcher"
    );
    // An error means that it has just ended.
    let _ = kill_process(pid, Signal::INT);
    let started = Instant::now();
    while holder(cluster, lock_file) == Holder::Server(pid) {
        if started.elapsed() > STOP_TIMEOUT {
            return Err(Error::InUse {
                directory: cluster.to_owned(),
                owner: pid.as_raw_nonzero().to_string(),
            });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

fn holder(cluster: &Path, lock_file: &Path) -> Holder {
    // As bytes: what a power cut leaves need not be text.
    let Ok(content) = fs::read(lock_file) else {
        return Holder::Nobody;
    };
    let Some(pid) = process(&content) else {
        return Holder::Unreadable;
    };
    let process = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    // A server works inside its cluster. The link cannot be read of a dead process, nor of somebody else's.
    match fs::read_link(process.join("cwd")) {
        Ok(folder) if folder == cluster => Holder::Server(pid),
        Ok(_) => Holder::Phantom,
        Err(_) if is_zombie(&process) => Holder::Phantom,
        Err(_) => Holder::Nobody,
    }
}

/// The process number in the first line of a lock file.
fn process(content: &[u8]) -> Option<Pid> {
    let line = content.split(|&byte| byte == b'\n').next()?;
    let number: i32 = std::str::from_utf8(line).ok()?.trim().parse().ok()?;
    // PostgreSQL writes the number of a server without clients (`--single`) below zero.
    Pid::from_raw(number.checked_abs()?)
}

/// `PID (NAME) STATE …`, where the name may itself hold blanks and brackets.
fn is_zombie(process: &Path) -> bool {
    fs::read_to_string(process.join("stat")).is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder_of(content: impl AsRef<[u8]>) -> Holder {
        let cluster = tempfile::tempdir().expect("a temporary folder");
        let lock_file = cluster.path().join("postmaster.pid");
        fs::write(&lock_file, content).expect("written");
        holder(cluster.path(), &lock_file)
    }

    #[test]
    fn a_free_number_and_no_file_name_nobody() {
        // Above the kernel's largest process number.
        assert_eq!(holder_of("99999999\n/data\n"), Holder::Nobody);
        let missing = Path::new("/nonexistent/postmaster.pid");
        assert_eq!(holder(Path::new("/nonexistent"), missing), Holder::Nobody);
    }

    #[test]
    fn what_a_power_cut_leaves_is_no_process() {
        let remains: [&[u8]; 7] = [
            b"",
            b"\n",
            b"garbage\n",
            b"\0\0\0\0",
            b"\xff\xfe12\n",
            b"0\n",
            b"-2147483648\n",
        ];
        for content in remains {
            assert_eq!(holder_of(content), Holder::Unreadable, "{content:?}");
        }
    }

    #[test]
    fn a_process_elsewhere_is_a_phantom() {
        assert_eq!(
            holder_of(format!("{}\n/data\n", std::process::id())),
            Holder::Phantom
        );
    }

    #[test]
    fn a_dead_process_that_nobody_collected_is_a_phantom() {
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let stat = Path::new("/proc").join(child.id().to_string());
        while !is_zombie(&stat) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(holder_of(child.id().to_string()), Holder::Phantom);
        child.wait().expect("collected");
    }
}
