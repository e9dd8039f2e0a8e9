//! One step of a cell for one sequence, forward and backward: everything but the products.

mod gru;
mod lstm;
mod rnn;

use super::real::Real;
use breakmywork_protocol::spec;
use pulp::Simd;

/// The masks of one sequence at one step; ones and zeros where a site has none.
pub(super) struct Masked<'a, R> {
    pub(super) update: &'a [R],
    pub(super) cell: &'a [R],
    pub(super) zoneout_cell: &'a [R],
    pub(super) zoneout_state: &'a [R],
    /// Whether the cell state that is carried on is the unmasked one.
    pub(super) hides: bool,
}

/// What is added to the products of all sequences.
#[derive(Clone, Copy)]
pub(super) struct Biases<'a, R> {
    /// gates · hidden.
    pub(super) gates: &'a [R],
    /// That of the gru's U h: hidden. Of others nothing.
    pub(super) recalled: &'a [R],
}

/// What one sequence keeps of one step.
pub(super) struct Kept<'a, R> {
    /// Products going in, activations coming out; backward their gradients: gates × hidden.
    pub(super) gates: &'a mut [R],
    /// The gru's U h of the candidate going in, with its bias coming out; backward its gradient: hidden. Of others nothing.
    pub(super) recalled: &'a mut [R],
    /// The lstm's tanh of the cell state as the output reads it: hidden. Of others nothing.
    pub(super) squashed: &'a mut [R],
}

/// Gradients that walk back from step to step.
pub(super) struct Walking<'a, R> {
    /// Of h: coming in that of this step's h, going out what of it goes to the h before past the products.
    pub(super) h: &'a mut [R],
    /// Of c likewise; of cells without one nothing.
    pub(super) c: &'a mut [R],
}

/// Writes the next h and c of one sequence.
#[inline(always)]
pub(super) fn forward<R: Real, S: Simd>(
    cell: spec::Cell,
    kept: Kept<'_, R>,
    biases: Biases<'_, R>,
    masks: &Masked<'_, R>,
    before: [&[R]; 2],
    next: [&mut [R]; 2],
) {
    let [h, c] = before;
    let [next_h, next_c] = next;
    match cell {
        spec::Cell::Rnn => rnn::forward::<R, S>(kept, biases, masks, h, next_h),
        spec::Cell::Gru => gru::forward::<R, S>(kept, biases, masks, h, next_h),
        spec::Cell::Lstm => lstm::forward::<R, S>(kept, biases, masks, [h, c], [next_h, next_c]),
    }
}

/// Turns what was kept into gradients of the pre-activations.
#[inline(always)]
pub(super) fn backward<R: Real>(
    cell: spec::Cell,
    kept: Kept<'_, R>,
    masks: &Masked<'_, R>,
    before: [&[R]; 2],
    walking: Walking<'_, R>,
) {
    let [h, c] = before;
    match cell {
        spec::Cell::Rnn => rnn::backward(kept, masks, walking),
        spec::Cell::Gru => gru::backward(kept, masks, h, walking),
        spec::Cell::Lstm => lstm::backward(kept, masks, c, walking),
    }
}
