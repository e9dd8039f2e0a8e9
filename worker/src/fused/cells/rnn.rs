//! The plain recurrent cell: see `model/rnn.rs` for its equation and masks.

use super::{Biases, Kept, Masked, Walking};
use crate::fused::real::Real;
use pulp::Simd;

#[inline(always)]
pub(super) fn forward<R: Real, S: Simd>(
    kept: Kept<'_, R>,
    biases: Biases<'_, R>,
    masks: &Masked<'_, R>,
    h: &[R],
    next_h: &mut [R],
) {
    let n = h.len();
    let (state, next_h) = (&mut kept.gates[..n], &mut next_h[..n]);
    let (update, keep, bias) = (
        &masks.update[..n],
        &masks.zoneout_state[..n],
        &biases.gates[..n],
    );
    for j in 0..n {
        let made = (state[j] + bias[j]).tanh::<S>();
        let new = made * update[j];
        next_h[j] = new + keep[j] * (h[j] - new);
        state[j] = made;
    }
}

#[inline(always)]
pub(super) fn backward<R: Real>(kept: Kept<'_, R>, masks: &Masked<'_, R>, walking: Walking<'_, R>) {
    let n = walking.h.len();
    let (state, dh) = (&mut kept.gates[..n], &mut walking.h[..n]);
    let (update, keep) = (&masks.update[..n], &masks.zoneout_state[..n]);
    for j in 0..n {
        let made = state[j];
        let new = dh[j] * (R::ONE - keep[j]);
        dh[j] *= keep[j];
        state[j] = new * update[j] * (R::ONE - made * made);
    }
}
