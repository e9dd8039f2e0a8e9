//! What asks this worker to end.

use breakmywork_training::exit;
use rustix::process::{Pid, getppid};
use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A second SIGTERM within this time is the same one.
const DUPLICATE: Duration = Duration::from_secs(2);

/// Counts SIGTERM and SIGINT; the second ends the process, and the leases run out.
///
/// Not every second SIGTERM was meant: when a supervisor is killed, the kernel tells its children once for each thread
/// that dies with it, and again when they get a new parent.
pub(super) fn signals() -> io::Result<watch::Receiver<u32>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let (sender, receiver) = watch::channel(0);
    tokio::spawn(async move {
        let mut first: Option<First> = None;
        loop {
            let terminated = tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => false,
            };
            let now = First {
                when: Instant::now(),
                parent: getppid(),
            };
            match &mut first {
                None => first = Some(now),
                Some(first) if terminated && first.is_repeated_by(&now) => {
                    first.parent = now.parent;
                    continue;
                }
                Some(_) => std::process::exit(exit::PREEMPTED.into()),
            }
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok(receiver)
}

/// The first signal.
struct First {
    when: Instant,
    parent: Option<Pid>,
}

impl First {
    fn is_repeated_by(&self, later: &Self) -> bool {
        later.when.duration_since(self.when) < DUPLICATE || later.parent != self.parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_comes_at_once_or_from_another_parent_is_the_same_one() {
        let parent = Pid::from_raw(7);
        let at = |seconds, parent| First {
            when: Instant::now() + Duration::from_secs(seconds),
            parent,
        };
        let first = at(0, parent);
        assert!(first.is_repeated_by(&at(1, parent)));
        assert!(first.is_repeated_by(&at(60, Pid::from_raw(1))));
        assert!(!first.is_repeated_by(&at(3, parent)));
    }
}
