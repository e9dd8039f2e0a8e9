//! Several runs at once: one question for work at a time while a slot is free, and a task for each run.

use super::work::End;
use super::{LONGEST_PAUSE, Runner};
use crate::exit;
use breakmywork_protocol::jobs;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};

impl Runner {
    /// Keeps the slots busy until it is stopped, or as long as the arguments say; gives the exit code. Whatever was
    /// taken has ended or was given back then.
    pub(super) async fn take_and_work(self: Rc<Self>) -> u8 {
        let most = if self.args.once {
            Some(1)
        } else {
            self.args.max_runs
        };
        let mut working = JoinSet::new();
        let (mut taken, mut idle_since) = (0, Instant::now());
        let mut trouble = Duration::ZERO;
        let mut last = End::Done;
        loop {
            let enough = self.stopping() || most.is_some_and(|most| taken >= most);
            if enough || working.len() >= usize::from(self.args.slots) {
                // With nothing left to wait for, all is done.
                let Some(end) = working.join_next().await else {
                    break;
                };
                (last, idle_since) = (end_of(end), Instant::now());
                continue;
            }
            match jobs::take(&self.pool, self.id, self.args.timing()).await {
                Ok(Some(lease)) => {
                    trouble = Duration::ZERO;
                    taken += 1;
                    working.spawn_local(Rc::clone(&self).work(lease));
                    continue;
                }
                Ok(None) => trouble = Duration::ZERO,
                Err(error) => {
                    tracing::warn!("cannot ask for a run: {error}");
                    trouble = (trouble * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE);
                }
            }
            let idle = idle_since.elapsed().as_secs_f64();
            let had_enough = self.args.once || self.args.idle_exit.is_some_and(|most| idle >= most);
            if working.is_empty() && had_enough {
                return if trouble.is_zero() {
                    exit::DONE
                } else {
                    exit::RETRYABLE
                };
            }
            tokio::select! {
                () = self.wait(self.poll_pause() + trouble) => {}
                Some(end) = working.join_next() => (last, idle_since) = (end_of(end), Instant::now()),
            }
        }
        if self.args.once {
            last.exit_code()
        } else {
            exit::DONE
        }
    }

    /// The pause between two questions, of another length for each process so that many do not ask in step.
    fn poll_pause(&self) -> Duration {
        let spread = 0.75 + f64::from(self.id.as_bytes()[0]) / 512.0;
        Duration::from_secs_f64(self.args.poll_seconds * spread)
    }
}

/// How a run's task ended. One that panicked takes only its trainer with it; its lease runs out.
fn end_of(task: Result<End, JoinError>) -> End {
    task.unwrap_or_else(|error| {
        tracing::error!("a run was dropped: {error}");
        End::LeaseLost
    })
}

impl End {
    fn exit_code(self) -> u8 {
        match self {
            Self::Done => exit::DONE,
            Self::Failed { for_good: true } => exit::FAILED,
            Self::Failed { for_good: false } => exit::RETRYABLE,
            Self::LeaseLost => exit::LEASE_LOST,
            Self::HandedBack => exit::PREEMPTED,
        }
    }
}
