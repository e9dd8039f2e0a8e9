//! A layer's matrices side by side, as the steps read them, and their gradients the way back.

use super::copies::copy_rows;
use super::masks::{self, MaskOnCard};
use crate::card::{Buffer, Card, Mask, Span, read};
use breakmywork_protocol::spec::Cell;
use candle_core::{Result, Tensor};

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

    /// Rows of all parts: [x, 1, h], and the bias of the gru's product with h.
    fn rows(self) -> usize {
        self.inputs + 1 + self.hidden + usize::from(self.cell == Cell::Gru)
    }

    /// Where the parameters' matrices lie side by side.
    fn parts(self) -> Vec<Part> {
        let all = self.inputs + 1 + self.hidden;
        let part = |matrix, gate, from, to, rows| Part {
            matrix,
            gate,
            from,
            to,
            rows,
        };
        let whole = |gate| part(gate, gate, 0, 0, all);
        match self.cell {
            Cell::Rnn | Cell::Lstm => (0..self.gates).map(whole).collect(),
            // The candidate has a matrix over [x, 1] and one over [1, h].
            Cell::Gru => vec![
                whole(0),
                whole(1),
                part(2, 2, 0, 0, self.inputs + 1),
                part(3, 2, 1, self.inputs + 1, self.hidden),
                part(3, 2, 0, all, 1),
            ],
        }
    }

    /// Rows of each of the parameters' matrices.
    fn matrices(self) -> Vec<usize> {
        let all = self.inputs + 1 + self.hidden;
        match self.cell {
            Cell::Rnn | Cell::Lstm => vec![all; self.gates],
            Cell::Gru => vec![all, all, self.inputs + 1, 1 + self.hidden],
        }
    }
}

/// Rows of a parameter's matrix and where they lie among all gates.
struct Part {
    matrix: usize,
    gate: usize,
    /// First row in the matrix, and among all gates.
    from: usize,
    to: usize,
    rows: usize,
}

/// A layer's weights, or their gradients: [x, 1, h] × (gates · hidden).
pub(super) struct Packed {
    numbers: Buffer,
    size: Size,
}

impl Packed {
    /// Room for gradients.
    pub(super) fn alloc(card: &dyn Card, size: Size) -> Result<Self> {
        let numbers = card.alloc(size.rows() * size.columns())?;
        Ok(Self { numbers, size })
    }

    /// The layer's matrices as this window sees them: with entries of U dropped, if they are.
    pub(super) fn read(
        card: &dyn Card,
        size: Size,
        matrices: &[Tensor],
        dropped: Option<&MaskOnCard>,
    ) -> Result<Self> {
        let matrices = matrices.iter().map(|matrix| read(card, matrix));
        let matrices = matrices.collect::<Result<Vec<_>>>()?;
        let packed = Self::alloc(card, size)?;
        for part in size.parts() {
            let from = matrices[part.matrix].from(part.from * size.hidden);
            let to = (packed.of(&part), size.columns());
            let shape = (part.rows, size.hidden);
            copy_rows(
                card,
                to,
                (from, size.hidden),
                shape,
                size.dropped(&part, dropped),
            )?;
        }
        Ok(packed)
    }

    /// As matrices of the parameters' shapes; of the gradient of U what the mask let through.
    pub(super) fn matrices(
        &self,
        card: &dyn Card,
        dropped: Option<&MaskOnCard>,
    ) -> Result<Vec<Tensor>> {
        let (size, n) = (self.size, self.size.hidden);
        let rows = size.matrices();
        let matrices = rows.iter().map(|rows| card.alloc(rows * n));
        let matrices = matrices.collect::<Result<Vec<_>>>()?;
        for part in size.parts() {
            let to = (matrices[part.matrix].from(part.from * n), n);
            let from = (self.of(&part), size.columns());
            let shape = (part.rows, n);
            copy_rows(card, to, from, shape, size.dropped(&part, dropped))?;
        }
        let tensors = matrices.into_iter().zip(rows);
        tensors
            .map(|(matrix, rows)| card.tensor(matrix, &[rows, n]))
            .collect()
    }

    fn of(&self, part: &Part) -> Span<'_> {
        self.row(part.to).from(part.gate * self.size.hidden)
    }

    fn row(&self, row: usize) -> Span<'_> {
        self.numbers.from(row * self.size.columns())
    }

    /// W: inputs × (gates · hidden).
    pub(super) fn input(&self) -> Span<'_> {
        self.row(0)
    }

    /// The bias: gates · hidden.
    pub(super) fn bias(&self) -> Span<'_> {
        self.row(self.size.inputs)
    }

    /// U: hidden × (gates · hidden).
    pub(super) fn state(&self) -> Span<'_> {
        self.row(self.size.inputs + 1)
    }

    /// The bias of the gru's product with h: hidden.
    pub(super) fn recalled_bias(&self) -> Span<'_> {
        self.row(self.size.inputs + 1 + self.size.hidden)
            .from(2 * self.size.hidden)
    }
}

impl Size {
    /// The mask on a part's rows of U, its gate, and the first of those rows.
    fn dropped<'m>(self, part: &Part, mask: Option<&'m MaskOnCard>) -> (Mask<'m>, usize, usize) {
        let first = (self.inputs + 1).saturating_sub(part.to);
        // Behind U stands the bias of the gru's product, which is never dropped.
        let first = if part.to > self.inputs + 1 {
            part.rows
        } else {
            first
        };
        (masks::at(mask), part.gate, first)
    }
}
