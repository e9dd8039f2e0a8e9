//! A window: what is learned from in one optimizer step, and what it teaches.

use crate::dropout::Masks;
use crate::gradient::Gradient;
use crate::model::{Carried, Parameters, Statistics};
use crate::network::Network;
use crate::tasks::Batch;
use candle_core::Tensor;

/// What is learned from in one optimizer step.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// The network.
    pub network: &'a Network,
    /// Its parameters.
    pub parameters: &'a Parameters,
    /// What is read and what should be answered.
    pub batch: &'a Batch,
    /// What is dropped.
    pub masks: &'a Masks,
    /// The states before, if this goes on from a window.
    pub carried: Option<&'a Carried>,
    /// What the loss is multiplied by before gradients are taken.
    pub factor: f64,
    /// Weights of the penalties on activations, `ar` and `tar`.
    pub penalties: [f64; 2],
}

/// What it teaches.
pub struct Learned {
    /// Mean loss over the outputs that count, without factor and penalties: curves of arms with other penalties compare.
    pub loss: Tensor,
    /// Gradients in the order of the parameters.
    pub gradients: Vec<Gradient>,
    /// The states to go on from.
    pub carried: Carried,
    /// The minibatch's statistics, where it was normalized by them.
    pub statistics: Statistics,
}
