//! Simple recurrent layer (Elman 1990): h = tanh(W x + b + U h).

use super::Matrix;
use super::step::Step;
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};

/// One matrix over [x, 1, h].
pub(super) fn matrices(inputs: usize, hidden: usize) -> Vec<Matrix> {
    vec![Matrix {
        name: "hidden",
        rows: inputs + 1 + hidden,
        bias_row: inputs,
        bias: 0.0,
        always: false,
    }]
}

/// The next h; a mask on the update meets all of it.
pub(super) fn step(step: &Step<'_>, h: &Tensor) -> Result<Tensor> {
    let (masks, layer, t) = (step.masks, step.layer, step.t);
    let new = masks.apply(SiteName::Update, layer, t, &step.products(1)?[0].tanh()?)?;
    masks.zoneout(SiteName::ZoneoutState, layer, t, new, h)
}
