//! Normalization of the LSTM's products and of its cell state.
//!
//! The pre-activations of all gates become N(U h; γ₁) + N(W x; γ₂) + b, and h = o ⊙ tanh(N(c; γ₃, β₃)); the c that is
//! carried on stays as it is. N is one of
//! - layer normalization (Ba, Kiros & Hinton 2016, equations 20 to 22): over the 4 · hidden numbers of one sequence and
//!   step together, or the hidden numbers of c; gains begin at 1;
//! - batch normalization (Cooijmans et al. 2016, equations 6 to 8): each number over the minibatch, at each time step by
//!   itself; gains begin at 0.1. At test it is by running averages of the statistics of each step.

use super::Matrix;
use candle_core::{Result, Tensor};
use std::cell::RefCell;

/// Added to a variance, as in torch.
const EPSILON: f64 = 1e-5;
/// Weight of a new minibatch in a running average, as in torch.
const MOMENTUM: f64 = 0.1;
/// Gains of the two products for each gate, then gain and bias of the cell state: rows of one.
pub(super) fn matrices(gain: f64) -> Vec<Matrix> {
    // A random gain would undo the normalization.
    let row = |name, bias| Matrix {
        name,
        rows: 1,
        bias_row: 0,
        bias,
        always: true,
    };
    vec![
        row("input_gate_state_gain", gain),
        row("forget_gate_state_gain", gain),
        row("candidate_state_gain", gain),
        row("output_gate_state_gain", gain),
        row("input_gate_input_gain", gain),
        row("forget_gate_input_gain", gain),
        row("candidate_input_gain", gain),
        row("output_gate_input_gain", gain),
        row("cell_gain", gain),
        row("cell_bias", 0.0),
    ]
}

/// Mean and variance of each number that is batch-normalized at one step: (4 + 4 + 1) × hidden each.
pub type Moments = [Tensor; 2];

/// Statistics of batch normalization, by layer and time step.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// From the bottom; each has the steps of the longest window so far.
    pub layers: Vec<Vec<Moments>>,
}

impl Statistics {
    /// Moves running averages towards those of a minibatch; a step that is new begins with them.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn follow(&mut self, minibatch: &Self) -> Result<()> {
        self.layers.resize(minibatch.layers.len(), Vec::new());
        for (layer, seen) in self.layers.iter_mut().zip(&minibatch.layers) {
            for (running, new) in layer.iter_mut().zip(seen) {
                for (running, new) in running.iter_mut().zip(new) {
                    *running = ((&*running * (1.0 - MOMENTUM))? + (new * MOMENTUM)?)?;
                }
            }
            let known = layer.len();
            layer.extend(seen.iter().skip(known).cloned());
        }
        Ok(())
    }

    /// Those of a layer at a step; beyond the longest window those of its last step, as published.
    pub(super) fn at(&self, layer: usize, t: usize) -> Option<&Moments> {
        let steps = self.layers.get(layer)?;
        steps.get(t).or(steps.last())
    }
}

/// How one step normalizes.
pub(super) enum Normalizer<'a> {
    /// Not at all.
    None,
    /// Each sequence by itself.
    Layer,
    /// By given statistics.
    Given(&'a Moments),
    /// By those of the minibatch, which are kept here in the order of their use.
    Minibatch(RefCell<Vec<Moments>>),
}

impl Normalizer<'_> {
    /// What was seen of the minibatch, in one.
    pub(super) fn seen(self) -> Result<Option<Moments>> {
        let Self::Minibatch(seen) = self else {
            return Ok(None);
        };
        let seen = seen.into_inner();
        let rows = |which: usize| -> Result<Tensor> {
            let rows: Vec<&Tensor> = seen.iter().map(|moments| &moments[which]).collect();
            Ok(Tensor::cat(&rows, 0)?.detach())
        };
        Ok(Some([rows(0)?, rows(1)?]))
    }

    /// The parts, normalized; `first` is the row of given statistics that belongs to the first of them.
    pub(super) fn normalize(&self, parts: Vec<Tensor>, first: usize) -> Result<Vec<Tensor>> {
        match self {
            Self::None => Ok(parts),
            Self::Layer => by_sequence(parts),
            Self::Given([means, variances]) => {
                let part = |(row, part): (usize, Tensor)| {
                    let deviation = (variances.narrow(0, row, 1)? + EPSILON)?.sqrt()?;
                    part.broadcast_sub(&means.narrow(0, row, 1)?)?
                        .broadcast_div(&deviation)
                };
                (first..).zip(parts).map(part).collect()
            }
            Self::Minibatch(seen) => {
                let part = |part: Tensor| {
                    let size = part.dim(0)? as f64;
                    let mean = part.mean_keepdim(0)?;
                    let centred = part.broadcast_sub(&mean)?;
                    let variance = centred.sqr()?.mean_keepdim(0)?;
                    let unbiased = (&variance * (size / (size - 1.0).max(1.0)))?;
                    seen.borrow_mut().push([mean, unbiased]);
                    centred.broadcast_div(&(variance + EPSILON)?.sqrt()?)
                };
                parts.into_iter().map(part).collect()
            }
        }
    }
}

/// Mean 0 and variance 1 over all parts of a row together.
fn by_sequence(parts: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let total = |parts: &[Tensor]| -> Result<Tensor> {
        let sums = parts.iter().map(|part| part.sum_keepdim(1));
        let sums = sums.collect::<Result<Vec<_>>>()?;
        let width = parts.len() * parts[0].dim(1)?;
        Tensor::cat(&sums, 1)?.sum_keepdim(1)? / width as f64
    };
    let mean = total(&parts)?;
    let centred = parts.iter().map(|part| part.broadcast_sub(&mean));
    let centred = centred.collect::<Result<Vec<_>>>()?;
    let squares = centred
        .iter()
        .map(Tensor::sqr)
        .collect::<Result<Vec<_>>>()?;
    let deviation = (total(&squares)? + EPSILON)?.sqrt()?;
    let scaled = centred.iter().map(|part| part.broadcast_div(&deviation));
    scaled.collect()
}
