//! The masks of a window where they lie on the card.

use crate::card::{Buffer, Card, Mask, read};
use crate::dropout::Masks;
use breakmywork_protocol::spec::SiteName;
use candle_core::Result;
use std::marker::PhantomData;

/// The masks of one site in one layer.
pub(super) struct MaskOnCard {
    entries: Buffer,
    /// Distances between steps, gates, rows and columns; 0 where they share entries.
    strides: [usize; 4],
    /// Gates with masks of their own; 1 where they share one.
    pub(super) gates: usize,
}

impl MaskOnCard {
    /// The masks used there at that many steps; `None` where there are none. Every use is logged.
    pub(super) fn read(
        card: &dyn Card,
        masks: &Masks,
        site: SiteName,
        layer: usize,
        steps: usize,
    ) -> Result<Option<Self>> {
        let Some(drawn) = masks.at(site, layer, steps) else {
            return Ok(None);
        };
        let size = drawn.size();
        let entries = match drawn.on_card() {
            Some(entries) => read(card, entries)?,
            None => {
                let entries = drawn.entries::<f32>()?;
                let bits: Vec<u32> = entries.iter().map(|entry| entry.to_bits()).collect();
                card.upload(&bits)?
            }
        };
        // Where there is one it serves all: steps under a fixed mask, sequences that share one, a mean, a token that is
        // dropped as a whole.
        let stride = |count: usize, size: usize| if count > 1 { size } else { 0 };
        Ok(Some(Self {
            entries,
            strides: [
                stride(size.masks, size.entries()),
                stride(size.gates, size.rows * size.width),
                stride(size.rows, size.width),
                stride(size.width, 1),
            ],
            gates: size.gates,
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
pub(super) fn at(mask: Option<&MaskOnCard>) -> Mask<'_> {
    mask.map_or(Mask::NONE, MaskOnCard::at)
}

/// All masks of a layer; a site without a mask has `None`.
pub(super) struct MasksOnCard {
    pub(super) input: Option<MaskOnCard>,
    pub(super) state: Option<MaskOnCard>,
    pub(super) recurrent_weights: Option<MaskOnCard>,
    pub(super) update: Option<MaskOnCard>,
    pub(super) cell: Option<MaskOnCard>,
    pub(super) zoneout_cell: Option<MaskOnCard>,
    pub(super) zoneout_state: Option<MaskOnCard>,
    /// Whether the cell state that is carried on is the unmasked one.
    pub(super) hides: bool,
}

impl MasksOnCard {
    pub(super) fn read(card: &dyn Card, masks: &Masks, layer: usize, steps: usize) -> Result<Self> {
        let of = |site| MaskOnCard::read(card, masks, site, layer, steps);
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
