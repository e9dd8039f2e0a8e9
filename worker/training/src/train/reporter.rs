//! What a run says while it trains and measures, and what it hears meanwhile.

use super::Requests;
use crate::events::{Event, Failure, FailureKind};
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time between two signs of life, so that a reader sees progress without being flooded.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The two ends of the line to whoever asked for the run.
pub(super) struct Reporter<'a> {
    requests: &'a Requests,
    emit: &'a mut dyn FnMut(Event) -> io::Result<()>,
    /// Optimizer steps in all.
    steps: u32,
    /// When the last sign of life was given.
    progressed: Option<Instant>,
    /// Why nothing can be said any more.
    deaf: Option<Failure>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(
        requests: &'a Requests,
        emit: &'a mut dyn FnMut(Event) -> io::Result<()>,
        steps: u32,
    ) -> Self {
        Self {
            requests,
            emit,
            steps,
            progressed: None,
            deaf: None,
        }
    }

    /// Says something after that many steps.
    pub(super) fn say(&mut self, step: u32, event: Event) -> Result<(), Failure> {
        (self.emit)(event).map_err(|error| {
            Failure::new(
                FailureKind::Error,
                step,
                format!("nobody reads the report: {error}"),
            )
        })
    }

    /// A sign of life now and then, and after the last step.
    pub(super) fn progress(&mut self, step: u32) -> Result<(), Failure> {
        let due = self
            .progressed
            .is_none_or(|before| before.elapsed() >= PROGRESS_EVERY);
        if !due && step < self.steps {
            return Ok(());
        }
        self.progressed = Some(Instant::now());
        let steps = self.steps;
        self.say(step, Event::Progress { step, steps })
    }

    /// A sign of life while it measures, which makes no steps; false if it should stop. See [`Self::heard`].
    pub(super) fn goes_on(&mut self, step: u32) -> bool {
        let due = self
            .progressed
            .is_none_or(|before| before.elapsed() >= PROGRESS_EVERY);
        if due {
            self.deaf = self.progress(step).err();
        }
        self.deaf.is_none() && !self.requests.stop.load(Ordering::Relaxed)
    }

    /// Why [`Self::goes_on`] could not say something, if that was the reason.
    pub(super) fn heard(&mut self) -> Result<(), Failure> {
        self.deaf.take().map_or(Ok(()), Err)
    }
}
