//! Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000), forget bias 1.
//!
//! i, f, o = σ(W x + b + U h), g = tanh(W x + b + U h), each with matrices of its own;
//! c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c').

use super::Matrix;
use candle_core::{Result, Tensor};
use candle_nn::ops::sigmoid;

/// Gates i, f, g and o, each over [x, 1, h].
pub(super) fn matrices(inputs: usize, hidden: usize) -> Vec<Matrix> {
    let gate = |name, bias| Matrix {
        name,
        rows: inputs + 1 + hidden,
        bias_row: inputs,
        bias,
    };
    vec![
        gate("input_gate", 0.0),
        gate("forget_gate", 1.0),
        gate("candidate", 0.0),
        gate("output_gate", 0.0),
    ]
}

/// The next h and c from [x, 1, h] and c.
pub(super) fn step(weights: &[Tensor], joined: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
    let input = sigmoid(&joined.matmul(&weights[0])?)?;
    let forget = sigmoid(&joined.matmul(&weights[1])?)?;
    let candidate = joined.matmul(&weights[2])?.tanh()?;
    let output = sigmoid(&joined.matmul(&weights[3])?)?;
    let c = ((forget * c)? + (input * candidate)?)?;
    let h = (output * c.tanh()?)?;
    Ok((h, c))
}
