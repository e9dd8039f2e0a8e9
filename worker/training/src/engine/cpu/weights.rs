//! A layer's matrices: where their rows lie, and those of U packed for the steps.

use super::masks::{LayerMasks, SiteMask};
use crate::vectors::{Matrix, Numbers, Packed, Real};
use breakmywork_protocol::spec::Cell;
use candle_core::{Result, Tensor};
use std::borrow::Cow;

/// The size of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) cell: Cell,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) gates: usize,
}

/// What rows of a parameter belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// W of a gate.
    Input(usize),
    /// The bias of a gate.
    Bias(usize),
    /// U of a gate.
    State(usize),
    /// The bias that the gru's candidate adds to U h.
    RecalledBias,
}

impl Part {
    fn rows(self, size: Size) -> usize {
        match self {
            Self::Input(_) => size.inputs,
            Self::State(_) => size.hidden,
            Self::Bias(_) | Self::RecalledBias => 1,
        }
    }
}

/// Gates that share a product with h.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) first: usize,
    pub(super) count: usize,
    /// Whether the product stands by itself.
    pub(super) apart: bool,
}

impl Size {
    /// Columns of all gates together.
    pub(super) fn columns(self) -> usize {
        self.gates * self.hidden
    }

    /// What each of the parameter's matrices holds, from its first row down. The gru's candidate has a matrix over [x, 1]
    /// and one over [1, h].
    pub(super) fn matrices(self) -> Vec<Vec<Part>> {
        let whole = |gate| vec![Part::Input(gate), Part::Bias(gate), Part::State(gate)];
        match self.cell {
            Cell::Rnn | Cell::Lstm => (0..self.gates).map(whole).collect(),
            Cell::Gru => vec![
                whole(0),
                whole(1),
                vec![Part::Input(2), Part::Bias(2)],
                vec![Part::RecalledBias, Part::State(2)],
            ],
        }
    }

    /// The parts of that matrix with the first row and the number of rows of each.
    pub(super) fn parts(self, matrix: usize) -> Vec<(Part, usize, usize)> {
        let mut first = 0;
        let matrices = self.matrices();
        let placed = matrices[matrix].iter().map(|&part| {
            let (from, rows) = (first, part.rows(self));
            first += rows;
            (part, from, rows)
        });
        placed.collect()
    }

    /// Whether that gate's product with U stands by itself: the gru's candidate adds it later.
    pub(super) fn is_apart(self, gate: usize) -> bool {
        self.cell == Cell::Gru && gate == 2
    }

    /// The gates that share a product with h, under those masks.
    pub(super) fn groups<R: Real>(self, masks: &LayerMasks<R>) -> Vec<Group> {
        let untied = masks.state.as_ref().is_some_and(|mask| mask.gates() > 1);
        let group = |first, count, apart| Group {
            first,
            count,
            apart,
        };
        match (untied, self.cell == Cell::Gru) {
            (false, false) => vec![group(0, self.gates, false)],
            (false, true) => vec![group(0, 2, false), group(2, 1, true)],
            (true, _) => {
                let gates = 0..self.gates;
                gates
                    .map(|gate| group(gate, 1, self.is_apart(gate)))
                    .collect()
            }
        }
    }
}

/// A layer's parameters as they lie.
pub(super) struct Matrices<'t, R> {
    size: Size,
    numbers: Vec<Numbers<'t, R>>,
}

impl<'t, R: Real> Matrices<'t, R> {
    /// Those of that layer.
    pub(super) fn of(size: Size, tensors: &'t [Tensor]) -> Result<Self> {
        let numbers = tensors.iter().map(Numbers::of);
        Ok(Self {
            size,
            numbers: numbers.collect::<Result<_>>()?,
        })
    }

    /// The numbers of that part, row by row; none of what the cell does not have.
    pub(super) fn rows(&self, wanted: Part) -> &[R] {
        let n = self.size.hidden;
        for (matrix, numbers) in self.numbers.iter().enumerate() {
            for (part, first, rows) in self.size.parts(matrix) {
                if part == wanted {
                    return &numbers.slice()[first * n..][..rows * n];
                }
            }
        }
        &[]
    }

    /// W of a gate: inputs × hidden.
    pub(super) fn input(&self, gate: usize) -> Matrix<'_, R> {
        let n = self.size.hidden;
        Matrix::rows(self.rows(Part::Input(gate)), self.size.inputs, n, n)
    }

    /// The biases of all gates side by side: gates · hidden.
    pub(super) fn bias(&self) -> Vec<R> {
        let gates = (0..self.size.gates).map(|gate| self.rows(Part::Bias(gate)));
        gates.collect::<Vec<_>>().concat()
    }

    /// U of a gate, hidden × hidden, without the entries that are dropped.
    fn state(&self, gate: usize, dropped: Option<&SiteMask<R>>) -> Cow<'_, [R]> {
        let entries = self.rows(Part::State(gate));
        let Some(mask) = dropped else {
            return Cow::Borrowed(entries);
        };
        let mut kept = entries.to_vec();
        mask.drop_entries(gate, 0, &mut kept);
        Cow::Owned(kept)
    }
}

/// U as the steps read it, for each group of gates.
pub(super) struct PackedRecurrent<R: Real> {
    /// hidden × (gates of the group · hidden).
    pub(super) forward: Vec<Packed<R>>,
    /// (gates of the group · hidden) × hidden: what gradients walk back through.
    pub(super) back: Vec<Packed<R>>,
}

impl<R: Real> PackedRecurrent<R> {
    /// U of that layer, without the entries that this window drops; the way back only where it `learns`.
    pub(super) fn pack(matrices: &Matrices<'_, R>, masks: &LayerMasks<R>, learns: bool) -> Self {
        let n = matrices.size.hidden;
        let dropped = masks.recurrent_weights.as_ref();
        let groups = matrices.size.groups(masks);
        let each =
            |packs: &(dyn Fn(&Group) -> Packed<R> + Sync)| groups.iter().map(packs).collect();
        let forward = |group: &Group| {
            let mut packed = Packed::new(n, group.count * n);
            for index in 0..group.count {
                let entries = matrices.state(group.first + index, dropped);
                packed.put(0, index * n, Matrix::rows(&entries, n, n, n));
            }
            packed
        };
        let back = |group: &Group| {
            let mut packed = Packed::new(group.count * n, n);
            for index in 0..group.count {
                let entries = matrices.state(group.first + index, dropped);
                packed.put(index * n, 0, Matrix::rows(&entries, n, n, n).transposed());
            }
            packed
        };
        let (forward, back) = rayon::join(
            || each(&forward),
            || if learns { each(&back) } else { Vec::new() },
        );
        Self { forward, back }
    }
}
