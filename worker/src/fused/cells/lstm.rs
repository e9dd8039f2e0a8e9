//! The LSTM: see `model/lstm.rs` for its equations and masks.

use super::{Biases, Kept, Masked, Walking};
use crate::fused::real::Real;
use pulp::Simd;

#[inline(always)]
pub(super) fn forward<R: Real, S: Simd>(
    kept: Kept<'_, R>,
    biases: Biases<'_, R>,
    masks: &Masked<'_, R>,
    before: [&[R]; 2],
    next: [&mut [R]; 2],
) {
    let [h, c] = before;
    let [next_h, next_c] = next;
    let n = h.len();
    let (input, rest) = kept.gates.split_at_mut(n);
    let (forget, rest) = rest.split_at_mut(n);
    let (candidate, output) = rest.split_at_mut(n);
    let (input_bias, rest) = biases.gates.split_at(n);
    let (forget_bias, rest) = rest.split_at(n);
    let (candidate_bias, output_bias) = rest.split_at(n);
    let output_bias = &output_bias[..n];
    let (c, next_h, next_c) = (&c[..n], &mut next_h[..n], &mut next_c[..n]);
    let (squashed, output) = (&mut kept.squashed[..n], &mut output[..n]);
    let (update, cell) = (&masks.update[..n], &masks.cell[..n]);
    let (keep_c, keep_h) = (&masks.zoneout_cell[..n], &masks.zoneout_state[..n]);
    for j in 0..n {
        let i = (input[j] + input_bias[j]).sigmoid::<S>();
        let f = (forget[j] + forget_bias[j]).sigmoid::<S>();
        let g = (candidate[j] + candidate_bias[j]).tanh::<S>();
        let o = (output[j] + output_bias[j]).sigmoid::<S>();
        let new = f * c[j] + i * g * update[j];
        let read = new * cell[j];
        let carried = if masks.hides { new } else { read };
        let seen = read.tanh::<S>();
        let new_h = o * seen;
        next_c[j] = carried + keep_c[j] * (c[j] - carried);
        next_h[j] = new_h + keep_h[j] * (h[j] - new_h);
        (input[j], forget[j], candidate[j], output[j]) = (i, f, g, o);
        squashed[j] = seen;
    }
}

#[inline(always)]
pub(super) fn backward<R: Real>(
    kept: Kept<'_, R>,
    masks: &Masked<'_, R>,
    c: &[R],
    walking: Walking<'_, R>,
) {
    let n = c.len();
    let (input, rest) = kept.gates.split_at_mut(n);
    let (forget, rest) = rest.split_at_mut(n);
    let (candidate, output) = rest.split_at_mut(n);
    let (squashed, output) = (&kept.squashed[..n], &mut output[..n]);
    let (dh, dc) = (&mut walking.h[..n], &mut walking.c[..n]);
    let (update, cell) = (&masks.update[..n], &masks.cell[..n]);
    let (keep_c, keep_h) = (&masks.zoneout_cell[..n], &masks.zoneout_state[..n]);
    for j in 0..n {
        let (i, f, g, o) = (input[j], forget[j], candidate[j], output[j]);
        let seen = squashed[j];
        let new_h = dh[j] * (R::ONE - keep_h[j]);
        dh[j] *= keep_h[j];
        let carried = dc[j] * (R::ONE - keep_c[j]);
        let past = dc[j] * keep_c[j];
        let read = new_h * o * (R::ONE - seen * seen);
        let new = if masks.hides {
            read * cell[j] + carried
        } else {
            (read + carried) * cell[j]
        };
        dc[j] = past + new * f;
        input[j] = new * g * update[j] * i * (R::ONE - i);
        forget[j] = new * c[j] * f * (R::ONE - f);
        candidate[j] = new * i * update[j] * (R::ONE - g * g);
        output[j] = new_h * seen * o * (R::ONE - o);
    }
}
