//! Passes over rows of numbers, compiled for the vector instructions of the processor at hand.
//!
//! A closure would read better, but it is compiled for any processor and called; a struct is compiled for this one.

use super::masks::SiteMask;
use crate::vectors::{Real, each_span};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Which steps and sequences rows are of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// Step by step, within a step sequence by sequence.
    Steps {
        /// The first row's step.
        step: usize,
        /// The first row's sequence in the minibatch.
        first: usize,
        /// Sequences of a step.
        count: usize,
    },
    /// Of these sequences of the minibatch, at any step: masks are the same at all.
    Sequences(&'a [usize]),
}

impl Origin<'_> {
    /// The step and the sequence of a row.
    #[inline(always)]
    fn of(self, row: usize) -> (usize, usize) {
        match self {
            Self::Steps { step, first, count } => (step + row / count, first + row % count),
            Self::Sequences(sequences) => (0, sequences[row]),
        }
    }
}

/// Writes the rows, each times the gate's mask of its sequence and step, to `to`, or adds them where `adds`.
pub(super) fn times<R: Real>(
    mask: &SiteMask<R>,
    gate: usize,
    place: Origin<'_>,
    from: &[R],
    to: &mut [R],
    adds: bool,
) {
    Arch::new().dispatch(Times {
        mask,
        gate,
        place,
        columns: 0..mask.width(),
        from,
        to,
        adds,
    });
}

/// Writes some columns of the rows, times the gate's mask likewise, side by side.
pub(super) fn times_columns<R: Real>(
    mask: &SiteMask<R>,
    gate: usize,
    place: Origin<'_>,
    columns: Range<usize>,
    from: &[R],
    to: &mut [R],
) {
    Arch::new().dispatch(Times {
        mask,
        gate,
        place,
        columns,
        from,
        to,
        adds: false,
    });
}

struct Times<'a, R> {
    mask: &'a SiteMask<R>,
    gate: usize,
    place: Origin<'a>,
    columns: Range<usize>,
    from: &'a [R],
    to: &'a mut [R],
    adds: bool,
}

impl<R: Real> WithSimd for Times<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let count = self.columns.len();
        let rows = self.from.chunks_exact(self.mask.width());
        let rows = rows.zip(self.to.chunks_exact_mut(self.columns.len()));
        for (row, (from, to)) in rows.enumerate() {
            let (step, sequence) = self.place.of(row);
            let mask = self.mask.row(step, self.gate, sequence);
            let (from, mask) = (&from[self.columns.clone()], &mask[self.columns.clone()]);
            if self.adds {
                each_span!(R, simd, count, span => {
                    let all = span.read(from).multiply_add(span.read(mask), span.read(to));
                    span.write(to, all);
                });
                continue;
            }
            each_span!(R, simd, count, span => span.write(to, span.read(from) * span.read(mask)));
        }
    }
}

/// Adds number by number.
pub(super) fn add<R: Real>(to: &mut [R], from: &[R]) {
    Arch::new().dispatch(ColumnSums {
        stride: to.len(),
        sums: to,
        rows: from,
    });
}

/// Adds the sum of each of the first columns to `sums`; rows begin `stride` after each other.
pub(super) fn add_column_sums<R: Real>(sums: &mut [R], rows: &[R], stride: usize) {
    Arch::new().dispatch(ColumnSums { sums, rows, stride });
}

struct ColumnSums<'a, R> {
    sums: &'a mut [R],
    rows: &'a [R],
    stride: usize,
}

impl<R: Real> WithSimd for ColumnSums<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in self.rows.chunks(self.stride.max(1)) {
            for (sum, &value) in self.sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_the_middle_columns() {
        let mut sums = [1.0, 0.0];
        add_column_sums(&mut sums, &[1.0, 2.0, 9.0, 9.0, 3.0, 4.0], 4);
        assert_eq!(sums, [5.0, 6.0]);
        add(&mut sums, &[1.0, 1.0]);
        assert_eq!(sums, [6.0, 7.0]);
    }
}
