//! A layer's matrices side by side, as the steps read them, and their gradients the way back.

use super::masks::Mask;
use super::real::Real;
use breakmywork_protocol::spec::Cell;
use candle_core::{Result, Storage, Tensor};

/// The size of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) cell: Cell,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) gates: usize,
}

impl Size {
    /// Columns of all gates together.
    pub(super) fn columns(self) -> usize {
        self.gates * self.hidden
    }

    /// Where the numbers of [x, 1, h] lie in the matrices that the parameters have, gate by gate.
    fn places(self) -> Vec<Place> {
        let (x, h) = (0, self.inputs + 1);
        let whole = |gate| Place {
            input: Some((gate, x)),
            bias: Some((gate, self.inputs)),
            state: Some((gate, h)),
            recalled_bias: None,
        };
        match self.cell {
            Cell::Rnn | Cell::Lstm => (0..self.gates).map(whole).collect(),
            // The candidate has a matrix over [x, 1] and one over [1, h].
            Cell::Gru => vec![
                whole(0),
                whole(1),
                Place {
                    input: Some((2, x)),
                    bias: Some((2, self.inputs)),
                    state: Some((3, 1)),
                    recalled_bias: Some((3, 0)),
                },
            ],
        }
    }
}

/// Matrix and first row of each part of a gate.
struct Place {
    input: Option<(usize, usize)>,
    bias: Option<(usize, usize)>,
    state: Option<(usize, usize)>,
    recalled_bias: Option<(usize, usize)>,
}

/// The parts of a layer's matrices, or of their gradients.
pub(super) struct Parts<R> {
    /// inputs × (gates · hidden).
    pub(super) input: Vec<R>,
    /// gates · hidden.
    pub(super) bias: Vec<R>,
    /// hidden × (gates · hidden).
    pub(super) state: Vec<R>,
    /// hidden; the gru's alone.
    pub(super) recalled_bias: Vec<R>,
}

/// A layer's weights.
pub(super) struct LayerWeights<R> {
    pub(super) parts: Parts<R>,
    /// (gates · hidden) × hidden: what gradients walk back through.
    pub(super) state_transposed: Vec<R>,
}

impl<R: Real> Parts<R> {
    /// All zero.
    pub(super) fn zeros(size: Size) -> Self {
        let recalled = matches!(size.cell, Cell::Gru);
        Self {
            input: vec![R::ZERO; size.inputs * size.columns()],
            bias: vec![R::ZERO; size.columns()],
            state: vec![R::ZERO; size.hidden * size.columns()],
            recalled_bias: vec![R::ZERO; if recalled { size.hidden } else { 0 }],
        }
    }

    /// Calls `visit` with each gate's rows here and where they lie in the parameters' matrices: matrix, offset, row.
    fn each(&mut self, size: Size, mut visit: impl FnMut(usize, usize, &mut [R])) {
        let (n, columns) = (size.hidden, size.columns());
        for (gate, place) in size.places().into_iter().enumerate() {
            let gate_of = |row: usize| row * columns + gate * n;
            if let Some((matrix, first)) = place.input {
                for row in 0..size.inputs {
                    visit(
                        matrix,
                        (first + row) * n,
                        &mut self.input[gate_of(row)..][..n],
                    );
                }
            }
            if let Some((matrix, row)) = place.bias {
                visit(matrix, row * n, &mut self.bias[gate * n..][..n]);
            }
            if let Some((matrix, first)) = place.state {
                for row in 0..n {
                    visit(
                        matrix,
                        (first + row) * n,
                        &mut self.state[gate_of(row)..][..n],
                    );
                }
            }
            if let Some((matrix, row)) = place.recalled_bias {
                visit(matrix, row * n, &mut self.recalled_bias);
            }
        }
    }

    /// The parameters' matrices that these parts are of.
    pub(super) fn matrices(mut self, size: Size) -> Vec<Vec<R>> {
        let rows = |gate: usize| match (size.cell, gate) {
            (Cell::Gru, 2) => size.inputs + 1,
            (Cell::Gru, 3) => 1 + size.hidden,
            _ => size.inputs + 1 + size.hidden,
        };
        let count = match size.cell {
            Cell::Gru => 4,
            _ => size.gates,
        };
        let mut matrices: Vec<Vec<R>> = (0..count)
            .map(|gate| vec![R::ZERO; rows(gate) * size.hidden])
            .collect();
        self.each(size, |matrix, offset, row| {
            matrices[matrix][offset..][..row.len()].copy_from_slice(row);
        });
        matrices
    }

    /// Adds those of another part of the minibatch.
    pub(super) fn add(&mut self, other: &Self) {
        for (to, from) in [
            (&mut self.input, &other.input),
            (&mut self.bias, &other.bias),
            (&mut self.state, &other.state),
            (&mut self.recalled_bias, &other.recalled_bias),
        ] {
            add(to, from);
        }
    }

    /// Keeps of the gradient of U what the mask let through.
    pub(super) fn mask_state(&mut self, size: Size, mask: &Mask<R>) {
        let n = size.hidden;
        for gate in 0..size.gates {
            let mask = mask.gate(gate);
            for row in 0..n {
                let row_mask = &mask[row.min(mask.len() / n - 1) * n..][..n];
                let entries = &mut self.state[row * size.columns() + gate * n..][..n];
                for (entry, &keep) in entries.iter_mut().zip(row_mask) {
                    *entry *= keep;
                }
            }
        }
    }
}

impl<R: Real> LayerWeights<R> {
    /// A layer's weights as this window sees them: with entries of U dropped, if they are.
    pub(super) fn read(size: Size, matrices: &[Tensor], dropped: Option<&Mask<R>>) -> Result<Self> {
        let values = matrices.iter().map(values).collect::<Result<Vec<_>>>()?;
        let mut parts = Parts::zeros(size);
        parts.each(size, |matrix, offset, row| {
            row.copy_from_slice(&values[matrix][offset..][..row.len()]);
        });
        if let Some(mask) = dropped {
            parts.mask_state(size, mask);
        }
        let (n, columns) = (size.hidden, size.columns());
        let mut state_transposed = vec![R::ZERO; columns * n];
        for (row, entries) in parts.state.chunks_exact(columns).enumerate() {
            for (column, &entry) in entries.iter().enumerate() {
                state_transposed[column * n + row] = entry;
            }
        }
        Ok(Self {
            parts,
            state_transposed,
        })
    }
}

/// The numbers of a tensor on the CPU.
pub(super) fn values<R: Real>(tensor: &Tensor) -> Result<Vec<R>> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        candle_core::bail!("the fused path is for the CPU");
    };
    let (first, last) = layout.contiguous_offsets().unwrap_or((0, 0));
    Ok(R::cpu_storage_as_slice(storage)?[first..last].to_vec())
}

/// Adds number by number.
pub(super) fn add<R: Real>(to: &mut [R], from: &[R]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
