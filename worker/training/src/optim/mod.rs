//! Gradient clipping and the optimizers, with all of their state in reach of a checkpoint.

mod average;
mod clip;
mod rule;
mod update;

pub use average::AverageProgress;
pub use clip::{Clipped, Scale, clipped};

use crate::card::Card;
use crate::model::Parameters;
use average::Average;
use breakmywork_protocol::spec::{self, DecayBy, Training};
use candle_core::{Result, Tensor};
use rule::Rule;

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
        let average = (training.optimizer == spec::Optimizer::NtAsgd).then(Average::default);
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
        if let Some(average) = &mut self.average {
            average.measured(loss);
        }
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

#[cfg(test)]
mod tests;
