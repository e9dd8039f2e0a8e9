//! What one window teaches: by a fast path where one applies, else by the graph.

use crate::dropout::Masks;
use crate::model::{Carried, Network, Parameters, Statistics};
use crate::optim::{self, Gradient};
use crate::tasks::Batch;
use crate::{card, fused};
use breakmywork_protocol::spec::Dropout;
use candle_core::{Device, Result, Tensor};

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
    /// Whether the gradients share their memory with nothing else, so that [`fused::reclaim`] may have it back.
    pub reclaimable: bool,
    /// The states to go on from.
    pub carried: Carried,
    /// The minibatch's statistics, where it was normalized by them.
    pub statistics: Statistics,
}

impl Window<'_> {
    /// Loss and gradients, by the faster way that there is.
    ///
    /// # Errors
    /// What the device says.
    pub fn learn(&self, dropout: &Dropout, device: &Device) -> Result<Learned> {
        if fused::applies(self.network, dropout, device) {
            return fused::learn(self);
        }
        let (_, first) = &self.parameters.named()[0];
        if let Some(card) = card::on(device)
            && card::applies(self.network, dropout, first.dtype())
        {
            return card::learn(&*card, self, card::BLOCK);
        }
        self.learn_by_graph()
    }

    /// Loss and gradients by candle's own operations: the reference.
    ///
    /// # Errors
    /// What the device says.
    pub fn learn_by_graph(&self) -> Result<Learned> {
        let weights = self.parameters.weights()?;
        let inputs = &self.batch.inputs;
        let pass = self
            .network
            .pass(&weights, inputs, self.carried, self.masks)?;
        let loss = self.network.loss(&pass.outputs, self.batch)?;
        let minimized = (&loss * self.factor)?;
        let [ar, tar] = self.penalties;
        let gradients = match pass.penalty(ar, tar)? {
            Some(penalty) => (minimized + penalty)?.backward()?,
            None => minimized.backward()?,
        };
        Ok(Learned {
            loss,
            gradients: optim::ordered(&gradients, self.parameters)?,
            reclaimable: false,
            carried: pass.carried,
            statistics: pass.statistics,
        })
    }
}
