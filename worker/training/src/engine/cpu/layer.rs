//! One recurrent layer over a window, for a part of the minibatch, forward and backward.
//!
//! The products with x of all steps are one product for each gate before the walk, of each different x once
//! ([`super::inputs`]); a step has one product with U, packed for it, and one pass over everything else. Gradients of the
//! weights are taken after the walk back, over all steps and all parts ([`super::weight_gradients`]).

use super::cells::{self, Biases, Kept, Masked, Walking};
use super::inputs::{Distinct, Inputs};
use super::masks::{LayerMasks, SiteMask};
use super::rows::{Origin, times};
use super::weights::{Matrices, PackedRecurrent, Part, Size};
use crate::vectors::{Buffer, Matrix, Onto, Real, Rows, product};
use breakmywork_protocol::spec::Cell;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Rows that are masked at a time: a copy stays in the cache until its products have read it.
pub(super) const CHUNK: usize = 512;

/// A layer and the part of the minibatch that is walked.
pub(super) struct LayerPass<'a, R: Real> {
    pub(super) size: Size,
    pub(super) matrices: &'a Matrices<'a, R>,
    pub(super) packed: &'a PackedRecurrent<R>,
    pub(super) masks: &'a LayerMasks<R>,
    /// Time steps.
    pub(super) steps: usize,
    /// Sequences of this part.
    pub(super) rows: usize,
    /// The first of them in the minibatch.
    pub(super) first: usize,
}

/// What a layer keeps for the walk back.
pub(super) struct Tape<R: Real> {
    pub(super) x: Inputs<R>,
    /// Activations, and after the walk back gradients of the pre-activations: steps · rows × (gates · hidden).
    pub(super) gates: Buffer<R>,
    /// After the walk back those gradients summed over the steps that read the same row of x, where each is there once,
    /// and behind them over those that read none: (rows of x + 1) × (gates · hidden).
    sums: Buffer<R>,
    /// The gru's U h + b of the candidate, and after the walk back its gradient.
    pub(super) recalled: Buffer<R>,
    squashed: Buffer<R>,
    /// h and c, from those before the first step on: (steps + 1) · rows × hidden.
    pub(super) h: Buffer<R>,
    c: Buffer<R>,
}

impl<R: Real> Tape<R> {
    /// h at every step: steps · rows × hidden.
    pub(super) fn states(&self, rows: usize, hidden: usize) -> &[R] {
        &self.h[rows * hidden..]
    }

    /// h as every step read it: steps · rows × hidden.
    pub(super) fn before(&self, rows: usize, hidden: usize) -> &[R] {
        &self.h[..self.h.len() - rows * hidden]
    }

    /// After the walk back, the gradients of what the rows of x were multiplied into, and behind them of what was read
    /// without one: × (gates · hidden).
    pub(super) fn entered(&self) -> &[R] {
        match self.x.distinct {
            Some(_) => &self.sums,
            None => &self.gates,
        }
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

// A closure would do, but it is compiled for any processor and called; these are compiled for the one at hand.

/// One step forward in vector instructions.
struct Forward<'a, 'w, R: Real> {
    walk: &'a LayerPass<'w, R>,
    tape: &'a mut Tape<R>,
    biases: Biases<'a, R>,
    plain: &'a Plain<R>,
    t: usize,
}

impl<R: Real> WithSimd for Forward<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.walk
            .step_forward(simd, self.tape, self.biases, self.plain, self.t);
    }
}

/// One step back in vector instructions.
struct Backward<'a, 'w, R: Real> {
    walk: &'a LayerPass<'w, R>,
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
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { walk, tape, .. } = self;
        walk.step_backward(
            simd,
            tape,
            self.plain,
            self.t,
            self.above,
            [self.dh, self.dc],
        );
        let Some(distinct) = &tape.x.distinct else {
            return;
        };
        let columns = walk.size.columns();
        let first = self.t * walk.rows;
        for (row, &read) in distinct.read[first..][..walk.rows].iter().enumerate() {
            let gradient = &tape.gates[(first + row) * columns..][..columns];
            let sum = &mut tape.sums[read * columns..][..columns];
            for (sum, &gradient) in sum.iter_mut().zip(gradient) {
                *sum += gradient;
            }
        }
    }
}

impl<R: Real> LayerPass<'_, R> {
    fn plain(&self) -> Plain<R> {
        Plain {
            ones: vec![R::ONE; self.size.hidden],
            zeros: vec![R::ZERO; self.size.hidden],
        }
    }

    fn place(&self, step: usize) -> Origin<'_> {
        Origin::Steps {
            step,
            first: self.first,
            count: self.rows,
        }
    }

    #[inline(always)]
    fn masked<'s>(&'s self, plain: &'s Plain<R>, t: usize, row: usize) -> Masked<'s, R> {
        let of = |mask: &'s Option<SiteMask<R>>, usual: &'s [R]| match mask {
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

    /// Rows in chunks, each with its place: those of all steps, or distinct ones.
    pub(super) fn chunks<'d>(
        &'d self,
        distinct: Option<&'d Distinct>,
    ) -> impl Iterator<Item = (Origin<'d>, Range<usize>)> {
        let (all, chunk) = match distinct {
            None => (
                self.steps * self.rows,
                self.rows * (CHUNK / self.rows).max(1),
            ),
            Some(distinct) => (distinct.sequences.len(), CHUNK),
        };
        (0..all).step_by(chunk).map(move |first| {
            let rows = first..(first + chunk).min(all);
            let place = match distinct {
                None => self.place(first / self.rows),
                Some(distinct) => distinct.place(rows.clone()),
            };
            (place, rows)
        })
    }

    /// Writes the products of the rows of x with W, masked by gate where there are masks.
    fn input_products(&self, x: &Inputs<R>, to: &mut [R]) {
        let Size {
            inputs, hidden: n, ..
        } = self.size;
        let columns = self.size.columns();
        let mut multiply = |gate: usize, rows: Range<usize>, x: &[R]| {
            let left = Matrix::rows(x, rows.len(), inputs, inputs);
            let to = &mut to[rows.start * columns + gate * n..];
            product(to, columns, false, left, self.matrices.input(gate));
        };
        let Some(mask) = &self.masks.input else {
            let rows = x.rows.len() / inputs;
            (0..self.size.gates).for_each(|gate| multiply(gate, 0..rows, &x.rows));
            return;
        };
        let mut masked = Buffer::take(CHUNK.max(self.rows) * inputs);
        for (place, rows) in self.chunks(x.distinct.as_ref()) {
            let x = &x.rows[rows.start * inputs..rows.end * inputs];
            for gate in 0..self.size.gates {
                let masked = &mut masked[..x.len()];
                // One copy serves all gates where they share a mask.
                if gate < mask.gates() {
                    times(mask, gate, place, x, masked, false);
                }
                multiply(gate, rows.clone(), masked);
            }
        }
    }

    /// Walks forward from the states before.
    pub(super) fn forward(&self, x: Inputs<R>, before: [&[R]; 2]) -> Tape<R> {
        let n = self.size.hidden;
        let (columns, step) = (self.size.columns(), self.rows * n);
        let all = self.steps * self.rows;
        let lstm = self.size.cell == Cell::Lstm;
        let masked_gates = self.masks.state.as_ref().map_or(0, SiteMask::gates);
        let mut tape = Tape {
            x,
            gates: Buffer::take(all * columns),
            sums: Buffer::take(0),
            // Products are added to it.
            recalled: Buffer::zeros(if self.size.cell == Cell::Gru {
                all * n
            } else {
                0
            }),
            squashed: Buffer::take(if lstm { all * n } else { 0 }),
            h: Buffer::take(step + all * n),
            c: Buffer::take(if lstm { step + all * n } else { 0 }),
        };
        let mut products = Buffer::take(0);
        match &tape.x.distinct {
            None => self.input_products(&tape.x, &mut tape.gates),
            Some(distinct) => {
                products = Buffer::take(distinct.rows() * columns);
                let (each, dropped) = products.split_at_mut((distinct.rows() - 1) * columns);
                self.input_products(&tape.x, each);
                dropped.fill(R::ZERO);
            }
        }
        tape.h[..step].copy_from_slice(before[0]);
        if lstm {
            tape.c[..step].copy_from_slice(before[1]);
        }
        let mut masked = Buffer::take(masked_gates * step);
        let (groups, plain) = (self.size.groups(self.masks), self.plain());
        let bias = self.matrices.bias();
        let biases = Biases {
            gates: &bias,
            recalled: self.matrices.rows(Part::RecalledBias),
        };
        let arch = pulp::Arch::new();
        for t in 0..self.steps {
            // Products of x that the steps share are not copied to each first: the sums with U's are written there.
            let read = tape.x.distinct.as_ref().map(|distinct| {
                let read = distinct.read[t * self.rows..][..self.rows].iter();
                let row = |&read: &usize| &products[read * columns..][..columns];
                read.map(row).collect::<Vec<&[R]>>()
            });
            let h = &tape.h[t * step..][..step];
            if let Some(mask) = &self.masks.state {
                for (gate, masked) in masked.chunks_exact_mut(step).enumerate() {
                    times(mask, gate, self.place(t), h, masked, false);
                }
            }
            for (group, packed) in groups.iter().zip(&self.packed.forward) {
                let entering = match masked_gates {
                    0 => h,
                    1 => &masked[..],
                    _ => &masked[group.first * step..][..step],
                };
                let entering = Rows {
                    numbers: entering,
                    count: self.rows,
                    stride: n,
                };
                let gates = &mut tape.gates[t * self.rows * columns + group.first * n..];
                let onto = match &read {
                    Some(rows) => Onto::Rows(rows, group.first * n),
                    None => Onto::There,
                };
                if !group.apart {
                    packed.add_product(gates, columns, &entering, onto, None);
                    continue;
                }
                packed.add_product(
                    &mut tape.recalled[t * step..],
                    n,
                    &entering,
                    Onto::There,
                    None,
                );
                for (gates, read) in gates.chunks_mut(columns).zip(read.iter().flatten()) {
                    gates[..n].copy_from_slice(&read[group.first * n..][..n]);
                }
            }
            arch.dispatch(Forward {
                walk: self,
                tape: &mut tape,
                biases,
                plain: &plain,
                t,
            });
        }
        tape
    }

    #[inline(always)]
    fn step_forward<S: Simd>(
        &self,
        simd: S,
        tape: &mut Tape<R>,
        biases: Biases<'_, R>,
        plain: &Plain<R>,
        t: usize,
    ) {
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
            let step = cells::Forward {
                kept,
                biases,
                masks: self.masked(plain, t, row),
                before: [&h[own.clone()], &*part(c, row * n, n)],
                next: [&mut next_h[own], part(next_c, row * n, n)],
            };
            step.step(simd, self.size.cell);
        }
    }

    /// Walks back; the tape holds gradients of the pre-activations then. `above` is the gradient of h at every step, steps
    /// · rows × hidden.
    pub(super) fn backward(&self, tape: &mut Tape<R>, above: &[R]) {
        let n = self.size.hidden;
        let (columns, step) = (self.size.columns(), self.rows * n);
        let (groups, plain) = (self.size.groups(self.masks), self.plain());
        if let Some(distinct) = &tape.x.distinct {
            tape.sums = Buffer::zeros(distinct.rows() * columns);
        }
        let mut dh = vec![R::ZERO; step];
        let mut dc = vec![R::ZERO; if tape.c.is_empty() { 0 } else { step }];
        let arch = pulp::Arch::new();
        for t in (0..self.steps).rev() {
            arch.dispatch(Backward {
                walk: self,
                tape,
                plain: &plain,
                t,
                above: &above[t * step..][..step],
                dh: &mut dh,
                dc: &mut dc,
            });
            // What walks on from the first step leaves the window: nobody asks for it.
            if t == 0 {
                break;
            }
            for (group, packed) in groups.iter().zip(&self.packed.back) {
                let (numbers, stride) = match group.apart {
                    true => (&tape.recalled[t * step..], n),
                    false => (
                        &tape.gates[t * self.rows * columns + group.first * n..],
                        columns,
                    ),
                };
                let from = Rows {
                    numbers,
                    count: self.rows,
                    stride,
                };
                let masks = self.masks.state.as_ref().map(|mask| {
                    let row = |row| mask.row(t, group.first, self.first + row);
                    (0..self.rows).map(row).collect::<Vec<_>>()
                });
                packed.add_product(&mut dh, n, &from, Onto::There, masks.as_deref());
            }
        }
    }

    #[inline(always)]
    fn step_backward<S: Simd>(
        &self,
        simd: S,
        tape: &mut Tape<R>,
        plain: &Plain<R>,
        t: usize,
        above: &[R],
        [dh, dc]: [&mut [R]; 2],
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
            let step = cells::Backward {
                kept,
                masks: self.masked(plain, t, row),
                before: [&tape.h[before..][..n], &*part(&mut tape.c, before, n)],
                walking: Walking {
                    above: &above[row * n..][..n],
                    h: &mut dh[row * n..][..n],
                    c: part(dc, row * n, n),
                },
            };
            step.step(simd, self.size.cell);
        }
    }

    /// The gradient of the rows of x, rows × inputs, after the walk back.
    pub(super) fn input_gradient(&self, tape: &Tape<R>) -> Buffer<R> {
        let Size {
            inputs, hidden: n, ..
        } = self.size;
        let columns = self.size.columns();
        let mut sum = Buffer::take(tape.x.rows.len());
        let all = sum.len() / inputs;
        let place = match &tape.x.distinct {
            None => self.place(0),
            Some(distinct) => distinct.place(0..all),
        };
        let untied = self
            .masks
            .input
            .as_ref()
            .is_some_and(|mask| mask.gates() > 1);
        let mut through = Buffer::take(if self.masks.input.is_some() {
            sum.len()
        } else {
            0
        });
        for gate in 0..self.size.gates {
            let left = Matrix::rows(&tape.entered()[gate * n..], all, n, columns);
            let right = self.matrices.input(gate).transposed();
            match &self.masks.input {
                Some(mask) if untied => {
                    product(&mut through, inputs, false, left, right);
                    times(mask, gate, place, &through, &mut sum, gate > 0);
                }
                // One mask for all gates multiplies their sum.
                Some(_) => product(&mut through, inputs, gate > 0, left, right),
                None => product(&mut sum, inputs, gate > 0, left, right),
            }
        }
        if let (Some(mask), false) = (&self.masks.input, untied) {
            times(mask, 0, place, &through, &mut sum, false);
        }
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
