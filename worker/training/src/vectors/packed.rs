//! A matrix that few rows meet again and again, as U meets a step's states: packed once a window, read by every step.
//!
//! A product with few rows is over before a library has prepared it: `gemm` packs the matrix anew each time. Here it
//! lies in panels of two vectors of columns; a tile of up to twelve rows keeps its sums in registers and reads the
//! panel once. With 16 registers a tile has six rows and one panel, or two rows and three: twelve sums either way. With
//! ten, as five rows and one panel have, the two units that multiply and add wait for the sums of the step before, and
//! are busy 90% of the time in place of 96%.

use super::buffer::Buffer;
use super::product::Matrix;
use super::real::Real;
use super::vector::{Span, Vector, lanes};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Bytes of a cache line: a vector that lies across two costs twice.
const LINE: usize = 64;
/// Most rows of a tile: with two vectors each they fill 24 of 32 registers.
const MOST_ROWS: usize = 12;
/// Panels that tiles of processors with 16 registers go through together: a tile of two rows spans all of them.
const GROUP: usize = 3;

/// A matrix in panels of columns; columns beyond the last are zero.
pub(crate) struct Packed<R: Real> {
    numbers: Buffer<R>,
    /// Where the first panel begins.
    first: usize,
    rows: usize,
    columns: usize,
    /// Columns of a panel.
    width: usize,
}

impl<R: Real> Packed<R> {
    /// A matrix whose entries are still to be put.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self::in_panels(rows, columns, 2 * lanes::<R>())
    }

    fn in_panels(rows: usize, columns: usize, width: usize) -> Self {
        let spare = LINE / size_of::<R>();
        let panels = columns.div_ceil(width);
        let mut numbers = Buffer::<R>::take(panels * rows * width + spare);
        let first = numbers.as_ptr().align_offset(LINE).min(spare);
        // The columns beyond the last lie in the last panel.
        numbers[first + panels.saturating_sub(1) * rows * width..].fill(R::ZERO);
        Self {
            numbers,
            first,
            rows,
            columns,
            width,
        }
    }

    /// Writes a matrix into it, its first entry at that row and column.
    pub(crate) fn put(&mut self, row: usize, column: usize, matrix: Matrix<'_, R>) {
        let end = column + matrix.column_count();
        let mut from = column;
        while from < end {
            let (panel, at) = (from / self.width, from % self.width);
            let count = (self.width - at).min(end - from);
            let place = self.first + (panel * self.rows + row) * self.width + at;
            matrix.copy_columns(from - column, count, &mut self.numbers[place..], self.width);
            from += count;
        }
    }

    /// Writes `left` · this, added onto something, to rows of `to`, each `stride` after the last; where there are masks, their
    /// rows multiply the product first.
    ///
    /// # Panics
    /// If the shapes do not fit the slices.
    pub(crate) fn add_product(
        &self,
        to: &mut [R],
        stride: usize,
        left: &Rows<'_, R>,
        onto: Onto<'_, R>,
        masks: Option<&[&[R]]>,
    ) {
        let product = self.product(to, stride, left, onto, masks);
        pulp::Arch::new().dispatch(product);
    }

    fn product<'a>(
        &'a self,
        to: &'a mut [R],
        stride: usize,
        left: &Rows<'a, R>,
        onto: Onto<'a, R>,
        masks: Option<&'a [&'a [R]]>,
    ) -> Product<'a, R> {
        let Rows {
            numbers,
            count,
            stride: step,
        } = *left;
        assert!(count == 0 || (count - 1) * step + self.rows <= numbers.len());
        assert!(count == 0 || (count - 1) * stride + self.columns <= to.len());
        assert!(masks.is_none_or(
            |masks| masks.len() == count && masks.iter().all(|mask| mask.len() == self.columns)
        ));
        if let Onto::Rows(rows, first) = onto {
            assert!(
                rows.len() == count && rows.iter().all(|row| first + self.columns <= row.len())
            );
        }
        Product {
            packed: self,
            to,
            stride,
            left: *left,
            onto,
            masks,
        }
    }
}

/// Rows of a slice, each `stride` after the last, as wide as the matrix they meet has rows.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, R> {
    pub(crate) numbers: &'a [R],
    pub(crate) count: usize,
    pub(crate) stride: usize,
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Onto<'a, R> {
    /// What lies where it is written.
    There,
    /// Those rows, from that column on.
    Rows(&'a [&'a [R]], usize),
}

struct Product<'a, R: Real> {
    packed: &'a Packed<R>,
    to: &'a mut [R],
    stride: usize,
    left: Rows<'a, R>,
    onto: Onto<'a, R>,
    masks: Option<&'a [&'a [R]]>,
}

impl<R: Real> WithSimd for Product<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let panels = self.packed.columns.div_ceil(self.packed.width);
        match S::REGISTER_COUNT {
            32.. => {
                for panel in 0..panels {
                    self.tall(simd, panel);
                }
            }
            _ => {
                for first in (0..panels).step_by(GROUP) {
                    self.mixed(simd, first..panels.min(first + GROUP));
                }
            }
        }
    }
}

impl<R: Real> Product<'_, R> {
    /// All rows of a panel, for processors with 32 registers.
    #[inline(always)]
    fn tall<S: Simd>(&mut self, simd: S, panel: usize) {
        let count = self.left.count;
        // Tiles as even as can be: a last one of a row or two would wait for its own sums.
        let tiles = count.div_ceil(MOST_ROWS);
        for tile in 0..tiles {
            let (from, end) = (tile * count / tiles, (tile + 1) * count / tiles);
            macro_rules! of_size {
                ($($size:literal)*) => {
                    match end - from {
                        $($size => self.tile::<S, $size, 1>(simd, panel, from),)*
                        _ => {}
                    }
                };
            }
            of_size!(1 2 3 4 5 6 7 8 9 10 11 12);
        }
    }

    /// All rows of a few panels, for processors with 16 registers.
    #[inline(always)]
    fn mixed<S: Simd>(&mut self, simd: S, panels: Range<usize>) {
        let count = self.left.count;
        let mut from = 0;
        while from < count {
            match count - from {
                6.. => {
                    for panel in panels.clone() {
                        self.tile::<S, 6, 1>(simd, panel, from);
                    }
                    from += 6;
                }
                5 => {
                    for panel in panels.clone() {
                        self.tile::<S, 5, 1>(simd, panel, from);
                    }
                    from += 5;
                }
                2.. => {
                    self.wide::<S, 2>(simd, &panels, from);
                    from += 2;
                }
                _ => {
                    self.wide::<S, 1>(simd, &panels, from);
                    from += 1;
                }
            }
        }
    }

    #[inline(always)]
    fn wide<S: Simd, const ROWS: usize>(&mut self, simd: S, panels: &Range<usize>, from: usize) {
        match panels.len() {
            3 => self.tile::<S, ROWS, 3>(simd, panels.start, from),
            2 => self.tile::<S, ROWS, 2>(simd, panels.start, from),
            _ => self.tile::<S, ROWS, 1>(simd, panels.start, from),
        }
    }

    /// So many rows of so many panels.
    #[inline(always)]
    #[allow(
        unsafe_code,
        reason = "an index check for each number read doubles the time"
    )]
    fn tile<S: Simd, const ROWS: usize, const PANELS: usize>(
        &mut self,
        simd: S,
        panel: usize,
        from: usize,
    ) {
        let Packed {
            ref numbers,
            first,
            rows: inner,
            columns,
            width,
        } = *self.packed;
        let numbers = &numbers[first + panel * inner * width..][..PANELS * inner * width];
        let vectors = R::vectors::<S>(numbers);
        assert!(vectors.len() == PANELS * inner * 2);
        let left = &self.left.numbers[from * self.left.stride..];
        let step = self.left.stride;
        let zero = R::splat(simd, R::ZERO);
        let mut sums = [[[zero; 2]; PANELS]; ROWS];
        for k in 0..inner {
            // What there is less of stays in registers: the vectors of one panel, or the numbers of few rows.
            // SAFETY: k < inner; PANELS · inner pairs of vectors are there, as asserted above, and
            // (count − 1) · stride + inner numbers, as `add_product` asserts.
            if PANELS == 1 {
                let pair = unsafe {
                    [
                        vectors.get_unchecked(2 * k),
                        vectors.get_unchecked(2 * k + 1),
                    ]
                };
                let [low, high] = [*pair[0], *pair[1]];
                for (row, sums) in sums.iter_mut().enumerate() {
                    let number = R::splat(simd, unsafe { *left.get_unchecked(row * step + k) });
                    sums[0][0] = R::multiply_add(simd, number, low, sums[0][0]);
                    sums[0][1] = R::multiply_add(simd, number, high, sums[0][1]);
                }
                continue;
            }
            let mut rows = [zero; ROWS];
            for (row, number) in rows.iter_mut().enumerate() {
                *number = R::splat(simd, unsafe { *left.get_unchecked(row * step + k) });
            }
            for place in 0..2 * PANELS {
                let (panel, half) = (place / 2, place % 2);
                let vector = unsafe { *vectors.get_unchecked((panel * inner + k) * 2 + half) };
                for (&number, sums) in rows.iter().zip(&mut sums) {
                    let sum = &mut sums[panel][half];
                    *sum = R::multiply_add(simd, number, vector, *sum);
                }
            }
        }
        let lanes = Vector::<R, S>::COUNT;
        for (row, sums) in sums.into_iter().enumerate() {
            for (place, [low, high]) in sums.into_iter().enumerate() {
                let [low, high] = [Vector::new(simd, low), Vector::new(simd, high)];
                let row = from + row;
                let first = (panel + place) * width;
                let count = width.min(columns - first);
                // Vectors that are known to be whole are loaded and stored in one instruction.
                if count == width {
                    self.put(row, Span::at(simd, first, lanes), low);
                    self.put(row, Span::at(simd, first + lanes, lanes), high);
                    continue;
                }
                self.put(row, Span::at(simd, first, count.min(lanes)), low);
                if count > lanes {
                    self.put(row, Span::at(simd, first + lanes, count - lanes), high);
                }
            }
        }
    }

    /// Puts a part of a row of the product where it belongs.
    #[inline(always)]
    fn put<S: Simd>(&mut self, row: usize, span: Span<S>, sum: Vector<R, S>) {
        let to = &mut self.to[row * self.stride..];
        let before = match self.onto {
            Onto::There => span.read(to),
            Onto::Rows(rows, from) => span.read(&rows[row][from..]),
        };
        let all = match self.masks {
            None => before + sum,
            Some(masks) => span.read(masks[row]).multiply_add(sum, before),
        };
        span.write(to, all);
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector::Lanes;
    use super::*;

    /// Every number of rows that a tile can have and columns around the width of panels, against plain sums of whole
    /// numbers, which single precision holds exactly.
    #[test]
    fn products_are_those_of_plain_sums() {
        for rows in (0..=17).chain([24, 25]) {
            for columns in [1, 7, 15, 16, 17, 31, 32, 33, 48, 64, 70, 100] {
                each_way::<f32>(rows, 5, columns);
                each_way::<f64>(rows, 3, columns);
            }
        }
    }

    /// In the vector instructions of this processor, in AVX2's and in none.
    fn each_way<R: Real>(rows: usize, inner: usize, columns: usize) {
        hold::<R>([rows, inner, columns], pulp::Arch::new());
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            hold::<R>([rows, inner, columns], simd);
        }
        hold::<R>([rows, inner, columns], pulp::Scalar);
    }

    /// What runs a product.
    trait Instructions: Copy {
        fn run<W: WithSimd>(self, with: W) -> W::Output;
    }

    impl Instructions for pulp::Arch {
        fn run<W: WithSimd>(self, with: W) -> W::Output {
            self.dispatch(with)
        }
    }

    #[cfg(target_arch = "x86_64")]
    impl Instructions for pulp::x86::V3 {
        fn run<W: WithSimd>(self, with: W) -> W::Output {
            Simd::vectorize(self, with)
        }
    }

    impl Instructions for pulp::Scalar {
        fn run<W: WithSimd>(self, with: W) -> W::Output {
            Simd::vectorize(self, with)
        }
    }

    fn hold<R: Real>([rows, inner, columns]: [usize; 3], with: impl Instructions) {
        let number = |seed: usize| R::of(((seed * 7919) % 23) as f64 - 11.0);
        let numbers = |count: usize| (0..count).map(number).collect::<Vec<R>>();
        // Rows with something between them, which must stay out.
        let (stride, step) = (columns + 3, inner + 2);
        let (left, right) = (numbers(rows * step), numbers(inner * columns));
        let (start, mask) = (numbers(rows * stride), numbers(rows * columns));
        let masks: Vec<&[R]> = mask.chunks_exact(columns).collect();
        for masked in [false, true] {
            let mut expected = start.clone();
            for (row, column) in
                (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
            {
                let mut sum = R::ZERO;
                for k in 0..inner {
                    sum += left[row * step + k] * right[k * columns + column];
                }
                expected[row * stride + column] += if masked {
                    sum * masks[row][column]
                } else {
                    sum
                };
            }
            let lanes = with.run(Lanes::<R>::default());
            let mut packed = Packed::in_panels(inner, columns, 2 * lanes);
            let first = columns / 2;
            let matrix = |from, count| Matrix::rows(&right[from..], inner, count, columns);
            packed.put(0, 0, matrix(0, first));
            packed.put(0, first, matrix(first, columns - first));
            let mut to = start.clone();
            let left = Rows {
                numbers: &left,
                count: rows,
                stride: step,
            };
            let masks = masked.then_some(&masks[..]);
            with.run(packed.product(&mut to, stride, &left, Onto::There, masks));
            let case = format!("{rows} × {inner} × {columns}, masked: {masked}");
            assert!(to == expected, "{case}");
            // The same onto rows that lie elsewhere.
            let wider = |row: &[R]| [&[R::ONE; 2], row].concat();
            let wider: Vec<Vec<R>> = start.chunks(stride).map(wider).collect();
            let onto: Vec<&[R]> = wider.iter().map(Vec::as_slice).collect();
            let mut to = numbers(to.len() + 1)[1..].to_vec();
            with.run(packed.product(&mut to, stride, &left, Onto::Rows(&onto, 2), masks));
            for (to, expected) in to.chunks(stride).zip(expected.chunks(stride)) {
                assert!(to[..columns] == expected[..columns], "{case}");
            }
        }
    }
}
