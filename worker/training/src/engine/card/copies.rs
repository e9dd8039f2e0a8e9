//! Masked copies: what enters the products of each gate, and the sums on the way back.

use super::masks::MaskOnCard;
use crate::card::{Argument, Buffer, Card, Mask, Span, each};
use candle_core::{Result, Tensor};

/// Steps, sequences and numbers of what is masked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) steps: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Extent {
    /// Numbers in all.
    pub(super) fn count(self) -> usize {
        self.steps * self.rows * self.columns
    }

    fn arguments(self) -> [Argument<'static>; 3] {
        [self.steps, self.rows, self.columns].map(Argument::count)
    }
}

/// Writes `from` times the mask of each gate, `apart` numbers from copy to copy.
pub(super) fn mask_into(
    card: &dyn Card,
    to: Span<'_>,
    from: Span<'_>,
    mask: &MaskOnCard,
    apart: usize,
    extent: Extent,
) -> Result<()> {
    let own = [
        Argument::At(to),
        Argument::At(from),
        Argument::Mask(mask.at()),
        Argument::count(mask.gates),
        Argument::count(apart),
    ];
    let arguments = [&own[..], &extent.arguments()].concat();
    each(card, "mask_copies", extent.count(), &arguments)
}

/// A copy for each gate with its mask, one after the other.
pub(super) fn masked(
    card: &dyn Card,
    from: Span<'_>,
    mask: &MaskOnCard,
    extent: Extent,
) -> Result<Buffer> {
    let copies = card.alloc(mask.gates * extent.count())?;
    mask_into(card, copies.all(), from, mask, extent.count(), extent)?;
    Ok(copies)
}

/// The sum of what came back through each gate's mask; `to` may be `from` where there is one.
pub(super) fn sum(
    card: &dyn Card,
    to: Span<'_>,
    from: Span<'_>,
    mask: &MaskOnCard,
    extent: Extent,
) -> Result<()> {
    let own = [
        Argument::At(to),
        Argument::At(from),
        Argument::Mask(mask.at()),
        Argument::count(mask.gates),
        Argument::count(extent.count()),
    ];
    let arguments = [&own[..], &extent.arguments()].concat();
    each(card, "sum_copies", extent.count(), &arguments)
}

/// A matrix in a buffer, and the distance between its rows.
pub(super) type Rows<'a> = (Span<'a>, usize);

/// Copies rows × columns, times the mask's entries for a gate from row `first` on.
pub(super) fn copy_rows(
    card: &dyn Card,
    to: Rows<'_>,
    from: Rows<'_>,
    (rows, columns): (usize, usize),
    (mask, gate, first): (Mask<'_>, usize, usize),
) -> Result<()> {
    let arguments = [
        Argument::At(to.0),
        Argument::count(to.1),
        Argument::At(from.0),
        Argument::count(from.1),
        Argument::count(rows),
        Argument::count(columns),
        Argument::Mask(mask),
        Argument::count(gate),
        Argument::count(first),
    ];
    each(card, "copy_rows", rows * columns, &arguments)
}

/// Copies numbers as they are.
pub(super) fn copy(card: &dyn Card, to: Span<'_>, from: Span<'_>, count: usize) -> Result<()> {
    let plain = (Mask::NONE, 0, 0);
    copy_rows(card, (to, count), (from, count), (1, count), plain)
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
