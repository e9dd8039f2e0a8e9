//! Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
//!
//! i, f, o = σ(W x + b + U h), g = tanh(W x + b + U h), each with matrices of its own;
//! c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c').
//! Masks: on g before it is added (Semeniuta et al. 2016); on c', carried on masked (Moon et al. 2015) or not;
//! zoneout on c and h, where the new h is made from the new c, not from the mixed one (Krueger et al. 2016).

use super::Matrix;
use super::normalize::Normalizer;
use super::step::Step;
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;

/// Gates i, f, g and o, each over [x, 1, h].
pub(super) fn matrices(inputs: usize, hidden: usize, forget_bias: Option<f64>) -> Vec<Matrix> {
    let gate = |name, bias| Matrix {
        name,
        rows: inputs + 1 + hidden,
        bias_row: inputs,
        bias,
        always: false,
    };
    vec![
        gate("input_gate", 0.0),
        Matrix {
            always: forget_bias.is_some(),
            ..gate("forget_gate", forget_bias.unwrap_or(1.0))
        },
        gate("candidate", 0.0),
        gate("output_gate", 0.0),
    ]
}

/// The next h and c.
pub(super) fn step(step: &Step<'_>, h: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
    let normalized = !matches!(step.normalizer, Normalizer::None);
    let products = if normalized {
        step.normalized_products()?
    } else {
        step.products(4)?
    };
    let (masks, layer, t) = (step.masks, step.layer, step.t);
    let input = sigmoid(&products[0])?;
    let forget = sigmoid(&products[1])?;
    let candidate = masks.apply(SiteName::Update, layer, t, &products[2].tanh()?)?;
    let output = sigmoid(&products[3])?;
    let new = ((forget * c)? + (input * candidate)?)?;
    let read = masks.apply(SiteName::Cell, layer, t, &new)?;
    let carried = if masks.hides(layer) {
        new
    } else {
        read.clone()
    };
    let seen = if normalized {
        step.normalized_cell(&read)?
    } else {
        read
    };
    let new_h = (output * seen.tanh()?)?;
    let next_c = masks.zoneout(SiteName::ZoneoutCell, layer, t, carried, c)?;
    let next_h = masks.zoneout(SiteName::ZoneoutState, layer, t, new_h, h)?;
    Ok((next_h, next_c))
}
