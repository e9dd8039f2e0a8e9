//! The fast path on a CPU: forward, loss and gradients of a whole window without a graph.
//!
//! candle's graph has a node for every operation of every step; most of the time goes into their passes over memory,
//! not into products. Here the minibatch is split over the threads, and each walks its own part of it alone, forward
//! and backward: embedding, layers ([`layer`]), output and loss ([`head`]). They meet once a window, to add up the
//! gradients of the weights. What is computed is what `model` computes, which tests hold against it; the order of
//! sums differs, so the last digits do. For a given number of threads it is always the same.
//!
//! What is rare stays with `model`: normalization, Gaussian noise in place of masks, recurrent weights dropped anew at
//! each step ([`applies`]).

mod cells;
mod head;
mod layer;
mod masks;
mod part;
mod product;
mod real;
mod weights;

use crate::dropout::Masks;
use crate::model::{Carried, Network, Statistics, Weights};
use crate::tasks::Batch;
use crate::train::{Learned, Window};
use breakmywork_protocol::spec::{Dropout, MaskTime, Noise, Normalization};
use candle_core::{DType, Device, Result, Tensor};
use part::{OfPart, Shared};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use real::Real;
use weights::add;

/// Fewest sequences that are worth a thread: with fewer, a step's product no longer fills it.
const LEAST_ROWS: usize = 4;

/// Whether the fast path computes this network with these masks on that device.
pub fn applies(network: &Network, dropout: &Dropout, device: &Device) -> bool {
    let plain = |(_, site): (_, &breakmywork_protocol::spec::Site)| site.noise == Noise::Mask;
    let steady = |site: &breakmywork_protocol::spec::Site| site.time == MaskTime::Fixed;
    device.is_cpu()
        && network.normalization == Normalization::None
        && dropout.sites().all(plain)
        && dropout.recurrent_weights.as_ref().is_none_or(steady)
}

/// Loss and gradients of a window.
///
/// # Errors
/// If a tensor is not on the CPU or of another type than single or double precision.
pub fn learn(window: &Window<'_>) -> Result<Learned> {
    let (_, first) = &window.parameters.named()[0];
    match first.dtype() {
        DType::F64 => learn_in::<f64>(window),
        _ => learn_in::<f32>(window),
    }
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
    let shared = Shared::<R>::read(network, &parameters.tensors(), batch, carried, masks)?;
    let learned: Vec<OfPart<R>> = parts(batch.size)
        .into_par_iter()
        .map(|rows| shared.learn(rows, factor, penalties))
        .collect();
    let carried = shared.carried(learned.iter().map(|part| (&part.rows, &part.last)))?;
    let mut learned = learned.into_iter();
    let Some(mut all) = learned.next() else {
        candle_core::bail!("an empty minibatch");
    };
    for more in learned {
        all.sum += more.sum;
        for (layer, more) in all.layers.iter_mut().zip(&more.layers) {
            layer.add(more);
        }
        add(&mut all.output, &more.output);
        add(&mut all.output_bias, &more.output_bias);
        all.embedded.extend(more.embedded);
    }
    let loss = R::of(all.sum / shared.counts);
    Ok(Learned {
        loss: Tensor::new(loss, &Device::Cpu)?,
        gradients: shared.gradients(all, parameters)?,
        carried,
        statistics: Statistics::default(),
    })
}

/// Whether [`score`] can score this network on that device with masks at their mean, which are numbers without noise.
pub fn scores(network: &Network, device: &Device, dtype: DType) -> bool {
    device.is_cpu() && network.normalization == Normalization::None && dtype == DType::F32
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
    let shared = Shared::<f32>::read(network, &weights.arranged(), batch, carried, masks)?;
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
    let shared = Shared::<f32>::read(network, &weights.arranged(), batch, carried, masks)?;
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
