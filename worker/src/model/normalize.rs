//! Layer normalization of the LSTM (Ba, Kiros & Hinton 2016, equations 20 to 22).
//!
//! The pre-activations of all gates become LN(U h; α₁) + LN(W x; α₂) + b, each normalized over the 4 · hidden numbers of
//! one sequence and step together, and h = o ⊙ tanh(LN(c; α₃, β₃)); the c that is carried on stays as it is.

use super::Matrix;
use super::layer::Step;
use candle_core::{Result, Tensor};

/// Added to a variance, as in torch.
const EPSILON: f64 = 1e-5;
/// Gates that are normalized together.
const GATES: usize = 4;
/// Where the gains lie among a layer's matrices: behind the gates.
const STATE_GAINS: usize = GATES;
const INPUT_GAINS: usize = 2 * GATES;
const CELL_GAIN: usize = 3 * GATES;
const CELL_BIAS: usize = CELL_GAIN + 1;

/// Gains of the two products for each gate, then gain and bias of the cell state: rows of one.
pub(super) fn matrices() -> Vec<Matrix> {
    let row = |name, bias| Matrix {
        name,
        rows: 1,
        bias_row: 0,
        bias,
    };
    vec![
        row("input_gate_state_gain", 1.0),
        row("forget_gate_state_gain", 1.0),
        row("candidate_state_gain", 1.0),
        row("output_gate_state_gain", 1.0),
        row("input_gate_input_gain", 1.0),
        row("forget_gate_input_gain", 1.0),
        row("candidate_input_gain", 1.0),
        row("output_gate_input_gain", 1.0),
        row("cell_gain", 1.0),
        row("cell_bias", 0.0),
    ]
}

impl Step<'_> {
    /// The gates' pre-activations from normalized products.
    pub(super) fn normalized_products(&self) -> Result<Vec<Tensor>> {
        let each = |product: &dyn Fn(usize) -> Result<Tensor>| {
            normalized((0..GATES).map(product).collect::<Result<_>>()?)
        };
        let from_state = each(&|gate| self.plain_state_product(gate))?;
        let from_input = each(&|gate| self.plain_input_product(gate))?;
        (0..GATES)
            .map(|gate| {
                let state = from_state[gate].broadcast_mul(&self.weights[STATE_GAINS + gate])?;
                let input = from_input[gate].broadcast_mul(&self.weights[INPUT_GAINS + gate])?;
                (state + input)?.broadcast_add(&self.bias(gate)?)
            })
            .collect()
    }

    /// The cell state as the output reads it.
    pub(super) fn normalized_cell(&self, c: &Tensor) -> Result<Tensor> {
        let c = normalized(vec![c.clone()])?.remove(0);
        c.broadcast_mul(&self.weights[CELL_GAIN])?
            .broadcast_add(&self.weights[CELL_BIAS])
    }
}

/// Mean 0 and variance 1 over all parts of a row together.
fn normalized(parts: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let total = |parts: &[Tensor]| -> Result<Tensor> {
        let sums = parts.iter().map(|part| part.sum_keepdim(1));
        let sums = sums.collect::<Result<Vec<_>>>()?;
        let width = parts.len() * parts[0].dim(1)?;
        Tensor::cat(&sums, 1)?.sum_keepdim(1)? / width as f64
    };
    let mean = total(&parts)?;
    let centred = parts.iter().map(|part| part.broadcast_sub(&mean));
    let centred = centred.collect::<Result<Vec<_>>>()?;
    let squares = centred
        .iter()
        .map(Tensor::sqr)
        .collect::<Result<Vec<_>>>()?;
    let deviation = (total(&squares)? + EPSILON)?.sqrt()?;
    let scaled = centred.iter().map(|part| part.broadcast_div(&deviation));
    scaled.collect()
}
