//! A part of the minibatch: its whole way through the network and back.

use super::head::{Answers, Lesson, Loss, Output};
use super::inputs::{Embedded, Inputs, Tokens};
use super::layer::{LayerPass, Tape};
use super::masks::{LayerMasks, SiteMask};
use super::rows::{Origin, times};
use super::weight_gradients::matrix_gradients;
use super::weights::{Matrices, PackedRecurrent, Size};
use crate::dropout::Masks;
use crate::model::{Arranged, Carried};
use crate::network::Network;
use crate::tasks::{self, Batch, Head};
use crate::vectors::{Buffer, Numbers, Real, values};
use breakmywork_protocol::spec::SiteName;
use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// The parameters as they lie.
pub(super) struct ParameterViews<'t, R> {
    sizes: Vec<Size>,
    layers: Vec<Matrices<'t, R>>,
    embedding: Option<Numbers<'t, R>>,
    output: Option<Numbers<'t, R>>,
    output_bias: Numbers<'t, R>,
}

impl<'t, R: Real> ParameterViews<'t, R> {
    /// Those of that network.
    pub(super) fn of(network: &Network, tensors: &'t Arranged) -> Result<Self> {
        let size = |layer| Size {
            cell: network.cell,
            inputs: network.layer_inputs(layer),
            hidden: network.hidden,
            gates: network.gates(),
        };
        let sizes: Vec<Size> = (0..network.layers).map(size).collect();
        let layers = sizes.iter().zip(&tensors.layers);
        let layers = layers.map(|(&size, tensors)| Matrices::of(size, tensors));
        Ok(Self {
            layers: layers.collect::<Result<_>>()?,
            sizes,
            embedding: tensors.embedding.as_ref().map(Numbers::of).transpose()?,
            output: tensors.output.as_ref().map(Numbers::of).transpose()?,
            output_bias: Numbers::of(&tensors.output_bias)?,
        })
    }
}

/// What all parts read.
pub(super) struct MinibatchContext<'a, R: Real> {
    network: &'a Network,
    batch: &'a Batch,
    steps: usize,
    /// Steps whose outputs are read.
    read: usize,
    weights: &'a ParameterViews<'a, R>,
    packed: Vec<PackedRecurrent<R>>,
    masks: Vec<LayerMasks<R>>,
    /// steps · batch × 1.
    embedding_mask: Option<SiteMask<R>>,
    output: Output<'a, R>,
    output_mask: Option<SiteMask<R>>,
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

/// A part of the minibatch on its way.
pub(super) struct Forwarded<R: Real> {
    pub(super) rows: Range<usize>,
    /// What the lowest layer's rows are of, if it reads tokens.
    tokens: Option<Tokens<R>>,
    /// Of each layer, from the bottom.
    pub(super) tapes: Vec<Tape<R>>,
    /// What enters the output, where the top states do not as they are.
    dropped: Option<Buffer<R>>,
    targets: Targets<R>,
    counting: Option<Vec<R>>,
}

impl<'a, R: Real> MinibatchContext<'a, R> {
    /// What a window reads; the way back is prepared only where it `learns`.
    pub(super) fn read(
        network: &'a Network,
        weights: &'a ParameterViews<'a, R>,
        batch: &'a Batch,
        carried: Option<&Carried>,
        masks: &Masks,
        learns: bool,
    ) -> Result<Self> {
        let steps = batch.inputs.steps();
        let read = network.read_out.of(steps);
        let layer_masks = |(layer, size): (usize, &Size)| {
            LayerMasks::read(masks, layer, steps, size.inputs, size.hidden)
        };
        let layer_masks = weights.sizes.iter().enumerate().map(layer_masks);
        let layer_masks: Vec<LayerMasks<R>> = layer_masks.collect::<Result<_>>()?;
        let packed = weights.layers.par_iter().zip(&layer_masks);
        let packed = packed.map(|(matrices, masks)| PackedRecurrent::pack(matrices, masks, learns));
        let packed = packed.collect();
        let output = Output {
            weight: match (&weights.output, &weights.embedding) {
                (Some(output), _) => output.matrix(),
                (None, Some(embedding)) => embedding.matrix().transposed(),
                (None, None) => candle_core::bail!("the output is tied to no embedding"),
            },
            bias: weights.output_bias.slice(),
            tied: weights.output.is_none(),
        };
        let numbers = match &batch.inputs {
            tasks::Inputs::Numbers(steps) => {
                let steps = steps.iter().map(values::<R>);
                steps.collect::<Result<Vec<_>>>()?.concat()
            }
            tasks::Inputs::Tokens(_) => Vec::new(),
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
        let (top, n) = (network.layers - 1, network.hidden);
        Ok(Self {
            network,
            batch,
            steps,
            read,
            weights,
            packed,
            masks: layer_masks,
            embedding_mask: SiteMask::read(masks, SiteName::Embedding, 0, steps, 1)?,
            output,
            output_mask: SiteMask::read(masks, SiteName::Output, top, read, n)?,
            numbers,
            targets,
            counting,
            before: before(network, batch, carried)?,
            counts,
        })
    }

    /// The whole way of these sequences up to what enters the output.
    pub(super) fn forward(&self, rows: Range<usize>) -> Forwarded<R> {
        let (count, n) = (rows.len(), self.network.hidden);
        let (tokens, mut x) = self.inputs(&rows);
        let mut tapes: Vec<Tape<R>> = Vec::with_capacity(self.before.len());
        for (layer, before) in self.before.iter().enumerate() {
            let tape = self.walk(layer, &rows).forward(x, own(before, &rows, n));
            let last = layer + 1 == self.before.len();
            x = Inputs::of_steps(match last {
                true => Buffer::take(0),
                false => Buffer::copy_of(tape.states(count, n)),
            });
            tapes.push(tape);
        }
        Forwarded {
            dropped: tapes
                .last()
                .and_then(|tape| self.dropped(tape.states(count, n), &rows)),
            targets: self.pick_targets(&rows),
            counting: self.pick_counting(&rows),
            tokens,
            tapes,
            rows,
        }
    }

    /// What enters the output, steps read · rows × hidden.
    fn entering<'w>(&self, way: &'w Forwarded<R>) -> &'w [R] {
        let (count, n) = (way.rows.len(), self.network.hidden);
        match (&way.dropped, way.tapes.last()) {
            (Some(dropped), _) => dropped,
            (None, Some(tape)) => &tape.states(count, n)[(self.steps - self.read) * count * n..],
            (None, None) => &[],
        }
    }

    /// The loss of all parts, its gradients multiplied by `factor`.
    pub(super) fn loss(&self, ways: &[Forwarded<R>], factor: f64) -> Loss<R> {
        let lessons = ways.iter().map(|way| Lesson {
            entered: self.entering(way),
            answers: self.answers(&way.targets),
            weights: way.counting.as_deref(),
        });
        let lessons: Vec<_> = lessons.collect();
        self.output.learn(&lessons, factor / self.counts)
    }

    /// The way back of a part from the gradient of what entered the output; `penalties` are on activations. The tapes hold
    /// gradients then; gives those of embeddings, if there are any.
    pub(super) fn backward(
        &self,
        way: &mut Forwarded<R>,
        from_output: Buffer<R>,
        penalties: [f64; 2],
    ) -> Option<Embedded<R>> {
        let mut above = self.above(way, from_output, penalties);
        for layer in (0..way.tapes.len()).rev() {
            let walk = self.walk(layer, &way.rows);
            let tape = &mut way.tapes[layer];
            walk.backward(tape, &above);
            if layer > 0 || way.tokens.is_some() {
                above = walk.input_gradient(tape);
            }
        }
        let tokens = way.tokens.take()?;
        Some(tokens.embedded(above, self.network.inputs))
    }

    /// The gradients of each layer's matrices, once all parts have been walked back.
    pub(super) fn layer_gradients(&self, ways: &[Forwarded<R>]) -> Vec<Buffer<R>> {
        let walked = |layer: usize| {
            let walked = ways
                .iter()
                .map(|way| (self.walk(layer, &way.rows), &way.tapes[layer]));
            walked.collect::<Vec<_>>()
        };
        let layers: Vec<_> = (0..self.before.len()).map(walked).collect();
        matrix_gradients(&layers)
    }

    /// The last h and c of each layer of a part.
    pub(super) fn last(&self, way: &Forwarded<R>) -> States<R> {
        let (count, n) = (way.rows.len(), self.network.hidden);
        let last = |tape: &Tape<R>| tape.last(count, n).map(<[R]>::to_vec);
        (way.rows.clone(), way.tapes.iter().map(last).collect())
    }

    /// Loss and right answers of these sequences, logits divided by the temperature.
    pub(super) fn score(&self, rows: Range<usize>, temperature: f64) -> Scored<R> {
        let way = self.forward(rows);
        let [loss, right] = self.output.score(
            self.entering(&way),
            &self.answers(&way.targets),
            way.counting.as_deref(),
            temperature,
        );
        Scored {
            states: self.last(&way),
            loss,
            right,
        }
    }

    /// The outputs of these sequences: steps read · rows × width.
    pub(super) fn outputs(&self, rows: Range<usize>) -> (Vec<R>, States<R>) {
        let way = self.forward(rows);
        (self.output.outputs(self.entering(&way)), self.last(&way))
    }

    /// The outputs of all parts, step by step: (steps read · batch) × width.
    pub(super) fn join(&self, parts: &[(Vec<R>, States<R>)]) -> Result<Tensor> {
        let (size, width) = (self.batch.size, self.output.width());
        let mut all = vec![R::ZERO; self.read * size * width];
        for (outputs, (rows, _)) in parts {
            let step = rows.len() * width;
            for (t, outputs) in outputs.chunks_exact(step).enumerate() {
                all[(t * size + rows.start) * width..][..step].copy_from_slice(outputs);
            }
        }
        Tensor::from_vec(all, (self.read * size, width), &Device::Cpu)
    }

    fn walk(&self, layer: usize, rows: &Range<usize>) -> LayerPass<'_, R> {
        LayerPass {
            size: self.weights.sizes[layer],
            matrices: &self.weights.layers[layer],
            packed: &self.packed[layer],
            masks: &self.masks[layer],
            steps: self.steps,
            rows: rows.len(),
            first: rows.start,
        }
    }

    /// What these sequences read, and the tokens that it stands for, if there are any.
    fn inputs(&self, rows: &Range<usize>) -> (Option<Tokens<R>>, Inputs<R>) {
        let width = self.network.inputs;
        let (Some(embedding), Some(tokens)) = (&self.weights.embedding, self.batch.inputs.tokens())
        else {
            let numbers = pick(&self.numbers, self.steps, self.batch.size, width, rows);
            return (None, Inputs::of_steps(Buffer::copy_of(&numbers)));
        };
        let ids = pick(&tokens.ids, self.steps, self.batch.size, 1, rows);
        let keeps = (0..ids.len()).map(|place| self.keeps(place, rows));
        let tokens = Tokens {
            keeps: keeps.collect(),
            ids,
        };
        let vocabulary = self.network.vocabulary.unwrap_or_default();
        let mask = self.masks[0].input.as_ref();
        let (tokens, distinct) = tokens.distinct(rows, vocabulary, mask);
        let rows = tokens.rows(embedding.slice(), width);
        (Some(tokens), Inputs { rows, distinct })
    }

    /// The embedding's mask of the token at that place of the part.
    fn keeps(&self, place: usize, rows: &Range<usize>) -> R {
        let (t, row) = (place / rows.len(), place % rows.len());
        let mask = self.embedding_mask.as_ref();
        mask.map_or(R::ONE, |mask| mask.row(t, 0, rows.start + row)[0])
    }

    /// The top states at the steps read with the output's masks, where it has any.
    fn dropped(&self, states: &[R], rows: &Range<usize>) -> Option<Buffer<R>> {
        let mask = self.output_mask.as_ref()?;
        let states = &states[(self.steps - self.read) * rows.len() * self.network.hidden..];
        let mut dropped = Buffer::take(states.len());
        times(mask, 0, self.place(rows), states, &mut dropped, false);
        Some(dropped)
    }

    fn place(&self, rows: &Range<usize>) -> Origin<'_> {
        Origin::Steps {
            step: 0,
            first: rows.start,
            count: rows.len(),
        }
    }

    /// The gradient of the top states at every step: from the loss through the output's masks, and from the penalties.
    fn above(
        &self,
        way: &Forwarded<R>,
        mut from_output: Buffer<R>,
        [ar, tar]: [f64; 2],
    ) -> Buffer<R> {
        let (n, size, count) = (self.network.hidden, self.batch.size, way.rows.len());
        // Means over all entries of the whole minibatch.
        if ar > 0.0 {
            let weight = R::of(2.0 * ar / (self.read * size * n) as f64);
            for (gradient, &entered) in from_output.iter_mut().zip(self.entering(way)) {
                *gradient += weight * entered;
            }
        }
        let states = way
            .tapes
            .last()
            .map_or(&[][..], |tape| tape.states(count, n));
        let mut above = Buffer::take(states.len());
        let (unread, read) = above.split_at_mut(states.len() - from_output.len());
        unread.fill(R::ZERO);
        match &self.output_mask {
            Some(mask) => times(mask, 0, self.place(&way.rows), &from_output, read, false),
            None => read.copy_from_slice(&from_output),
        }
        if tar > 0.0 && self.steps > 1 {
            let step = count * n;
            let weight = R::of(2.0 * tar / ((self.steps - 1) * size * n) as f64);
            for place in step..states.len() {
                let change = weight * (states[place] - states[place - step]);
                above[place] += change;
                above[place - step] -= change;
            }
        }
        above
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
        let (size, n) = (self.batch.size, self.network.hidden);
        let whole = |layer: usize, which: usize| -> Result<Tensor> {
            let mut all = vec![R::ZERO; size * n];
            for (rows, last) in parts.clone() {
                let last = &last[layer][which];
                all[rows.start * n..][..last.len()].copy_from_slice(last);
            }
            Tensor::from_vec(all, (size, n), &Device::Cpu)
        };
        let layers = (0..self.before.len()).map(|layer| Ok([whole(layer, 0)?, whole(layer, 1)?]));
        Ok(Carried {
            layers: layers.collect::<Result<_>>()?,
        })
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
