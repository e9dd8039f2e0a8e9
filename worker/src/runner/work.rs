//! One run under one lease: from the take to the report of its end.

use super::board::Error;
use super::child::Trainer;
use super::heart::Heart;
use super::outbox::Outbox;
use super::{Runner, store, trainer_end};
use breakmywork_protocol::checkpoint_files;
use breakmywork_protocol::jobs::{Ending, FailureKind, Lease};
use breakmywork_protocol::spec::Plan;
use breakmywork_training::events::{self, Event};
use breakmywork_training::plan;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Time between two reports of what the trainer said.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// The same while the database does not take them.
const RETRY_EVERY: Duration = Duration::from_secs(3);
/// Time between two looks at the clock.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Time a trainer has, from being asked to stop, to write its last checkpoint and end.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);
/// Time in which a trainer that said its last has to end.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// A trainer that has made steps for so long shows that the machine can train.
const PROVEN: Duration = Duration::from_secs(60);
/// Longest time for which files of checkpoints are sent after training: whoever stops a worker does not wait for ever.
const LAST_FILES: Duration = Duration::from_secs(20);
/// Pause after a report that the database did not take; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How a run ended, as far as this worker is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Its end was accepted: succeeded or cancelled.
    Done,
    /// Its failure was accepted.
    Failed {
        /// Whether trying again would change nothing.
        for_good: bool,
    },
    /// Somebody else may have it now; nothing more was written.
    LeaseLost,
    /// It was given back.
    HandedBack,
    /// It was given back because this machine is at fault.
    Unable {
        /// What is wrong with the machine; `None` where only this plan is too large for it.
        machine: Option<String>,
    },
}

/// Why the trainer was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Cancel,
    HandBack,
}

/// What is known of the run while it trains.
struct Progress<'a> {
    heart: &'a Heart,
    outbox: Outbox,
    ending: Option<Ending>,
    asked: Option<(Asked, Instant)>,
    /// Whether the trainer has read its plan.
    started: bool,
    /// Checkpoints that the trainer may go on from and has not found unusable.
    resume: Vec<PathBuf>,
    /// The step from which it went on.
    resumed: Option<u32>,
    /// Whether only this plan, not the machine, is at fault.
    unfit: bool,
}

impl Runner {
    /// Works on a run until its end is accepted or the lease is lost.
    pub(super) async fn work(self: Rc<Self>, lease: Lease) -> End {
        tracing::info!(run = %lease.run, epoch = lease.epoch, "taken");
        let heart = Heart::new();
        let end = tokio::select! {
            end = self.to_its_end(&lease, &heart) => end,
            never = self.keep_beating(&lease, &heart) => match never {},
        };
        let end = end.unwrap_or_else(|error| {
            tracing::warn!(run = %lease.run, epoch = lease.epoch, "stopped: {error}");
            End::LeaseLost
        });
        tracing::info!(run = %lease.run, epoch = lease.epoch, ?end, "ended");
        end
    }

    async fn to_its_end(&self, lease: &Lease, heart: &Heart) -> Result<End, Error> {
        let (ending, unfit) = tokio::select! {
            trained = self.train(lease, heart) => trained?,
            // Dropped with its trainer, whatever it waits for.
            () = heart.stops() => return Err(Error::lost(lease)),
        };
        // From here on the report of the end itself learns whether the lease still holds.
        self.finish(lease, ending, unfit).await
    }

    /// Trains; says how it ended, and whether only the plan is at fault where this machine is unable.
    ///
    /// # Errors
    /// Only [`Error::LeaseLost`] and [`Error::Refused`]; the trainer has been ended then.
    async fn train(&self, lease: &Lease, heart: &Heart) -> Result<(Ending, bool), Error> {
        let plan = match readable(lease) {
            Ok(plan) => plan,
            Err(error) => return Ok((failed(FailureKind::Specification, error), false)),
        };
        let root = &self.args.checkpoint_dir;
        let known = self.insist(lease, || self.board.checkpoints(lease)).await?;
        let plan_sha256 = plan.sha256();
        let (store, here, of) = (root.clone(), known.checkpoints.clone(), plan_sha256.clone());
        let usable = move || store::usable(&store, &here, &of);
        let mut resume = store::aside(usable).await.unwrap_or_default();
        self.fetch(lease, &known, &plan_sha256, &mut resume).await?;
        let folder = store::folder(root, lease);
        let mut trainer = match Trainer::start(&self.args, plan, &folder, &resume).await {
            Ok(trainer) => trainer,
            Err(error) => {
                let error = format!("The trainer could not be started on this machine: {error}.");
                return Ok((Ending::Unable { error }, false));
            }
        };
        heart.hear();
        let mut progress = Progress {
            heart,
            outbox: Outbox::new(known.kept),
            ending: None,
            asked: None,
            started: false,
            resume,
            resumed: None,
            unfit: false,
        };
        let ending = self.follow(lease, &mut trainer, &mut progress).await;
        // Whatever happened, no trainer outlives the lease it trains under.
        trainer.kill().await;
        let ending = ending?;
        progress.judge_checkpoint(root, &ending);
        if !may_go_on(&ending) {
            progress.outbox.keep_files();
        }
        self.drain(lease, &mut progress).await?;
        Ok((ending, progress.unfit))
    }

    /// Listens to the trainer until there is nothing more to hear.
    async fn follow(
        &self,
        lease: &Lease,
        trainer: &mut Trainer,
        progress: &mut Progress<'_>,
    ) -> Result<Ending, Error> {
        let started = Instant::now();
        let (mut look, mut report) = (interval(LOOK_EVERY), interval(REPORT_EVERY));
        for timer in [&mut look, &mut report] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                event = trainer.events.recv() => match event {
                    Some(event) => self.hear(lease, progress, event),
                    None => break,
                },
                _ = look.tick() => {}
                _ = report.tick(), if !progress.outbox.is_empty() => {
                    if !self.report(lease, progress).await? {
                        report.reset_after(RETRY_EVERY);
                    }
                }
                () = progress.heart.cancelled.notified(), if progress.asked.is_none() => {
                    tracing::info!(run = %lease.run, "somebody cancelled it");
                    progress.ask(trainer, Asked::Cancel);
                }
                _ = stop.wait_for(|count| *count > 0), if progress.asked.is_none() => {
                    progress.ask(trainer, Asked::HandBack);
                }
            }
            if started.elapsed() > PROVEN && progress.heart.step() > progress.resumed.unwrap_or(0) {
                self.health.borrow_mut().able();
            }
            if let Some(ending) = self.overdue(lease, progress, started) {
                return Ok(ending);
            }
            if progress.time_to_stop().is_some_and(|left| left.is_zero()) {
                break;
            }
        }
        let left = progress.time_to_stop().unwrap_or(END_TIMEOUT);
        let end = tokio::time::timeout(left, trainer.wait()).await;
        Ok(match (progress.ending.take(), progress.asked) {
            (Some(ending), _) => ending,
            (None, Some((Asked::Cancel, _))) => Ending::Cancelled,
            (None, Some((Asked::HandBack, _))) => Ending::Preempted,
            (None, None) => {
                let status = end.ok().and_then(Result::ok);
                trainer_end::ending(status, trainer, progress.started)
            }
        })
    }

    fn hear(&self, lease: &Lease, progress: &mut Progress<'_>, event: Event) {
        match &event {
            Event::NoCheckpoint { step, reason } => {
                tracing::warn!(run = %lease.run, step, "no checkpoint could be written: {reason}");
                self.health.borrow_mut().checkpoints(Some(reason.clone()));
            }
            Event::Checkpoint(_) => self.health.borrow_mut().checkpoints(None),
            Event::Unusable { path, reason } => {
                let path = path.display();
                tracing::warn!(run = %lease.run, %path, "a checkpoint cannot be gone on from: {reason}");
            }
            Event::Resumed { step } => {
                tracing::info!(run = %lease.run, step, "goes on from a checkpoint");
            }
            _ => {}
        }
        progress.hear(&self.args.checkpoint_dir, lease, event);
    }

    /// Sends what has gathered; false if it has to be tried again.
    async fn report(&self, lease: &Lease, progress: &mut Progress<'_>) -> Result<bool, Error> {
        let (now, heard) = progress.heart.now();
        let root = &self.args.checkpoint_dir;
        let sent = self.in_time(progress.outbox.send(&self.board, lease, root, now));
        let accepted = match sent.await {
            Ok(()) => {
                progress.heart.tell(heard);
                true
            }
            Err(error @ (Error::LeaseLost { .. } | Error::Refused(_))) => return Err(error),
            Err(error) => {
                tolerate(lease, &error);
                false
            }
        };
        progress.outbox.prune(&self.args.checkpoint_dir).await;
        Ok(accepted)
    }

    /// An attempt that takes too long, or a trainer that gives no sign of life.
    fn overdue(&self, lease: &Lease, progress: &Progress<'_>, started: Instant) -> Option<Ending> {
        let longest = Duration::from_secs(u64::try_from(lease.max_runtime_s).unwrap_or(u64::MAX));
        if started.elapsed() > longest {
            let error = format!(
                "The attempt took longer than the {} s that a run may take.",
                longest.as_secs()
            );
            return Some(failed(FailureKind::TimedOut, error));
        }
        let stall = self.args.stall_seconds;
        if progress.heart.silence() > Duration::from_secs(u64::from(stall)) {
            let error = format!(
                "The trainer gave no sign of life for {stall} s after step {}.",
                progress.heart.step()
            );
            return Some(failed(FailureKind::Error, error));
        }
        None
    }

    /// Sends all that is left, however long the database is away.
    async fn drain(&self, lease: &Lease, progress: &mut Progress<'_>) -> Result<(), Error> {
        let (mut pause, begun) = (FIRST_PAUSE, Instant::now());
        loop {
            if begun.elapsed() > LAST_FILES {
                progress.outbox.keep_files();
            }
            if self.report(lease, progress).await? {
                if progress.outbox.is_empty() {
                    return Ok(());
                }
                // Of a large file some is left.
                continue;
            }
            self.gives_up(lease)?;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reports the end until it is accepted.
    async fn finish(&self, lease: &Lease, ending: Ending, unfit: bool) -> Result<End, Error> {
        let timing = self.args.timing();
        self.insist(lease, || self.board.finish(lease, ending.clone(), timing))
            .await?;
        let end = match &ending {
            Ending::Succeeded(_) | Ending::Cancelled => End::Done,
            Ending::Preempted => End::HandedBack,
            Ending::Unable { error } | Ending::Lost { error } => {
                tracing::warn!(run = %lease.run, "handed back: {error}");
                let machine = (!unfit).then(|| error.clone());
                End::Unable { machine }
            }
            Ending::Failed { kind, error } => {
                tracing::warn!(run = %lease.run, ?kind, "failed: {error}");
                End::Failed {
                    for_good: *kind != FailureKind::Error,
                }
            }
        };
        if matches!(end, End::Done | End::Failed { for_good: true }) {
            let (root, run) = (self.args.checkpoint_dir.clone(), lease.run);
            store::aside(move || checkpoint_files::remove(&root, run)).await;
        }
        Ok(end)
    }

    /// Tries until the database answers or the lease is lost.
    async fn insist<T>(
        &self,
        lease: &Lease,
        attempt: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.in_time(attempt()).await {
                Ok(value) => return Ok(value),
                Err(error @ (Error::LeaseLost { .. } | Error::Refused(_))) => return Err(error),
                Err(error) => tolerate(lease, &error),
            }
            self.gives_up(lease)?;
            tracing::info!(run = %lease.run, "tries again in {:.1} s", pause.as_secs_f64());
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A worker that was asked to stop waits for its database as long as a lease lasts, and not for ever: nobody may be
    /// left to start the database again.
    fn gives_up(&self, lease: &Lease) -> Result<(), Error> {
        let longest = Duration::from_secs(u64::from(self.args.lease_seconds.unsigned_abs()));
        if self.stopping() && self.reached.get().elapsed() > longest {
            tracing::warn!(run = %lease.run, "the board was away for longer than a lease lasts; the run is not handed back");
            return Err(Error::lost(lease));
        }
        Ok(())
    }
}

impl Progress<'_> {
    fn hear(&mut self, root: &Path, lease: &Lease, event: Event) {
        self.heart.hear();
        self.started = true;
        match event {
            Event::Started | Event::NoCheckpoint { .. } => {}
            Event::Resumed { step } => {
                self.resumed = Some(step);
                self.outbox.resumed(step);
                self.heart.reach(step, None);
            }
            Event::Unusable { path, .. } => {
                self.outbox.unusable(root, &path);
                self.resume.retain(|other| *other != path);
            }
            Event::Metric { step, name, value } => {
                self.outbox.metric(name, step, value);
                self.heart.reach(step, None);
            }
            Event::Progress { step, steps } => self.heart.reach(step, Some(steps)),
            Event::Checkpoint(checkpoint) => {
                self.outbox.checkpoint(root, lease, &checkpoint);
                self.heart.reach(checkpoint.step, None);
            }
            Event::Result(result) => self.ending = Some(Ending::Succeeded(result)),
            Event::Failure(failure) => {
                self.heart.reach(failure.step, None);
                self.unfit = failure.kind == events::FailureKind::Unfit;
                self.ending = Some(ended(failure));
            }
        }
    }

    /// A checkpoint from which the trainer failed before it made a step is not tried again.
    fn judge_checkpoint(&mut self, root: &Path, ending: &Ending) {
        let broke = matches!(
            ending,
            Ending::Failed {
                kind: FailureKind::Error,
                ..
            }
        );
        let moved = self.resumed.is_some_and(|from| self.heart.step() > from);
        if let Some(path) = self.resume.first()
            && broke
            && !moved
        {
            self.outbox.unusable(root, path);
        }
    }

    fn ask(&mut self, trainer: &Trainer, asked: Asked) {
        trainer.ask_to_stop();
        self.asked = Some((asked, Instant::now()));
    }

    /// How long the trainer still has, once it was asked to stop.
    fn time_to_stop(&self) -> Option<Duration> {
        self.asked
            .map(|(_, when)| STOP_TIMEOUT.saturating_sub(when.elapsed()))
    }
}

/// Logs that the board did not take a report, which is tried again.
pub(super) fn tolerate(lease: &Lease, error: &Error) {
    tracing::warn!(run = %lease.run, "the board did not take a report: {error}");
}

fn readable(lease: &Lease) -> Result<&Plan, String> {
    let plan = lease
        .plan
        .as_ref()
        .map_err(|error| format!("The plan cannot be read by this worker: {error}."))?;
    plan::check(plan)?;
    Ok(plan)
}

/// Whether somebody may go on from this run's checkpoints.
fn may_go_on(ending: &Ending) -> bool {
    match ending {
        Ending::Succeeded(_) | Ending::Cancelled => false,
        Ending::Failed { kind, .. } => *kind == FailureKind::Error,
        Ending::Preempted | Ending::Unable { .. } | Ending::Lost { .. } => true,
    }
}

fn failed(kind: FailureKind, error: String) -> Ending {
    Ending::Failed { kind, error }
}

/// How a run ends whose trainer said why it failed.
fn ended(failure: events::Failure) -> Ending {
    // The one character that Postgres cannot store, and what comes from a library may hold.
    let error = failure.message.replace('\0', "\u{fffd}");
    let kind = match failure.kind {
        events::FailureKind::Unfit | events::FailureKind::Machine => {
            return Ending::Unable { error };
        }
        events::FailureKind::Diverged => FailureKind::Diverged,
        events::FailureKind::Specification => FailureKind::Specification,
        events::FailureKind::OutOfMemory => FailureKind::OutOfMemory,
        events::FailureKind::Checkpoint | events::FailureKind::Error => FailureKind::Error,
    };
    failed(kind, error)
}
