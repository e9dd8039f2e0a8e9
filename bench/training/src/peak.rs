//! What the machine can do at most: the large products of a configuration alone.

use crate::configuration::Size;
use gemm::Parallelism;
use std::time::{Duration, Instant};

/// Floating-point operations a second of the fastest run of the fastest product.
pub(crate) fn measure(size: Size, threads: usize, seconds: f64) -> f64 {
    let products = size.products();
    let each = Duration::from_secs_f64(seconds / products.len() as f64);
    let speeds = products.map(|product| speed(product, threads, each));
    speeds.into_iter().fold(0.0, f64::max)
}

fn speed(shape: [usize; 3], threads: usize, time: Duration) -> f64 {
    /// Fewest runs, the first of which finds cold caches.
    const LEAST: u32 = 3;
    let [rows, inner, columns] = shape;
    let left = vec![0.5; rows * inner];
    let right = vec![0.25; inner * columns];
    let mut product = vec![0.0; rows * columns];
    let began = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < LEAST || began.elapsed() < time {
        let start = Instant::now();
        multiply(shape, &left, &right, &mut product, threads);
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    2.0 * (rows * inner * columns) as f64 / best
}

/// The product of two matrices, all row by row, as candle has it computed.
fn multiply(
    [rows, inner, columns]: [usize; 3],
    left: &[f32],
    right: &[f32],
    product: &mut [f32],
    threads: usize,
) {
    assert_eq!(left.len(), rows * inner);
    assert_eq!(right.len(), inner * columns);
    assert_eq!(product.len(), rows * columns);
    let parallelism = match threads {
        1 => Parallelism::None,
        threads => Parallelism::Rayon(threads),
    };
    #[expect(
        unsafe_code,
        reason = "the crate has no safe entrance; the lengths are checked above"
    )]
    // SAFETY: the strides are those of dense rows, so every index lies within the lengths checked above.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            product.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.as_ptr(),
            1,
            inner as isize,
            right.as_ptr(),
            1,
            columns as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_products() {
        let mut product = [0.0; 4];
        let left = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        multiply(
            [2, 3, 2],
            &left,
            &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            &mut product,
            1,
        );
        assert_eq!(product, [4.0, 5.0, 10.0, 11.0]);
    }
}
