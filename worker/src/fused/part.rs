//! A thread's part of a minibatch: its whole way through the network and back.

use super::head::{Answers, Output};
use super::layer::{Tape, Walk};
use super::masks::{LayerMasks, Mask};
use super::real::Real;
use super::weights::{LayerWeights, Parts, Size, values};
use crate::dropout::Masks;
use crate::model::{Arranged, Carried, Network, Parameters};
use crate::tasks::{Batch, Head, Inputs};
use breakmywork_protocol::spec::SiteName;
use candle_core::{Device, Result, Tensor};
use std::borrow::Cow;
use std::ops::Range;

/// What all parts read.
pub(super) struct Shared<'a, R> {
    network: &'a Network,
    batch: &'a Batch,
    steps: usize,
    /// Steps whose outputs are read.
    read: usize,
    sizes: Vec<Size>,
    weights: Vec<LayerWeights<R>>,
    masks: Vec<LayerMasks<R>>,
    embedding: Option<Vec<R>>,
    /// steps · batch × 1.
    embedding_mask: Option<Mask<R>>,
    output: Output<R>,
    output_mask: Option<Mask<R>>,
    /// steps · batch × numbers, if numbers are read.
    numbers: Vec<R>,
    targets: Targets<R>,
    counting: Option<Vec<R>>,
    /// h and c of each layer before the window: batch × hidden.
    before: Vec<[Vec<R>; 2]>,
    /// How many outputs count.
    pub(super) counts: f64,
}

enum Targets<R> {
    Numbers(Vec<R>),
    Classes(Vec<u32>),
}

/// Sequences of a part and, for each layer, their last h and c.
pub(super) type States<R> = (Range<usize>, Vec<[Vec<R>; 2]>);

/// How a part of the minibatch did.
pub(super) struct Scored<R> {
    pub(super) states: States<R>,
    /// Sum of the losses that count.
    pub(super) loss: f64,
    /// How many of the classes were right.
    pub(super) right: f64,
}

/// What a part of the minibatch taught.
pub(super) struct OfPart<R> {
    pub(super) rows: Range<usize>,
    pub(super) sum: f64,
    pub(super) layers: Vec<Parts<R>>,
    pub(super) output: Vec<R>,
    pub(super) output_bias: Vec<R>,
    /// Each token with the gradient of its row.
    pub(super) embedded: Vec<(Vec<u32>, Vec<R>)>,
    /// h and c of each layer after the window.
    pub(super) last: Vec<[Vec<R>; 2]>,
}

impl<'a, R: Real> Shared<'a, R> {
    pub(super) fn read(
        network: &'a Network,
        tensors: &Arranged,
        batch: &'a Batch,
        carried: Option<&Carried>,
        masks: &Masks,
    ) -> Result<Self> {
        let steps = batch.inputs.steps();
        let read = network.read_out.of(steps);
        let size = |layer| Size {
            cell: network.cell,
            inputs: network.layer_inputs(layer),
            hidden: network.hidden,
            gates: network.gates(),
        };
        let sizes: Vec<Size> = (0..network.layers).map(size).collect();
        let layer_masks = |(layer, size): (usize, &Size)| {
            LayerMasks::read(masks, layer, steps, size.inputs, size.hidden)
        };
        let layer_masks = sizes.iter().enumerate().map(layer_masks);
        let layer_masks: Vec<LayerMasks<R>> = layer_masks.collect::<Result<_>>()?;
        let layer_weights = |(layer, size): (usize, &Size)| {
            let dropped = layer_masks[layer].recurrent_weights.as_ref();
            LayerWeights::read(*size, &tensors.layers[layer], dropped)
        };
        let weights = sizes.iter().enumerate().map(layer_weights);
        let weights = weights.collect::<Result<_>>()?;
        let embedding = tensors.embedding.as_ref().map(values).transpose()?;
        let output = Output {
            weight: match (&tensors.output, &embedding) {
                (Some(output), _) => values(output)?,
                (None, Some(embedding)) => embedding.clone(),
                (None, None) => candle_core::bail!("the output is tied to no embedding"),
            },
            bias: values(&tensors.output_bias)?,
            hidden: network.hidden,
            width: network.head.width(),
            tied: tensors.output.is_none(),
        };
        let numbers = match &batch.inputs {
            Inputs::Numbers(steps) => {
                let steps = steps.iter().map(values::<R>);
                steps.collect::<Result<Vec<_>>>()?.concat()
            }
            Inputs::Tokens(_) => Vec::new(),
        };
        let targets = match network.head {
            Head::Classes(_) => Targets::Classes(batch.targets.to_vec1()?),
            Head::Value | Head::Keys(_) => Targets::Numbers(values(&batch.targets)?),
        };
        let counting: Option<Vec<R>> = batch.weights.as_ref().map(values).transpose()?;
        let counts = match &counting {
            None => (read * batch.size) as f64,
            Some(counting) => counting.iter().map(|weight| weight.wide()).sum(),
        };
        Ok(Self {
            network,
            batch,
            steps,
            read,
            sizes,
            weights,
            masks: layer_masks,
            embedding,
            embedding_mask: Mask::read(masks, SiteName::Embedding, 0, steps, 1)?,
            output,
            output_mask: Mask::read(
                masks,
                SiteName::Output,
                network.layers - 1,
                read,
                network.hidden,
            )?,
            numbers,
            targets,
            counting,
            before: before(network, batch, carried)?,
            counts,
        })
    }

    /// The whole way of these sequences and back; `factor` multiplies the loss, `penalties` are on activations.
    pub(super) fn learn(&self, rows: Range<usize>, factor: f64, penalties: [f64; 2]) -> OfPart<R> {
        let (count, n) = (rows.len(), self.output.hidden);
        let mut x = self.inputs(&rows);
        let mut tapes: Vec<Tape<R>> = Vec::new();
        let walks: Vec<Walk<'_, R>> = (0..self.sizes.len())
            .map(|layer| self.walk(layer, &rows))
            .collect();
        for (walk, before) in walks.iter().zip(&self.before) {
            let tape = walk.forward(Cow::Owned(x), own(before, &rows, n));
            x = tape.states(count, n).to_vec();
            tapes.push(tape);
        }
        let entered = self.entering_output(&x, &rows);
        let loss = self.output.learn(
            &entered,
            &self.answers(&self.pick_targets(&rows)),
            self.pick_counting(&rows).as_deref(),
            factor / self.counts,
        );
        let mut above = self.above(&x, &entered, loss.entered, penalties, &rows);
        let last = tapes
            .iter()
            .map(|tape| tape.last(count, n).map(<[R]>::to_vec));
        let last = last.collect();
        let mut layers = Vec::with_capacity(walks.len());
        for (layer, (walk, tape)) in walks.iter().zip(tapes).enumerate().rev() {
            let wants_inputs = layer > 0 || self.embedding.is_some();
            let (parts, inputs) = walk.backward(tape, &above, wants_inputs);
            layers.push(parts);
            above = inputs;
        }
        layers.reverse();
        OfPart {
            sum: loss.sum,
            layers,
            output: loss.weight,
            output_bias: loss.bias,
            embedded: self.embedded(above, &rows).into_iter().collect(),
            last,
            rows,
        }
    }

    /// What enters the output of these sequences, steps read · rows × hidden, and their last states.
    fn forward(&self, rows: &Range<usize>) -> (Vec<R>, Vec<[Vec<R>; 2]>) {
        let (count, n) = (rows.len(), self.output.hidden);
        let mut x = self.inputs(rows);
        let mut last = Vec::with_capacity(self.sizes.len());
        for (layer, before) in self.before.iter().enumerate() {
            let walk = self.walk(layer, rows);
            let tape = walk.forward(Cow::Owned(x), own(before, rows, n));
            x = tape.states(count, n).to_vec();
            last.push(tape.last(count, n).map(<[R]>::to_vec));
        }
        (self.entering_output(&x, rows), last)
    }

    /// Loss and right answers of these sequences, logits divided by the temperature.
    pub(super) fn score(&self, rows: Range<usize>, temperature: f64) -> Scored<R> {
        let (entered, last) = self.forward(&rows);
        let [loss, right] = self.output.score(
            &entered,
            &self.answers(&self.pick_targets(&rows)),
            self.pick_counting(&rows).as_deref(),
            temperature,
        );
        Scored {
            states: (rows, last),
            loss,
            right,
        }
    }

    /// The outputs of these sequences: steps read · rows × width.
    pub(super) fn outputs(&self, rows: Range<usize>) -> (Vec<R>, States<R>) {
        let (entered, last) = self.forward(&rows);
        (self.output.outputs(&entered), (rows, last))
    }

    /// The outputs of all parts, step by step: (steps read · batch) × width.
    pub(super) fn join(&self, parts: &[(Vec<R>, States<R>)]) -> Result<Tensor> {
        let (size, width) = (self.batch.size, self.output.width);
        let mut all = vec![R::ZERO; self.read * size * width];
        for (outputs, (rows, _)) in parts {
            let step = rows.len() * width;
            for (t, outputs) in outputs.chunks_exact(step).enumerate() {
                all[(t * size + rows.start) * width..][..step].copy_from_slice(outputs);
            }
        }
        Tensor::from_vec(all, (self.read * size, width), &Device::Cpu)
    }

    fn walk(&self, layer: usize, rows: &Range<usize>) -> Walk<'_, R> {
        Walk {
            size: self.sizes[layer],
            weights: &self.weights[layer],
            masks: &self.masks[layer],
            steps: self.steps,
            rows: rows.len(),
            first: rows.start,
        }
    }

    /// What these sequences read: steps · rows × inputs.
    fn inputs(&self, rows: &Range<usize>) -> Vec<R> {
        let width = self.sizes[0].inputs;
        let Some(embedding) = &self.embedding else {
            return pick(&self.numbers, self.steps, self.batch.size, width, rows);
        };
        let ids = self.pick_ids(rows);
        let mut x = Vec::with_capacity(ids.len() * width);
        for (place, &id) in ids.iter().enumerate() {
            let row = &embedding[id as usize * width..][..width];
            let keep = self.keeps(place, rows);
            x.extend(row.iter().map(|&value| value * keep));
        }
        x
    }

    /// The embedding's mask of the token at that place of the part.
    fn keeps(&self, place: usize, rows: &Range<usize>) -> R {
        let (t, row) = (place / rows.len(), place % rows.len());
        let mask = self.embedding_mask.as_ref();
        mask.map_or(R::ONE, |mask| mask.row(t, 0, rows.start + row)[0])
    }

    fn pick_ids(&self, rows: &Range<usize>) -> Vec<u32> {
        let tokens = self.batch.inputs.tokens();
        let ids = tokens.map_or(&[][..], |tokens| &tokens.ids);
        pick(ids, self.steps, self.batch.size, 1, rows)
    }

    /// The top states at the steps read, with the output's masks.
    fn entering_output(&self, states: &[R], rows: &Range<usize>) -> Vec<R> {
        let n = self.output.hidden;
        let first = (self.steps - self.read) * rows.len() * n;
        let mut entered = states[first..].to_vec();
        if let Some(mask) = &self.output_mask {
            for (place, entered) in entered.chunks_exact_mut(n).enumerate() {
                let (t, row) = (place / rows.len(), place % rows.len());
                let mask = mask.row(t, 0, rows.start + row);
                for (entered, &keep) in entered.iter_mut().zip(mask) {
                    *entered *= keep;
                }
            }
        }
        entered
    }

    /// The gradient of the top states at every step: from the loss through the output's masks, and from the penalties.
    fn above(
        &self,
        states: &[R],
        entered: &[R],
        mut from_output: Vec<R>,
        [ar, tar]: [f64; 2],
        rows: &Range<usize>,
    ) -> Vec<R> {
        let (n, size) = (self.output.hidden, self.batch.size);
        // Means over all entries of the whole minibatch.
        if ar > 0.0 {
            let weight = R::of(2.0 * ar / (self.read * size * n) as f64);
            for (gradient, &entered) in from_output.iter_mut().zip(entered) {
                *gradient += weight * entered;
            }
        }
        if let Some(mask) = &self.output_mask {
            for (place, gradient) in from_output.chunks_exact_mut(n).enumerate() {
                let (t, row) = (place / rows.len(), place % rows.len());
                let mask = mask.row(t, 0, rows.start + row);
                for (gradient, &keep) in gradient.iter_mut().zip(mask) {
                    *gradient *= keep;
                }
            }
        }
        let mut above = vec![R::ZERO; states.len() - from_output.len()];
        above.extend(from_output);
        if tar > 0.0 && self.steps > 1 {
            let step = rows.len() * n;
            let weight = R::of(2.0 * tar / ((self.steps - 1) * size * n) as f64);
            for place in step..states.len() {
                let change = weight * (states[place] - states[place - step]);
                above[place] += change;
                above[place - step] -= change;
            }
        }
        above
    }

    /// The tokens with the gradients of their rows, if there are embeddings.
    fn embedded(&self, mut gradient: Vec<R>, rows: &Range<usize>) -> Option<(Vec<u32>, Vec<R>)> {
        self.embedding.as_ref()?;
        let width = self.sizes[0].inputs;
        for (place, gradient) in gradient.chunks_exact_mut(width).enumerate() {
            let keep = self.keeps(place, rows);
            for gradient in gradient {
                *gradient *= keep;
            }
        }
        Some((self.pick_ids(rows), gradient))
    }

    fn pick_targets(&self, rows: &Range<usize>) -> Targets<R> {
        let size = self.batch.size;
        match &self.targets {
            Targets::Classes(classes) => Targets::Classes(pick(classes, self.read, size, 1, rows)),
            Targets::Numbers(numbers) => {
                let width = numbers.len() / (self.read * size);
                Targets::Numbers(pick(numbers, self.read, size, width, rows))
            }
        }
    }

    fn answers<'t>(&self, targets: &'t Targets<R>) -> Answers<'t, R> {
        match (targets, self.network.head) {
            (Targets::Classes(classes), _) => Answers::Classes(classes),
            (Targets::Numbers(keys), Head::Keys(_)) => Answers::Keys(keys),
            (Targets::Numbers(values), _) => Answers::Values(values),
        }
    }

    fn pick_counting(&self, rows: &Range<usize>) -> Option<Vec<R>> {
        let counting = self.counting.as_ref()?;
        Some(pick(counting, self.read, self.batch.size, 1, rows))
    }

    /// The states after the window, of all parts.
    pub(super) fn carried<'s>(
        &self,
        parts: impl Iterator<Item = (&'s Range<usize>, &'s Vec<[Vec<R>; 2]>)> + Clone,
    ) -> Result<Carried>
    where
        R: 's,
    {
        let (size, n) = (self.batch.size, self.output.hidden);
        let whole = |layer: usize, which: usize| -> Result<Tensor> {
            let mut all = vec![R::ZERO; size * n];
            for (rows, last) in parts.clone() {
                let last = &last[layer][which];
                all[rows.start * n..][..last.len()].copy_from_slice(last);
            }
            Tensor::from_vec(all, (size, n), &Device::Cpu)
        };
        let layers = (0..self.sizes.len()).map(|layer| Ok([whole(layer, 0)?, whole(layer, 1)?]));
        Ok(Carried {
            layers: layers.collect::<Result<_>>()?,
        })
    }

    /// All gradients in the order of the parameters.
    pub(super) fn gradients(&self, all: OfPart<R>, parameters: &Parameters) -> Result<Vec<Tensor>> {
        let mut vectors = Vec::new();
        let mut output = Some(all.output);
        if let Some(embedding) = &self.embedding {
            let width = self.sizes[0].inputs;
            let tied = output.take_if(|_| self.output.tied);
            let mut gradient = tied.unwrap_or_else(|| vec![R::ZERO; embedding.len()]);
            for (ids, rows) in &all.embedded {
                for (&id, row) in ids.iter().zip(rows.chunks_exact(width)) {
                    super::add(&mut gradient[id as usize * width..][..width], row);
                }
            }
            vectors.push(gradient);
        }
        for (parts, size) in all.layers.into_iter().zip(&self.sizes) {
            vectors.extend(parts.matrices(*size));
        }
        vectors.extend(output);
        vectors.push(all.output_bias);
        let named = parameters.named().iter();
        let tensors = vectors
            .into_iter()
            .zip(named)
            .map(|(vector, (_, var))| Tensor::from_vec(vector, var.shape(), &Device::Cpu));
        tensors.collect()
    }
}

/// The states before the window, zero where it begins anew.
fn before<R: Real>(
    network: &Network,
    batch: &Batch,
    carried: Option<&Carried>,
) -> Result<Vec<[Vec<R>; 2]>> {
    let Some(carried) = carried else {
        let zero = vec![R::ZERO; batch.size * network.hidden];
        return Ok(vec![[zero.clone(), zero]; network.layers]);
    };
    let layer = |[h, c]: &[Tensor; 2]| Ok([values(h)?, values(c)?]);
    carried.layers.iter().map(layer).collect()
}

/// The states of these sequences.
fn own<'s, R>(before: &'s [Vec<R>; 2], rows: &Range<usize>, n: usize) -> [&'s [R]; 2] {
    let own = rows.start * n..rows.end * n;
    [&before[0][own.clone()], &before[1][own]]
}

/// The rows of these sequences of every step.
fn pick<T: Copy>(
    all: &[T],
    steps: usize,
    size: usize,
    width: usize,
    rows: &Range<usize>,
) -> Vec<T> {
    let mut picked = Vec::with_capacity(steps * rows.len() * width);
    for t in 0..steps {
        let first = (t * size + rows.start) * width;
        picked.extend_from_slice(&all[first..first + rows.len() * width]);
    }
    picked
}
