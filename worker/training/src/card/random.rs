//! Masks drawn on the card, entry for entry those that `dropout` draws on a CPU.

use super::{Argument, Card, each};
use crate::rng::{self, Stream};
use candle_core::{Result, Tensor};

/// Entry i is `value` where the stream's bits with that number say so with that probability, else 0.
///
/// # Errors
/// If the card is out of memory.
pub fn draw_mask(
    card: &dyn Card,
    stream: &Stream,
    shape: &[usize],
    probability: f64,
    value: f32,
) -> Result<Tensor> {
    /// Entries of one thread: the words of one counter.
    const WORDS: usize = 4;
    let count: usize = shape.iter().product();
    let mask = card.alloc(count)?;
    let ([seed, purpose], position) = stream.counter();
    let arguments = [
        Argument::At(mask.all()),
        Argument::Wide(count as u64),
        Argument::Count(seed),
        Argument::Count(purpose),
        Argument::Wide(position),
        Argument::Wide(rng::limit(probability)),
        Argument::Number(value),
    ];
    each(card, "draw_mask", count.div_ceil(WORDS), &arguments)?;
    card.tensor(mask, shape)
}
