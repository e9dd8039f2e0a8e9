//! Measures a network on held-out sequences.

use crate::dropout::{MaskShape, Masks};
use crate::model::{Network, Weights};
use crate::rng::Purpose;
use crate::tasks::{self, Head, Task};
use breakmywork_protocol::spec::Dropout;
use candle_core::{D, DType, Device, Result, Tensor};

/// Sequences evaluated at once: large enough for efficient products, small enough for any memory.
const BATCH: u64 = 256;

/// What is measured on what.
pub(crate) struct Held<'a> {
    pub(crate) task: &'a dyn Task,
    pub(crate) network: &'a Network,
    /// Detached: evaluation builds no graph.
    pub(crate) weights: &'a Weights,
    pub(crate) dropout: &'a Dropout,
    pub(crate) seed: u32,
    /// Validation or test.
    pub(crate) purpose: Purpose,
    pub(crate) sequences: u32,
    /// Monte Carlo samples of the masks; 0 puts the masks at their mean.
    pub(crate) samples: u32,
    pub(crate) dtype: DType,
    pub(crate) device: &'a Device,
}

/// The metrics by name, prefixed `valid_` or `test_`.
pub(crate) fn metrics(held: &Held<'_>) -> Result<Vec<(String, f64)>> {
    let (mut loss, mut correct, mut outputs) = (0.0, 0.0, 0);
    let last = u64::from(held.sequences);
    for first in (0..last).step_by(BATCH as usize) {
        let numbers = first..last.min(first + BATCH);
        let batch = tasks::batch(
            held.task,
            held.seed,
            held.purpose,
            numbers,
            held.dtype,
            held.device,
        )?;
        let predicted = predict(held, &batch.inputs, first)?;
        outputs += batch.targets.dim(0)?;
        match held.network.head {
            Head::Value => loss += sum(&(predicted - batch.targets.to_dtype(DType::F64)?)?.sqr()?)?,
            Head::Classes(_) => {
                let classes = batch.targets.unsqueeze(1)?;
                loss -= sum(&predicted.gather(&classes, 1)?)?;
                correct += sum(&predicted.argmax(D::Minus1)?.eq(&batch.targets)?)?;
            }
        }
    }
    let prefix = if held.purpose == Purpose::Test {
        "test"
    } else {
        "valid"
    };
    let mean = |total: f64| total / outputs as f64;
    Ok(match held.network.head {
        Head::Value => vec![(format!("{prefix}_mse"), mean(loss))],
        Head::Classes(_) => {
            vec![
                (format!("{prefix}_nll"), mean(loss)),
                (format!("{prefix}_accuracy"), mean(correct)),
            ]
        }
    })
}

/// Values, or log-probabilities of the classes. Over Monte Carlo samples it is values and probabilities that are
/// averaged, not losses.
fn predict(held: &Held<'_>, inputs: &[Tensor], first: u64) -> Result<Tensor> {
    let pass = |masks: &Masks| {
        let outputs = held
            .network
            .forward(held.weights, inputs, masks)?
            .to_dtype(DType::F64)?;
        match held.network.head {
            Head::Value => Ok(outputs),
            Head::Classes(_) => candle_nn::ops::log_softmax(&outputs, D::Minus1),
        }
    };
    let shape = MaskShape {
        dropout: held.dropout,
        network: held.network,
        steps: inputs.len(),
        batch: inputs[0].dim(0)?,
    };
    if held.samples == 0 {
        return pass(&Masks::mean(shape, held.dtype, held.device)?);
    }
    let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
    let passes = (0..u64::from(held.samples))
        .map(|sample| {
            let position = sample << 32 | first;
            pass(&Masks::draw(
                shape,
                held.seed,
                purpose,
                position,
                held.dtype,
                held.device,
            )?)
        })
        .collect::<Result<Vec<_>>>()?;
    let passes = Tensor::stack(&passes, 0)?;
    match held.network.head {
        Head::Value => passes.mean(0),
        Head::Classes(_) => passes.log_sum_exp(0)? - f64::from(held.samples).ln(),
    }
}

fn sum(values: &Tensor) -> Result<f64> {
    values.to_dtype(DType::F64)?.sum_all()?.to_scalar()
}
