//! The plain recurrent cell: see `model/rnn.rs` for its equation and masks.

use super::{Backward, Forward};
use crate::vectors::{Real, Span};
use pulp::Simd;

#[inline(always)]
pub(super) fn forward<R: Real, S: Simd>(step: &mut Forward<'_, R>, span: Span<S>) {
    let made = step.entering(0, span).tanh();
    let Forward {
        kept,
        masks,
        before: [h, _],
        next: [next_h, _],
        ..
    } = step;
    let new = made * span.read(masks.update);
    let keep = span.read(masks.zoneout_state);
    span.write(next_h, new + keep * (span.read(h) - new));
    kept.write(0, h.len(), span, made);
}

#[inline(always)]
pub(super) fn backward<R: Real, S: Simd>(step: &mut Backward<'_, R>, span: Span<S>) {
    let Backward {
        kept,
        masks,
        before: [h, _],
        walking,
    } = step;
    let n = h.len();
    let (made, dh) = (kept.read(0, n, span), walking.read_h(span));
    let (update, keep) = (span.read(masks.update), span.read(masks.zoneout_state));
    let one = made.all(R::ONE);
    span.write(walking.h, dh * keep);
    kept.write(0, n, span, dh * (one - keep) * update * (one - made * made));
}
