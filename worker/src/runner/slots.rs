//! Several runs at once: one question for work at a time while a slot is free, and a task for each run.

use super::board::{Error, Misfit};
use super::work::End;
use super::{LONGEST_PAUSE, Runner, child};
use breakmywork_protocol::jobs::Lease;
use breakmywork_training::exit;
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
        let mut outdated = false;
        loop {
            let enough = outdated || self.stopping() || most.is_some_and(|most| taken >= most);
            if enough || working.len() >= usize::from(self.args.slots) {
                // With nothing left to wait for, all is done.
                let Some(end) = working.join_next().await else {
                    break;
                };
                (last, idle_since) = (self.end_of(end), Instant::now());
                continue;
            }
            match self.next().await {
                Ok(Some(lease)) => {
                    trouble = Duration::ZERO;
                    taken += 1;
                    working.spawn_local(Rc::clone(&self).work(lease));
                    continue;
                }
                Ok(None) => trouble = Duration::ZERO,
                Err(misfit) if misfit.for_good => {
                    tracing::error!("{misfit}");
                    outdated = true;
                    continue;
                }
                Err(misfit) => {
                    tracing::warn!("cannot ask for a run: {misfit}");
                    trouble = (trouble * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE);
                }
            }
            let idle = idle_since.elapsed().as_secs_f64();
            let had_enough = self.args.once || self.args.idle_exit.is_some_and(|most| idle >= most);
            if working.is_empty() && had_enough {
                return if trouble.is_zero() && !self.health.borrow().is_trying() {
                    exit::DONE
                } else {
                    exit::RETRYABLE
                };
            }
            tokio::select! {
                () = self.wait(self.poll_pause() + trouble) => {}
                Some(end) = working.join_next() => (last, idle_since) = (self.end_of(end), Instant::now()),
            }
        }
        if outdated {
            exit::FAILED
        } else if self.args.once {
            last.exit_code()
        } else {
            exit::DONE
        }
    }

    /// The next run, if there is one, this machine is well, and program and database fit.
    async fn next(&self) -> Result<Option<Lease>, Misfit> {
        if !self.health.borrow().may_take() {
            return Ok(None);
        }
        // Before a run is tried again, what can be tried without one.
        if self.health.borrow().is_trying() && !self.device_works().await {
            return Ok(None);
        }
        self.fits().await?;
        let taken = self.board.take(self.id, self.args.timing());
        match self.in_time(taken).await {
            Ok(lease) => {
                if lease.is_some() {
                    self.health.borrow_mut().took();
                }
                Ok(lease)
            }
            // As after an older copy of the database was restored.
            Err(Error::Unregistered) => {
                tracing::warn!("the board does not know this worker any more; it registers again");
                self.sign_on().await?;
                self.forgotten.set(true);
                Ok(None)
            }
            Err(error) => {
                self.fitted.set(None);
                Err(error.into())
            }
        }
    }

    async fn device_works(&self) -> bool {
        let trouble = match child::device_works(&self.args).await {
            Ok(true) => return true,
            Ok(false) => format!("The device {} cannot be used.", self.args.device.device),
            Err(error) => format!("The trainer could not be started on this machine: {error}."),
        };
        self.health.borrow_mut().unable(trouble, self.backoff());
        false
    }

    fn backoff(&self) -> Duration {
        Duration::from_secs(u64::from(self.args.backoff_seconds.unsigned_abs()))
    }

    /// How a run's task ended, and what that tells of the machine. One that panicked takes only its trainer with it;
    /// its lease runs out.
    fn end_of(&self, task: Result<End, JoinError>) -> End {
        let end = task.unwrap_or_else(|error| {
            tracing::error!("a run was dropped: {error}");
            End::LeaseLost
        });
        let mut health = self.health.borrow_mut();
        match &end {
            End::Done | End::Failed { .. } => health.able(),
            End::Unable {
                machine: Some(reason),
            } => health.unable(reason.clone(), self.backoff()),
            End::Unable { machine: None } | End::HandedBack | End::LeaseLost => health.tried(),
        }
        end
    }

    /// The pause between two questions, of another length for each process so that many do not ask in step.
    fn poll_pause(&self) -> Duration {
        let spread = 0.75 + f64::from(self.id.as_bytes()[0]) / 512.0;
        Duration::from_secs_f64(self.args.poll_seconds * spread)
    }
}

impl End {
    fn exit_code(self) -> u8 {
        match self {
            Self::Done => exit::DONE,
            Self::Failed { for_good: true } => exit::FAILED,
            Self::Failed { for_good: false } | Self::Unable { .. } => exit::RETRYABLE,
            Self::LeaseLost => exit::LEASE_LOST,
            Self::HandedBack => exit::PREEMPTED,
        }
    }
}
