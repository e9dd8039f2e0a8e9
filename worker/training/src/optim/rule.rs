//! How gradients become steps: gradient descent and Adam, on a CPU and on a card.

use super::update::{Adam, Descend, DescendRows, Follow};
use crate::card::{self, Card};
use crate::gradient::{Gradient, RowGradient};
use candle_core::{Result, Tensor};

/// Decay of the mean of gradients.
const BETA_1: f64 = 0.9;
/// Decay of the mean of squared gradients.
const BETA_2: f64 = 0.999;
/// Keeps Adam from dividing by zero.
const EPSILON: f64 = 1e-8;

/// How gradients become steps.
#[derive(Debug)]
pub(super) enum Rule {
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

impl Rule {
    /// Moves the parameter with that number in place, on a CPU; the gradient is `scale` times what is given.
    #[allow(clippy::too_many_arguments, reason = "the factors of one formula")]
    pub(super) fn update(
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
    pub(super) fn update_on(
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
