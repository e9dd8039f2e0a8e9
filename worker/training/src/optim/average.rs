//! Averages of the weights.

use crate::model::Parameters;
use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// Non-monotonically triggered averaging (Merity, Keskar & Socher 2017, algorithm 1).
#[derive(Debug, Default)]
pub(super) struct Average {
    pub(super) progress: AverageProgress,
    /// Mean of the parameters since the trigger; empty before the first step after it.
    pub(super) means: Vec<Tensor>,
}

/// How far the averaging is, for a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AverageProgress {
    /// Validation losses of the measurements before the trigger.
    pub losses: Vec<f64>,
    /// Whether averaging has begun.
    pub begun: bool,
    /// Steps averaged over.
    pub steps: u32,
}

/// Measurements without improvement after which averaging begins: the paper's non-monotone interval.
const NON_MONOTONE: usize = 5;

impl Average {
    /// Takes the validation loss of a measurement; averaging begins with the next step if it is above the lowest of all
    /// but the last five.
    pub(super) fn measured(&mut self, loss: f64) {
        let progress = &mut self.progress;
        if progress.begun {
            return;
        }
        let earlier = progress.losses.len().saturating_sub(NON_MONOTONE);
        progress.begun = progress.losses[..earlier]
            .iter()
            .any(|&before| before < loss);
        progress.losses.push(loss);
    }

    /// Takes the parameters after a step into the mean.
    pub(super) fn add(&mut self, parameters: &Parameters) -> Result<()> {
        self.progress.steps += 1;
        if self.means.is_empty() {
            self.means = parameters.values()?;
            return Ok(());
        }
        let weight = 1.0 / f64::from(self.progress.steps);
        for ((_, var), mean) in parameters.named().iter().zip(&mut self.means) {
            let off = (var.as_detached_tensor() - &*mean)?;
            *mean = (&*mean + (off * weight)?)?;
        }
        Ok(())
    }
}
