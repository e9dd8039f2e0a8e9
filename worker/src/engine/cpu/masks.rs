//! The masks of a window as plain numbers.

use crate::dropout::Masks;
use crate::vectors::Real;
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};

/// The masks of one site in one layer.
pub(super) struct Mask<R> {
    /// One for all steps, or one for each; each gate by gate, row by row.
    steps: Vec<Vec<R>>,
    gates: usize,
    rows: usize,
    width: usize,
}

impl<R: Real> Mask<R> {
    /// The masks used there at that many steps, for rows of that width; `None` where there are none. Every use is logged.
    pub(super) fn read(
        masks: &Masks,
        site: SiteName,
        layer: usize,
        steps: usize,
        width: usize,
    ) -> Result<Option<Self>> {
        let mut used = (0..steps).filter_map(|t| masks.at(site, layer, t));
        let Some(first) = used.next() else {
            return Ok(None);
        };
        let (gates, rows, narrow) = match *first.dims() {
            [rows, columns] => (1, rows, columns),
            [gates, rows, columns] => (gates, rows, columns),
            _ => candle_core::bail!("a mask of {:?}", first.dims()),
        };
        // A mean is one number for all.
        let values = |mask: &Tensor| -> Result<Vec<R>> {
            let values = mask.flatten_all()?.to_vec1::<R>()?;
            Ok(if narrow == width {
                values
            } else {
                let repeat = |&value| std::iter::repeat_n(value, width);
                values.iter().flat_map(repeat).collect()
            })
        };
        let mut all = vec![values(&first)?];
        let fixed = masks.is_fixed(site, layer);
        for mask in used {
            if !fixed {
                all.push(values(&mask)?);
            }
        }
        Ok(Some(Self {
            steps: all,
            gates,
            rows,
            width,
        }))
    }

    /// How many gates have masks of their own; 1 where they share one.
    pub(super) fn gates(&self) -> usize {
        self.gates
    }

    /// Whether one mask stands for all steps.
    pub(super) fn is_fixed(&self) -> bool {
        self.steps.len() == 1
    }

    /// Whether all sequences share it.
    pub(super) fn is_shared(&self) -> bool {
        self.rows == 1
    }

    /// The mask of a sequence at a step for a gate.
    pub(super) fn row(&self, t: usize, gate: usize, sequence: usize) -> &[R] {
        let step = &self.steps[t.min(self.steps.len() - 1)];
        let gate = gate.min(self.gates - 1);
        let row = sequence.min(self.rows - 1);
        &step[(gate * self.rows + row) * self.width..][..self.width]
    }

    /// Numbers of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Multiplies entries of a gate's recurrent matrix, whole rows of it from that one on, by the mask's.
    pub(super) fn drop_entries(&self, gate: usize, first: usize, entries: &mut [R]) {
        for (row, entries) in entries.chunks_exact_mut(self.width).enumerate() {
            for (entry, &keep) in entries.iter_mut().zip(self.row(0, gate, first + row)) {
                *entry *= keep;
            }
        }
    }
}

/// All masks of a layer that its steps need; a site without a mask has `None`.
pub(super) struct LayerMasks<R> {
    pub(super) input: Option<Mask<R>>,
    pub(super) state: Option<Mask<R>>,
    pub(super) recurrent_weights: Option<Mask<R>>,
    pub(super) update: Option<Mask<R>>,
    pub(super) cell: Option<Mask<R>>,
    pub(super) zoneout_cell: Option<Mask<R>>,
    pub(super) zoneout_state: Option<Mask<R>>,
    /// Whether the cell state that is carried on is the unmasked one.
    pub(super) hides: bool,
}

impl<R: Real> LayerMasks<R> {
    /// Those of a layer whose input has that width.
    pub(super) fn read(
        masks: &Masks,
        layer: usize,
        steps: usize,
        inputs: usize,
        hidden: usize,
    ) -> Result<Self> {
        let of = |site, width| Mask::read(masks, site, layer, steps, width);
        Ok(Self {
            // Where `between` has masks it stands in for `input`; only one of them has any.
            input: match of(SiteName::Between, inputs)? {
                Some(between) => Some(between),
                None => of(SiteName::Input, inputs)?,
            },
            state: of(SiteName::State, hidden)?,
            recurrent_weights: of(SiteName::RecurrentWeights, hidden)?,
            update: of(SiteName::Update, hidden)?,
            cell: of(SiteName::Cell, hidden)?,
            zoneout_cell: of(SiteName::ZoneoutCell, hidden)?,
            zoneout_state: of(SiteName::ZoneoutState, hidden)?,
            hides: masks.hides(layer),
        })
    }
}

#[cfg(test)]
impl<R: Real> Mask<R> {
    /// Ones for that many sequences, as wide as told, for as many steps.
    pub(super) fn of_rows(rows: usize, width: usize, steps: usize) -> Self {
        Self {
            steps: vec![vec![R::ONE; rows * width]; steps],
            gates: 1,
            rows,
            width,
        }
    }
}
