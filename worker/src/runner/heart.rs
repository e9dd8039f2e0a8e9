//! The heartbeat of a run: from its take to the report of its end, whatever else is waited for.

use super::Runner;
use super::board::Error;
use super::work::tolerate;
use breakmywork_protocol::jobs::{self, Lease};
use std::cell::Cell;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// What the heartbeat and the work on a run tell each other.
#[derive(Debug)]
pub(super) struct Heart {
    progress: Cell<jobs::Progress>,
    /// When the trainer last gave a sign of life.
    heard: Cell<Instant>,
    /// Up to when the board knows of such.
    told: Cell<Option<Instant>>,
    /// Somebody asked for the end of the run.
    pub(super) cancelled: Notify,
    lost: Notify,
}

impl Heart {
    pub(super) fn new() -> Self {
        Self {
            progress: Cell::default(),
            heard: Cell::new(Instant::now()),
            told: Cell::new(None),
            cancelled: Notify::new(),
            lost: Notify::new(),
        }
    }

    /// Ends when the lease is lost.
    pub(super) async fn stops(&self) {
        self.lost.notified().await;
    }

    /// A sign of life of the trainer.
    pub(super) fn hear(&self) {
        self.heard.set(Instant::now());
    }

    /// Time since the last one.
    pub(super) fn silence(&self) -> Duration {
        self.heard.get().elapsed()
    }

    pub(super) fn step(&self) -> u32 {
        self.progress.get().step
    }

    /// The training is so far.
    pub(super) fn reach(&self, step: u32, steps: Option<u32>) {
        let mut now = self.progress.get();
        now.step = now.step.max(step);
        now.steps = steps.or(now.steps);
        self.progress.set(now);
    }

    /// What to tell the board now, and what to pass to [`Self::tell`] once it knows.
    pub(super) fn now(&self) -> (jobs::Progress, Instant) {
        let heard = self.heard.get();
        let progress = jobs::Progress {
            alive: self.told.get().is_none_or(|told| told < heard),
            ..self.progress.get()
        };
        (progress, heard)
    }

    pub(super) fn tell(&self, heard: Instant) {
        self.told.set(Some(heard));
    }
}

impl Runner {
    /// Proves liveness and learns of a cancel, for as long as it is polled. While the database is away training goes on:
    /// what a stale worker computes in vain costs less than a pause of every worker, and the fence keeps it out of the
    /// job table.
    pub(super) async fn keep_beating(&self, lease: &Lease, heart: &Heart) -> Infallible {
        let mut beat = interval(self.args.beat());
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let (now, heard) = heart.now();
            let sent = self.board.beat(lease, now, self.args.timing());
            match self.in_time(sent).await {
                Ok(beat) => {
                    heart.tell(heard);
                    if beat.cancel {
                        heart.cancelled.notify_one();
                    }
                }
                Err(error @ (Error::LeaseLost { .. } | Error::Refused(_))) => {
                    tracing::debug!("{error}");
                    heart.lost.notify_one();
                    return std::future::pending().await;
                }
                Err(error) => tolerate(lease, &error),
            }
        }
    }
}
