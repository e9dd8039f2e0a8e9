//! The board that a runner works for: its job table over the database or over REST, the same steps with the same fence.

mod rest;

pub(super) use rest::Rest;

use super::VERSION;
use breakmywork_protocol::db::{self, Mismatch};
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::jobs::outside::{Held, Known, What};
use breakmywork_protocol::jobs::{
    self, Beat, Checkpoint, Ending, Lease, MetricPoint, Offer, OtherContent, Progress, Timing,
    Trouble,
};
use sqlx::PgPool;
use uuid::Uuid;

/// Why the board did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The lease is no longer held: write nothing more, stop at once.
    #[error("the lease on run {run} with epoch {epoch} is lost")]
    LeaseLost {
        /// The run.
        run: RunId,
        /// The epoch that is no longer current.
        epoch: i64,
    },
    /// The board does not know this worker (any more): it has to register.
    #[error("the board does not know this worker")]
    Unregistered,
    /// It takes nothing of this worker, however often it is asked.
    #[error("the board takes nothing of this worker: {0}")]
    Refused(String),
    /// It did not answer, or could not do it now.
    #[error("{0}")]
    Away(String),
}

impl Error {
    pub(super) fn lost(lease: &Lease) -> Self {
        Self::LeaseLost {
            run: lease.run,
            epoch: lease.epoch,
        }
    }

    /// It had no time to answer.
    pub(super) fn late() -> Self {
        Self::Away("no answer in time".into())
    }
}

impl From<jobs::Error> for Error {
    fn from(error: jobs::Error) -> Self {
        match error {
            jobs::Error::LeaseLost { run, epoch } => Self::LeaseLost { run, epoch },
            jobs::Error::NotFound("worker") => Self::Unregistered,
            other => Self::Away(other.to_string()),
        }
    }
}

type Result<T> = std::result::Result<T, Error>;

/// Why program and board do not fit.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Misfit {
    /// In words, with what mends it.
    pub(super) reason: String,
    /// Whether another release of this program or another token is needed; an older database may be migrated meanwhile.
    pub(super) for_good: bool,
}

impl From<Mismatch> for Misfit {
    fn from(mismatch: Mismatch) -> Self {
        Self {
            for_good: matches!(mismatch, Mismatch::Newer { .. } | Mismatch::Changed { .. }),
            reason: mismatch.to_string(),
        }
    }
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        Self {
            for_good: matches!(error, Error::Refused(_)),
            reason: error.to_string(),
        }
    }
}

/// Where the job table is.
#[derive(Debug)]
pub(super) enum Board {
    /// Behind the database's password.
    Database(PgPool),
    /// Behind a token.
    Rest(Rest),
}

impl Board {
    /// Whether this program can work for it.
    pub(super) async fn fits(&self) -> std::result::Result<(), Misfit> {
        match self {
            Self::Database(pool) => Ok(db::schema_fits(pool).await?),
            Self::Rest(rest) => rest.fits().await,
        }
    }

    /// Makes this process known.
    pub(super) async fn register(
        &self,
        worker: Uuid,
        host: &str,
        device: &str,
        slots: u8,
    ) -> Result<()> {
        match self {
            Self::Database(pool) => {
                Ok(jobs::register_worker(pool, worker, host, device, VERSION, slots).await?)
            }
            Self::Rest(rest) => rest.register(worker, host, device, slots).await,
        }
    }

    /// Signs this process off.
    pub(super) async fn sign_off(&self, worker: Uuid) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::stop_worker(pool, worker).await?),
            Self::Rest(rest) => rest.sign_off(worker).await,
        }
    }

    /// Says what is wrong with this machine, or that all is well.
    pub(super) async fn report_trouble(
        &self,
        worker: Uuid,
        trouble: Option<&Trouble>,
    ) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::report_trouble(pool, worker, trouble).await?),
            Self::Rest(rest) => rest.report_trouble(worker, trouble).await,
        }
    }

    /// Says what data sets are here; gives those of which this worker gets no runs.
    pub(super) async fn offer(&self, worker: Uuid, offers: &[Offer]) -> Result<Vec<OtherContent>> {
        match self {
            Self::Database(pool) => Ok(jobs::offer(pool, worker, offers).await?),
            Self::Rest(rest) => rest.offer(worker, offers).await,
        }
    }

    /// Which of these runs have ended for good.
    pub(super) async fn ended(&self, worker: Uuid, runs: &[RunId]) -> Result<Vec<RunId>> {
        match self {
            Self::Database(pool) => Ok(jobs::ended(pool, worker, runs).await?),
            Self::Rest(rest) => rest.ended(worker, runs).await,
        }
    }

    /// The next run, if there is one for this worker.
    pub(super) async fn take(&self, worker: Uuid, timing: Timing) -> Result<Option<Lease>> {
        match self {
            Self::Database(pool) => Ok(jobs::take(pool, worker, timing).await?),
            Self::Rest(rest) => rest.take(worker).await,
        }
    }

    /// The registered checkpoints that the run may go on from.
    pub(super) async fn checkpoints(&self, lease: &Lease) -> Result<Known> {
        match self {
            Self::Database(pool) => Ok(Known {
                checkpoints: jobs::checkpoints(pool, lease).await?,
                // Whoever knows the database shares a folder.
                kept: false,
            }),
            Self::Rest(rest) => rest.checkpoints(lease).await,
        }
    }

    /// Sends a piece of a checkpoint's file, where the board keeps them.
    pub(super) async fn send_piece(
        &self,
        lease: &Lease,
        file: &Checkpoint,
        offset: u64,
        piece: Vec<u8>,
    ) -> Result<Held> {
        match self {
            Self::Database(_) => Err(Error::Refused("it has no files".into())),
            Self::Rest(rest) => rest.send_piece(lease, file, offset, piece).await,
        }
    }

    /// Gets a piece of a checkpoint's file, where the board keeps them.
    pub(super) async fn get_piece(
        &self,
        lease: &Lease,
        file: &Checkpoint,
        offset: u64,
    ) -> Result<Vec<u8>> {
        match self {
            Self::Database(_) => Err(Error::Refused("it has no files".into())),
            Self::Rest(rest) => rest.get_piece(lease, file, offset).await,
        }
    }

    /// Gives a sign of life, and learns of a cancel.
    pub(super) async fn beat(
        &self,
        lease: &Lease,
        progress: Progress,
        timing: Timing,
    ) -> Result<Beat> {
        match self {
            Self::Database(pool) => Ok(jobs::beat(pool, lease, progress, timing).await?),
            Self::Rest(rest) => {
                let heard = rest.report(lease, What::Beat(progress)).await?;
                Ok(Beat {
                    cancel: heard.cancel,
                })
            }
        }
    }

    /// Reports points of the learning curves.
    pub(super) async fn report_metrics(
        &self,
        lease: &Lease,
        progress: Progress,
        points: &[MetricPoint],
    ) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::report_metrics(pool, lease, progress, points).await?),
            Self::Rest(rest) => {
                let points = points.to_vec();
                rest.tell(lease, What::Metrics { progress, points }).await
            }
        }
    }

    /// Registers a checkpoint that lies safely in the store.
    pub(super) async fn checkpoint(&self, lease: &Lease, checkpoint: &Checkpoint) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::checkpoint(pool, lease, checkpoint).await?),
            Self::Rest(rest) => {
                let checkpoint = checkpoint.clone();
                rest.tell(lease, What::Checkpoint(checkpoint)).await
            }
        }
    }

    /// Notes that nobody can go on from a checkpoint.
    pub(super) async fn checkpoint_unusable(&self, lease: &Lease, key: &str) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::checkpoint_unusable(pool, lease, key).await?),
            Self::Rest(rest) => rest.tell(lease, What::Unusable(key.to_owned())).await,
        }
    }

    /// Notes from which step this attempt goes on.
    pub(super) async fn resumed(&self, lease: &Lease, step: u32) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::resumed(pool, lease, step).await?),
            Self::Rest(rest) => rest.tell(lease, What::Resumed(step)).await,
        }
    }

    /// Ends the attempt.
    pub(super) async fn finish(&self, lease: &Lease, ending: Ending, timing: Timing) -> Result<()> {
        match self {
            Self::Database(pool) => Ok(jobs::finish(pool, lease, ending, timing).await?),
            // Not every number has a place in JSON.
            Self::Rest(rest) => rest.tell(lease, What::End(ending.fit())).await,
        }
    }
}
