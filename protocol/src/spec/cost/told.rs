//! What an experiment costs, as it is told before anybody registers it.

use super::super::types::Spec;
use super::{Board, Kind, flops};
use serde::Serialize;

/// What an experiment costs, estimated by what runs took lately on the workers that live now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cost {
    /// Floating-point operations of its matrix products: a multiplication and an addition each, backwards twice as many as
    /// forwards.
    pub flops: f64,
    /// Seconds of the workers that all its runs take together.
    pub worker_seconds: f64,
    /// The most of these that this board allows an experiment.
    pub allowed_worker_seconds: f64,
    /// Seconds from its first run's start to its last one's end, if nobody else's runs are in between.
    pub seconds: f64,
    /// The same on each machine and device alone, the fastest first; empty while no worker lives.
    pub workers: Vec<CostOnWorkers>,
}

/// What an experiment costs on the workers of one machine and device; which machine is its operator's business.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CostOnWorkers {
    /// Their device.
    pub device: String,
    /// Runs that they work on at once.
    pub slots: u32,
    /// Runs that ended there lately, which the estimate is corrected by.
    pub measured: usize,
    /// Seconds of a run, in the mean of the arms; of a search the longest that one may take.
    pub run_seconds: f64,
    /// Seconds from the first run's start to the last one's end, if they train nothing else.
    pub seconds: f64,
}

impl Board {
    /// What the experiment costs here.
    pub fn cost(&self, spec: &Spec) -> Cost {
        let mut workers: Vec<CostOnWorkers> = self
            .kinds
            .iter()
            .filter(|kind| kind.slots > 0)
            .map(|kind| kind.cost(spec))
            .collect();
        workers.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        Cost {
            flops: flops(spec),
            worker_seconds: self.worker_seconds(spec),
            allowed_worker_seconds: 3600.0 * self.hours,
            seconds: self.seconds(spec),
            workers,
        }
    }
}

impl Kind {
    fn cost(&self, spec: &Spec) -> CostOnWorkers {
        let runs = (spec.runs() + spec.tuning_runs()).max(1) as f64;
        CostOnWorkers {
            device: self.device.clone(),
            slots: self.slots,
            measured: self.past.len(),
            run_seconds: super::in_all(spec, |setup| self.run_seconds(setup)) / runs,
            seconds: self.seconds(spec),
        }
    }
}
