//! Measures a network, its masks at their mean or sampled (Monte Carlo).

use crate::dropout::{MaskShape, Masks, Position};
use crate::engine::Engine;
use crate::model::{Carried, Weights};
use crate::network::Network;
use crate::rng::Purpose;
use crate::tasks::{Batch, Head, Task};
use breakmywork_protocol::metric;
use breakmywork_protocol::spec::Dropout;
use candle_core::{D, DType, Device, Result, Tensor};

/// What is measured on what.
pub(crate) struct Measurement<'a> {
    pub(crate) task: &'a Task,
    pub(crate) network: &'a Network,
    pub(crate) engine: &'a Engine,
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

/// Sums over the outputs that count.
#[derive(Default)]
struct Totals {
    /// Squared errors or negative log-likelihoods.
    loss: f64,
    correct: f64,
    variance: f64,
    outputs: f64,
}

/// The metrics by name, prefixed `train_`, `valid_` or `test_`, the task's usual one first; `None` if it was to stop.
///
/// `goes_on` is asked before each pass over a minibatch: a measurement of many samples takes hours and makes no step.
pub(crate) fn metrics(
    held: &Measurement<'_>,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<(String, f64)>>> {
    let mut totals = Totals::default();
    // Where each sample is in a text; one mask set serves its whole pass.
    let mut carried: Vec<Option<Carried>> = vec![None; held.samples.max(1) as usize];
    let mut first = 0;
    for (number, piece) in (0..).zip(held.task.held_out(held.purpose, held.sequences)) {
        let batch = held
            .task
            .batch(held.seed, &piece, held.dtype, held.device)?;
        if !goes_on() {
            return Ok(None);
        }
        if piece.begins() {
            carried.fill(None);
        }
        let is_text = held.task.name.is_language_model();
        let position = |sample: u64| Position {
            fixed: sample << 32 | if is_text { 0 } else { first },
            per_step: sample << 32 | if is_text { number } else { first },
        };
        if held.samples > 0 || !totals.score(held, &batch, &mut carried[0])? {
            let Some(predicted) = predict(held, &batch, &mut carried, position, goes_on)? else {
                return Ok(None);
            };
            totals.add(held.network.head, &batch, &predicted)?;
        }
        first += batch.size as u64;
    }
    Ok(Some(named(held, &totals)))
}

fn named(held: &Measurement<'_>, totals: &Totals) -> Vec<(String, f64)> {
    let prefix = match held.purpose {
        Purpose::Test => "test",
        Purpose::Training => "train",
        _ => "valid",
    };
    let mean = |total: f64| total / totals.outputs;
    let loss = mean(totals.loss);
    let value = |measure: &str| match measure {
        "accuracy" => mean(totals.correct),
        "rmse" => loss.sqrt(),
        "perplexity" => loss.exp(),
        "bits" => loss / std::f64::consts::LN_2,
        _ => loss,
    };
    let measures = metric::measures(held.task.name).iter();
    let mut metrics: Vec<(String, f64)> = measures
        .map(|measure| (format!("{prefix}_{measure}"), value(measure)))
        .collect();
    if held.samples > 0 {
        metrics.push((format!("{prefix}_variance"), mean(totals.variance)));
    }
    metrics
}

impl Totals {
    /// Adds a minibatch with the masks at their mean, if the engine has scores of it.
    fn score(
        &mut self,
        held: &Measurement<'_>,
        batch: &Batch,
        carried: &mut Option<Carried>,
    ) -> Result<bool> {
        let masks = Masks::mean(shape(held, batch));
        let (network, weights) = (held.network, held.weights);
        let before = carried.as_ref();
        let engine = held.engine;
        let scores = engine.score(network, weights, batch, before, &masks, held.temperature)?;
        let Some(scores) = scores else {
            return Ok(false);
        };
        self.outputs += counts(batch)?;
        self.loss += scores.loss;
        self.correct += scores.right;
        if held.task.name.is_language_model() {
            *carried = Some(scores.carried);
        }
        Ok(true)
    }

    fn add(&mut self, head: Head, batch: &Batch, predicted: &Predicted) -> Result<()> {
        let counting = |values: &Tensor| match &batch.weights {
            None => sum(values),
            Some(weights) => sum(&(values.flatten_all()? * weights.to_dtype(DType::F64)?)?),
        };
        self.outputs += counts(batch)?;
        self.variance += counting(&predicted.variance)?;
        match head {
            Head::Value => {
                let targets = batch.targets.to_dtype(DType::F64)?;
                self.loss += counting(&(&predicted.mean - targets)?.sqr()?)?;
            }
            Head::Classes(_) => {
                let classes = batch.targets.unsqueeze(1)?;
                self.loss -= counting(&predicted.mean.gather(&classes, 1)?)?;
                let right = predicted.mean.argmax(D::Minus1)?.eq(&batch.targets)?;
                self.correct += counting(&right.to_dtype(DType::F64)?)?;
            }
            Head::Keys(_) => {
                let on = batch.targets.to_dtype(DType::F64)?;
                // Only the probability of what happened counts, on or off.
                let off = (1.0 - &on)?;
                let likely = |p: &Tensor| p.maximum(f64::MIN_POSITIVE)?.log();
                let log = ((on * likely(&predicted.mean)?)?
                    + (off * likely(&(1.0 - &predicted.mean)?)?)?)?;
                self.loss -= counting(&log.sum(D::Minus1)?)?;
            }
        }
        Ok(())
    }
}

/// What is predicted for each output.
struct Predicted {
    /// Values, log-probabilities of the classes, or probabilities of the keys. Over Monte Carlo samples it is values
    /// and probabilities that are averaged, not losses.
    mean: Tensor,
    /// Variance over the samples of the value, of the probability of the right class, or (mean over the keys) of a
    /// key's probability: outputs.
    variance: Tensor,
}

fn predict(
    held: &Measurement<'_>,
    batch: &Batch,
    carried: &mut [Option<Carried>],
    position: impl Fn(u64) -> Position,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Predicted>> {
    let pass = |masks: &Masks, carried: &mut Option<Carried>| {
        let before = carried.as_ref();
        let (network, weights) = (held.network, held.weights);
        let outputs = held.engine.outputs(network, weights, batch, before, masks);
        let (outputs, after) = outputs?;
        if held.task.name.is_language_model() {
            *carried = Some(after);
        }
        let outputs = outputs.to_dtype(DType::F64)?;
        match held.network.head {
            Head::Value => Ok(outputs),
            Head::Keys(_) => candle_nn::ops::sigmoid(&(outputs / held.temperature)?),
            Head::Classes(_) => {
                candle_nn::ops::log_softmax(&(outputs / held.temperature)?, D::Minus1)
            }
        }
    };
    // What the variance is taken of.
    let answer = |predicted: &Tensor| match held.network.head {
        Head::Value | Head::Keys(_) => Ok(predicted.clone()),
        Head::Classes(_) => predicted.gather(&batch.targets.unsqueeze(1)?, 1)?.exp(),
    };
    let shape = shape(held, batch);
    if held.samples == 0 {
        let masks = Masks::mean(shape);
        let mean = pass(&masks, &mut carried[0])?;
        let variance = answer(&mean)?.mean(D::Minus1)?.zeros_like()?;
        return Ok(Some(Predicted { mean, variance }));
    }
    // Running means (Welford 1962): a thousand passes need the memory of one, but for the states that each of them
    // carries through a text.
    let mut running: Option<(Tensor, Tensor, Tensor)> = None;
    for (sample, carried) in (0..).zip(carried) {
        if !goes_on() {
            return Ok(None);
        }
        let at = position(sample);
        let masks = Masks::sampled(held.engine.card(), shape, held.seed, at)?;
        let predicted = pass(&masks, carried)?;
        let answered = answer(&predicted)?;
        let predicted = match held.network.head {
            Head::Value | Head::Keys(_) => predicted,
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
        Head::Value | Head::Keys(_) => mean,
        // A class that every sample rules out stays finite.
        Head::Classes(_) => mean.maximum(f64::MIN_POSITIVE)?.log()?,
    };
    let variance = (spread / f64::from(held.samples))?.mean(D::Minus1)?;
    Ok(Some(Predicted { mean, variance }))
}

fn shape<'a>(held: &Measurement<'a>, batch: &'a Batch) -> MaskShape<'a> {
    MaskShape {
        dropout: held.dropout,
        network: held.network,
        steps: batch.inputs.steps(),
        batch: batch.size,
        tokens: batch.inputs.tokens(),
    }
}

/// How many outputs count.
fn counts(batch: &Batch) -> Result<f64> {
    match &batch.weights {
        None => Ok(batch.targets.dim(0)? as f64),
        Some(weights) => sum(weights),
    }
}

fn sum(values: &Tensor) -> Result<f64> {
    values.to_dtype(DType::F64)?.sum_all()?.to_scalar()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Parameters;
    use crate::tasks::Piece;
    use breakmywork_protocol::spec::{self, Cell, MaskTime, Model, Site, TaskName};

    /// The average of probabilities and their variance, by hand from the passes themselves.
    #[test]
    fn probabilities_are_averaged_and_their_variance_is_that_over_the_samples() {
        const SAMPLES: usize = 5;
        let task = Task::generated(&spec::Task::generated(TaskName::TemporalOrder, 6));
        let task = task.expect("generated");
        let network = Network::new(&Model::new(Cell::Lstm, 1, 4), task.shape());
        let weights = Parameters::initial(&network, 1, DType::F64, &Device::Cpu)
            .and_then(|parameters| parameters.frozen())
            .expect("weights");
        let dropout = Dropout {
            state: Some(Site::new(0.5, MaskTime::Fixed)),
            ..Dropout::default()
        };
        let held = Measurement {
            task: &task,
            network: &network,
            engine: &Engine::of(&network, &dropout, DType::F64, &Device::Cpu),
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
        let piece = Piece::Sequences(Purpose::Test, vec![0, 1, 2]);
        let batch = task
            .batch(1, &piece, DType::F64, &Device::Cpu)
            .expect("data");
        let shape = MaskShape {
            dropout: &dropout,
            network: &network,
            steps: 6,
            batch: 3,
            tokens: None,
        };
        let targets: Vec<u32> = batch.targets.to_vec1().expect("classes");
        let pass = |sample: usize| -> Vec<f64> {
            let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
            let position = (sample as u64) << 32;
            let masks = Masks::draw(None, shape, 1, purpose, position);
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
        let measured = metrics(&held, &mut || true)
            .expect("measures")
            .expect("to its end");
        let find = |name: &str| measured.iter().find(|(n, _)| n == name).expect("there").1;
        assert!((find("test_nll") - nll).abs() < 1e-12);
        assert!((find("test_variance") - variance).abs() < 1e-12 && variance > 1e-6);
    }
}
