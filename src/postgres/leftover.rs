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
    /// Nobody, or a process that is gone and whose lock file PostgreSQL will see through by itself.
    Nobody,
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
            Holder::Phantom => {
                // Safe: before it opens the data, PostgreSQL also checks that no process holds the old shared memory.
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
    let Some(pid) = fs::read_to_string(lock_file)
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse().ok())
        .and_then(Pid::from_raw)
    else {
        return Holder::Nobody;
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

    fn holder_of(content: &str) -> Holder {
        let cluster = tempfile::tempdir().expect("a temporary folder");
        let lock_file = cluster.path().join("postmaster.pid");
        fs::write(&lock_file, content).expect("written");
        holder(cluster.path(), &lock_file)
    }

    #[test]
    fn an_unreadable_lock_file_and_a_free_number_name_nobody() {
        assert_eq!(holder_of("\n"), Holder::Nobody);
        // Above the kernel's largest process number.
        assert_eq!(holder_of("99999999\n/data\n"), Holder::Nobody);
    }

    #[test]
    fn a_process_elsewhere_is_a_phantom() {
        assert_eq!(
            holder_of(&format!("{}\n/data\n", std::process::id())),
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
        assert_eq!(holder_of(&child.id().to_string()), Holder::Phantom);
        child.wait().expect("collected");
    }
}
