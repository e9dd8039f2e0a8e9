//! Gated recurrent unit (Cho et al. 2014), reset gate applied after the recurrent product, as cuDNN and torch have it.
//!
//! r, z = σ(W x + b + U h), n = tanh(W x + b + r ⊙ (U h + d)), h' = (1 − z) ⊙ n + z ⊙ h.
//! A mask on the state meets h where it enters the products U h; the carried z ⊙ h stays unmasked. A mask on the update
//! meets n.

use super::Matrix;
use super::step::Step;
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;

/// Gates r and z over [x, 1, h], then the candidate's two halves over [x, 1] and [1, h].
pub(super) fn matrices(inputs: usize, hidden: usize) -> Vec<Matrix> {
    let matrix = |name, rows, bias_row| Matrix {
        name,
        rows,
        bias_row,
        bias: 0.0,
        always: false,
    };
    vec![
        matrix("reset_gate", inputs + 1 + hidden, inputs),
        matrix("update_gate", inputs + 1 + hidden, inputs),
        matrix("candidate_input", inputs + 1, inputs),
        matrix("candidate_state", 1 + hidden, 0),
    ]
}

/// The next h.
pub(super) fn step(step: &Step<'_>, h: &Tensor) -> Result<Tensor> {
    let products = step.products(2)?;
    let (masks, layer, t) = (step.masks, step.layer, step.t);
    let reset = sigmoid(&products[0])?;
    let update = sigmoid(&products[1])?;
    let from_input = step.input_product(2, 2)?;
    let recalled = (reset * step.state_product(2, 3)?)?;
    let candidate = masks.apply(
        SiteName::Update,
        layer,
        t,
        &(from_input + recalled)?.tanh()?,
    )?;
    let new = (&candidate + (update * (h - &candidate)?)?)?;
    masks.zoneout(SiteName::ZoneoutState, layer, t, new, h)
}
