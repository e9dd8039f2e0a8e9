//! Measures a network, its masks at their mean or sampled (Monte Carlo).

pub(crate) mod temperature;

use crate::dropout::{MaskShape, Masks, Position};
use crate::engine::Engine;
use crate::model::{Carried, Weights};
use crate::network::Network;
use crate::rng::Purpose;
use crate::tasks::{Batch, Head, Task};
use breakmywork_protocol::spec::{Dropout, Uncertainty};
use breakmywork_protocol::{metric, stats};
use candle_core::{D, DType, Device, Result, Tensor};
use std::borrow::Cow;

/// A network that is measured, alone or averaged with others.
pub(crate) struct Member<'a> {
    /// Detached: evaluation builds no graph.
    pub(crate) weights: Weights,
    pub(crate) dropout: Cow<'a, Dropout>,
    /// Of the samples of its masks.
    pub(crate) seed: u32,
}

/// What is measured on what.
pub(crate) struct Measurement<'a> {
    pub(crate) task: &'a Task,
    pub(crate) network: &'a Network,
    pub(crate) engine: &'a Engine,
    /// At least one; of several the predictions are averaged.
    pub(crate) members: &'a [Member<'a>],
    /// Of generated sequences.
    pub(crate) seed: u32,
    /// Training, validation or test sequences.
    pub(crate) purpose: Purpose,
    pub(crate) sequences: u32,
    /// Monte Carlo samples of the masks of each member; 0 puts the masks at their mean.
    pub(crate) samples: u32,
    /// What is held against the error of each answer, beside the variance over the samples.
    pub(crate) uncertainty: Option<Uncertainty>,
    /// Divides the logits of a softmax.
    pub(crate) temperature: f64,
    pub(crate) dtype: DType,
    pub(crate) device: &'a Device,
}

impl Measurement<'_> {
    /// Passes over the data whose predictions are averaged.
    fn passes(&self) -> usize {
        self.members.len() * self.of_each()
    }

    /// Passes of each member.
    fn of_each(&self) -> usize {
        self.samples.max(1) as usize
    }

    /// Whether its passes can differ, by their masks or by their networks.
    fn varies(&self) -> bool {
        self.samples > 0 || self.members.len() > 1
    }
}

/// Sums over the outputs that count.
#[derive(Default)]
struct Totals {
    /// Squared errors or negative log-likelihoods.
    loss: f64,
    correct: f64,
    variance: f64,
    outputs: f64,
    /// Of each output that counts, up to [`RANKED`], the variance of what is predicted and its error.
    ranked: Vec<[f64; 2]>,
    /// Likewise the entropy of what is predicted, where it is asked for.
    entropies: Vec<[f64; 2]>,
}

/// Outputs of a measurement whose uncertainty and error are ranked, the first of them: a long text has millions.
const RANKED: usize = 100_000;

/// The metrics by name, prefixed `train_`, `valid_` or `test_`, the task's usual one first; `None` if it was to stop.
///
/// `goes_on` is asked before each pass over a minibatch: a measurement of many samples takes hours and makes no step.
pub(crate) fn metrics(
    held: &Measurement<'_>,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<(String, f64)>>> {
    let mut totals = Totals::default();
    // Where each pass is in a text; one mask set serves the whole of it.
    let mut carried: Vec<Option<Carried>> = vec![None; held.passes()];
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
        let whole = held.varies() || held.uncertainty.is_some();
        if whole || !totals.score(held, &batch, &mut carried[0])? {
            let Some(predicted) = predict(held, &batch, &mut carried, position, goes_on)? else {
                return Ok(None);
            };
            totals.add(held, &batch, &predicted)?;
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
    let varies = held.varies() && held.purpose == Purpose::Test;
    if varies {
        metrics.push((format!("{prefix}_variance"), mean(totals.variance)));
        let rank = stats::rank_correlation(&totals.ranked);
        metrics.push(("variance_error_rank".into(), rank));
    }
    let uncertain = match held.uncertainty {
        Some(Uncertainty::Entropy) => &totals.entropies,
        None => &totals.ranked,
    };
    if varies || held.uncertainty.is_some() {
        let rank = stats::rank_correlation(uncertain);
        metrics.push(("uncertainty_error_rank".into(), rank));
    }
    metrics
}

/// The loss among those metrics: mean squared error or negative log-likelihood.
pub(crate) fn loss(metrics: &[(String, f64)]) -> f64 {
    let is_loss = |name: &str| name.ends_with("_mse") || name.ends_with("_nll");
    let found = metrics.iter().find(|(name, _)| is_loss(name));
    found.map_or(f64::NAN, |(_, loss)| *loss)
}

impl Totals {
    /// Adds a minibatch with the masks at their mean, if the engine has scores of it.
    fn score(
        &mut self,
        held: &Measurement<'_>,
        batch: &Batch,
        carried: &mut Option<Carried>,
    ) -> Result<bool> {
        let member = &held.members[0];
        let masks = Masks::mean(shape(held, member, batch));
        let (network, weights) = (held.network, &member.weights);
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

    fn add(&mut self, held: &Measurement<'_>, batch: &Batch, predicted: &Predicted) -> Result<()> {
        let head = held.network.head;
        let counting = |values: &Tensor| counted(batch, values);
        self.outputs += counts(batch)?;
        self.variance += counting(&predicted.variance)?;
        let losses = match head {
            Head::Value => {
                let targets = batch.targets.to_dtype(DType::F64)?;
                (&predicted.mean - targets)?.sqr()?
            }
            Head::Classes(_) => {
                let classes = batch.targets.unsqueeze(1)?;
                let right = predicted.mean.argmax(D::Minus1)?.eq(&batch.targets)?;
                self.correct += counting(&right.to_dtype(DType::F64)?)?;
                predicted.mean.gather(&classes, 1)?.neg()?
            }
            Head::Keys(_) => {
                let on = batch.targets.to_dtype(DType::F64)?;
                // Only the probability of what happened counts, on or off.
                let off = (1.0 - &on)?;
                let likely = |p: &Tensor| p.maximum(f64::MIN_POSITIVE)?.log();
                let log = ((on * likely(&predicted.mean)?)?
                    + (off * likely(&(1.0 - &predicted.mean)?)?)?)?;
                log.sum(D::Minus1)?.neg()?
            }
        };
        self.loss += counting(&losses)?;
        if let Some(doubt) = &predicted.doubt {
            rank(&mut self.ranked, batch, doubt, &losses)?;
        }
        if let Some(Uncertainty::Entropy) = held.uncertainty {
            let entropy = entropy(head, &predicted.mean)?;
            rank(&mut self.entropies, batch, &entropy, &losses)?;
        }
        Ok(())
    }
}

/// Keeps uncertainty and error of the outputs that count.
fn rank(
    ranked: &mut Vec<[f64; 2]>,
    batch: &Batch,
    uncertainty: &Tensor,
    losses: &Tensor,
) -> Result<()> {
    let numbers = |values: &Tensor| values.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>();
    let (uncertainty, losses) = (numbers(uncertainty)?, numbers(losses)?);
    let weights = batch.weights.as_ref().map(numbers).transpose()?;
    let counts = |index: usize| weights.as_ref().is_none_or(|weights| weights[index] > 0.0);
    let room = RANKED - ranked.len();
    let pairs = uncertainty.into_iter().zip(losses).enumerate();
    let pairs = pairs.filter(|(index, _)| counts(*index));
    ranked.extend(pairs.map(|(_, (unsure, loss))| [unsure, loss]).take(room));
    Ok(())
}

/// The entropy of what is predicted for each output, in nats: of the classes, or the mean over the keys.
fn entropy(head: Head, predicted: &Tensor) -> Result<Tensor> {
    // What cannot be has no part in it.
    let part = |p: &Tensor| (p * p.maximum(f64::MIN_POSITIVE)?.log()?)?.neg();
    match head {
        Head::Value => candle_core::bail!("a number has no entropy"),
        Head::Classes(_) => part(&predicted.exp()?)?.sum(D::Minus1),
        Head::Keys(_) => (part(predicted)? + part(&(1.0 - predicted)?)?)?.mean(D::Minus1),
    }
}

/// What is predicted for each output.
struct Predicted {
    /// Values, log-probabilities of the classes, or probabilities of the keys. Over Monte Carlo samples and networks it is
    /// values and probabilities that are averaged, not losses.
    mean: Tensor,
    /// Variance over the passes of the value, of the probability of the right class, or (mean over the keys) of a
    /// key's probability: outputs.
    variance: Tensor,
    /// With several passes, the variance of the whole prediction, which knows nothing of what is right: of the value, or the sum
    /// over the classes, or the mean over the keys, of those of their probabilities: outputs.
    doubt: Option<Tensor>,
}

fn predict(
    held: &Measurement<'_>,
    batch: &Batch,
    carried: &mut [Option<Carried>],
    position: impl Fn(u64) -> Position,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Predicted>> {
    let pass = |member: &Member<'_>, masks: &Masks, carried: &mut Option<Carried>| {
        let before = carried.as_ref();
        let (network, weights) = (held.network, &member.weights);
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
    if !held.varies() {
        let member = &held.members[0];
        let masks = Masks::mean(shape(held, member, batch));
        let mean = pass(member, &masks, &mut carried[0])?;
        let variance = answer(&mean)?.mean(D::Minus1)?.zeros_like()?;
        return Ok(Some(Predicted {
            mean,
            variance,
            doubt: None,
        }));
    }
    // Running means (Welford 1962): a thousand passes need the memory of one, but for the states that each of them
    // carries through a text.
    let mut running: Option<(Tensor, Tensor, Tensor, Tensor)> = None;
    for (number, carried) in carried.iter_mut().enumerate() {
        if !goes_on() {
            return Ok(None);
        }
        let member = &held.members[number / held.of_each()];
        let shape = shape(held, member, batch);
        let masks = match held.samples {
            0 => Masks::mean(shape),
            _ => {
                let at = position((number % held.of_each()) as u64);
                Masks::sampled(held.engine.card(), shape, member.seed, at)?
            }
        };
        let predicted = pass(member, &masks, carried)?;
        let answered = answer(&predicted)?;
        let predicted = match held.network.head {
            Head::Value | Head::Keys(_) => predicted,
            Head::Classes(_) => predicted.exp()?,
        };
        running = Some(match running {
            None => {
                let spread = answered.zeros_like()?;
                let whole = predicted.sum_keepdim(D::Minus1)?.zeros_like()?;
                (predicted, answered, spread, whole)
            }
            Some((mean, answers, spread, whole)) => {
                let weight = 1.0 / (number + 1) as f64;
                let off = (&answered - &answers)?;
                let answers = (answers + (&off * weight)?)?;
                let spread = (spread + (off * (answered - &answers)?)?)?;
                let off = (predicted - &mean)?;
                let squares = off.sqr()?.sum_keepdim(D::Minus1)?;
                let whole = (whole + (squares * (1.0 - weight))?)?;
                let mean = (&mean + (off * weight)?)?;
                (mean, answers, spread, whole)
            }
        });
    }
    let Some((mean, _, spread, whole)) = running else {
        candle_core::bail!("nothing to measure");
    };
    let mean = match held.network.head {
        Head::Value | Head::Keys(_) => mean,
        // A class that every pass rules out stays finite.
        Head::Classes(_) => mean.maximum(f64::MIN_POSITIVE)?.log()?,
    };
    let variance = (spread / held.passes() as f64)?.mean(D::Minus1)?;
    let doubt = match held.network.head {
        Head::Classes(_) => whole.squeeze(D::Minus1)?,
        Head::Value | Head::Keys(_) => variance.clone(),
    };
    Ok(Some(Predicted {
        mean,
        variance,
        doubt: Some(doubt),
    }))
}

fn shape<'a>(held: &Measurement<'a>, member: &'a Member<'_>, batch: &'a Batch) -> MaskShape<'a> {
    MaskShape {
        dropout: &member.dropout,
        network: held.network,
        steps: batch.inputs.steps(),
        batch: batch.size,
        tokens: batch.inputs.tokens(),
    }
}

/// Sum over the outputs that count.
fn counted(batch: &Batch, values: &Tensor) -> Result<f64> {
    match &batch.weights {
        None => sum(values),
        Some(weights) => sum(&(values.flatten_all()? * weights.to_dtype(DType::F64)?)?),
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

    /// The average of probabilities and their variance, by hand from the passes themselves, of one network and of two.
    #[test]
    fn probabilities_are_averaged_and_their_variance_is_that_over_the_passes() {
        for networks in [1, 2] {
            averaged_by_hand(networks);
        }
    }

    fn averaged_by_hand(networks: u32) {
        const SAMPLES: usize = 5;
        const SEQUENCES: usize = 12;
        let task = Task::generated(&spec::Task::generated(TaskName::TemporalOrder, 6));
        let task = task.expect("generated");
        let network = Network::new(&Model::new(Cell::Lstm, 1, 4), task.shape());
        let begun = |seed| {
            let begun = Parameters::initial(&network, seed, DType::F64, &Device::Cpu);
            let weights = begun.and_then(|parameters| parameters.frozen());
            weights.expect("weights")
        };
        let dropout = Dropout {
            state: Some(Site::new(0.5, MaskTime::Fixed)),
            ..Dropout::default()
        };
        let member = |seed| Member {
            weights: begun(seed),
            dropout: Cow::Borrowed(&dropout),
            seed,
        };
        let members: Vec<Member<'_>> = (1..=networks).map(member).collect();
        let held = Measurement {
            task: &task,
            network: &network,
            engine: &Engine::of(&network, &dropout, DType::F64, &Device::Cpu),
            members: &members,
            seed: 1,
            purpose: Purpose::Test,
            sequences: SEQUENCES as u32,
            samples: SAMPLES as u32,
            uncertainty: Some(Uncertainty::Entropy),
            temperature: 2.0,
            dtype: DType::F64,
            device: &Device::Cpu,
        };
        let piece = Piece::Sequences(Purpose::Test, (0..SEQUENCES as u64).collect());
        let batch = task
            .batch(1, &piece, DType::F64, &Device::Cpu)
            .expect("data");
        let shape = MaskShape {
            dropout: &dropout,
            network: &network,
            steps: 6,
            batch: SEQUENCES,
            tokens: None,
        };
        let targets: Vec<u32> = batch.targets.to_vec1().expect("classes");
        let softmax = |member: &Member<'_>, masks: &Masks| -> Vec<Vec<f64>> {
            let logits = network.forward(&member.weights, &batch.inputs, masks);
            let logits: Vec<Vec<f64>> = logits.and_then(|l| l.to_vec2()).expect("logits");
            let softmax = |row: &Vec<f64>| -> Vec<f64> {
                let all: f64 = row.iter().map(|logit| (logit / 2.0).exp()).sum();
                row.iter().map(|logit| (logit / 2.0).exp() / all).collect()
            };
            logits.iter().map(softmax).collect()
        };
        let probabilities = |member: &Member<'_>, sample: usize| -> Vec<Vec<f64>> {
            let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
            let position = (sample as u64) << 32;
            let masks = Masks::draw(None, shape, member.seed, purpose, position);
            softmax(member, &masks.expect("masks"))
        };
        let of_member = |member| (0..SAMPLES).map(move |sample| probabilities(member, sample));
        let drawn: Vec<Vec<Vec<f64>>> = members.iter().flat_map(of_member).collect();
        let count = drawn.len();
        assert_eq!(count, SAMPLES * members.len());
        let pass = |sample: usize| -> Vec<f64> {
            let right = |(row, &target): (&Vec<f64>, &u32)| row[target as usize];
            drawn[sample].iter().zip(&targets).map(right).collect()
        };
        let passes: Vec<Vec<f64>> = (0..count).map(pass).collect();
        let (mut nll, mut variance, mut ranked) = (0.0, 0.0, Vec::new());
        for sequence in 0..SEQUENCES {
            let of: Vec<f64> = passes.iter().map(|pass| pass[sequence]).collect();
            let mean = of.iter().sum::<f64>() / count as f64;
            nll -= mean.ln() / SEQUENCES as f64;
            let squares: f64 = of.iter().map(|p| (p - mean).powi(2)).sum();
            variance += squares / (SEQUENCES * count) as f64;
            // Of all classes, whichever is right.
            let of_class = |class: usize| -> f64 {
                let of: Vec<f64> = drawn.iter().map(|pass| pass[sequence][class]).collect();
                let mean = of.iter().sum::<f64>() / count as f64;
                of.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / count as f64
            };
            ranked.push([(0..4).map(of_class).sum(), -mean.ln()]);
        }
        let measured = metrics(&held, &mut || true)
            .expect("measures")
            .expect("to its end");
        let find = |name: &str| measured.iter().find(|(n, _)| n == name).expect("there").1;
        assert!((find("test_nll") - nll).abs() < 1e-12);
        assert!((find("test_variance") - variance).abs() < 1e-12 && variance > 1e-6);
        assert!((find("variance_error_rank") - spearman(&ranked)).abs() < 1e-12);
        assert!(spearman(&ranked).abs() < 1.0);

        // The entropy of the average, whichever is right, and that of one pass of each with the masks at their mean.
        let entropy = |p: &[f64]| p.iter().map(|p| -p * p.ln()).sum::<f64>();
        let average = |sequence: usize| -> Vec<f64> {
            let of_class = |class: usize| drawn.iter().map(move |pass| pass[sequence][class]);
            (0..4)
                .map(|class| of_class(class).sum::<f64>() / count as f64)
                .collect()
        };
        let at_mean: Vec<Vec<Vec<f64>>> = (members.iter())
            .map(|member| softmax(member, &Masks::mean(shape)))
            .collect();
        let at_mean: Vec<Vec<f64>> = (0..SEQUENCES)
            .map(|sequence| {
                let of_class = |class: usize| at_mean.iter().map(move |pass| pass[sequence][class]);
                (0..4)
                    .map(|class| of_class(class).sum::<f64>() / members.len() as f64)
                    .collect()
            })
            .collect();
        let held_at_mean = Measurement { samples: 0, ..held };
        let once = metrics(&held_at_mean, &mut || true)
            .expect("measures")
            .expect("to its end");
        let averages: Vec<Vec<f64>> = (0..SEQUENCES).map(average).collect();
        for (measured, predicted) in [(&measured, averages), (&once, at_mean)] {
            let pair = |(p, &target): (&Vec<f64>, &u32)| [entropy(p), -p[target as usize].ln()];
            let pairs: Vec<[f64; 2]> = predicted.iter().zip(&targets).map(pair).collect();
            let found = measured.iter().find(|(n, _)| n == "uncertainty_error_rank");
            let found = found.expect("there").1;
            assert!(
                (found - spearman(&pairs)).abs() < 1e-12,
                "{found} {pairs:?}"
            );
        }
        let has_variance = once.iter().any(|(name, _)| name == "variance_error_rank");
        assert_eq!(has_variance, networks > 1);
    }

    /// Without ties it is 1 − 6 Σ d² / (n (n² − 1)), d the difference of ranks.
    fn spearman(pairs: &[[f64; 2]]) -> f64 {
        let rank = |side: usize, of: &[f64; 2]| {
            let before = pairs.iter().filter(|other| other[side] < of[side]);
            before.count() as f64
        };
        let squares: f64 = pairs
            .iter()
            .map(|of| (rank(0, of) - rank(1, of)).powi(2))
            .sum();
        let n = pairs.len() as f64;
        1.0 - 6.0 * squares / (n * (n * n - 1.0))
    }
}
