//! A matrix that few rows meet again and again, as U meets a step's states: packed once a window, read by every step.
//!
//! A product with few rows is over before a library has prepared it: `gemm` packs the matrix anew each time. Here it
//! lies in panels of two vectors of columns; a tile of up to twelve rows keeps its sums in registers and reads the
//! panel once.

use super::buffer::Buffer;
use super::product::Matrix;
use super::real::Real;
use super::vector::{Span, Vector};
use pulp::{Simd, WithSimd};

/// Bytes of a cache line: a vector that lies across two costs twice.
const LINE: usize = 64;
/// Most rows of a tile: with two vectors each they fill 24 of 32 registers.
const MOST_ROWS: usize = 12;
/// The same for processors with 16 registers.
const FEWER_ROWS: usize = 6;

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
        let width = 2 * pulp::Arch::new().dispatch(Lanes::<R>::default());
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
        pulp::Arch::new().dispatch(Product {
            packed: self,
            to,
            stride,
            left: *left,
            onto,
            masks,
        });
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

/// How many numbers a vector of this processor holds.
struct Lanes<R>(std::marker::PhantomData<R>);

impl<R> Default for Lanes<R> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<R: Real> WithSimd for Lanes<R> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        Vector::<R, S>::COUNT
    }
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
        let count = self.left.count;
        let most = match S::REGISTER_COUNT {
            32.. => MOST_ROWS,
            _ => FEWER_ROWS,
        };
        // Tiles as even as can be: a last one of a row or two would wait for its own sums.
        let tiles = count.div_ceil(most);
        let panels = self.packed.columns.div_ceil(self.packed.width);
        for panel in 0..panels {
            for tile in 0..tiles {
                let (from, end) = (tile * count / tiles, (tile + 1) * count / tiles);
                self.tile(simd, panel, from, end - from);
            }
        }
    }
}

impl<R: Real> Product<'_, R> {
    #[inline(always)]
    fn tile<S: Simd>(&mut self, simd: S, panel: usize, from: usize, rows: usize) {
        macro_rules! of_size {
            ($($size:literal)*) => {
                match rows {
                    $($size => self.tile_of::<S, $size>(simd, panel, from),)*
                    _ => {}
                }
            };
        }
        of_size!(1 2 3 4 5 6 7 8 9 10 11 12);
    }

    #[inline(always)]
    #[allow(
        unsafe_code,
        reason = "an index check for each number read doubles the time"
    )]
    fn tile_of<S: Simd, const ROWS: usize>(&mut self, simd: S, panel: usize, from: usize) {
        let Packed {
            ref numbers,
            first,
            rows: inner,
            columns,
            width,
        } = *self.packed;
        let numbers = &numbers[first + panel * inner * width..][..inner * width];
        let vectors = R::vectors::<S>(numbers);
        let left = &self.left.numbers[from * self.left.stride..];
        let step = self.left.stride;
        let mut sums = [[R::splat(simd, R::ZERO); 2]; ROWS];
        for (k, pair) in vectors.chunks_exact(2).enumerate() {
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: k < inner and (count − 1) · stride + inner numbers are there, as `add_product` asserts.
                let number = R::splat(simd, unsafe { *left.get_unchecked(row * step + k) });
                sums[0] = R::multiply_add(simd, number, pair[0], sums[0]);
                sums[1] = R::multiply_add(simd, number, pair[1], sums[1]);
            }
        }
        let lanes = Vector::<R, S>::COUNT;
        let first = panel * width;
        let count = width.min(columns - first);
        for (row, [low, high]) in sums.into_iter().enumerate() {
            let [low, high] = [Vector::new(simd, low), Vector::new(simd, high)];
            let row = from + row;
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
    use super::*;

    /// Every number of rows that a tile can have and columns around the width of panels, against plain sums of whole
    /// numbers, which single precision holds exactly.
    #[test]
    fn products_are_those_of_plain_sums() {
        for rows in (0..=13).chain([24, 25]) {
            for columns in [1, 7, 15, 16, 17, 31, 32, 33, 64, 70] {
                hold::<f32>(rows, 5, columns);
                hold::<f64>(rows, 3, columns);
            }
        }
    }

    fn hold<R: Real>(rows: usize, inner: usize, columns: usize) {
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
            let mut packed = Packed::new(inner, columns);
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
            packed.add_product(&mut to, stride, &left, Onto::There, masks);
            let case = format!("{rows} × {inner} × {columns}, masked: {masked}");
            assert!(to == expected, "{case}");
            // The same onto rows that lie elsewhere.
            let wider = |row: &[R]| [&[R::ONE; 2], row].concat();
            let wider: Vec<Vec<R>> = start.chunks(stride).map(wider).collect();
            let onto: Vec<&[R]> = wider.iter().map(Vec::as_slice).collect();
            let mut to = numbers(to.len() + 1)[1..].to_vec();
            packed.add_product(&mut to, stride, &left, Onto::Rows(&onto, 2), masks);
            for (to, expected) in to.chunks(stride).zip(expected.chunks(stride)) {
                assert!(to[..columns] == expected[..columns], "{case}");
            }
        }
    }
}
