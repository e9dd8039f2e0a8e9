//! One time step of a layer: the masked products of what enters it.

use super::normalize::Normalizer;
use crate::dropout::{Entering, Masks};
use candle_core::{Result, Tensor};

/// What the cell sees of one time step.
pub(super) struct Step<'a> {
    pub(super) masks: &'a Masks,
    pub(super) layer: usize,
    pub(super) t: usize,
    pub(super) weights: &'a [Tensor],
    pub(super) one: &'a Tensor,
    /// The layer's input and h, on their way into the products.
    pub(super) x: Entering,
    pub(super) h: Entering,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) normalizer: Normalizer<'a>,
}

impl Step<'_> {
    /// The products of the first `gates` matrices, each over [x, 1, h].
    pub(super) fn products(&self, gates: usize) -> Result<Vec<Tensor>> {
        let join = |gate| Tensor::cat(&[self.x.gate(gate), self.one, self.h.gate(gate)], 1);
        // The same joined input serves all gates, unless each has masks of its own.
        let tied = (self.x.tied() && self.h.tied())
            .then(|| join(0))
            .transpose()?;
        let product = |gate| {
            let joined = match &tied {
                Some(joined) => joined.clone(),
                None => join(gate)?,
            };
            let weights = &self.weights[gate];
            let product = joined.matmul(weights)?;
            let product = self
                .x
                .with_noise(gate, product, || weights.narrow(0, 0, self.inputs))?;
            self.h.with_noise(gate, product, || {
                weights.narrow(0, self.inputs + 1, self.hidden)
            })
        };
        (0..gates).map(product).collect()
    }

    /// The product of x alone with its rows of that gate's matrix.
    pub(super) fn plain_input_product(&self, gate: usize) -> Result<Tensor> {
        let weights = self.weights[gate].narrow(0, 0, self.inputs)?;
        let product = self.x.gate(gate).matmul(&weights)?;
        self.x.with_noise(gate, product, || Ok(weights))
    }

    /// The product of h alone with its rows of that gate's matrix.
    pub(super) fn plain_state_product(&self, gate: usize) -> Result<Tensor> {
        let weights = self.weights[gate].narrow(0, self.inputs + 1, self.hidden)?;
        let product = self.h.gate(gate).matmul(&weights)?;
        self.h.with_noise(gate, product, || Ok(weights))
    }

    /// The row of that gate's matrix that meets the 1.
    pub(super) fn bias(&self, gate: usize) -> Result<Tensor> {
        self.weights[gate].narrow(0, self.inputs, 1)
    }

    /// The product of [x, 1], as that gate gets x, with that matrix.
    pub(super) fn input_product(&self, gate: usize, matrix: usize) -> Result<Tensor> {
        let weights = &self.weights[matrix];
        let product = Tensor::cat(&[self.x.gate(gate), self.one], 1)?.matmul(weights)?;
        self.x
            .with_noise(gate, product, || weights.narrow(0, 0, self.inputs))
    }

    /// The product of [1, h], as that gate gets h, with that matrix.
    pub(super) fn state_product(&self, gate: usize, matrix: usize) -> Result<Tensor> {
        let weights = &self.weights[matrix];
        let product = Tensor::cat(&[self.one, self.h.gate(gate)], 1)?.matmul(weights)?;
        self.h
            .with_noise(gate, product, || weights.narrow(0, 1, self.hidden))
    }
}
