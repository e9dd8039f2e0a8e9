//! One recurrent layer over a whole sequence.

use super::normalize::{Moments, Normalizer, Statistics};
use super::step::Step;
use super::{gru, lstm, rnn};
use crate::dropout::Masks;
use crate::network::Network;
use breakmywork_protocol::spec::{Cell, Normalization, SiteName};
use candle_core::{Result, Tensor};
use std::borrow::Cow;
use std::cell::RefCell;

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
