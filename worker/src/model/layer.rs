//! One recurrent layer over a whole sequence, and the masked products of one of its steps.

use super::normalize::{Moments, Normalizer, Statistics};
use super::{gru, lstm, rnn};
use crate::dropout::{Entering, Masks};
use crate::network::Network;
use breakmywork_protocol::spec::{Cell, Normalization, SiteName};
use candle_core::{Result, Tensor};
use std::borrow::Cow;
use std::cell::RefCell;

/// What the cell sees of one time step.
pub(super) struct Step<'a> {
    pub(super) masks: &'a Masks,
    pub(super) layer: usize,
    pub(super) t: usize,
    pub(super) weights: &'a [Tensor],
    one: &'a Tensor,
    /// The layer's input and h, on their way into the products.
    x: Entering,
    h: Entering,
    inputs: usize,
    hidden: usize,
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

/// What one layer leaves.
pub(super) struct Layer {
    /// h at every step.
    pub(super) states: Vec<Tensor>,
    /// The last h and c, without a graph.
    pub(super) last: [Tensor; 2],
    /// The minibatch's statistics at every step, where it is normalized by them.
    pub(super) seen: Vec<Moments>,
}

impl Network {
    /// The states h of a layer at every step, from those before or from zero.
    pub(super) fn layer(
        &self,
        layer: usize,
        weights: &[Tensor],
        inputs: &[Tensor],
        before: Option<&[Tensor; 2]>,
        masks: &Masks,
        statistics: Option<&Statistics>,
    ) -> Result<Layer> {
        let batch = inputs[0].dim(0)?;
        let one = Tensor::ones((batch, 1), inputs[0].dtype(), inputs[0].device())?;
        let zero = Tensor::zeros((batch, self.hidden), one.dtype(), one.device())?;
        let [mut h, mut c] = before.cloned().unwrap_or_else(|| [zero.clone(), zero]);
        // Where `between` has masks it stands in for `input`; only one of them has any.
        let site = match masks.site(SiteName::Between, layer) {
            Some(_) => SiteName::Between,
            None => SiteName::Input,
        };
        let mut states = Vec::with_capacity(inputs.len());
        let mut seen = Vec::new();
        let mut masked: Option<Vec<Tensor>> = None;
        for (t, x) in inputs.iter().enumerate() {
            let dropped = self.with_dropped_entries(layer, t, weights, masks, masked.take())?;
            let step = Step {
                masks,
                layer,
                t,
                weights: &dropped,
                one: &one,
                x: masks.entering(site, layer, t, x)?,
                h: masks.entering(SiteName::State, layer, t, &h)?,
                inputs: self.layer_inputs(layer),
                hidden: self.hidden,
                normalizer: self.normalizer(layer, t, statistics),
            };
            h = match self.cell {
                Cell::Rnn => rnn::step(&step, &h)?,
                Cell::Gru => gru::step(&step, &h)?,
                Cell::Lstm => {
                    let (next, cell) = lstm::step(&step, &h, &c)?;
                    c = cell;
                    next
                }
            };
            seen.extend(step.normalizer.seen()?);
            states.push(h.clone());
            if let Cow::Owned(dropped) = dropped {
                masked = Some(dropped);
            }
        }
        Ok(Layer {
            states,
            last: [h.detach(), c.detach()],
            seen,
        })
    }

    fn normalizer<'a>(
        &self,
        layer: usize,
        t: usize,
        statistics: Option<&'a Statistics>,
    ) -> Normalizer<'a> {
        match (self.normalization, statistics) {
            (Normalization::None, _) => Normalizer::None,
            (Normalization::Layer, _) => Normalizer::Layer,
            (Normalization::Batch, statistics) => statistics
                .and_then(|statistics| statistics.at(layer, t))
                .map_or_else(
                    || Normalizer::Minibatch(RefCell::default()),
                    Normalizer::Given,
                ),
        }
    }

    /// The layer's matrices as that step sees them: with entries of U dropped, if they are. Gradients flow through the mask.
    fn with_dropped_entries<'a>(
        &self,
        layer: usize,
        t: usize,
        weights: &'a [Tensor],
        masks: &Masks,
        before: Option<Vec<Tensor>>,
    ) -> Result<Cow<'a, [Tensor]>> {
        let Some(mask) = masks.recurrent_weights(layer, t, &weights[0])? else {
            return Ok(Cow::Borrowed(weights));
        };
        if let (Some(before), false) = (before, masks.weights_change(layer)) {
            return Ok(Cow::Owned(before));
        }
        let mean = mask.dims() == [1, 1];
        // The GRU's third matrix is over [x, 1] alone, and gains of a normalization meet no h.
        let gru = self.cell == Cell::Gru;
        let recurrent =
            |matrix: usize| (!gru || matrix != 2) && weights[matrix].elem_count() > self.hidden;
        let mut gate = 0;
        let mut dropped = Vec::with_capacity(weights.len());
        for (matrix, weights) in weights.iter().enumerate() {
            if !recurrent(matrix) {
                dropped.push(weights.clone());
                continue;
            }
            let entries = if mean {
                mask.broadcast_as((self.hidden, self.hidden))?
                    .contiguous()?
            } else {
                mask.get(gate)?
            };
            gate += 1;
            let others = weights.dim(0)? - self.hidden;
            let kept = Tensor::ones((others, self.hidden), mask.dtype(), mask.device())?;
            dropped.push((weights * Tensor::cat(&[&kept, &entries], 0)?)?);
        }
        Ok(Cow::Owned(dropped))
    }
}
