//! Passes over rows of numbers, compiled for the vector instructions of the processor at hand.
//!
//! A closure would read better, but it is compiled for any processor and called; a struct is compiled for this one.

use super::masks::Mask;
use super::real::Real;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Which sequences and steps rows are of: step by step, within a step sequence by sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The first row's step.
    pub(super) step: usize,
    /// The first row's sequence in the minibatch.
    pub(super) first: usize,
    /// Sequences of a step.
    pub(super) count: usize,
}

/// Writes the rows, each times the gate's mask of its sequence and step, to `to`, or adds them where `adds`.
pub(super) fn times<R: Real>(
    mask: &Mask<R>,
    gate: usize,
    place: Place,
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
    mask: &Mask<R>,
    gate: usize,
    place: Place,
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
    mask: &'a Mask<R>,
    gate: usize,
    place: Place,
    columns: Range<usize>,
    from: &'a [R],
    to: &'a mut [R],
    adds: bool,
}

impl<R: Real> WithSimd for Times<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Place { step, first, count } = self.place;
        let rows = self.from.chunks_exact(self.mask.width());
        let rows = rows.zip(self.to.chunks_exact_mut(self.columns.len()));
        for (row, (from, to)) in rows.enumerate() {
            let mask = self
                .mask
                .row(step + row / count, self.gate, first + row % count);
            let (from, mask) = (&from[self.columns.clone()], &mask[self.columns.clone()]);
            let entries = to.iter_mut().zip(from).zip(mask);
            match self.adds {
                true => entries.for_each(|((to, &from), &keep)| *to += from * keep),
                false => entries.for_each(|((to, &from), &keep)| *to = from * keep),
            }
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
