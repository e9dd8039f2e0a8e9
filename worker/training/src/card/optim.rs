//! Clipping and updates on a card. The factor of clipping stays there: no step waits for it.

use super::{Argument, Card, Grid, each, read};
use candle_core::{Result, Tensor};

/// The norm of all gradients, and what brings it down to the limit `clip` (0: no limit).
///
/// # Errors
/// If the card is out of memory.
pub fn clip(card: &dyn Card, gradients: &[Tensor], clip: f64) -> Result<[Tensor; 2]> {
    /// Threads of a block that sums, numbers that a thread of it sums at least, and most blocks of a parameter.
    const THREADS: usize = 256;
    const NUMBERS: usize = 16;
    const MOST: usize = 1024;
    let blocks = |gradient: &Tensor| gradient.elem_count().div_ceil(THREADS * NUMBERS).min(MOST);
    let count = gradients.iter().map(blocks).sum();
    let shares = card.alloc(count)?;
    let mut first = 0;
    for gradient in gradients {
        let numbers = read(card, gradient)?;
        let arguments = [
            Argument::At(shares.from(first)),
            Argument::At(numbers.all()),
            Argument::Wide(gradient.elem_count() as u64),
        ];
        card.launch("squares", Grid::new(blocks(gradient), THREADS), &arguments)?;
        first += blocks(gradient);
    }
    let result = card.alloc(2)?;
    let arguments = [
        Argument::At(result.all()),
        Argument::At(shares.all()),
        Argument::count(count),
        Argument::Number(clip as f32),
    ];
    card.launch("gradient_norm", Grid::new(1, THREADS), &arguments)?;
    let result = card.tensor(result, &[2])?;
    Ok([result.get(0)?, result.get(1)?])
}

/// p ← keep · p − rate · scale · g, in place.
///
/// # Errors
/// If the tensors do not lie on the card.
pub fn descend(card: &dyn Card, [p, g, scale]: [&Tensor; 3], keep: f64, rate: f64) -> Result<()> {
    let count = p.elem_count();
    let [to, from, scale] = [whole(card, p)?, read(card, g)?, read(card, scale)?];
    let arguments = [
        Argument::At(to.all()),
        Argument::At(from.all()),
        Argument::Wide(count as u64),
        Argument::Number(keep as f32),
        Argument::Number(rate as f32),
        Argument::At(scale.all()),
    ];
    each(card, "descend", count, &arguments)
}

/// The factors of a step of Adam.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// What is kept of a parameter.
    pub keep: f64,
    /// Step size over the first moment's bias.
    pub rate: f64,
    /// What undoes the second moment's bias.
    pub unbias: f64,
    /// Keeps it from dividing by zero.
    pub epsilon: f64,
    /// What is kept of the first and of the second moment.
    pub decay: [f64; 2],
}

/// m and v follow scale · g and its square; p ← keep · p − rate · m / (√(unbias · v) + ε), all in place.
///
/// # Errors
/// If the tensors do not lie on the card.
pub fn adam(
    card: &dyn Card,
    [p, m, v]: [&Tensor; 3],
    [g, scale]: [&Tensor; 2],
    factors: &Adam,
) -> Result<()> {
    let count = p.elem_count();
    let [to, first, second] = [whole(card, p)?, whole(card, m)?, whole(card, v)?];
    let [from, scale] = [read(card, g)?, read(card, scale)?];
    let [decay_m, decay_v] = factors.decay;
    let spans = [&to, &first, &second, &from].map(|buffer| Argument::At(buffer.all()));
    let numbers = [
        factors.keep,
        factors.rate,
        factors.unbias,
        factors.epsilon,
        decay_m,
        1.0 - decay_m,
        decay_v,
        1.0 - decay_v,
    ];
    let numbers = numbers.map(|number| Argument::Number(number as f32));
    let count_and_scale = [Argument::Wide(count as u64), Argument::At(scale.all())];
    let [wide, scale] = count_and_scale;
    let arguments = [&spans[..], &[wide], &numbers, &[scale]].concat();
    each(card, "adam", count, &arguments)
}

/// What is written in place: a copy would be written in vain.
fn whole(card: &dyn Card, tensor: &Tensor) -> Result<super::Buffer> {
    if !tensor.is_contiguous() {
        candle_core::bail!("parameters lie in one piece");
    }
    card.read(tensor, tensor.elem_count())
}
