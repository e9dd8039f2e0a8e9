//! The fast path on a CPU: forward, loss and gradients of a whole window without a graph.
//!
//! candle's graph has a node for every operation of every step; most of the time goes into their passes over memory,
//! not into products. Here the minibatch is split over the threads, and each walks its own part of it alone, forward
//! ([`layer`]) and, after the output and the loss of all parts ([`head`]), back. Then the threads share the gradients of
//! the weights, each taking some rows of a matrix over all steps and parts ([`weight_gradients`]). Parameters are read where they
//! lie; only U is packed for the steps ([`weights`]), and buffers go from window to window. A token's input is multiplied
//! once however often it comes, and not at all where it is dropped ([`inputs`]); what is no product is written in the
//! processor's vectors ([`crate::vectors`]).
//! What is computed is what `model` computes, which tests hold against it; the order of sums differs, so the last digits
//! do. For a given number of threads it is always the same.
//!
//! What is rare stays with the graph: [`super::applies`].

mod cells;
mod gradients;
mod head;
mod inputs;
mod layer;
mod masks;
mod part;
mod rows;
mod weight_gradients;
mod weights;

use crate::dropout::Masks;
use crate::model::{Carried, Statistics, Weights};
use crate::network::Network;
use crate::tasks::Batch;
use crate::vectors::Real;
use crate::window::{Learned, Window};
use candle_core::{DType, Device, Result, Tensor};
use gradients::Gradients;
pub use gradients::reclaim;
use head::Loss;
use part::{Forwarded, MinibatchContext, ParameterViews};
use rayon::prelude::*;

/// Fewest sequences that are worth a thread: with fewer, a step's product no longer fills it.
const LEAST_ROWS: usize = 4;

/// Loss and gradients of a window.
///
/// # Errors
/// If a tensor is not on the CPU or of another type than single or double precision.
pub fn learn(window: &Window<'_>) -> Result<Learned> {
    let (_, first) = &window.parameters.named()[0];
    // A thread outside the pool would hand over each step of the work, and sleep until it is done.
    rayon::scope(|_| match first.dtype() {
        DType::F64 => learn_in::<f64>(window),
        _ => learn_in::<f32>(window),
    })
}

fn learn_in<R: Real>(window: &Window<'_>) -> Result<Learned> {
    let Window {
        network,
        parameters,
        batch,
        masks,
        carried,
        factor,
        penalties,
    } = *window;
    let tensors = parameters.tensors();
    let borrowed = ParameterViews::<R>::of(network, &tensors)?;
    let shared = MinibatchContext::read(network, &borrowed, batch, carried, masks, true)?;
    let parts = parts(batch.size).into_par_iter();
    let mut ways: Vec<Forwarded<R>> = parts.map(|rows| shared.forward(rows)).collect();
    let Loss {
        sum,
        entered,
        weight,
        bias,
    } = shared.loss(&ways, factor);
    let embedded: Vec<_> = ways
        .par_iter_mut()
        .zip(entered)
        .filter_map(|(way, entered)| shared.backward(way, entered, penalties))
        .collect();
    let last: Vec<_> = ways.iter().map(|way| shared.last(way)).collect();
    let mut gradients = Gradients::new(parameters);
    let mut output = Some(weight);
    if let Some(vocabulary) = network.vocabulary {
        match output.take_if(|_| network.tied) {
            Some(output) => gradients.push_tied(output, &embedded)?,
            None => gradients.push_rows(vocabulary, embedded)?,
        }
    }
    let layers = shared.layer_gradients(&ways);
    for gradient in layers.into_iter().chain(output).chain([bias.into()]) {
        gradients.push(gradient)?;
    }
    Ok(Learned {
        loss: Tensor::new(R::of(sum / shared.counts), &Device::Cpu)?,
        gradients: gradients.done(),
        carried: shared.carried(last.iter().map(|(rows, last)| (rows, last)))?,
        statistics: Statistics::default(),
    })
}

/// How a minibatch was answered.
pub struct Scores {
    /// Sum of the losses that count.
    pub loss: f64,
    /// How many classes were right, where classes are answered.
    pub right: f64,
    /// The states to go on from.
    pub carried: Carried,
}

/// Scores a minibatch; logits are divided by the temperature.
///
/// # Errors
/// If a tensor is not on the CPU or not of single precision.
pub fn score(
    network: &Network,
    weights: &Weights,
    batch: &Batch,
    carried: Option<&Carried>,
    masks: &Masks,
    temperature: f64,
) -> Result<Scores> {
    let tensors = weights.arranged();
    let borrowed = ParameterViews::<f32>::of(network, &tensors)?;
    let shared = MinibatchContext::read(network, &borrowed, batch, carried, masks, false)?;
    let scored: Vec<_> = parts(batch.size)
        .into_par_iter()
        .map(|rows| shared.score(rows, temperature))
        .collect();
    Ok(Scores {
        loss: scored.iter().map(|part| part.loss).sum(),
        right: scored.iter().map(|part| part.right).sum(),
        carried: shared.carried(scored.iter().map(|part| (&part.states.0, &part.states.1)))?,
    })
}

/// The outputs at the steps read, one below the other, and the states to go on from.
///
/// # Errors
/// If a tensor is not on the CPU or not of single precision.
pub fn outputs(
    network: &Network,
    weights: &Weights,
    batch: &Batch,
    carried: Option<&Carried>,
    masks: &Masks,
) -> Result<(Tensor, Carried)> {
    let tensors = weights.arranged();
    let borrowed = ParameterViews::<f32>::of(network, &tensors)?;
    let shared = MinibatchContext::read(network, &borrowed, batch, carried, masks, false)?;
    let parts: Vec<_> = parts(batch.size)
        .into_par_iter()
        .map(|rows| shared.outputs(rows))
        .collect();
    let carried = shared.carried(parts.iter().map(|(_, (rows, last))| (rows, last)))?;
    Ok((shared.join(&parts)?, carried))
}

/// The sequences of a minibatch in as many parts as there are threads.
fn parts(size: usize) -> Vec<std::ops::Range<usize>> {
    let threads = rayon::current_num_threads();
    let count = threads.min(size.div_ceil(LEAST_ROWS)).max(1);
    let border = |part: usize| part * size / count;
    (0..count)
        .map(|part| border(part)..border(part + 1))
        .collect()
}
