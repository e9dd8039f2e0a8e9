//! Gradient clipping and the optimizers, with all of their state in reach of a checkpoint.

mod update;

use crate::card::{self, Card};
use crate::gradient::{Gradient, RowGradient};
use crate::model::Parameters;
use breakmywork_protocol::spec::{self, DecayBy, Training};
use candle_core::backprop::GradStore;
use candle_core::{DType, Result, Tensor};
use serde::{Deserialize, Serialize};
use update::{Adam, Descend, DescendRows, Follow};

/// Decay of the mean of gradients.
const BETA_1: f64 = 0.9;
/// Decay of the mean of squared gradients.
const BETA_2: f64 = 0.999;
/// Keeps Adam from dividing by zero.
const EPSILON: f64 = 1e-8;

/// A rule that moves the parameters, and weight decay beside it.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    /// Share of each parameter that a step takes away.
    shrink: f64,
    /// Whether that share is to go with the learning rate.
    shrinks_with_rate: bool,
    /// Averages the weights once it is time; only of `nt_asgd`.
    average: Option<Average>,
}

/// Non-monotonically triggered averaging (Merity, Keskar & Socher 2017, algorithm 1).
#[derive(Debug)]
struct Average {
    progress: AverageProgress,
    /// Mean of the parameters since the trigger; empty before the first step after it.
    means: Vec<Tensor>,
}

/// How far the averaging is, for a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AverageProgress {
    /// Validation losses of the measurements before the trigger.
    pub losses: Vec<f64>,
    /// Whether averaging has begun.
    pub begun: bool,
    /// Steps averaged over.
    pub steps: u32,
}

/// Measurements without improvement after which averaging begins: the paper's non-monotone interval.
const NON_MONOTONE: usize = 5;

/// How gradients become steps.
#[derive(Debug)]
enum Rule {
    /// p ← p − η g.
    Sgd {
        /// Step size η.
        learning_rate: f64,
    },
    /// Adam (Kingma & Ba 2015), algorithm 1.
    Adam {
        /// Step size η.
        learning_rate: f64,
        /// Running means of the gradients and of their squares, parameter by parameter.
        moments: Vec<[Tensor; 2]>,
    },
}

impl Optimizer {
    /// The optimizer of that specification, before its first step.
    pub fn new(training: &Training, parameters: &Parameters) -> Result<Self> {
        let learning_rate = training.learning_rate;
        let rule = match training.optimizer {
            spec::Optimizer::Sgd | spec::Optimizer::NtAsgd => Rule::Sgd { learning_rate },
            spec::Optimizer::Adam => {
                let zeros = |var: &Tensor| Ok([var.zeros_like()?, var.zeros_like()?]);
                let moments = parameters
                    .named()
                    .iter()
                    .map(|(_, var)| zeros(&var.as_detached_tensor()));
                Rule::Adam {
                    learning_rate,
                    moments: moments.collect::<Result<_>>()?,
                }
            }
        };
        let shrink = match training.decay_by {
            DecayBy::LearningRate => training.weight_decay * learning_rate,
            DecayBy::Step => training.weight_decay,
        };
        let average = (training.optimizer == spec::Optimizer::NtAsgd).then(|| Average {
            progress: AverageProgress::default(),
            means: Vec::new(),
        });
        Ok(Self {
            rule,
            shrink,
            shrinks_with_rate: training.decay_by == DecayBy::LearningRate,
            average,
        })
    }

    /// Moves the parameters, which are on that card or on a CPU; `step` counts from 1, and the learning rate is multiplied
    /// by `rate`.
    ///
    /// # Errors
    /// What the device says.
    pub fn step(
        &mut self,
        card: Option<&dyn Card>,
        step: u32,
        rate: f64,
        parameters: &Parameters,
        clipped: &Clipped,
    ) -> Result<()> {
        let shrink = match self.shrinks_with_rate {
            true => self.shrink * rate,
            false => self.shrink,
        };
        let keep = 1.0 - shrink;
        for (index, (_, var)) in parameters.named().iter().enumerate() {
            let gradient = &clipped.gradients[index];
            match (card, &clipped.scale) {
                (None, Scale::Number(scale)) => {
                    self.rule
                        .update(step, rate, keep, *scale, index, var, gradient)?;
                }
                (Some(card), Scale::OnCard(scale)) => {
                    let gradient = gradient.whole()?;
                    let given = [&gradient, scale];
                    self.rule
                        .update_on(card, step, rate, keep, index, var, given)?;
                }
                _ => candle_core::bail!("gradients were clipped on another device"),
            }
        }
        match &mut self.average {
            Some(average) if average.progress.begun => average.add(parameters),
            _ => Ok(()),
        }
    }

    /// Takes the validation loss of a measurement; averaging begins with the next step if it is above the lowest of all
    /// but the last five.
    pub fn measured(&mut self, loss: f64) {
        let Some(Average { progress, .. }) = &mut self.average else {
            return;
        };
        if progress.begun {
            return;
        }
        let earlier = progress.losses.len().saturating_sub(NON_MONOTONE);
        progress.begun = progress.losses[..earlier]
            .iter()
            .any(|&before| before < loss);
        progress.losses.push(loss);
    }

    /// The averaged parameters, which are what is measured once there are any.
    pub fn averaged(&self) -> Option<&[Tensor]> {
        let means = &self.average.as_ref()?.means;
        (!means.is_empty()).then_some(means)
    }

    /// How far the averaging is.
    pub fn progress(&self) -> AverageProgress {
        let average = self.average.as_ref();
        average.map_or_else(AverageProgress::default, |average| average.progress.clone())
    }

    /// Tensors that an exact continuation needs, by name.
    pub fn state<'a>(&'a self, parameters: &'a Parameters) -> Vec<(String, &'a Tensor)> {
        let names = || parameters.named().iter();
        let means = self.averaged().into_iter().flatten();
        let mut state: Vec<(String, &Tensor)> = names()
            .zip(means)
            .map(|((name, _), mean)| (format!("average.{name}"), mean))
            .collect();
        let Rule::Adam { moments, .. } = &self.rule else {
            return state;
        };
        let moments = names()
            .zip(moments)
            .flat_map(|((name, _), [first, second])| {
                [
                    (format!("adam.first.{name}"), first),
                    (format!("adam.second.{name}"), second),
                ]
            });
        state.extend(moments);
        state
    }

    /// Puts back what [`Self::progress`] and [`Self::state`] gave; `take` finds a tensor by its name that is like the present one.
    ///
    /// # Errors
    /// What `take` says.
    pub fn restore<E>(
        &mut self,
        parameters: &Parameters,
        progress: &AverageProgress,
        mut take: impl FnMut(&str, &Tensor) -> std::result::Result<Tensor, E>,
    ) -> std::result::Result<(), E> {
        if let Some(average) = &mut self.average {
            average.progress = progress.clone();
            if progress.steps > 0 {
                let named = parameters.named().iter();
                let means = named.map(|(name, var)| take(&format!("average.{name}"), var));
                average.means = means.collect::<std::result::Result<_, E>>()?;
            }
        }
        let Rule::Adam { moments, .. } = &mut self.rule else {
            return Ok(());
        };
        for ((name, _), [first, second]) in parameters.named().iter().zip(moments) {
            *first = take(&format!("adam.first.{name}"), first)?;
            *second = take(&format!("adam.second.{name}"), second)?;
        }
        Ok(())
    }
}

impl Average {
    fn add(&mut self, parameters: &Parameters) -> Result<()> {
        self.progress.steps += 1;
        if self.means.is_empty() {
            self.means = parameters.values()?;
            return Ok(());
        }
        let weight = 1.0 / f64::from(self.progress.steps);
        for ((_, var), mean) in parameters.named().iter().zip(&mut self.means) {
            let off = (var.as_detached_tensor() - &*mean)?;
            *mean = (&*mean + (off * weight)?)?;
        }
        Ok(())
    }
}

impl Rule {
    /// Moves the parameter with that number in place, on a CPU; the gradient is `scale` times what is given.
    #[allow(clippy::too_many_arguments, reason = "the factors of one formula")]
    fn update(
        &mut self,
        step: u32,
        rate: f64,
        keep: f64,
        scale: f64,
        index: usize,
        var: &Tensor,
        gradient: &Gradient,
    ) -> Result<()> {
        match self {
            Self::Sgd { learning_rate } => {
                let rate = *learning_rate * rate * scale;
                match gradient {
                    // Rows that were not used stay as they are, unless all weights decay.
                    Gradient::Rows(RowGradient { rows, values, .. }) if keep == 1.0 => {
                        var.inplace_op2(values, &DescendRows { rows, rate })
                    }
                    _ => var.inplace_op2(&gradient.whole()?, &Descend { keep, rate }),
                }
            }
            Self::Adam {
                learning_rate,
                moments,
            } => {
                let [first, second] = &moments[index];
                let follow = |decay, squared| Follow {
                    decay,
                    scale,
                    squared,
                };
                let gradient = gradient.whole()?;
                first.inplace_op2(&gradient, &follow(BETA_1, false))?;
                second.inplace_op2(&gradient, &follow(BETA_2, true))?;
                let [rate, unbias] = unbiased(step, rate * *learning_rate);
                let adam = Adam {
                    keep,
                    rate,
                    unbias,
                    epsilon: EPSILON,
                };
                var.inplace_op3(first, second, &adam)
            }
        }
    }

    /// The same on a card, where the scale is.
    #[allow(clippy::too_many_arguments, reason = "the factors of one formula")]
    fn update_on(
        &self,
        card: &dyn Card,
        step: u32,
        rate: f64,
        keep: f64,
        index: usize,
        var: &Tensor,
        [gradient, scale]: [&Tensor; 2],
    ) -> Result<()> {
        match self {
            Self::Sgd { learning_rate } => {
                card::descend(card, [var, gradient, scale], keep, *learning_rate * rate)
            }
            Self::Adam {
                learning_rate,
                moments,
            } => {
                let [first, second] = &moments[index];
                let [rate, unbias] = unbiased(step, rate * *learning_rate);
                let factors = card::Adam {
                    keep,
                    rate,
                    unbias,
                    epsilon: EPSILON,
                    decay: [BETA_1, BETA_2],
                };
                card::adam(card, [var, first, second], [gradient, scale], &factors)
            }
        }
    }
}

/// The step size over the bias of Adam's first moment, and what undoes that of the second.
fn unbiased(step: u32, rate: f64) -> [f64; 2] {
    let bias = |beta: f64| 1.0 - beta.powf(f64::from(step));
    [rate / bias(BETA_1), 1.0 / bias(BETA_2)]
}

/// The gradients in the order of the parameters.
pub fn ordered(gradients: &GradStore, parameters: &Parameters) -> Result<Vec<Gradient>> {
    let named = parameters.named().iter();
    named
        .map(|(_, var)| match gradients.get(var) {
            // candle keeps the whole graph alive in a parameter's gradient; moments must not inherit it.
            Some(gradient) => Ok(Gradient::Whole(gradient.detach())),
            None => Ok(Gradient::Whole(var.as_detached_tensor().zeros_like()?)),
        })
        .collect()
}

/// What brings gradients down to a limit.
#[derive(Debug)]
pub enum Scale {
    /// A number.
    Number(f64),
    /// A number that stays on the card: nobody waits for it.
    OnCard(Tensor),
}

/// Gradients whose global norm is at most a limit.
#[derive(Debug)]
pub struct Clipped {
    /// In the order of the parameters.
    pub gradients: Vec<Gradient>,
    /// What they are still to be multiplied by: that is left to whoever reads them next.
    pub scale: Scale,
    /// Their norm before; it stays on the device.
    pub norm: Tensor,
}

/// The gradients, scaled down so that their global norm is at most `clip` (0: as they are); on that card, or on a CPU.
///
/// # Errors
/// If the device is out of memory.
pub fn clipped(card: Option<&dyn Card>, gradients: Vec<Gradient>, clip: f64) -> Result<Clipped> {
    if let Some(card) = card {
        return clipped_on(card, gradients, clip);
    }
    let first = gradients[0].values();
    let (device, dtype) = (first.device().clone(), first.dtype());
    let norm = update::sum_of_squares(&gradients)?.sqrt();
    // clip / max(norm, clip): exactly 1 below the limit, and finite for a norm of 0. A NaN stays one.
    let scale = match clip {
        0.0 => 1.0,
        _ if norm > clip => clip / norm,
        _ => norm * 0.0 + 1.0,
    };
    Ok(Clipped {
        norm: Tensor::new(norm, &device)?.to_dtype(dtype)?,
        gradients,
        scale: Scale::Number(scale),
    })
}

fn clipped_on(card: &dyn Card, gradients: Vec<Gradient>, clip: f64) -> Result<Clipped> {
    if gradients
        .iter()
        .any(|gradient| gradient.values().dtype() != DType::F32)
    {
        candle_core::bail!("a card updates numbers of single precision");
    }
    let values: Vec<Tensor> = gradients.iter().map(|g| g.values().clone()).collect();
    let [norm, scale] = card::clip(card, &values, clip)?;
    Ok(Clipped {
        gradients,
        scale: Scale::OnCard(scale),
        norm,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::tasks::{Head, ReadOut};
    use breakmywork_protocol::spec::Cell;
    use candle_core::{DType, Device};

    fn network() -> Network {
        Network {
            cell: Cell::Rnn,
            layers: 1,
            hidden: 1,
            normalization: spec::Normalization::None,
            inputs: 1,
            vocabulary: None,
            tied: false,
            initial_range: None,
            head: Head::Value,
            read_out: ReadOut::Last(1),
        }
    }

    fn parameters() -> Parameters {
        Parameters::initial(&network(), 1, DType::F64, &Device::Cpu).expect("initial weights")
    }

    fn training(optimizer: spec::Optimizer) -> Training {
        Training {
            optimizer,
            learning_rate: 0.1,
            batch: 1,
            steps: Some(1),
            epochs: None,
            anneal: None,
            anneal_after: None,
            loss_over_time: None,
            clip: 0.0,
            weight_decay: 0.0,
            decay_by: DecayBy::LearningRate,
            ar: 0.0,
            tar: 0.0,
        }
    }

    fn values(parameters: &Parameters) -> Vec<f64> {
        let flat = |(_, var): &(String, candle_core::Var)| {
            var.flatten_all()
                .and_then(|t| t.to_vec1::<f64>())
                .expect("numbers")
        };
        parameters.named().iter().flat_map(flat).collect()
    }

    fn constant(parameters: &Parameters, value: f64) -> Clipped {
        let full = |(_, var): &(String, candle_core::Var)| {
            let constant = Tensor::full(value, var.shape(), &Device::Cpu);
            Gradient::Whole(constant.expect("a constant"))
        };
        clipped(None, parameters.named().iter().map(full).collect(), 0.0).expect("gradients")
    }

    #[test]
    fn sgd_moves_against_the_gradient() {
        let parameters = parameters();
        let before = values(&parameters);
        let mut sgd = Optimizer::new(&training(spec::Optimizer::Sgd), &parameters).expect("sgd");
        sgd.step(None, 1, 1.0, &parameters, &constant(&parameters, 2.0))
            .expect("a step");
        for (before, after) in before.iter().zip(values(&parameters)) {
            assert!((before - 0.2 - after).abs() < 1e-12);
        }
    }

    #[test]
    fn decay_shrinks_by_the_rate_or_by_itself() {
        for (decay_by, kept) in [
            (DecayBy::LearningRate, 1.0 - 0.1 * 0.5),
            (DecayBy::Step, 0.5),
        ] {
            for optimizer in [spec::Optimizer::Sgd, spec::Optimizer::Adam] {
                let parameters = parameters();
                let before = values(&parameters);
                let training = Training {
                    weight_decay: 0.5,
                    decay_by,
                    ..training(optimizer)
                };
                let mut optimizer = Optimizer::new(&training, &parameters).expect("an optimizer");
                let none = constant(&parameters, 0.0);
                optimizer
                    .step(None, 1, 1.0, &parameters, &none)
                    .expect("a step");
                for (before, after) in before.iter().zip(values(&parameters)) {
                    assert!((before * kept - after).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn averaging_begins_when_validation_is_above_all_but_the_last_five_and_is_the_mean_since() {
        let parameters = parameters();
        let training = training(spec::Optimizer::NtAsgd);
        let mut optimizer = Optimizer::new(&training, &parameters).expect("nt_asgd");
        let step = |optimizer: &mut Optimizer, gradient: f64| {
            let gradients = constant(&parameters, gradient);
            optimizer
                .step(None, 1, 1.0, &parameters, &gradients)
                .expect("a step");
            values(&parameters)
        };
        // 2.9 is above 3 of none, then of the first alone once five came after it.
        for loss in [3.0, 5.0, 5.0, 5.0, 5.0, 2.9] {
            optimizer.measured(loss);
            step(&mut optimizer, 1.0);
            assert!(optimizer.averaged().is_none(), "at {loss}");
        }
        optimizer.measured(3.1);
        let first = step(&mut optimizer, 1.0);
        let second = step(&mut optimizer, -4.0);
        let third = step(&mut optimizer, 2.5);
        let means = optimizer.averaged().expect("it has begun");
        let means: Vec<f64> = means
            .iter()
            .flat_map(|mean| {
                mean.flatten_all()
                    .and_then(|m| m.to_vec1())
                    .expect("numbers")
            })
            .collect();
        for (index, mean) in means.iter().enumerate() {
            let expected = (first[index] + second[index] + third[index]) / 3.0;
            assert!((mean - expected).abs() < 1e-12);
        }
    }

    /// Adam by hand, two steps with gradients 2 and −1.
    #[test]
    fn adam_follows_its_definition() {
        let parameters = parameters();
        let before = values(&parameters);
        let mut adam = Optimizer::new(&training(spec::Optimizer::Adam), &parameters).expect("adam");
        adam.step(None, 1, 1.0, &parameters, &constant(&parameters, 2.0))
            .expect("a step");
        adam.step(None, 2, 1.0, &parameters, &constant(&parameters, -1.0))
            .expect("a step");
        let second_step = {
            let m = (0.9 * 0.2 - 0.1) / (1.0 - 0.81);
            let v: f64 = (0.999 * 0.004 + 0.001) / (1.0 - 0.998_001);
            0.1 * m / (v.sqrt() + 1e-8)
        };
        for (before, after) in before.iter().zip(values(&parameters)) {
            assert!((before - 0.1 - second_step - after).abs() < 1e-9);
        }
    }

    /// Two of five rows, by every rule, with weight decay and without: the same norm and the same parameters.
    #[test]
    fn rows_of_a_gradient_do_what_all_of_it_does() {
        let network = Network {
            vocabulary: Some(5),
            inputs: 3,
            ..network()
        };
        let table = |rows: &[f64], of: usize| {
            Tensor::from_vec(rows.to_vec(), (of, 3), &Device::Cpu).expect("a matrix")
        };
        let used = [1.0, -2.0, 3.0, 0.5, 0.25, -4.0];
        let mut all = [0.0; 15];
        all[3..6].copy_from_slice(&used[..3]);
        all[12..].copy_from_slice(&used[3..]);
        let rows = Gradient::Rows(RowGradient {
            rows: vec![1, 4],
            values: table(&used, 2),
            of: 5,
        });
        for optimizer in [spec::Optimizer::Sgd, spec::Optimizer::Adam] {
            for weight_decay in [0.0, 0.5] {
                let stepped = |embedding: Gradient| {
                    let parameters = Parameters::initial(&network, 1, DType::F64, &Device::Cpu);
                    let parameters = parameters.expect("initial weights");
                    let training = Training {
                        weight_decay,
                        ..training(optimizer)
                    };
                    let mut rule = Optimizer::new(&training, &parameters).expect("a rule");
                    let mut gradients = constant(&parameters, 2.0).gradients;
                    gradients[0] = embedding;
                    let clipped = clipped(None, gradients, 1.0).expect("gradients");
                    rule.step(None, 1, 1.0, &parameters, &clipped)
                        .expect("a step");
                    let Scale::Number(scale) = clipped.scale else {
                        panic!("a number on a CPU");
                    };
                    (scale, values(&parameters))
                };
                assert_eq!(
                    stepped(rows.clone()),
                    stepped(Gradient::Whole(table(&all, 5)))
                );
            }
        }
    }

    #[test]
    fn the_global_norm_is_clipped_and_small_gradients_are_left_alone() {
        let parameters = parameters();
        let count = parameters.count() as f64;
        let gradients = |value: f64| {
            let loss = parameters
                .named()
                .iter()
                .map(|(_, var)| (var.as_tensor() * value)?.sum_all());
            let loss = loss
                .collect::<Result<Vec<_>>>()
                .and_then(|terms| Tensor::stack(&terms, 0)?.sum_all());
            loss.and_then(|loss| loss.backward()).expect("gradients")
        };
        for (value, clip, expected) in [
            (3.0, 1.0, 1.0 / count.sqrt()),
            (0.01, 1.0, 0.01),
            (3.0, 0.0, 3.0),
            (0.0, 1.0, 0.0),
        ] {
            let ordered = ordered(&gradients(value), &parameters).expect("ordered");
            let Clipped {
                gradients: clipped,
                scale,
                norm,
            } = clipped(None, ordered, clip).expect("clips");
            assert!((norm.to_scalar::<f64>().expect("norm") - value * count.sqrt()).abs() < 1e-12);
            let Scale::Number(scale) = scale else {
                panic!("a number on a CPU");
            };
            let entry = clipped[0]
                .values()
                .flatten_all()
                .and_then(|g| g.to_vec1::<f64>())
                .expect("numbers")[0];
            assert!(
                (entry * scale - expected).abs() < 1e-12,
                "{value} clipped to {clip} gave {entry}"
            );
        }
    }
}
