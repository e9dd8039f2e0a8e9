//! Simple recurrent layer (Elman 1990): h = tanh(W x + b + U h).

use super::Matrix;
use candle_core::{Result, Tensor};

/// One matrix over [x, 1, h].
pub(super) fn matrices(inputs: usize, hidden: usize) -> Vec<Matrix> {
    vec![Matrix {
        name: "hidden",
        rows: inputs + 1 + hidden,
        bias_row: inputs,
        bias: 0.0,
    }]
}

/// The next h from [x, 1, h].
pub(super) fn step(weights: &[Tensor], joined: &Tensor) -> Result<Tensor> {
    joined.matmul(&weights[0])?.tanh()
}
