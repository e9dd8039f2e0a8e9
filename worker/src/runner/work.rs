//! One run under one lease: from the take to the report of its end.

use super::child::Trainer;
use super::outbox::Outbox;
use super::{Runner, store};
use crate::events::{self, Event};
use crate::plan;
use breakmywork_protocol::jobs::{self, Ending, Error, FailureKind, Lease};
use breakmywork_protocol::spec::Plan;
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Time between two reports of what the trainer said.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// The same while the database does not take them.
const RETRY_EVERY: Duration = Duration::from_secs(3);
/// Time a trainer has to write its last checkpoint when it is asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);
/// Pause after a report that the database did not take; doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How a run ended, as far as this worker is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// Why the trainer was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Cancel,
    HandBack,
}

/// What is known of the run while it trains.
struct Progress {
    step: u32,
    /// Steps in all, once the trainer has told.
    steps: Option<u32>,
    /// When the step last grew.
    stepped: Instant,
    outbox: Outbox,
    ending: Option<Ending>,
    asked: Option<(Asked, Instant)>,
}

impl Runner {
    /// Works on a run until its end is accepted or the lease is lost.
    pub(super) async fn work(self: Rc<Self>, lease: Lease) -> End {
        tracing::info!(run = %lease.run, epoch = lease.epoch, "taken");
        let end = match self.train(&lease).await {
            Ok(ending) => self.finish(&lease, ending).await,
            Err(error) => Err(error),
        };
        let end = end.unwrap_or_else(|error| {
            tracing::warn!(run = %lease.run, epoch = lease.epoch, "stopped: {error}");
            End::LeaseLost
        });
        tracing::info!(run = %lease.run, epoch = lease.epoch, ?end, "ended");
        end
    }

    /// Trains and says how it ended.
    ///
    /// # Errors
    /// Only [`Error::LeaseLost`]; the trainer has been ended then.
    async fn train(&self, lease: &Lease) -> Result<Ending, Error> {
        let plan = match readable(lease) {
            Ok(plan) => plan,
            Err(error) => return Ok(failed(FailureKind::Specification, error)),
        };
        let root = &self.args.checkpoint_dir;
        let known = self
            .insist(lease, || jobs::checkpoints(&self.pool, lease.run))
            .await?;
        let (store, plan_sha256) = (root.clone(), plan.sha256());
        let usable = move || store::usable(&store, &known, &plan_sha256);
        let resume = store::aside(usable).await.flatten();
        if let Some((_, step)) = resume {
            self.insist(lease, || jobs::resumed(&self.pool, lease, step))
                .await?;
            tracing::info!(run = %lease.run, step, "goes on from a checkpoint");
        }
        let resume = resume.as_ref().map(|(path, step)| (path.as_path(), *step));
        let folder = store::folder(root, lease);
        let trainer = Trainer::start(&self.args, plan, &folder, resume.map(|(path, _)| path)).await;
        let mut trainer = match trainer {
            Ok(trainer) => trainer,
            Err(error) => {
                return Ok(failed(
                    FailureKind::Error,
                    format!("The trainer could not be started: {error}."),
                ));
            }
        };
        let mut progress = Progress {
            step: resume.map_or(0, |(_, step)| step),
            steps: None,
            stepped: Instant::now(),
            outbox: Outbox::default(),
            ending: None,
            asked: None,
        };
        let ending = self.follow(lease, &mut trainer, &mut progress).await;
        // Whatever happened, no trainer outlives the lease it trains under.
        trainer.kill().await;
        let ending = ending?;
        self.drain(lease, &mut progress).await?;
        Ok(ending)
    }

    /// Listens to the trainer and beats until there is nothing more to hear.
    async fn follow(
        &self,
        lease: &Lease,
        trainer: &mut Trainer,
        progress: &mut Progress,
    ) -> Result<Ending, Error> {
        let started = Instant::now();
        let mut beat = interval(Duration::from_secs_f64(self.args.beat_seconds));
        let mut report = interval(REPORT_EVERY);
        for timer in [&mut beat, &mut report] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                event = trainer.events.recv() => match event {
                    Some(event) => progress.hear(&self.args.checkpoint_dir, lease, event),
                    None => break,
                },
                _ = beat.tick() => self.beat(lease, trainer, progress).await?,
                _ = report.tick(), if !progress.outbox.is_empty() => {
                    if !self.report(lease, progress).await? {
                        report.reset_after(RETRY_EVERY);
                    }
                }
                _ = stop.wait_for(|count| *count > 0), if progress.asked.is_none() => {
                    progress.ask(trainer, Asked::HandBack);
                }
            }
            if let Some(ending) = self.overdue(lease, progress, started) {
                return Ok(ending);
            }
            if progress
                .asked
                .is_some_and(|(_, when)| when.elapsed() > STOP_TIMEOUT)
            {
                break;
            }
        }
        let end = tokio::time::timeout(STOP_TIMEOUT, trainer.wait()).await;
        Ok(match (progress.ending.take(), progress.asked) {
            (Some(ending), _) => ending,
            (None, Some((Asked::Cancel, _))) => Ending::Cancelled,
            (None, Some((Asked::HandBack, _))) => Ending::Preempted,
            (None, None) => failed(
                FailureKind::Error,
                silent_end(end.ok().and_then(Result::ok), trainer),
            ),
        })
    }

    /// Proves liveness and learns of a cancel. While the database is away training goes on: what a stale worker computes
    /// in vain costs less than a pause of every worker, and the fence keeps it out of the job table.
    async fn beat(
        &self,
        lease: &Lease,
        trainer: &Trainer,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let beat = jobs::beat(&self.pool, lease, progress.now(), self.args.timing());
        match self.in_time(beat).await {
            Ok(beat) => {
                if beat.cancel && progress.asked.is_none() {
                    tracing::info!(run = %lease.run, "somebody cancelled it");
                    progress.ask(trainer, Asked::Cancel);
                }
                Ok(())
            }
            Err(error) => tolerate(lease, error),
        }
    }

    /// Sends what has gathered; false if it has to be tried again.
    async fn report(&self, lease: &Lease, progress: &mut Progress) -> Result<bool, Error> {
        let now = progress.now();
        let sent = self.in_time(progress.outbox.send(&self.pool, lease, now));
        match sent.await {
            Ok(()) => {
                progress.outbox.prune(&self.args.checkpoint_dir).await;
                Ok(true)
            }
            Err(error) => tolerate(lease, error).map(|()| false),
        }
    }

    /// An attempt that takes too long, or a trainer that makes no step.
    fn overdue(&self, lease: &Lease, progress: &Progress, started: Instant) -> Option<Ending> {
        let longest = Duration::from_secs(u64::try_from(lease.max_runtime_s).unwrap_or(u64::MAX));
        if started.elapsed() > longest {
            let error = format!(
                "The attempt took longer than the {} s that a run may take.",
                longest.as_secs()
            );
            return Some(failed(FailureKind::TimedOut, error));
        }
        let stall = self.args.stall_seconds;
        if progress.stepped.elapsed() > Duration::from_secs(u64::from(stall)) {
            let error = format!(
                "The trainer made no step for {stall} s after step {}.",
                progress.step
            );
            return Some(failed(FailureKind::Error, error));
        }
        None
    }

    /// Sends all that is left, however long the database is away.
    async fn drain(&self, lease: &Lease, progress: &mut Progress) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        while !self.report(lease, progress).await? {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Reports the end until it is accepted.
    async fn finish(&self, lease: &Lease, ending: Ending) -> Result<End, Error> {
        let timing = self.args.timing();
        self.insist(lease, || {
            jobs::finish(&self.pool, lease, ending.clone(), timing)
        })
        .await?;
        let end = match &ending {
            Ending::Succeeded(_) | Ending::Cancelled => End::Done,
            Ending::Preempted => End::HandedBack,
            Ending::Failed { kind, error } => {
                tracing::warn!(run = %lease.run, ?kind, "failed: {error}");
                End::Failed {
                    for_good: *kind != FailureKind::Error,
                }
            }
        };
        if matches!(end, End::Done | End::Failed { for_good: true }) {
            let (root, run) = (self.args.checkpoint_dir.clone(), lease.run);
            store::aside(move || store::remove(&root, run)).await;
        }
        Ok(end)
    }

    /// Gives the database a share of the lease to answer: behind a dead network a report would wait for ever,
    /// and the next beat with it. All reports may be sent twice.
    async fn in_time<T>(&self, report: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let share = Duration::from_secs_f64(f64::from(self.args.lease_seconds) / 3.0);
        let late = |_| Error::Database(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        tokio::time::timeout(share, report)
            .await
            .map_err(late)
            .flatten()
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
                Err(error) => tolerate(lease, error)?,
            }
            tracing::info!(run = %lease.run, "tries again in {:.1} s", pause.as_secs_f64());
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Progress {
    fn hear(&mut self, root: &std::path::Path, lease: &Lease, event: Event) {
        let step = match event {
            Event::Metric { step, name, value } => {
                self.outbox.metric(name, step, value);
                step
            }
            Event::Progress { step, steps } => {
                self.steps = Some(steps);
                step
            }
            Event::Checkpoint(checkpoint) => {
                self.outbox.checkpoint(root, lease, &checkpoint);
                checkpoint.step
            }
            Event::Result(result) => {
                self.ending = Some(Ending::Succeeded(result));
                self.step
            }
            Event::Failure(failure) => {
                self.ending = Some(failed(kind(failure.kind), failure.message));
                failure.step
            }
        };
        if step > self.step {
            self.step = step;
            self.stepped = Instant::now();
        }
    }

    /// How far it is, as it is reported.
    fn now(&self) -> jobs::Progress {
        jobs::Progress {
            step: self.step,
            steps: self.steps,
        }
    }

    fn ask(&mut self, trainer: &Trainer, asked: Asked) {
        trainer.ask_to_stop();
        self.asked = Some((asked, Instant::now()));
    }
}

/// Passes the loss of the lease on; anything else is logged, to be tried again.
fn tolerate(lease: &Lease, error: Error) -> Result<(), Error> {
    if matches!(error, Error::LeaseLost { .. }) {
        return Err(error);
    }
    tracing::warn!(run = %lease.run, "the database did not take a report: {error}");
    Ok(())
}

fn readable(lease: &Lease) -> Result<&Plan, String> {
    let plan = lease
        .plan
        .as_ref()
        .map_err(|error| format!("The plan cannot be read by this worker: {error}."))?;
    plan::check(plan)?;
    Ok(plan)
}

fn failed(kind: FailureKind, error: String) -> Ending {
    // The one character that Postgres cannot store, and a crashing trainer may write.
    let error = error.replace('\0', "\u{fffd}");
    Ending::Failed { kind, error }
}

fn kind(kind: events::FailureKind) -> FailureKind {
    match kind {
        events::FailureKind::Diverged => FailureKind::Diverged,
        events::FailureKind::Specification => FailureKind::Specification,
        events::FailureKind::OutOfMemory => FailureKind::OutOfMemory,
        events::FailureKind::Error => FailureKind::Error,
    }
}

/// A trainer that ended without a word: its status and whatever it wrote.
fn silent_end(status: Option<ExitStatus>, trainer: &Trainer) -> String {
    use std::os::unix::process::ExitStatusExt;
    let how = match status {
        Some(status) => match status.signal() {
            Some(9) => {
                "was killed (signal 9), by the system for want of memory or by hand".to_owned()
            }
            Some(signal) => format!("crashed with signal {signal}"),
            None => format!(
                "ended with code {} and no result",
                status.code().unwrap_or(-1)
            ),
        },
        None => "closed its output and did not end".to_owned(),
    };
    let words = trainer.last_words();
    if words.is_empty() {
        return format!("The trainer {how}.");
    }
    format!("The trainer {how}. Its last words:\n{words}")
}
