//! The masks of a window where they lie on the card.

use crate::card::{Buffer, Card, Mask};
use crate::dropout::Masks;
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};
use std::marker::PhantomData;

/// The masks of one site in one layer.
pub(super) struct SiteMask {
    entries: Buffer,
    /// Distances between steps, gates, rows and columns; 0 where they share entries.
    strides: [usize; 4],
    /// Gates with masks of their own; 1 where they share one.
    pub(super) gates: usize,
}

impl SiteMask {
    /// The masks used there at that many steps; `None` where there are none. Every use is logged.
    pub(super) fn read(
        card: &dyn Card,
        masks: &Masks,
        site: SiteName,
        layer: usize,
        steps: usize,
    ) -> Result<Option<Self>> {
        let used = (0..steps).filter_map(|t| masks.at(site, layer, t));
        let used: Vec<Tensor> = used.collect();
        let Some(first) = used.first() else {
            return Ok(None);
        };
        let (gates, rows, columns) = match *first.dims() {
            [rows, columns] => (1, rows, columns),
            [gates, rows, columns] => (gates, rows, columns),
            _ => candle_core::bail!("a mask of {:?}", first.dims()),
        };
        // A dimension of 1 serves all: sequences that share a mask, a mean, a token that is dropped as a whole.
        let stride = |count: usize, size: usize| if count > 1 { size } else { 0 };
        let (entries, step) = joined(card, &used)?;
        Ok(Some(Self {
            entries,
            strides: [
                step,
                stride(gates, rows * columns),
                stride(rows, columns),
                stride(columns, 1),
            ],
            gates,
        }))
    }

    /// As kernels take it.
    pub(super) fn at(&self) -> Mask<'_> {
        let [step, gate, row, column] = self.strides.map(|stride| stride as u32);
        Mask {
            at: self.entries.all().address(),
            step,
            gate,
            row,
            column,
            buffer: PhantomData,
        }
    }
}

/// As kernels take it, where there may be none.
pub(super) fn at(mask: Option<&SiteMask>) -> Mask<'_> {
    mask.map_or(Mask::NONE, SiteMask::at)
}

/// Tensors of one size and the distance between one and the next: where they lie if they are parts of one tensor or one
/// tensor again and again, else copied side by side.
pub(super) fn joined(card: &dyn Card, tensors: &[Tensor]) -> Result<(Buffer, usize)> {
    let size = tensors[0].elem_count();
    let Some(distance) = distance(tensors) else {
        let flat = tensors.iter().map(Tensor::flatten_all);
        let all = Tensor::cat(&flat.collect::<Result<Vec<_>>>()?, 0)?;
        return Ok((card.read(&all, all.elem_count())?, size));
    };
    let count = distance * (tensors.len() - 1) + size;
    Ok((card.read(&tensors[0], count)?, distance))
}

/// The distance between neighbours, if they lie in one storage at equal distances.
fn distance(tensors: &[Tensor]) -> Option<usize> {
    let (first, _) = tensors[0].storage_and_layout();
    let offset = |tensor: &Tensor| {
        let (storage, layout) = tensor.storage_and_layout();
        (std::ptr::eq(&*storage, &*first) && layout.is_contiguous()).then(|| layout.start_offset())
    };
    let offsets: Vec<usize> = tensors.iter().map(offset).collect::<Option<_>>()?;
    let Some(&second) = offsets.get(1) else {
        return Some(0);
    };
    let distance = second.checked_sub(offsets[0])?;
    let even = offsets
        .windows(2)
        .all(|pair| pair[1].checked_sub(pair[0]) == Some(distance));
    even.then_some(distance)
}

/// All masks of a layer; a site without a mask has `None`.
pub(super) struct LayerMasks {
    pub(super) input: Option<SiteMask>,
    pub(super) state: Option<SiteMask>,
    pub(super) recurrent_weights: Option<SiteMask>,
    pub(super) update: Option<SiteMask>,
    pub(super) cell: Option<SiteMask>,
    pub(super) zoneout_cell: Option<SiteMask>,
    pub(super) zoneout_state: Option<SiteMask>,
    /// Whether the cell state that is carried on is the unmasked one.
    pub(super) hides: bool,
}

impl LayerMasks {
    pub(super) fn read(card: &dyn Card, masks: &Masks, layer: usize, steps: usize) -> Result<Self> {
        let of = |site| SiteMask::read(card, masks, site, layer, steps);
        Ok(Self {
            // Where `between` has masks it stands in for `input`; only one of them has any.
            input: match of(SiteName::Between)? {
                Some(between) => Some(between),
                None => of(SiteName::Input)?,
            },
            state: of(SiteName::State)?,
            recurrent_weights: of(SiteName::RecurrentWeights)?,
            update: of(SiteName::Update)?,
            cell: of(SiteName::Cell)?,
            zoneout_cell: of(SiteName::ZoneoutCell)?,
            zoneout_state: of(SiteName::ZoneoutState)?,
            hides: masks.hides(layer),
        })
    }
}
