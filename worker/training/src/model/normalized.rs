//! A step of the LSTM with normalized products: how gains and biases lie, and where they come in.

use super::step::Step;
use candle_core::{Result, Tensor};

/// Gates that are normalized together.
const GATES: usize = 4;
/// Where the gains lie among a layer's matrices: behind the gates.
const STATE_GAINS: usize = GATES;
const INPUT_GAINS: usize = 2 * GATES;
const CELL_GAIN: usize = 3 * GATES;
const CELL_BIAS: usize = CELL_GAIN + 1;

impl Step<'_> {
    /// The gates' pre-activations from normalized products.
    pub(super) fn normalized_products(&self) -> Result<Vec<Tensor>> {
        let each = |product: &dyn Fn(usize) -> Result<Tensor>, first| {
            let parts = (0..GATES).map(product).collect::<Result<_>>()?;
            self.normalizer.normalize(parts, first)
        };
        let from_state = each(&|gate| self.plain_state_product(gate), 0)?;
        let from_input = each(&|gate| self.plain_input_product(gate), GATES)?;
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
        let c = self.normalizer.normalize(vec![c.clone()], 2 * GATES)?;
        c[0].broadcast_mul(&self.weights[CELL_GAIN])?
            .broadcast_add(&self.weights[CELL_BIAS])
    }
}
