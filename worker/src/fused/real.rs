//! Numbers of the fused path: single precision for training, double for tests.

use candle_core::{CpuStorage, Result, WithDType};
use pulp::Simd;

/// A number with the functions that the cells need.
///
/// The single-precision functions have no branches, so that the compiler turns loops over them into vector code; each
/// is within two units in the last place of the exact value, which tests check over the whole range.
pub(crate) trait Real:
    WithDType + Copy + std::ops::AddAssign + std::ops::SubAssign + std::ops::MulAssign + Default
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// From double precision.
    fn of(value: f64) -> Self;

    /// To double precision.
    fn wide(self) -> f64;

    /// eˣ.
    fn exp(self) -> Self;

    /// The hyperbolic tangent.
    fn tanh(self) -> Self;

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (Self::ZERO - self).exp())
    }

    /// The larger one.
    fn larger(self, other: Self) -> Self;

    /// The square root.
    fn root(self) -> Self;

    /// A vector of these numbers.
    type Lanes<S: Simd>: Copy;

    /// The whole vectors of a slice.
    fn vectors<S: Simd>(simd: S, numbers: &[Self]) -> &[Self::Lanes<S>];

    /// A vector of that number.
    fn splat<S: Simd>(simd: S, number: Self) -> Self::Lanes<S>;

    /// a · b + c.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Lanes<S>,
        b: Self::Lanes<S>,
        c: Self::Lanes<S>,
    ) -> Self::Lanes<S>;

    /// a + b.
    fn plus<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;

    /// Up to a vector of numbers, zeros behind them.
    fn load<S: Simd>(simd: S, numbers: &[Self]) -> Self::Lanes<S>;

    /// Writes as many numbers of a vector as there is room for.
    fn store<S: Simd>(simd: S, numbers: &mut [Self], vector: Self::Lanes<S>);

    /// The numbers of a storage, to be written.
    ///
    /// # Errors
    /// If it holds numbers of another type.
    fn numbers(storage: &mut CpuStorage) -> Result<&mut [Self]>;
}

/// The vector functions of a type, which `pulp` names after it.
macro_rules! simd {
    ($lanes:ident, $vectors:ident, $splat:ident, $multiply_add:ident, $add:ident, $load:ident, $store:ident) => {
        type Lanes<S: Simd> = S::$lanes;

        #[inline(always)]
        fn vectors<S: Simd>(_: S, numbers: &[Self]) -> &[S::$lanes] {
            S::$vectors(numbers).0
        }

        #[inline(always)]
        fn splat<S: Simd>(simd: S, number: Self) -> S::$lanes {
            simd.$splat(number)
        }

        #[inline(always)]
        fn multiply_add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
            simd.$multiply_add(a, b, c)
        }

        #[inline(always)]
        fn plus<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$add(a, b)
        }

        #[inline(always)]
        fn load<S: Simd>(simd: S, numbers: &[Self]) -> S::$lanes {
            simd.$load(numbers)
        }

        #[inline(always)]
        fn store<S: Simd>(simd: S, numbers: &mut [Self], vector: S::$lanes) {
            simd.$store(numbers, vector);
        }
    };
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        f64::tanh(self)
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    simd!(
        f64s,
        as_simd_f64s,
        splat_f64s,
        mul_add_e_f64s,
        add_f64s,
        partial_load_f64s,
        partial_store_f64s
    );

    fn numbers(storage: &mut CpuStorage) -> Result<&mut [Self]> {
        match storage {
            CpuStorage::F64(numbers) => Ok(numbers),
            _ => candle_core::bail!("a storage of another type than f64"),
        }
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    /// 2ⁿ · eʳ with |r| ≤ ln 2 / 2, eʳ by the polynomial of degree six that is nearest in relative error.
    #[inline(always)]
    fn exp(self) -> Self {
        /// 1.5 · 2²³: adding it rounds to a whole number, which then stands in the lowest bits.
        const ROUND: f32 = 12_582_912.0;
        /// ln 2 in two parts, the first short enough that its product with n is exact.
        const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
        // Beyond these the result would leave the normal numbers. A NaN stays one.
        let x = self.clamp(-87.3, 88.3);
        let rounded = x * std::f32::consts::LOG2_E + ROUND;
        let n = rounded - ROUND;
        let r = x - n * LN_2[0] - n * LN_2[1];
        let tail = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2)
            * r
            + 1.666_666_5e-1)
            * r
            + 0.5;
        let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
        (tail * r * r + r + 1.0) * power
    }

    /// A polynomial near zero, where the quotient would lose all digits.
    #[inline(always)]
    fn tanh(self) -> Self {
        let size = self.abs();
        let square = self * self;
        let tail = (((-5.704_988_7e-3 * square + 2.063_909e-2) * square - 5.373_971_6e-2) * square
            + 1.333_144_2e-1)
            * square
            - 3.333_328e-1;
        let near = tail * square * self + self;
        // Not the method of f32, which is a call that no loop over it survives.
        let far = 1.0 - 2.0 / (Real::exp(size + size) + 1.0);
        if size < 0.625 {
            near
        } else {
            far.copysign(self)
        }
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }

    simd!(
        f32s,
        as_simd_f32s,
        splat_f32s,
        mul_add_e_f32s,
        add_f32s,
        partial_load_f32s,
        partial_store_f32s
    );

    fn numbers(storage: &mut CpuStorage) -> Result<&mut [Self]> {
        match storage {
            CpuStorage::F32(numbers) => Ok(numbers),
            _ => candle_core::bail!("a storage of another type than f32"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units in the last place of the exact value.
    fn off(computed: f32, exact: f64) -> f64 {
        let unit = f64::from((exact as f32).abs().max(f32::MIN_POSITIVE)) * f64::from(f32::EPSILON);
        (f64::from(computed) - exact).abs() / unit
    }

    #[test]
    fn functions_are_near_the_exact_ones_over_their_whole_range() {
        let mut worst = [0.0_f64; 3];
        for step in 0..4_000_000 {
            let x = (step as f32 - 2_000_000.0) * 4e-5;
            let exact = f64::from(x);
            let functions = [
                off(Real::exp(x), exact.exp()),
                off(Real::tanh(x), exact.tanh()),
                off(x.sigmoid(), 1.0 / (1.0 + (-exact).exp())),
            ];
            for (worst, off) in worst.iter_mut().zip(functions) {
                *worst = worst.max(off);
            }
        }
        assert!(worst.iter().all(|&off| off < 2.5), "{worst:?}");
        for tiny in [1e-3_f32, 1e-6, 1e-20, 1e-38] {
            assert!(off(Real::tanh(tiny), f64::from(tiny).tanh()) < 1.0);
        }
    }

    #[test]
    fn extremes_are_finite_and_what_is_no_number_stays_none() {
        for x in [f32::MAX, f32::INFINITY, -f32::MAX, f32::NEG_INFINITY, 200.0] {
            assert!(Real::exp(x).is_finite() && Real::tanh(x).abs() == 1.0);
            assert!((0.0..=1.0).contains(&x.sigmoid()));
        }
        assert!(Real::exp(f32::NAN).is_nan());
        assert!(Real::tanh(f32::NAN).is_nan() && f32::NAN.sigmoid().is_nan());
    }
}
