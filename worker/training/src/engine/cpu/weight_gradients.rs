//! Gradients of the weights: one product for each of their parts over all steps, after the walk back.
//!
//! Parameters are cut into rows, which threads take one by one; a row's sum runs over the parts of the minibatch in
//! their order, so that it does not depend on who took it.

use super::inputs::Distinct;
use super::layer::{CHUNK, LayerPass, Tape};
use super::masks::SiteMask;
use super::rows::{add_column_sums, times_columns};
use super::weights::{Part, Size};
use crate::vectors::{Buffer, Matrix, Real, product};
use breakmywork_protocol::spec::Cell;
use rayon::prelude::*;
use std::ops::Range;

/// Fewest rows that a thread takes at a time, for its products to be worth it.
const LEAST_ROWS: usize = 32;

/// A layer's walk over a part of the minibatch, there and back.
pub(super) type Walked<'a, R> = (LayerPass<'a, R>, &'a Tape<R>);

/// The gradients of each layer's matrices, one layer after the other, from the walks of all parts over each.
///
/// Threads take neighbouring ones, so these are matrix by matrix: a thread that had one layer and its neighbour another,
/// with more inputs, would wait for it.
pub(super) fn matrix_gradients<R: Real>(layers: &[Vec<Walked<'_, R>>]) -> Vec<Buffer<R>> {
    let count = layers.len();
    let matrices = layers[0][0].0.size.matrices().len();
    let each = (0..matrices * count).into_par_iter().map(|index| {
        let (matrix, layer) = (index / count, index % count);
        ((layer, matrix), matrix_gradient(&layers[layer], matrix))
    });
    let mut each: Vec<_> = each.collect();
    each.sort_unstable_by_key(|&(place, _)| place);
    each.into_iter().map(|(_, gradient)| gradient).collect()
}

/// The gradient of one of a layer's matrices.
fn matrix_gradient<R: Real>(walked: &[Walked<'_, R>], matrix: usize) -> Buffer<R> {
    let size = walked[0].0.size;
    let n = size.hidden;
    let parts = size.parts(matrix);
    let rows: usize = parts.iter().map(|(_, _, rows)| rows).sum();
    let piece = rows
        .div_ceil(pieces(size, rayon::current_num_threads()))
        .max(LEAST_ROWS);
    let mut gradient = Buffer::take(rows * n);
    let pieces = gradient.par_chunks_mut(piece * n).enumerate();
    pieces.for_each(|(index, to)| {
        let (start, end) = (index * piece, index * piece + to.len() / n);
        for &(part, first, rows) in &parts {
            let (from, until) = (start.max(first), end.min(first + rows));
            if from < until {
                let to = &mut to[(from - start) * n..(until - start) * n];
                write_part(walked, part, from - first, to);
            }
        }
    });
    gradient
}

/// How many pieces each matrix is cut into: as few as give every thread as much to do, since the gradients that a product
/// meets are packed anew for each piece.
fn pieces(size: Size, threads: usize) -> usize {
    match size.cell {
        Cell::Lstm => (1..=threads)
            .find(|pieces| (pieces * size.gates).is_multiple_of(threads))
            .unwrap_or(threads),
        // One matrix, or matrices of different size.
        Cell::Rnn | Cell::Gru => threads,
    }
}

/// Writes the gradient of some rows of a part, from `first` on.
fn write_part<R: Real>(walked: &[Walked<'_, R>], part: Part, first: usize, to: &mut [R]) {
    let Size {
        inputs, hidden: n, ..
    } = walked[0].0.size;
    let columns = walked[0].0.size.columns();
    // The first product takes the place of what is there: filling a matrix with zeros and reading them again costs two
    // passes over memory.
    let mut adds = matches!(part, Part::Bias(_) | Part::RecalledBias);
    if adds {
        to.fill(R::ZERO);
    }
    for (walk, tape) in walked {
        match part {
            Part::Input(gate) => {
                let met = Met {
                    mask: walk.masks.input.as_ref(),
                    numbers: &tape.x.rows,
                    distinct: tape.x.distinct.as_ref(),
                    width: inputs,
                    first,
                };
                met.multiply(
                    walk,
                    gate,
                    &tape.entered()[gate * n..],
                    columns,
                    to,
                    &mut adds,
                );
            }
            Part::State(gate) => {
                let met = Met {
                    mask: walk.masks.state.as_ref(),
                    numbers: tape.before(walk.rows, n),
                    distinct: None,
                    width: n,
                    first,
                };
                match walk.size.is_apart(gate) {
                    true => met.multiply(walk, gate, &tape.recalled, n, to, &mut adds),
                    false => {
                        met.multiply(walk, gate, &tape.gates[gate * n..], columns, to, &mut adds);
                    }
                }
            }
            Part::Bias(gate) => add_column_sums(to, &tape.entered()[gate * n..], columns),
            Part::RecalledBias => add_column_sums(to, &tape.recalled, n),
        }
    }
    // Nothing met these rows: every input was dropped.
    if !adds {
        to.fill(R::ZERO);
    }
    let dropped = walked[0].0.masks.recurrent_weights.as_ref();
    if let (Part::State(gate), Some(mask)) = (part, dropped) {
        mask.drop_entries(gate, first, to);
    }
}

/// What met some rows of a matrix, and the masks that it met them with.
struct Met<'a, R> {
    mask: Option<&'a SiteMask<R>>,
    /// Rows × width: of all steps, or distinct ones.
    numbers: &'a [R],
    distinct: Option<&'a Distinct>,
    width: usize,
    /// The first of the rows: a column of the numbers.
    first: usize,
}

impl<R: Real> Met<'_, R> {
    /// Writes its transpose times the gradient of a gate's products, whose rows begin `stride` after each other, or
    /// adds it to what `adds` says is there.
    fn multiply(
        &self,
        walk: &LayerPass<'_, R>,
        gate: usize,
        gradient: &[R],
        stride: usize,
        to: &mut [R],
        adds: &mut bool,
    ) {
        let n = walk.size.hidden;
        let rows = to.len() / n;
        let mut multiply = |numbers: &[R], width, span: Range<usize>| {
            let left = Matrix::rows(numbers, span.len(), rows, width).transposed();
            let right = Matrix::rows(&gradient[span.start * stride..], span.len(), n, stride);
            product(to, n, *adds, left, right);
            *adds = true;
        };
        let Some(mask) = self.mask else {
            let all = 0..self.numbers.len() / self.width;
            multiply(&self.numbers[self.first..], self.width, all);
            return;
        };
        let mut masked = Buffer::take(CHUNK.max(walk.rows) * rows);
        for (place, span) in walk.chunks(self.distinct) {
            let numbers = &self.numbers[span.start * self.width..span.end * self.width];
            let columns = self.first..self.first + rows;
            let masked = &mut masked[..span.len() * rows];
            times_columns(mask, gate, place, columns, numbers, masked);
            multiply(masked, rows, span);
        }
    }
}
