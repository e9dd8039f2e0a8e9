//! The job table: who may do what to a run, and when.
//!
//! Public promise: *a run may be executed more than once; its result is posted
//! at most once, and only by the holder of the current lease; every accepted
//! submission reaches a visible final state.*
//!
//! How it is kept:
//! - A take gives a [`Lease`] with an epoch that only grows. Every report of a
//!   worker names (run, epoch) and changes nothing unless that lease still exists.
//! - A run's end (lease, state, attempt, verdict, result post) is one transaction.
//! - The database clock is the only clock.
//! - Lock order is lease, run, volunteer, experiment, claim, line, use; nobody takes them the other way round. The head of the record comes
//!   last, when the transaction commits.
//! - What breaks a promise nevertheless is found and mended by the next sweep, which no single row can stop.

mod audit;
mod co_sign;
mod conclude;
mod confirm;
mod control;
mod curves;
mod dispute;
mod events;
mod fall;
mod finish;
mod lease;
mod line;
mod offer;
pub mod outside;
mod power;
mod reap;
mod rival;
mod seal;
mod search;
mod sequential;
mod stop;
mod submit;
mod take;
mod tuning;
mod volunteer;
mod worker;

pub use co_sign::{Answer, answer, proposal_sha256};
pub use conclude::verdict_again;
pub use confirm::confirm;
pub use control::{cancel, give_up, pause, resume, retry, retry_failed};
pub use curves::keep_curves;
pub use dispute::{answer_dispute, dispute, resolve_dispute};
pub use fall::{InheritedFall, inherit_all, inherit_from_wider, inherited_falls};
pub use finish::{Ending, FailureKind, finish};
pub use lease::{
    Beat, Checkpoint, MetricPoint, Progress, beat, checkpoint, checkpoint_unusable, checkpoints,
    report_metrics, resumed,
};
pub use line::complete_lines;
pub use offer::{Offer, OtherContent, offer};
pub use power::{AskedAttempts, AskedBefore, asked_before, power};
pub use reap::{Reaped, reap};
pub use rival::spec_of_rival;
pub use search::{search_again, search_so_far};
pub use sequential::sequential_so_far;
pub use stop::stop;
pub use submit::{register, register_knowing, withdraw};
pub use take::take;
pub(crate) use tuning::chosen_again;
pub use tuning::{chosen, settled};
pub use worker::{
    Bearer, Trouble, ended, register_outside_worker, register_worker, registered_lately,
    report_trouble, stop_worker, worker_of_token,
};

use crate::id::{ExperimentId, RunId};
use crate::spec::Plan;
use uuid::Uuid;

/// Postgres channel that names an experiment (its id) whose page has changed.
pub const CHANGES_CHANNEL: &str = "breakmywork_changes";

/// Times of the job table; each can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Seconds a lease lives without a beat. 90: a dead worker is noticed within two minutes,
    /// and a restart of the database (seconds) costs nobody the lease.
    pub lease_s: i32,
    /// Seconds without a sign of life of its trainer after which a beating worker counts as hung.
    pub stall_s: i32,
    /// First back-off after a loss or a failure that may heal; doubles with each.
    pub backoff_s: i32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease_s: 90,
            stall_s: 900,
            backoff_s: 5,
        }
    }
}

/// A worker's time-limited right to a run.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// Fencing number; every report names it.
    pub epoch: i64,
    /// The experiment it belongs to.
    pub experiment: ExperimentId,
    /// Who holds the lease.
    pub worker: Uuid,
    /// What to train, or why the stored plan cannot be read.
    pub plan: Result<Plan, String>,
    /// Longest time this attempt may take, in seconds.
    pub max_runtime_s: i32,
}

/// What can go wrong with an operation on the job table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lease is no longer held: write nothing more, stop at once.
    #[error("the lease on run {run} with epoch {epoch} is lost")]
    LeaseLost {
        /// The run.
        run: RunId,
        /// The epoch that is no longer current.
        epoch: i64,
    },
    /// The operation does not apply to the thing's present state.
    #[error("{0}")]
    Conflict(String),
    /// No such run or experiment.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Result of an operation on the job table.
pub type Result<T, E = Error> = std::result::Result<T, E>;
