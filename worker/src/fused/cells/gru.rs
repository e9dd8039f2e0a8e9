//! The gated recurrent unit: see `model/gru.rs` for its equations and masks.

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
    let (reset, rest) = kept.gates.split_at_mut(n);
    let (update_gate, candidate) = rest.split_at_mut(n);
    let (candidate, recalled) = (&mut candidate[..n], &mut kept.recalled[..n]);
    let (reset_bias, rest) = biases.gates.split_at(n);
    let (update_bias, candidate_bias) = rest.split_at(n);
    let (candidate_bias, recalled_bias) = (&candidate_bias[..n], &biases.recalled[..n]);
    let (update, keep, next_h) = (
        &masks.update[..n],
        &masks.zoneout_state[..n],
        &mut next_h[..n],
    );
    for j in 0..n {
        let r = (reset[j] + reset_bias[j]).sigmoid::<S>();
        let z = (update_gate[j] + update_bias[j]).sigmoid::<S>();
        let recall = recalled[j] + recalled_bias[j];
        let made = (candidate[j] + candidate_bias[j] + r * recall).tanh::<S>();
        recalled[j] = recall;
        let masked = made * update[j];
        let new = masked + z * (h[j] - masked);
        next_h[j] = new + keep[j] * (h[j] - new);
        (reset[j], update_gate[j], candidate[j]) = (r, z, made);
    }
}

#[inline(always)]
pub(super) fn backward<R: Real>(
    kept: Kept<'_, R>,
    masks: &Masked<'_, R>,
    h: &[R],
    walking: Walking<'_, R>,
) {
    let n = h.len();
    let (reset, rest) = kept.gates.split_at_mut(n);
    let (update_gate, candidate) = rest.split_at_mut(n);
    let (candidate, recalled) = (&mut candidate[..n], &mut kept.recalled[..n]);
    let (update, keep, dh) = (
        &masks.update[..n],
        &masks.zoneout_state[..n],
        &mut walking.h[..n],
    );
    for j in 0..n {
        let (r, z, made) = (reset[j], update_gate[j], candidate[j]);
        let new = dh[j] * (R::ONE - keep[j]);
        let masked = made * update[j];
        dh[j] = dh[j] * keep[j] + new * z;
        let inner = new * (R::ONE - z) * update[j] * (R::ONE - made * made);
        reset[j] = inner * recalled[j] * r * (R::ONE - r);
        update_gate[j] = new * (h[j] - masked) * z * (R::ONE - z);
        candidate[j] = inner;
        recalled[j] = inner * r;
    }
}
