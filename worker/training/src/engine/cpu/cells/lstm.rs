//! The LSTM: see `model/lstm.rs` for its equations and masks.

use super::{Backward, Forward};
use crate::vectors::{Real, Span};
use pulp::Simd;

/// The activations of the gates.
#[inline(always)]
pub(super) fn activate<R: Real, S: Simd>(step: &mut Forward<'_, R>, span: Span<S>) {
    let n = step.before[0].len();
    for gate in [0, 1, 3] {
        let activation = step.entering(gate, span).sigmoid();
        step.kept.write(gate, n, span, activation);
    }
    let candidate = step.entering(2, span).tanh();
    step.kept.write(2, n, span, candidate);
}

/// The next h and c from the activations.
#[inline(always)]
pub(super) fn forward<R: Real, S: Simd>(step: &mut Forward<'_, R>, span: Span<S>) {
    let Forward {
        kept,
        masks,
        before: [h, c],
        next: [next_h, next_c],
        ..
    } = step;
    let n = h.len();
    let (i, f) = (kept.read(0, n, span), kept.read(1, n, span));
    let (g, o) = (kept.read(2, n, span), kept.read(3, n, span));
    let (h, c) = (span.read(h), span.read(c));
    let new = f * c + i * g * span.read(masks.update);
    let masked = new * span.read(masks.cell);
    let carried = if masks.hides { new } else { masked };
    let seen = masked.tanh();
    let made = o * seen;
    span.write(
        next_c,
        carried + span.read(masks.zoneout_cell) * (c - carried),
    );
    span.write(next_h, made + span.read(masks.zoneout_state) * (h - made));
    span.write(kept.squashed, seen);
}

#[inline(always)]
pub(super) fn backward<R: Real, S: Simd>(step: &mut Backward<'_, R>, span: Span<S>) {
    let Backward {
        kept,
        masks,
        before: [_, c],
        walking,
    } = step;
    let n = c.len();
    let (i, f) = (kept.read(0, n, span), kept.read(1, n, span));
    let (g, o) = (kept.read(2, n, span), kept.read(3, n, span));
    let (seen, c) = (span.read(kept.squashed), span.read(c));
    let (dh, dc) = (walking.read_h(span), span.read(walking.c));
    let (update, cell) = (span.read(masks.update), span.read(masks.cell));
    let (keep_h, keep_c) = (
        span.read(masks.zoneout_state),
        span.read(masks.zoneout_cell),
    );
    let one = i.all(R::ONE);
    let new_h = dh * (one - keep_h);
    let carried = dc * (one - keep_c);
    let masked = new_h * o * (one - seen * seen);
    let new = match masks.hides {
        true => masked * cell + carried,
        false => (masked + carried) * cell,
    };
    span.write(walking.h, dh * keep_h);
    span.write(walking.c, dc * keep_c + new * f);
    kept.write(0, n, span, new * g * update * i * (one - i));
    kept.write(1, n, span, new * c * f * (one - f));
    kept.write(2, n, span, new * i * update * (one - g * g));
    kept.write(3, n, span, new_h * seen * o * (one - o));
}
