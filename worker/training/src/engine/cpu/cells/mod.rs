//! One step of a cell for one sequence, forward and backward: everything but the products.

mod gru;
mod lstm;
mod rnn;

use crate::vectors::{Real, Span, Vector, each_span};
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

impl<R: Real> Kept<'_, R> {
    /// What is kept of a gate.
    #[inline(always)]
    fn read<S: Simd>(&self, index: usize, hidden: usize, span: Span<S>) -> Vector<R, S> {
        span.read(&self.gates[index * hidden..][..hidden])
    }

    /// Keeps that of a gate.
    #[inline(always)]
    fn write<S: Simd>(&mut self, index: usize, hidden: usize, span: Span<S>, value: Vector<R, S>) {
        span.write(&mut self.gates[index * hidden..][..hidden], value);
    }
}

/// Gradients that walk back from step to step.
pub(super) struct Walking<'a, R> {
    /// Of this step's h, from the layer above or the output.
    pub(super) above: &'a [R],
    /// Of h: coming in that of this step's h from the next step, going out what goes to the h before past the products.
    pub(super) h: &'a mut [R],
    /// Of c likewise; of cells without one nothing.
    pub(super) c: &'a mut [R],
}

impl<R: Real> Walking<'_, R> {
    /// The whole gradient of this step's h.
    #[inline(always)]
    fn read_h<S: Simd>(&self, span: Span<S>) -> Vector<R, S> {
        span.read(self.h) + span.read(self.above)
    }
}

/// A step forward: writes the next h and c.
pub(super) struct Forward<'a, R> {
    pub(super) kept: Kept<'a, R>,
    pub(super) biases: Biases<'a, R>,
    pub(super) masks: Masked<'a, R>,
    /// h and c.
    pub(super) before: [&'a [R]; 2],
    pub(super) next: [&'a mut [R]; 2],
}

impl<R: Real> Forward<'_, R> {
    /// The pre-activation of a gate.
    #[inline(always)]
    fn entering<S: Simd>(&self, index: usize, span: Span<S>) -> Vector<R, S> {
        let n = self.before[0].len();
        self.kept.read(index, n, span) + span.read(&self.biases.gates[index * n..][..n])
    }

    /// Takes it, a vector of units at a time.
    #[inline(always)]
    pub(super) fn step<S: Simd>(mut self, simd: S, cell: spec::Cell) {
        let n = self.before[0].len();
        match cell {
            spec::Cell::Rnn => each_span!(R, simd, n, span => rnn::forward(&mut self, span)),
            spec::Cell::Gru => each_span!(R, simd, n, span => gru::forward(&mut self, span)),
            // Two passes: a tanh that waits for three other functions would keep the processor from the next units.
            spec::Cell::Lstm => {
                each_span!(R, simd, n, span => lstm::activate(&mut self, span));
                each_span!(R, simd, n, span => lstm::forward(&mut self, span));
            }
        }
    }
}

/// A step back: turns what was kept into gradients of the pre-activations.
pub(super) struct Backward<'a, R> {
    pub(super) kept: Kept<'a, R>,
    pub(super) masks: Masked<'a, R>,
    /// h and c.
    pub(super) before: [&'a [R]; 2],
    pub(super) walking: Walking<'a, R>,
}

impl<R: Real> Backward<'_, R> {
    /// Takes it, a vector of units at a time.
    #[inline(always)]
    pub(super) fn step<S: Simd>(mut self, simd: S, cell: spec::Cell) {
        let n = self.before[0].len();
        match cell {
            spec::Cell::Rnn => each_span!(R, simd, n, span => rnn::backward(&mut self, span)),
            spec::Cell::Gru => each_span!(R, simd, n, span => gru::backward(&mut self, span)),
            spec::Cell::Lstm => each_span!(R, simd, n, span => lstm::backward(&mut self, span)),
        }
    }
}
