//! The gated recurrent unit: see `model/gru.rs` for its equations and masks.

use super::{Backward, Forward};
use crate::vectors::{Real, Span};
use pulp::Simd;

#[inline(always)]
pub(super) fn forward<R: Real, S: Simd>(step: &mut Forward<'_, R>, span: Span<S>) {
    let r = step.entering(0, span).sigmoid();
    let z = step.entering(1, span).sigmoid();
    let recalled = span.read(step.kept.recalled) + span.read(step.biases.recalled);
    let made = (step.entering(2, span) + r * recalled).tanh();
    let Forward {
        kept,
        masks,
        before: [h, _],
        next: [next_h, _],
        ..
    } = step;
    let n = h.len();
    let h = span.read(h);
    let masked = made * span.read(masks.update);
    let new = masked + z * (h - masked);
    span.write(next_h, new + span.read(masks.zoneout_state) * (h - new));
    kept.write(0, n, span, r);
    kept.write(1, n, span, z);
    kept.write(2, n, span, made);
    span.write(kept.recalled, recalled);
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
    let (r, z, made) = (
        kept.read(0, n, span),
        kept.read(1, n, span),
        kept.read(2, n, span),
    );
    let (recalled, h, dh) = (span.read(kept.recalled), span.read(h), walking.read_h(span));
    let (update, keep) = (span.read(masks.update), span.read(masks.zoneout_state));
    let one = r.all(R::ONE);
    let new = dh * (one - keep);
    let inner = new * (one - z) * update * (one - made * made);
    span.write(walking.h, dh * keep + new * z);
    kept.write(0, n, span, inner * recalled * r * (one - r));
    kept.write(1, n, span, new * (h - made * update) * z * (one - z));
    kept.write(2, n, span, inner);
    span.write(kept.recalled, inner * r);
}
