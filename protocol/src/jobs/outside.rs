//! What an outside worker and its board say to each other: the job table over REST.

use super::{Checkpoint, Ending, Lease, MetricPoint, Offer, OtherContent, Progress, Trouble};
use crate::db::MIGRATOR;
use crate::id::{ExperimentId, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where it is spoken, below the board's address.
pub const PATH: &str = "/api/v1/worker";

/// Points of curves in one report at most.
pub const MOST_POINTS: usize = 500;

/// Data sets that one worker offers at most.
pub const MOST_DATA_SETS: usize = 500;

/// Runs that one question names at most.
pub const MOST_RUNS: usize = 5_000;

/// Last part of a problem's address: the lease on the run was taken away. Write nothing more of it.
pub const LEASE_LOST: &str = "lease-lost";
/// The board does not know this worker: it has to register (again).
pub const NOT_REGISTERED: &str = "not-registered";
/// Another process has registered with the same token, and is the worker now.
pub const REPLACED: &str = "replaced";

/// Which release a program is of, so that a worker and a board that do not understand each other find out first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = BoardRelease))]
pub struct Release {
    /// Version of its last migration.
    pub migration: i64,
    /// SHA-256 over all of its migrations, in hexadecimal.
    pub sha256: String,
}

impl Release {
    /// That of this program.
    pub fn of_this_program() -> Self {
        let mut hash = Sha256::new();
        let ups = || {
            MIGRATOR
                .iter()
                .filter(|one| one.migration_type.is_up_migration())
        };
        for migration in ups() {
            hash.update(migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
        Self {
            migration: ups().map(|one| one.version).max().unwrap_or(0),
            sha256: hex::encode(hash.finalize()),
        }
    }
}

/// What a worker says of itself when it registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WorkerRegistration))]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Host name.
    pub host: String,
    /// Its device.
    pub device: String,
    /// Version of its code.
    pub version: String,
    /// Most runs that it works on at once.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 64))]
    pub slots: u8,
}

/// What is wrong with a worker's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WorkerCondition))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Null while all is well.
    pub trouble: Option<Trouble>,
}

/// A data set that a worker has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OfferedDataSet {
    /// As `name@version`.
    pub data_set: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl From<&Offer> for OfferedDataSet {
    fn from(offer: &Offer) -> Self {
        Self {
            data_set: offer.data_set.to_string(),
            sha256: offer.sha256.clone(),
        }
    }
}

/// All data sets that a worker has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = WorkerShelf))]
#[serde(deny_unknown_fields)]
pub struct Shelf {
    /// 500 at most.
    pub data_sets: Vec<OfferedDataSet>,
}

/// Which of a worker's data sets it gets no runs of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unwanted {
    /// Those whose content is another one than the board's.
    pub other_content: Vec<OtherContent>,
}

/// Runs by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunNumbers {
    /// 5,000 at most.
    pub runs: Vec<RunId>,
}

/// The answer to a worker that asks for a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Taken {
    /// Null if there is none for it.
    pub lease: Option<GivenLease>,
}

/// A time-limited right to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GivenLease {
    /// The run.
    pub run: RunId,
    /// Fencing number; every report names it.
    pub epoch: i64,
    /// The experiment it belongs to.
    pub experiment: ExperimentId,
    /// What to train; null if the board cannot read it.
    pub plan: Option<Value>,
    /// Why the board cannot read it.
    pub unreadable: Option<String>,
    /// Longest time this attempt may take, in seconds.
    pub max_runtime_s: i32,
}

impl From<Lease> for GivenLease {
    fn from(lease: Lease) -> Self {
        let (plan, unreadable) = match lease.plan {
            Ok(plan) => (serde_json::to_value(plan).ok(), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            run: lease.run,
            epoch: lease.epoch,
            experiment: lease.experiment,
            plan,
            unreadable,
            max_runtime_s: lease.max_runtime_s,
        }
    }
}

impl GivenLease {
    /// The lease as the worker that took it holds it.
    pub fn of(self, worker: uuid::Uuid) -> Lease {
        let plan = match (self.plan, self.unreadable) {
            (Some(plan), _) => serde_json::from_value(plan).map_err(|error| error.to_string()),
            (None, why) => Err(why.unwrap_or_else(|| "it is missing".into())),
        };
        Lease {
            run: self.run,
            epoch: self.epoch,
            experiment: self.experiment,
            worker,
            plan,
            max_runtime_s: self.max_runtime_s,
        }
    }
}

/// What the holder of a lease reports of its run. Each may be sent twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RunReport))]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The lease's fencing number.
    pub epoch: i64,
    /// What is reported.
    pub what: What,
}

/// One thing that is reported of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Reported))]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A sign of life.
    Beat(Progress),
    /// Points of the learning curves, 500 at most, and the progress at that moment.
    #[serde(rename_all = "snake_case")]
    Metrics {
        /// How far the run is.
        progress: Progress,
        /// In the order in which they were measured.
        points: Vec<MetricPoint>,
    },
    /// A checkpoint that lies safely in the worker's store.
    Checkpoint(Checkpoint),
    /// A checkpoint that nobody can go on from, by its key.
    Unusable(String),
    /// The step of the checkpoint that this attempt goes on from.
    Resumed(u32),
    /// How the attempt ended.
    End(Ending),
}

/// What a report learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heard {
    /// Whether somebody asked for the end of the run.
    pub cancel: bool,
}

/// Bytes of a checkpoint's file in one request at most.
pub const PIECE: usize = 1 << 20;

/// Which piece of a checkpoint's file is sent, and what the whole file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct SentPiece {
    /// Where in the file it begins.
    pub offset: u64,
    /// Bytes of the whole file.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: String,
}

/// How much of a checkpoint's file the board has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = HeldCheckpoint))]
pub struct Held {
    /// Bytes from its beginning on; the next piece begins there. 0 after all were there and were not the file that was said.
    pub bytes: u64,
    /// Whether it is there, whole, and is that file.
    pub whole: bool,
}

/// The registered checkpoints of a run that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = KnownCheckpoints))]
pub struct Known {
    /// The furthest first.
    pub checkpoints: Vec<Checkpoint>,
    /// Whether the board keeps the files of this worker's checkpoints: then it sends each before it registers it, and gets
    /// those that it has not itself.
    pub kept: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_survives_the_way() {
        for value in [0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
            let point = MetricPoint {
                name: "train_loss".into(),
                step: 1,
                value,
            };
            let sent = serde_json::to_string(&point).expect("plain data");
            let back: MetricPoint = serde_json::from_str(&sent).expect("reads");
            assert_eq!(back.value.to_bits(), value.to_bits(), "{sent}");
        }
        let other = r#"{"name":"x","step":1,"value":"many"}"#;
        assert!(serde_json::from_str::<MetricPoint>(other).is_err());
    }

    #[test]
    fn every_end_survives_the_way() {
        let error = || "e".to_owned();
        let kind = super::super::FailureKind::TimedOut;
        let result = crate::result::RunResult::simulated(&[("test_mse", 0.5)]);
        for end in [
            Ending::Succeeded(Box::new(result)),
            Ending::Failed {
                kind,
                error: error(),
            },
            Ending::Preempted,
            Ending::Unable { error: error() },
            Ending::Lost { error: error() },
            Ending::Cancelled,
        ] {
            let report = Report {
                epoch: 2,
                what: What::End(end),
            };
            let sent = serde_json::to_string(&report).expect("plain data");
            assert_eq!(
                serde_json::from_str::<Report>(&sent).expect("reads"),
                report
            );
        }
    }
}
