//! Gradients of the weights: one product for each of their parts over all steps, after the walk back.
//!
//! Each parameter is cut into rows, which threads take one by one; a row's sum runs over the parts of the minibatch in
//! their order, so that it does not depend on who took it.

use super::layer::{Tape, Walk};
use super::part::Shared;
use super::product::{Matrix, product};
use super::real::Real;
use super::rows::add_column_sums;
use super::weights::Part;
use rayon::prelude::*;

/// Fewest rows that a thread takes at a time, for its products to be worth it.
const LEAST_ROWS: usize = 32;

/// A layer's walk over a part of the minibatch, there and back.
pub(super) type Walked<'a, R> = (Walk<'a, R>, &'a Tape<R>);

impl<R: Real> Shared<'_, R> {
    /// The gradients of a layer's matrices, from the walks of all parts.
    pub(super) fn matrix_gradients(&self, walked: &[Walked<'_, R>]) -> Vec<Vec<R>> {
        let size = walked[0].0.size;
        let n = size.hidden;
        let threads = rayon::current_num_threads();
        let gradient = |matrix: usize| {
            let parts = size.parts(matrix);
            let rows: usize = parts.iter().map(|(_, _, rows)| rows).sum();
            let piece = rows.div_ceil(threads).max(LEAST_ROWS);
            let mut gradient = vec![R::ZERO; rows * n];
            gradient
                .par_chunks_mut(piece * n)
                .enumerate()
                .for_each(|(index, to)| {
                    let (start, end) = (index * piece, index * piece + to.len() / n);
                    for &(part, first, rows) in &parts {
                        let (from, until) = (start.max(first), end.min(first + rows));
                        if from < until {
                            let to = &mut to[(from - start) * n..(until - start) * n];
                            add_part(walked, part, from - first, to);
                        }
                    }
                });
            gradient
        };
        (0..size.matrices().len())
            .into_par_iter()
            .map(gradient)
            .collect()
    }
}

/// Adds the gradient of some rows of a part, from `first` on.
fn add_part<R: Real>(walked: &[Walked<'_, R>], part: Part, first: usize, to: &mut [R]) {
    let size = walked[0].0.size;
    let (n, columns) = (size.hidden, size.columns());
    for (walk, tape) in walked {
        let all = walk.steps * walk.rows;
        let gates = |gate: usize| match walk.is_apart(gate) {
            true => Matrix::rows(&tape.recalled, all, n, n),
            false => Matrix::rows(&tape.gates[gate * n..], all, n, columns),
        };
        let rows = to.len() / n;
        // The transpose of those of the columns that meet these rows.
        let met = |numbers, width| Matrix::rows(numbers, all, rows, width).transposed();
        match part {
            Part::Input(gate) => {
                let right = Matrix::rows(&tape.gates[gate * n..], all, n, columns);
                product(
                    to,
                    n,
                    true,
                    met(&tape.entered(gate)[first..], size.inputs),
                    right,
                );
            }
            Part::State(gate) => product(
                to,
                n,
                true,
                met(&tape.recurred(gate)[first..], n),
                gates(gate),
            ),
            Part::Bias(gate) => add_column_sums(to, &tape.gates[gate * n..], columns),
            Part::RecalledBias => add_column_sums(to, &tape.recalled, n),
        }
    }
    let dropped = walked[0].0.masks.recurrent_weights.as_ref();
    if let (Part::State(gate), Some(mask)) = (part, dropped) {
        mask.drop_entries(gate, first, to);
    }
}
