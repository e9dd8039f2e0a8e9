//! By candle's own operations and its differentiation: the reference, and what computes the rare variants.

use crate::window::{Learned, Window};
use candle_core::Result;

/// Loss and gradients of a window.
///
/// # Errors
/// What the device says.
pub fn learn(window: &Window<'_>) -> Result<Learned> {
    let weights = window.parameters.weights()?;
    let inputs = &window.batch.inputs;
    let pass = window
        .network
        .pass(&weights, inputs, window.carried, window.masks)?;
    let loss = window.network.loss(&pass.outputs, window.batch)?;
    let minimized = (&loss * window.factor)?;
    let [ar, tar] = window.penalties;
    let gradients = match pass.penalty(ar, tar)? {
        Some(penalty) => (minimized + penalty)?.backward()?,
        None => minimized.backward()?,
    };
    Ok(Learned {
        loss,
        gradients: window.parameters.gradients(&gradients)?,
        carried: pass.carried,
        statistics: pass.statistics,
    })
}
