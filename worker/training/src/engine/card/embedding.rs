//! Embeddings: rows of a table, and the gradient of those that were read.

use super::copies::Extent;
use super::masks::{self, MaskOnCard};
use crate::card::{Argument, Buffer, Card, Span, each};
use candle_core::Result;

/// The rows of those tokens, times the mask: steps · rows × columns.
pub(super) fn embed(
    card: &dyn Card,
    table: Span<'_>,
    ids: &[u32],
    mask: Option<&MaskOnCard>,
    extent: Extent,
) -> Result<Buffer> {
    let (x, ids) = (card.alloc(extent.count())?, card.upload(ids)?);
    let arguments = [
        Argument::At(x.all()),
        Argument::At(table),
        Argument::At(ids.all()),
        Argument::Mask(masks::at(mask)),
        Argument::count(extent.steps),
        Argument::count(extent.rows),
        Argument::count(extent.columns),
    ];
    each(card, "embed", extent.count(), &arguments)?;
    Ok(x)
}

/// Adds the gradients of the tokens' rows to those of their types.
///
/// The tokens are sorted by type here, so that each number of a row is one thread's sum in the order of the tokens.
pub(super) fn add_gradient(
    card: &dyn Card,
    gradient: Span<'_>,
    from: Span<'_>,
    ids: &[u32],
    mask: Option<&MaskOnCard>,
    extent: Extent,
) -> Result<()> {
    let Sorted {
        types,
        starts,
        order,
    } = sorted(ids);
    let count = types.len();
    let [types, starts, order] = [types, starts, order].map(|numbers| card.upload(&numbers));
    let (types, starts, order) = (types?, starts?, order?);
    let arguments = [
        Argument::At(gradient),
        Argument::At(from),
        Argument::Mask(masks::at(mask)),
        Argument::At(types.all()),
        Argument::At(starts.all()),
        Argument::At(order.all()),
        Argument::count(count),
        Argument::count(extent.rows),
        Argument::count(extent.columns),
    ];
    each(card, "add_embedded", count * extent.columns, &arguments)
}

/// Tokens by type.
struct Sorted {
    /// The types that occur.
    types: Vec<u32>,
    /// Where each begins in `order`, and the end.
    starts: Vec<u32>,
    /// The places of the tokens.
    order: Vec<u32>,
}

fn sorted(ids: &[u32]) -> Sorted {
    let mut order: Vec<u32> = (0..ids.len() as u32).collect();
    order.sort_by_key(|&place| ids[place as usize]);
    let (mut types, mut starts) = (Vec::new(), Vec::new());
    for (index, &place) in (0..).zip(&order) {
        let id = ids[place as usize];
        if types.last() != Some(&id) {
            types.push(id);
            starts.push(index);
        }
    }
    starts.push(ids.len() as u32);
    Sorted {
        types,
        starts,
        order,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_a_type_stand_together_in_their_order() {
        let sorted = sorted(&[5, 2, 5, 9, 2, 5]);
        assert_eq!(sorted.types, [2, 5, 9]);
        assert_eq!(sorted.starts, [0, 2, 5, 6]);
        assert_eq!(sorted.order, [1, 4, 0, 2, 5, 3]);
    }
}
