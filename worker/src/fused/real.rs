//! Numbers of the fused path: single precision for training, double for tests.

use super::buffer::Shelf;
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

    /// eˣ, on a processor with those instructions.
    fn exp<S: Simd>(self) -> Self;

    /// The hyperbolic tangent likewise.
    fn tanh<S: Simd>(self) -> Self;

    /// 1 / (1 + e⁻ˣ) likewise.
    #[inline(always)]
    fn sigmoid<S: Simd>(self) -> Self {
        Self::ONE / (Self::ONE + (Self::ZERO - self).exp::<S>())
    }

    /// The larger one.
    fn larger(self, other: Self) -> Self;

    /// The square root.
    fn root(self) -> Self;

    /// Buffers of these numbers that nobody uses at present.
    fn shelf() -> &'static Shelf<Self>;

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
    ($number:ident, $lanes:ident, $vectors:ident, $splat:ident, $multiply_add:ident, $add:ident, $load:ident, $store:ident) => {
        type Lanes<S: Simd> = S::$lanes;

        fn shelf() -> &'static Shelf<Self> {
            static SHELF: Shelf<$number> = Shelf::new(Vec::new());
            &SHELF
        }

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

/// a · b + c, in one instruction where the processor has it: elsewhere that would be a call.
#[inline(always)]
fn joined<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    // Vectors of 32 bytes came with it.
    if size_of::<S::f32s>() >= 32 || cfg!(target_arch = "aarch64") {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// The polynomial with those coefficients, the highest first.
#[inline(always)]
fn polynomial<S: Simd>(x: f32, coefficients: &[f32]) -> f32 {
    let rest = coefficients[1..].iter();
    rest.fold(coefficients[0], |sum, &next| joined::<S>(sum, x, next))
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
    fn exp<S: Simd>(self) -> Self {
        f64::exp(self)
    }

    #[inline(always)]
    fn tanh<S: Simd>(self) -> Self {
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
        f64,
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
    fn exp<S: Simd>(self) -> Self {
        /// 1.5 · 2²³: adding it rounds to a whole number, which then stands in the lowest bits.
        const ROUND: f32 = 12_582_912.0;
        /// ln 2 in two parts, the first short enough that its product with n is exact.
        const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
        const TAIL: [f32; 6] = [
            1.987_569_1e-4,
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ];
        // Beyond these the result would leave the normal numbers. A NaN stays one.
        let x = self.clamp(-87.3, 88.3);
        let rounded = joined::<S>(x, std::f32::consts::LOG2_E, ROUND);
        let n = rounded - ROUND;
        let r = joined::<S>(n, -LN_2[1], joined::<S>(n, -LN_2[0], x));
        let tail = polynomial::<S>(r, &TAIL);
        let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
        (joined::<S>(tail, r * r, r) + 1.0) * power
    }

    /// A polynomial near zero, where the quotient would lose all digits.
    #[inline(always)]
    fn tanh<S: Simd>(self) -> Self {
        const TAIL: [f32; 5] = [
            -5.704_988_7e-3,
            2.063_909e-2,
            -5.373_971_6e-2,
            1.333_144_2e-1,
            -3.333_328e-1,
        ];
        let size = self.abs();
        let square = self * self;
        let near = joined::<S>(polynomial::<S>(square, &TAIL) * square, self, self);
        // Not the method of f32, which is a call that no loop over it survives.
        let far = 1.0 - 2.0 / (Real::exp::<S>(size + size) + 1.0);
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
        f32,
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

    /// What a test asks, in the vector instructions of this processor and in none.
    struct Everywhere(fn(&dyn Functions));

    /// The functions as they are for some instructions.
    trait Functions {
        fn of(&self, x: f32) -> [f32; 3];
    }

    struct With<S>(S);

    impl<S: Simd> Functions for With<S> {
        fn of(&self, x: f32) -> [f32; 3] {
            [Real::exp::<S>(x), Real::tanh::<S>(x), x.sigmoid::<S>()]
        }
    }

    impl pulp::WithSimd for Everywhere {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            (self.0)(&With(simd));
        }
    }

    fn everywhere(hold: fn(&dyn Functions)) {
        pulp::Arch::new().dispatch(Everywhere(hold));
        hold(&With(pulp::Scalar));
    }

    #[test]
    fn functions_are_near_the_exact_ones_over_their_whole_range() {
        everywhere(near);
    }

    fn near(functions: &dyn Functions) {
        let mut worst = [0.0_f64; 3];
        for step in 0..4_000_000 {
            let x = (step as f32 - 2_000_000.0) * 4e-5;
            let exact = f64::from(x);
            let exacts = [exact.exp(), exact.tanh(), 1.0 / (1.0 + (-exact).exp())];
            let pairs = functions.of(x).into_iter().zip(exacts);
            for (worst, (computed, exact)) in worst.iter_mut().zip(pairs) {
                *worst = worst.max(off(computed, exact));
            }
        }
        assert!(worst.iter().all(|&off| off < 2.5), "{worst:?}");
        for tiny in [1e-3_f32, 1e-6, 1e-20, 1e-38] {
            assert!(off(functions.of(tiny)[1], f64::from(tiny).tanh()) < 1.0);
        }
    }

    #[test]
    fn extremes_are_finite_and_what_is_no_number_stays_none() {
        everywhere(|functions| {
            for x in [f32::MAX, f32::INFINITY, -f32::MAX, f32::NEG_INFINITY, 200.0] {
                let [exp, tanh, sigmoid] = functions.of(x);
                assert!(exp.is_finite() && tanh.abs() == 1.0);
                assert!((0.0..=1.0).contains(&sigmoid));
            }
            assert!(functions.of(f32::NAN).iter().all(|y| y.is_nan()));
        });
    }
}
