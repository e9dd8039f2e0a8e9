//! Matrix products on plain slices.

use super::real::Real;
use super::vector::lanes;
use gemm::Parallelism;
use std::marker::PhantomData;
use std::ops::Range;

/// Multiples of six rows up to which `gemm` reads the matrix on the right where it lies; it packs it for more.
///
/// Its own default, 8, packs for 64 rows already, when the copy takes longer than it saves: with 22, which leaves 128
/// rows alone, gradients of such weights are 3 to 5% faster; from 64 on those of large layers are slower.
const PACKS_FROM: usize = 22;

/// Columns that are copied side by side: a cache line in single precision.
const LINE: usize = 16;

/// Tells `gemm` what it cannot know of our products; for the whole process.
pub(crate) fn tune() {
    gemm::set_lhs_packing_threshold_single_thread(PACKS_FROM);
}

/// A matrix in a slice: entry (r, c) lies at `r * row_stride + c * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, R> {
    data: &'a [R],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, R> Matrix<'a, R> {
    /// Rows one below the other, each `stride` after the last.
    pub(crate) fn rows(data: &'a [R], rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// Rows and columns, each with its stride.
    pub(crate) fn strided(data: &'a [R], [rows, columns]: [usize; 2], strides: [usize; 2]) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride: strides[0],
            column_stride: strides[1],
        }
    }

    /// The same entries with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Some of its columns.
    pub(crate) fn columns(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.columns);
        let first = (range.start * self.column_stride).min(self.data.len());
        Self {
            data: &self.data[first..],
            columns: range.len(),
            ..self
        }
    }

    pub(crate) fn row_count(&self) -> usize {
        self.rows
    }

    pub(crate) fn column_count(&self) -> usize {
        self.columns
    }

    /// Copies some of the columns into rows of `to`, each `stride` after the last.
    pub(crate) fn copy_columns(&self, from: usize, count: usize, to: &mut [R], stride: usize)
    where
        R: Copy,
    {
        if self.column_stride == 1 {
            for (row, to) in to.chunks_mut(stride).take(self.rows).enumerate() {
                let from = row * self.row_stride + from;
                let (to, from) = (&mut to[..count], &self.data[from..][..count]);
                // A line of known length is copied here; others by a call, which takes longer than the copy.
                match (to.as_chunks_mut::<LINE>().0, from.as_chunks::<LINE>().0) {
                    ([to], [from]) if count == LINE => *to = *from,
                    _ => to.copy_from_slice(from),
                }
            }
            return;
        }
        // Row by row, a few columns side by side: each column is read on from the line that it was read from before, and
        // whole lines are written.
        for first in (0..count).step_by(LINE) {
            let size = LINE.min(count - first);
            for (row, to) in to.chunks_mut(stride).take(self.rows).enumerate() {
                let to = &mut to[first..first + size];
                let entry = |column: usize| {
                    let column = from + first + column;
                    self.data[column * self.column_stride + row * self.row_stride]
                };
                // The compiler unrolls an array of known length.
                match to.as_chunks_mut::<LINE>().0 {
                    [whole] => *whole = std::array::from_fn(entry),
                    _ => to
                        .iter_mut()
                        .enumerate()
                        .for_each(|(column, to)| *to = entry(column)),
                }
            }
        }
    }

    fn fits(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride
                < self.data.len()
    }
}

/// Rows and columns that one thread writes; others of the same rows may be another's.
pub(crate) struct MatrixMut<'a, R> {
    data: *mut R,
    rows: usize,
    columns: usize,
    row_stride: usize,
    of: PhantomData<&'a mut [R]>,
}

#[allow(unsafe_code, reason = "says of a pointer what holds of a slice")]
// SAFETY: it is what a mutable slice of its entries would be, and no two have an entry in common.
unsafe impl<R: Send> Send for MatrixMut<'_, R> {}

impl<'a, R> MatrixMut<'a, R> {
    /// Dense rows of that width, cut at columns: one matrix for each of the ranges.
    ///
    /// # Panics
    /// If the ranges are not in order and beside each other within a row.
    pub(crate) fn cut(data: &'a mut [R], width: usize, ranges: &[Range<usize>]) -> Vec<Self> {
        let rows = data.len() / width;
        let mut end = 0;
        let mut cut = Vec::with_capacity(ranges.len());
        for range in ranges {
            assert!(range.start == end && range.start <= range.end && range.end <= width);
            end = range.end;
            cut.push(Self {
                data: data.as_mut_ptr().wrapping_add(range.start),
                rows,
                columns: range.len(),
                row_stride: width,
                of: PhantomData,
            });
        }
        cut
    }

    /// Writes `left` · `right`, or adds it to what is there; on one thread.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[allow(unsafe_code, reason = "the library's one function works on pointers")]
    pub(crate) fn multiply(&mut self, add: bool, left: Matrix<'_, R>, right: Matrix<'_, R>)
    where
        R: Real,
    {
        assert!(left.fits() && right.fits() && left.columns == right.rows);
        assert!(left.rows == self.rows && right.columns == self.columns);
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        // SAFETY: every entry that is read lies in its slice, as asserted above; those written are this matrix's own.
        unsafe { multiply(self.data, self.row_stride, add, left, right) }
    }
}

/// Writes `left` · `right` into rows of `to`, each `stride` after the last, or adds it to what is there. On one thread:
/// who calls has split the work already.
///
/// # Panics
/// If the shapes do not fit the slices.
#[allow(unsafe_code, reason = "the library's one function works on pointers")]
pub(crate) fn product<R: Real>(
    to: &mut [R],
    stride: usize,
    add: bool,
    left: Matrix<'_, R>,
    right: Matrix<'_, R>,
) {
    let (rows, columns) = (left.rows, right.columns);
    assert!(left.fits() && right.fits() && left.columns == right.rows && columns <= stride);
    assert!(rows == 0 || (rows - 1) * stride + columns <= to.len());
    if rows == 0 || columns == 0 {
        return;
    }
    // SAFETY: every entry that is read or written lies in its slice, as asserted above; `to` is borrowed mutably, so
    // it overlaps with neither of the others.
    unsafe { multiply(to.as_mut_ptr(), stride, add, left, right) }
}

/// How many of the columns `gemm` should take first: all of them, or those of whole tiles.
///
/// A tile is two vectors wide. Of many columns that are no whole number of vectors, `gemm` takes the last few apart from
/// the others: 650, in vectors of eight, end in eight and then two, each in a tile of half the width that takes two thirds
/// of the time. Asked for the last ten alone, it takes them together.
fn whole_tiles<R: Real>(columns: usize) -> usize {
    /// Tiles up to which `gemm` copies all columns first, and then takes the last ones together.
    const COPIED: usize = 16;
    let lanes = lanes::<R>();
    let rest = columns % (2 * lanes);
    match rest > lanes && columns > COPIED * 2 * lanes {
        true => columns - rest,
        false => columns,
    }
}

/// # Safety
/// All entries of all three must be there, and nobody else may use those of `to`.
#[allow(unsafe_code, reason = "the library's one function works on pointers")]
unsafe fn multiply<R: Real>(
    to: *mut R,
    stride: usize,
    add: bool,
    left: Matrix<'_, R>,
    right: Matrix<'_, R>,
) {
    let at = |stride: usize| stride as isize;
    let whole = whole_tiles::<R>(right.columns);
    if whole < right.columns {
        let [tiles, rest] = [0..whole, whole..right.columns].map(|columns| right.columns(columns));
        // SAFETY: the caller's; the columns are divided.
        unsafe {
            multiply(to, stride, add, left, tiles);
            multiply(to.add(whole), stride, add, left, rest);
        }
        return;
    }
    // SAFETY: the caller's.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            to,
            1,
            at(stride),
            add,
            left.data.as_ptr(),
            at(left.column_stride),
            at(left.row_stride),
            right.data.as_ptr(),
            at(right.column_stride),
            at(right.row_stride),
            R::ONE,
            R::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [1 2; 3 4] · [5 6; 7 8], into the middle of wider rows and on top of what is there, and transposed.
    #[test]
    fn products_by_hand() {
        let (left, right) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        let matrix = |data| Matrix::rows(data, 2, 2, 2);
        let mut to = [1.0; 6];
        product(&mut to, 3, false, matrix(&left), matrix(&right));
        assert_eq!(to, [19.0, 22.0, 1.0, 43.0, 50.0, 1.0]);
        product(&mut to, 3, true, matrix(&left).transposed(), matrix(&right));
        assert_eq!(to, [45.0, 52.0, 1.0, 81.0, 94.0, 1.0]);
    }

    /// Many columns, those of whole tiles and those behind them, against plain sums of whole numbers, which are exact;
    /// nothing beside them is touched.
    #[test]
    fn columns_behind_whole_tiles() {
        fn hold<R: Real>(columns: usize) {
            let (rows, inner, stride) = (7, 3, columns + 2);
            let number = |seed: usize| R::of(((seed * 7919) % 23) as f64 - 11.0);
            let numbers = |count: usize| (0..count).map(number).collect::<Vec<R>>();
            let (left, right) = (numbers(rows * inner), numbers(inner * columns));
            let mut to = numbers(rows * stride);
            let mut expected = to.clone();
            for (row, expected) in expected.chunks_mut(stride).enumerate() {
                for (column, expected) in expected[..columns].iter_mut().enumerate() {
                    for k in 0..inner {
                        *expected += left[row * inner + k] * right[k * columns + column];
                    }
                }
            }
            let left = Matrix::rows(&left, rows, inner, inner);
            let right = Matrix::rows(&right, inner, columns, columns);
            product(&mut to, stride, true, left, right);
            assert!(to == expected, "{columns} columns");
        }
        for columns in (256..=288).chain([512, 521, 527, 640, 641, 648, 650, 655, 1301]) {
            hold::<f32>(columns);
            hold::<f64>(columns);
        }
    }

    /// Around whole lines of columns, from the middle of a matrix that lies either way, with nothing else touched.
    #[test]
    fn columns_are_copied() {
        let numbers: Vec<f32> = (0..50 * 60_u16).map(f32::from).collect();
        let lying = [
            Matrix::rows(&numbers, 50, 60, 60),
            Matrix::rows(&numbers, 60, 50, 50).transposed(),
        ];
        for (matrix, count) in lying
            .into_iter()
            .flat_map(|matrix| [0, 1, 15, 16, 17, 32, 37].map(|count| (matrix, count)))
        {
            let mut to = vec![-1.0; 50 * 40];
            matrix.copy_columns(7, count, &mut to, 40);
            for (place, &copied) in to.iter().enumerate() {
                let (row, column) = (place / 40, place % 40);
                let at = row * matrix.row_stride + (7 + column) * matrix.column_stride;
                let expected = if column < count { numbers[at] } else { -1.0 };
                assert_eq!(
                    copied.to_bits(),
                    expected.to_bits(),
                    "{row}, {column} of {count}"
                );
            }
        }
    }

    /// The same columns of [1 2; 3 4] · [5 6 7; 8 9 10], cut in two.
    #[test]
    fn a_product_in_pieces_of_columns() {
        let (left, right) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        let mut to = [1.0; 6];
        let ranges = [0..2, 2..3];
        for (mut piece, range) in MatrixMut::cut(&mut to, 3, &ranges).into_iter().zip(ranges) {
            let right = Matrix::rows(&right, 2, 3, 3).columns(range.clone());
            piece.multiply(range.start == 2, Matrix::rows(&left, 2, 2, 2), right);
        }
        assert_eq!(to, [21.0, 24.0, 28.0, 47.0, 54.0, 62.0]);
    }
}
