//! The masks of a window as plain numbers.

use crate::dropout::Masks;
use crate::vectors::Real;
use breakmywork_protocol::spec::SiteName;
use candle_core::Result;
use std::sync::Arc;

/// One of the ways in which masks differ from each other: from step to step, gate to gate or row to row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    /// Not at all: one serves all.
    Shared,
    /// Each has its own, so many.
    Own(usize),
}

impl Axis {
    fn of(count: usize) -> Self {
        match count {
            1 => Self::Shared,
            count => Self::Own(count),
        }
    }

    #[inline(always)]
    fn count(self) -> usize {
        match self {
            Self::Shared => 1,
            Self::Own(count) => count,
        }
    }

    /// Which one is for the one with that index.
    #[inline(always)]
    fn place(self, index: usize) -> usize {
        match self {
            Self::Shared => 0,
            Self::Own(count) => {
                assert!(index < count, "mask {index} of {count}");
                index
            }
        }
    }
}

/// The masks of one site in one layer.
pub(super) struct SiteMask<R> {
    /// Step by step, gate by gate, row by row: those that were drawn.
    entries: Arc<Vec<R>>,
    steps: Axis,
    gates: Axis,
    rows: Axis,
    width: usize,
}

impl<R: Real> SiteMask<R> {
    /// The masks used there at that many steps, for rows of that width; `None` where there are none. Every use is logged.
    pub(super) fn read(
        masks: &Masks,
        site: SiteName,
        layer: usize,
        steps: usize,
        width: usize,
    ) -> Result<Option<Self>> {
        let Some(drawn) = masks.at(site, layer, steps) else {
            return Ok(None);
        };
        let size = drawn.size();
        let mut entries = drawn.entries::<R>()?;
        if size.width != width {
            if size.width != 1 {
                candle_core::bail!("a mask of {} entries on rows of {width}", size.width);
            }
            // A mean is one number for all.
            let repeat = |&entry| std::iter::repeat_n(entry, width);
            entries = Arc::new(entries.iter().flat_map(repeat).collect());
        }
        Ok(Some(Self {
            entries,
            steps: Axis::of(size.masks),
            gates: Axis::of(size.gates),
            rows: Axis::of(size.rows),
            width,
        }))
    }

    /// How many gates have masks of their own; 1 where they share one.
    pub(super) fn gates(&self) -> usize {
        self.gates.count()
    }

    /// Whether one mask stands for all steps.
    pub(super) fn is_fixed(&self) -> bool {
        self.steps == Axis::Shared
    }

    /// Whether all sequences share it.
    pub(super) fn is_shared(&self) -> bool {
        self.rows == Axis::Shared
    }

    /// The mask of a sequence at a step for a gate.
    ///
    /// # Panics
    /// If there is no such step, gate or sequence where each has its own.
    #[inline(always)]
    pub(super) fn row(&self, t: usize, gate: usize, sequence: usize) -> &[R] {
        let gate = self.steps.place(t) * self.gates.count() + self.gates.place(gate);
        let row = gate * self.rows.count() + self.rows.place(sequence);
        &self.entries[row * self.width..][..self.width]
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
    pub(super) input: Option<SiteMask<R>>,
    pub(super) state: Option<SiteMask<R>>,
    pub(super) recurrent_weights: Option<SiteMask<R>>,
    pub(super) update: Option<SiteMask<R>>,
    pub(super) cell: Option<SiteMask<R>>,
    pub(super) zoneout_cell: Option<SiteMask<R>>,
    pub(super) zoneout_state: Option<SiteMask<R>>,
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
        let of = |site, width| SiteMask::read(masks, site, layer, steps, width);
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
impl<R: Real> SiteMask<R> {
    /// Ones for that many sequences, as wide as told, for as many steps.
    pub(super) fn of_rows(rows: usize, width: usize, steps: usize) -> Self {
        Self {
            entries: Arc::new(vec![R::ONE; steps * rows * width]),
            steps: Axis::of(steps),
            gates: Axis::Shared,
            rows: Axis::of(rows),
            width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dropout::Drawn;
    use breakmywork_protocol::spec::{MaskTime, Site};
    use candle_core::{Device, Tensor};

    /// Masks of two gates, three sequences and two units for each of two steps: entry 12 t + 6 gate + 2 sequence + unit.
    fn masks() -> SiteMask<f32> {
        let of_step = |t: u32| {
            let entries = Tensor::arange(12 * t, 12 * (t + 1), &Device::Cpu);
            let entries = entries.and_then(|all| all.to_dtype(candle_core::DType::F32));
            entries.and_then(|all| all.reshape((2, 3, 2)))
        };
        let steps = [of_step(0), of_step(1)].map(|mask| mask.expect("a mask"));
        let drawn = Drawn::given(Site::new(0.5, MaskTime::PerStep), &steps).expect("masks");
        let masks = Masks::given([((SiteName::State, 0), drawn)]);
        let read = SiteMask::read(&masks, SiteName::State, 0, 2, 2).expect("numbers");
        read.expect("is given")
    }

    #[test]
    fn every_row_is_its_own() {
        let mask = masks();
        for (t, gate, sequence) in [(0, 0, 0), (0, 0, 2), (0, 1, 1), (1, 0, 1), (1, 1, 2)] {
            let first = (12 * t + 6 * gate + 2 * sequence) as f32;
            assert_eq!(mask.row(t, gate, sequence), [first, first + 1.0]);
        }
    }

    #[test]
    fn one_that_is_shared_serves_all() {
        let mask = SiteMask::<f64>::of_rows(1, 3, 1);
        assert_eq!(mask.row(7, 3, 12), [1.0; 3]);
    }

    #[test]
    fn an_index_beyond_those_there_are_is_no_other_mask() {
        for (t, gate, sequence) in [(2, 0, 0), (0, 2, 0), (0, 0, 3)] {
            let row = move || masks().row(t, gate, sequence).to_vec();
            assert!(std::panic::catch_unwind(row).is_err());
        }
    }
}
