//! Measures a network, its masks at their mean or sampled (Monte Carlo).

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
    /// Training, validation or test sequences.
    pub(crate) purpose: Purpose,
    pub(crate) sequences: u32,
    /// Monte Carlo samples of the masks; 0 puts the masks at their mean.
    pub(crate) samples: u32,
    /// Divides the logits of a softmax.
    pub(crate) temperature: f64,
    pub(crate) dtype: DType,
    pub(crate) device: &'a Device,
}

/// The metrics by name, prefixed `train_`, `valid_` or `test_`.
pub(crate) fn metrics(held: &Held<'_>) -> Result<Vec<(String, f64)>> {
    let (mut loss, mut correct, mut variance, mut outputs) = (0.0, 0.0, 0.0, 0);
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
        let predicted = predict(held, &batch.inputs, &batch.targets, first)?;
        outputs += batch.targets.dim(0)?;
        variance += sum(&predicted.variance)?;
        match held.network.head {
            Head::Value => {
                let targets = batch.targets.to_dtype(DType::F64)?;
                loss += sum(&(predicted.mean - targets)?.sqr()?)?;
            }
            Head::Classes(_) => {
                let classes = batch.targets.unsqueeze(1)?;
                loss -= sum(&predicted.mean.gather(&classes, 1)?)?;
                correct += sum(&predicted.mean.argmax(D::Minus1)?.eq(&batch.targets)?)?;
            }
        }
    }
    let prefix = match held.purpose {
        Purpose::Test => "test",
        Purpose::Training => "train",
        _ => "valid",
    };
    let mean = |total: f64| total / outputs as f64;
    let mut metrics = match held.network.head {
        Head::Value => vec![(format!("{prefix}_mse"), mean(loss))],
        Head::Classes(_) => vec![
            (format!("{prefix}_nll"), mean(loss)),
            (format!("{prefix}_accuracy"), mean(correct)),
        ],
    };
    if held.samples > 0 {
        metrics.push((format!("{prefix}_variance"), mean(variance)));
    }
    Ok(metrics)
}

/// What is predicted for each output.
struct Predicted {
    /// Values, or log-probabilities of the classes. Over Monte Carlo samples it is values and probabilities that are
    /// averaged, not losses.
    mean: Tensor,
    /// Variance over the samples of the value, or of the probability of the right class: outputs × 1.
    variance: Tensor,
}

fn predict(held: &Held<'_>, inputs: &[Tensor], targets: &Tensor, first: u64) -> Result<Predicted> {
    let pass = |masks: &Masks| {
        let outputs = held
            .network
            .forward(held.weights, inputs, masks)?
            .to_dtype(DType::F64)?;
        match held.network.head {
            Head::Value => Ok(outputs),
            Head::Classes(_) => {
                candle_nn::ops::log_softmax(&(outputs / held.temperature)?, D::Minus1)
            }
        }
    };
    // What the variance is taken of.
    let answer = |predicted: &Tensor| match held.network.head {
        Head::Value => Ok(predicted.clone()),
        Head::Classes(_) => predicted.gather(&targets.unsqueeze(1)?, 1)?.exp(),
    };
    let shape = MaskShape {
        dropout: held.dropout,
        network: held.network,
        steps: inputs.len(),
        batch: inputs[0].dim(0)?,
    };
    if held.samples == 0 {
        let mean = pass(&Masks::mean(shape, held.dtype, held.device)?)?;
        let variance = answer(&mean)?.zeros_like()?;
        return Ok(Predicted { mean, variance });
    }
    let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
    // Running means (Welford 1962): a thousand passes need the memory of one.
    let mut running: Option<(Tensor, Tensor, Tensor)> = None;
    for sample in 0..u64::from(held.samples) {
        let position = sample << 32 | first;
        let masks = Masks::draw(shape, held.seed, purpose, position, held.dtype, held.device)?;
        let predicted = pass(&masks)?;
        let answered = answer(&predicted)?;
        let predicted = match held.network.head {
            Head::Value => predicted,
            Head::Classes(_) => predicted.exp()?,
        };
        running = Some(match running {
            None => {
                let spread = answered.zeros_like()?;
                (predicted, answered, spread)
            }
            Some((mean, answers, spread)) => {
                let weight = 1.0 / (sample + 1) as f64;
                let off = (&answered - &answers)?;
                let answers = (answers + (&off * weight)?)?;
                let spread = (spread + (off * (answered - &answers)?)?)?;
                let mean = (&mean + ((predicted - &mean)? * weight)?)?;
                (mean, answers, spread)
            }
        });
    }
    let Some((mean, _, spread)) = running else {
        candle_core::bail!("no samples");
    };
    let mean = match held.network.head {
        Head::Value => mean,
        // A class that every sample rules out stays finite.
        Head::Classes(_) => mean.maximum(f64::MIN_POSITIVE)?.log()?,
    };
    let variance = (spread / f64::from(held.samples))?;
    Ok(Predicted { mean, variance })
}

fn sum(values: &Tensor) -> Result<f64> {
    values.to_dtype(DType::F64)?.sum_all()?.to_scalar()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameters;
    use breakmywork_protocol::spec::{self, Cell, MaskTime, Model, Normalization, Site, TaskName};

    /// The average of probabilities and their variance, by hand from the passes themselves.
    #[test]
    fn probabilities_are_averaged_and_their_variance_is_that_over_the_samples() {
        const SAMPLES: usize = 5;
        let task = tasks::task(&spec::Task {
            name: TaskName::TemporalOrder,
            length: 6,
        });
        let model = Model {
            cell: Cell::Lstm,
            layers: 1,
            hidden: 4,
            normalization: Normalization::None,
        };
        let network = Network::new(&model, &*task);
        let weights = Parameters::initial(&network, 1, DType::F64, &Device::Cpu)
            .expect("weights")
            .frozen();
        let dropout = Dropout {
            state: Some(Site::new(0.5, MaskTime::Fixed)),
            ..Dropout::default()
        };
        let held = Held {
            task: &*task,
            network: &network,
            weights: &weights,
            dropout: &dropout,
            seed: 1,
            purpose: Purpose::Test,
            sequences: 3,
            samples: SAMPLES as u32,
            temperature: 2.0,
            dtype: DType::F64,
            device: &Device::Cpu,
        };
        let batch =
            tasks::batch(&*task, 1, Purpose::Test, 0..3, DType::F64, &Device::Cpu).expect("data");
        let shape = MaskShape {
            dropout: &dropout,
            network: &network,
            steps: 6,
            batch: 3,
        };
        let targets: Vec<u32> = batch.targets.to_vec1().expect("classes");
        let pass = |sample: usize| -> Vec<f64> {
            let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
            let position = (sample as u64) << 32;
            let masks = Masks::draw(shape, 1, purpose, position, DType::F64, &Device::Cpu);
            let logits = network.forward(&weights, &batch.inputs, &masks.expect("masks"));
            let logits: Vec<Vec<f64>> = logits.and_then(|l| l.to_vec2()).expect("logits");
            let right = |(row, &target): (&Vec<f64>, &u32)| {
                let all: f64 = row.iter().map(|logit| (logit / 2.0).exp()).sum();
                (row[target as usize] / 2.0).exp() / all
            };
            logits.iter().zip(&targets).map(right).collect()
        };
        let passes: Vec<Vec<f64>> = (0..SAMPLES).map(pass).collect();
        let (mut nll, mut variance) = (0.0, 0.0);
        for sequence in 0..3 {
            let of: Vec<f64> = passes.iter().map(|pass| pass[sequence]).collect();
            let mean = of.iter().sum::<f64>() / SAMPLES as f64;
            nll -= mean.ln() / 3.0;
            variance += of.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (3 * SAMPLES) as f64;
        }
        let measured = metrics(&held).expect("measures");
        let find = |name: &str| measured.iter().find(|(n, _)| n == name).expect("there").1;
        assert!((find("test_nll") - nll).abs() < 1e-12);
        assert!((find("test_variance") - variance).abs() < 1e-12 && variance > 1e-6);
    }
}
