//! Gated recurrent unit (Cho et al. 2014), reset gate applied after the recurrent product, as cuDNN and torch have it.
//!
//! r, z = σ(W x + b + U h), n = tanh(W x + b + r ⊙ (U h + d)), h' = n + z ⊙ (h − n).
//! A mask on the state meets h where it enters the products U h; the carried z ⊙ h stays unmasked.

use super::Matrix;
use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;

/// Gates r and z over [x, 1, h], then the candidate's two halves over [x, 1] and [1, h].
pub(super) fn matrices(inputs: usize, hidden: usize) -> Vec<Matrix> {
    let matrix = |name, rows, bias_row| Matrix {
        name,
        rows,
        bias_row,
        bias: 0.0,
    };
    vec![
        matrix("reset_gate", inputs + 1 + hidden, inputs),
        matrix("update_gate", inputs + 1 + hidden, inputs),
        matrix("candidate_input", inputs + 1, inputs),
        matrix("candidate_state", 1 + hidden, 0),
    ]
}

/// The next h from x, 1, the h that enters the recurrence and the h that is carried.
pub(super) fn step(
    weights: &[Tensor],
    x: &Tensor,
    one: &Tensor,
    entering: &Tensor,
    carried: &Tensor,
) -> Result<Tensor> {
    let from_input = Tensor::cat(&[x, one], 1)?;
    let from_state = Tensor::cat(&[one, entering], 1)?;
    let joined = Tensor::cat(&[&from_input, entering], 1)?;
    let reset = sigmoid(&joined.matmul(&weights[0])?)?;
    let update = sigmoid(&joined.matmul(&weights[1])?)?;
    let recalled = (reset * from_state.matmul(&weights[3])?)?;
    let candidate = (from_input.matmul(&weights[2])? + recalled)?.tanh()?;
    &candidate + (update * (carried - &candidate)?)?
}
