//! Numbers: single precision for training, double for tests.

use candle_core::{CpuStorage, Result, WithDType};
use pulp::{Simd, bytemuck};
use std::sync::Mutex;

/// Buffers that nobody uses at present.
pub(crate) type Shelf<R> = Mutex<Vec<Vec<R>>>;

/// A number, and what vectors of it can do; [`super::Vector`] has the operators.
///
/// The single-precision functions have no branches; each is within two units in the last place of the exact value, which
/// tests check over the whole range.
pub(crate) trait Real:
    WithDType
    + Default
    + bytemuck::Pod
    + std::ops::AddAssign
    + std::ops::SubAssign
    + std::ops::MulAssign
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// From double precision.
    fn of(value: f64) -> Self;

    /// To double precision.
    fn wide(self) -> f64;

    /// The square root.
    fn root(self) -> Self;

    /// Buffers of these numbers that nobody uses at present.
    fn shelf() -> &'static Shelf<Self>;

    /// The numbers of a storage, to be written.
    ///
    /// # Errors
    /// If it holds numbers of another type.
    fn numbers(storage: &mut CpuStorage) -> Result<&mut [Self]>;

    /// A vector of these numbers as the processor holds it.
    type Lanes<S: Simd>: Copy + bytemuck::Pod;

    /// The whole vectors of a slice.
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Lanes<S>];

    /// The whole vectors of a slice, to be written.
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Lanes<S>];

    /// Up to a vector of numbers, zeros behind them.
    fn load<S: Simd>(simd: S, numbers: &[Self]) -> Self::Lanes<S>;

    /// Writes as many numbers of a vector as there is room for.
    fn store<S: Simd>(simd: S, numbers: &mut [Self], lanes: Self::Lanes<S>);

    /// A vector of that number.
    fn splat<S: Simd>(simd: S, number: Self) -> Self::Lanes<S>;

    /// a · b + c, rounded once where the processor has an instruction for it.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;

    /// a + b.
    fn plus<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;

    /// a − b.
    fn minus<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;

    /// a · b.
    fn times<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;

    /// a / b.
    fn over<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;

    /// The first of two where a < b, elsewhere the second.
    fn choose_less<S: Simd>(
        simd: S,
        compared: [Self::Lanes<S>; 2],
        of: [Self::Lanes<S>; 2],
    ) -> Self::Lanes<S>;

    /// The sum of a vector's numbers.
    fn sum<S: Simd>(simd: S, lanes: Self::Lanes<S>) -> Self;

    /// The largest of a vector's numbers.
    fn largest<S: Simd>(simd: S, lanes: Self::Lanes<S>) -> Self;

    /// eˣ.
    fn exp<S: Simd>(simd: S, x: Self::Lanes<S>) -> Self::Lanes<S>;

    /// The hyperbolic tangent.
    fn tanh<S: Simd>(simd: S, x: Self::Lanes<S>) -> Self::Lanes<S>;
}
