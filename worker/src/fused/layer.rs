//! One recurrent layer over a window, for a part of the minibatch, forward and backward.
//!
//! The products with x of all steps are one product before the walk, the gradients of the weights one after the walk
//! back; a step has one product with U and one pass over everything else.

use super::cells::{self, Kept, Masked, Walking};
use super::masks::{LayerMasks, Mask};
use super::product::{Matrix, add_column_sums, product};
use super::real::Real;
use super::weights::{LayerWeights, Parts, Size};
use breakmywork_protocol::spec::Cell;
use pulp::{Simd, WithSimd};
use std::borrow::Cow;

/// A layer and the part of the minibatch that is walked.
pub(super) struct Walk<'a, R> {
    pub(super) size: Size,
    pub(super) weights: &'a LayerWeights<R>,
    pub(super) masks: &'a LayerMasks<R>,
    /// Time steps.
    pub(super) steps: usize,
    /// Sequences of this part.
    pub(super) rows: usize,
    /// The first of them in the minibatch.
    pub(super) first: usize,
}

/// What a layer keeps for the walk back.
pub(super) struct Tape<R> {
    /// What entered the products with W: steps · rows × inputs, for each gate where they differ.
    entered: Vec<Vec<R>>,
    /// What entered the products with U likewise; empty where that is h.
    recurred: Vec<Vec<R>>,
    gates: Vec<R>,
    recalled: Vec<R>,
    squashed: Vec<R>,
    /// h and c, from those before the first step on: (steps + 1) · rows × hidden.
    h: Vec<R>,
    c: Vec<R>,
}

/// Gates that share a product with h.
struct Group {
    first: usize,
    count: usize,
    /// Whether the product stands by itself: the gru's candidate adds it later.
    apart: bool,
}

impl<R: Real> Tape<R> {
    /// h at every step: steps · rows × hidden.
    pub(super) fn states(&self, rows: usize, hidden: usize) -> &[R] {
        &self.h[rows * hidden..]
    }

    /// The last h and c.
    pub(super) fn last(&self, rows: usize, hidden: usize) -> [&[R]; 2] {
        let last = |all: &[R]| all.len() - rows * hidden;
        let c = if self.c.is_empty() {
            &self.c
        } else {
            &self.c[last(&self.c)..]
        };
        [&self.h[last(&self.h)..], c]
    }
}

/// Rows of ones and zeros where a site has no mask.
struct Plain<R> {
    ones: Vec<R>,
    zeros: Vec<R>,
}

impl<R: Real> Plain<R> {
    fn new(width: usize) -> Self {
        Self {
            ones: vec![R::ONE; width],
            zeros: vec![R::ZERO; width],
        }
    }
}

// A closure would do, but it is compiled for any processor and called; these are compiled for the one at hand.

/// One step forward in vector instructions.
struct Forward<'a, 'w, R> {
    walk: &'a Walk<'w, R>,
    tape: &'a mut Tape<R>,
    plain: &'a Plain<R>,
    t: usize,
}

impl<R: Real> WithSimd for Forward<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.walk.step_forward(self.tape, self.plain, self.t);
    }
}

/// One step back in vector instructions.
struct Backward<'a, 'w, R> {
    walk: &'a Walk<'w, R>,
    tape: &'a mut Tape<R>,
    plain: &'a Plain<R>,
    t: usize,
    above: &'a [R],
    dh: &'a mut [R],
    dc: &'a mut [R],
}

impl<R: Real> WithSimd for Backward<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (dh, &above) in self.dh.iter_mut().zip(self.above) {
            *dh += above;
        }
        let Self { walk, tape, .. } = self;
        walk.step_backward(tape, self.plain, self.t, self.dh, self.dc);
    }
}

impl<R: Real> Walk<'_, R> {
    fn groups(&self) -> Vec<Group> {
        let untied = self.masks.state.as_ref().is_some_and(|m| m.gates() > 1);
        let gru = self.size.cell == Cell::Gru;
        let group = |first, count, apart| Group {
            first,
            count,
            apart,
        };
        match (untied, gru) {
            (false, false) => vec![group(0, self.size.gates, false)],
            (false, true) => vec![group(0, 2, false), group(2, 1, true)],
            (true, _) => {
                let apart = |gate| gru && gate == 2;
                let gates = 0..self.size.gates;
                gates.map(|gate| group(gate, 1, apart(gate))).collect()
            }
        }
    }

    fn masked<'s>(&'s self, plain: &'s Plain<R>, t: usize, row: usize) -> Masked<'s, R> {
        let of = |mask: &'s Option<Mask<R>>, usual: &'s [R]| match mask {
            Some(mask) => mask.row(t, 0, self.first + row),
            None => usual,
        };
        Masked {
            update: of(&self.masks.update, &plain.ones),
            cell: of(&self.masks.cell, &plain.ones),
            zoneout_cell: of(&self.masks.zoneout_cell, &plain.zeros),
            zoneout_state: of(&self.masks.zoneout_state, &plain.zeros),
            hides: self.masks.hides,
        }
    }

    /// The rows of a step times the mask of a gate.
    fn times(&self, mask: &Mask<R>, t: usize, gate: usize, from: &[R], to: &mut [R]) {
        let width = from.len() / self.rows;
        let rows = from.chunks_exact(width).zip(to.chunks_exact_mut(width));
        for (row, (from, to)) in rows.enumerate() {
            let mask = mask.row(t, gate, self.first + row);
            for ((to, &from), &keep) in to.iter_mut().zip(from).zip(mask) {
                *to = from * keep;
            }
        }
    }

    /// What enters the products with W, for each gate where they differ.
    fn entering(&self, x: Cow<'_, [R]>) -> Vec<Vec<R>> {
        let Some(mask) = &self.masks.input else {
            return vec![x.into_owned()];
        };
        let step = self.rows * self.size.inputs;
        let gate = |gate| {
            let mut masked = vec![R::ZERO; x.len()];
            for (t, (from, to)) in x.chunks(step).zip(masked.chunks_mut(step)).enumerate() {
                self.times(mask, t, gate, from, to);
            }
            masked
        };
        (0..mask.gates()).map(gate).collect()
    }

    /// Walks forward from the states before; `x` is steps · rows × inputs.
    pub(super) fn forward(&self, x: Cow<'_, [R]>, before: [&[R]; 2]) -> Tape<R> {
        let Size {
            cell,
            inputs,
            hidden: n,
            gates: count,
        } = self.size;
        let (columns, step) = (self.size.columns(), self.rows * n);
        let all = self.steps * self.rows;
        let lstm = cell == Cell::Lstm;
        let entered = self.entering(x);
        let parts = &self.weights.parts;
        let mut gates = parts.bias.repeat(all);
        let each = if entered.len() == 1 { count } else { 1 };
        for (index, entered) in entered.iter().enumerate() {
            product(
                &mut gates[index * each * n..],
                columns,
                true,
                Matrix::rows(entered, all, inputs, inputs),
                Matrix::rows(&parts.input[index * each * n..], inputs, each * n, columns),
            );
        }
        let mut tape = Tape {
            entered,
            recurred: Vec::new(),
            gates,
            recalled: parts.recalled_bias.repeat(all),
            squashed: vec![R::ZERO; if lstm { all * n } else { 0 }],
            h: vec![R::ZERO; step + all * n],
            c: vec![R::ZERO; if lstm { step + all * n } else { 0 }],
        };
        tape.h[..step].copy_from_slice(before[0]);
        if lstm {
            tape.c[..step].copy_from_slice(before[1]);
        }
        let masked_gates = self.masks.state.as_ref().map_or(0, Mask::gates);
        tape.recurred = vec![vec![R::ZERO; all * n]; masked_gates];
        let (groups, plain) = (self.groups(), Plain::new(n));
        let arch = pulp::Arch::new();
        for t in 0..self.steps {
            if let Some(mask) = &self.masks.state {
                for (gate, recurred) in tape.recurred.iter_mut().enumerate() {
                    let (from, to) = (&tape.h[t * step..][..step], &mut recurred[t * step..]);
                    self.times(mask, t, gate, from, &mut to[..step]);
                }
            }
            for group in &groups {
                let entering = match tape.recurred.as_slice() {
                    [] => &tape.h[t * step..],
                    [one] => &one[t * step..],
                    each => &each[group.first][t * step..],
                };
                let (to, stride) = match group.apart {
                    true => (&mut tape.recalled[t * step..], n),
                    false => (
                        &mut tape.gates[t * self.rows * columns + group.first * n..],
                        columns,
                    ),
                };
                let wide = group.count * n;
                let state = &parts.state[group.first * n..];
                product(
                    to,
                    stride,
                    true,
                    Matrix::rows(entering, self.rows, n, n),
                    Matrix::rows(state, n, wide, columns),
                );
            }
            arch.dispatch(Forward {
                walk: self,
                tape: &mut tape,
                plain: &plain,
                t,
            });
        }
        tape
    }

    #[inline(always)]
    fn step_forward(&self, tape: &mut Tape<R>, plain: &Plain<R>, t: usize) {
        let n = self.size.hidden;
        let columns = self.size.columns();
        let step = self.rows * n;
        let (h, next_h) = tape.h[t * step..].split_at_mut(step);
        let (c, next_c) = match tape.c.is_empty() {
            true => (&mut [][..], &mut [][..]),
            false => tape.c[t * step..].split_at_mut(step),
        };
        for row in 0..self.rows {
            let place = (t * self.rows + row) * n;
            let own = row * n..(row + 1) * n;
            let kept = Kept {
                gates: &mut tape.gates[(t * self.rows + row) * columns..][..columns],
                recalled: part(&mut tape.recalled, place, n),
                squashed: part(&mut tape.squashed, place, n),
            };
            let masks = self.masked(plain, t, row);
            let before = [&h[own.clone()], &*part(c, row * n, n)];
            let next = [&mut next_h[own], part(next_c, row * n, n)];
            cells::forward(self.size.cell, kept, &masks, before, next);
        }
    }

    /// Walks back. `above` is the gradient of h at every step, steps · rows × hidden. Gives the gradients of the weights,
    /// and that of x where it is wanted.
    pub(super) fn backward(
        &self,
        mut tape: Tape<R>,
        above: &[R],
        wants_inputs: bool,
    ) -> (Parts<R>, Vec<R>) {
        let Size {
            inputs, hidden: n, ..
        } = self.size;
        let (columns, step) = (self.size.columns(), self.rows * n);
        let all = self.steps * self.rows;
        let (groups, plain) = (self.groups(), Plain::new(n));
        let mut dh = vec![R::ZERO; step];
        let mut dc = vec![R::ZERO; if tape.c.is_empty() { 0 } else { step }];
        let mut through = vec![R::ZERO; step];
        let arch = pulp::Arch::new();
        for t in (0..self.steps).rev() {
            arch.dispatch(Backward {
                walk: self,
                tape: &mut tape,
                plain: &plain,
                t,
                above: &above[t * step..][..step],
                dh: &mut dh,
                dc: &mut dc,
            });
            for group in &groups {
                let (from, stride) = match group.apart {
                    true => (&tape.recalled[t * step..], n),
                    false => (
                        &tape.gates[t * self.rows * columns + group.first * n..],
                        columns,
                    ),
                };
                let wide = group.count * n;
                let left = Matrix::rows(from, self.rows, wide, stride);
                let right = &self.weights.state_transposed[group.first * n * n..];
                let right = Matrix::rows(right, wide, n, n);
                let Some(mask) = &self.masks.state else {
                    product(&mut dh, n, true, left, right);
                    continue;
                };
                product(&mut through, n, false, left, right);
                for row in 0..self.rows {
                    let mask = mask.row(t, group.first, self.first + row);
                    let own = row * n..(row + 1) * n;
                    let pairs = dh[own.clone()].iter_mut().zip(&through[own]);
                    for ((dh, &through), &keep) in pairs.zip(mask) {
                        *dh += through * keep;
                    }
                }
            }
        }
        let gradients = self.weight_gradients(&tape, &groups);
        let inputs = match wants_inputs {
            false => Vec::new(),
            true => self.input_gradient(&tape, all, inputs),
        };
        (gradients, inputs)
    }

    #[inline(always)]
    fn step_backward(
        &self,
        tape: &mut Tape<R>,
        plain: &Plain<R>,
        t: usize,
        dh: &mut [R],
        dc: &mut [R],
    ) {
        let n = self.size.hidden;
        let columns = self.size.columns();
        let step = self.rows * n;
        for row in 0..self.rows {
            let place = (t * self.rows + row) * n;
            let before = t * step + row * n;
            let kept = Kept {
                gates: &mut tape.gates[(t * self.rows + row) * columns..][..columns],
                recalled: part(&mut tape.recalled, place, n),
                squashed: part(&mut tape.squashed, place, n),
            };
            let masks = self.masked(plain, t, row);
            let states = [&tape.h[before..][..n], &*part(&mut tape.c, before, n)];
            let walking = Walking {
                h: &mut dh[row * n..][..n],
                c: part(dc, row * n, n),
            };
            cells::backward(self.size.cell, kept, &masks, states, walking);
        }
    }

    /// One product for each matrix, over all steps.
    fn weight_gradients(&self, tape: &Tape<R>, groups: &[Group]) -> Parts<R> {
        let Size {
            inputs,
            hidden: n,
            gates: count,
            ..
        } = self.size;
        let (columns, all) = (self.size.columns(), self.steps * self.rows);
        let mut parts = Parts::zeros(self.size);
        let each = if tape.entered.len() == 1 { count } else { 1 };
        for (index, entered) in tape.entered.iter().enumerate() {
            let from = index * each * n;
            product(
                &mut parts.input[from..],
                columns,
                false,
                Matrix::rows(entered, all, inputs, inputs).transposed(),
                Matrix::rows(&tape.gates[from..], all, each * n, columns),
            );
        }
        for group in groups {
            let recurred = match tape.recurred.as_slice() {
                [] => &tape.h,
                [one] => one,
                each => &each[group.first],
            };
            let from = group.first * n;
            let (gates, stride) = match group.apart {
                true => (&tape.recalled[..], n),
                false => (&tape.gates[from..], columns),
            };
            product(
                &mut parts.state[from..],
                columns,
                false,
                Matrix::rows(recurred, all, n, n).transposed(),
                Matrix::rows(gates, all, group.count * n, stride),
            );
        }
        add_column_sums(&mut parts.bias, &tape.gates);
        if !parts.recalled_bias.is_empty() {
            add_column_sums(&mut parts.recalled_bias, &tape.recalled);
        }
        if let Some(mask) = &self.masks.recurrent_weights {
            parts.mask_state(self.size, mask);
        }
        parts
    }

    fn input_gradient(&self, tape: &Tape<R>, all: usize, inputs: usize) -> Vec<R> {
        let (n, columns) = (self.size.hidden, self.size.columns());
        let mut sum = vec![R::ZERO; all * inputs];
        let each = columns / tape.entered.len();
        let mut through = Vec::new();
        for index in 0..tape.entered.len() {
            let from = index * each;
            let left = Matrix::rows(&tape.gates[from..], all, each, columns);
            let right = &self.weights.parts.input[from..];
            let right = Matrix::rows(right, inputs, each, columns).transposed();
            let Some(mask) = &self.masks.input else {
                product(&mut sum, inputs, true, left, right);
                continue;
            };
            through.resize(all * inputs, R::ZERO);
            product(&mut through, inputs, false, left, right);
            let rows = sum.chunks_exact_mut(inputs);
            for (place, (sum, through)) in rows.zip(through.chunks_exact(inputs)).enumerate() {
                let (t, row) = (place / self.rows, place % self.rows);
                let mask = mask.row(t, index, self.first + row);
                for ((sum, &through), &keep) in sum.iter_mut().zip(through).zip(mask) {
                    *sum += through * keep;
                }
            }
        }
        debug_assert!(each.is_multiple_of(n));
        sum
    }
}

/// The numbers from there on, or none of what a cell does not have.
#[inline(always)]
fn part<R>(all: &mut [R], from: usize, count: usize) -> &mut [R] {
    if all.is_empty() {
        return all;
    }
    &mut all[from..][..count]
}
