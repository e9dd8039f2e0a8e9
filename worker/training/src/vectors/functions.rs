//! What vectors of each type of numbers can do.

use super::real::{Real, Shelf};
use super::vector::Vector;
use candle_core::{CpuStorage, Result};
use pulp::{Simd, bytemuck};

/// What every type has, under names that differ by the type.
macro_rules! common {
    ($number:ident, $storage:ident, $lanes:ident, [$vectors:ident, $vectors_mut:ident], $load:ident, $store:ident,
     $splat:ident, $multiply_add:ident, [$add:ident, $subtract:ident, $multiply:ident, $divide:ident],
     [$less:ident, $choose:ident], [$sum:ident, $largest:ident]) => {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;

        #[inline(always)]
        fn of(value: f64) -> Self {
            value as $number
        }

        #[inline(always)]
        fn wide(self) -> f64 {
            f64::from(self)
        }

        #[inline(always)]
        fn root(self) -> Self {
            self.sqrt()
        }

        fn shelf() -> &'static Shelf<Self> {
            static SHELF: Shelf<$number> = Shelf::new(Vec::new());
            &SHELF
        }

        fn numbers(storage: &mut CpuStorage) -> Result<&mut [Self]> {
            match storage {
                CpuStorage::$storage(numbers) => Ok(numbers),
                _ => candle_core::bail!("a storage of another type than {}", stringify!($number)),
            }
        }

        type Lanes<S: Simd> = S::$lanes;

        #[inline(always)]
        fn vectors<S: Simd>(numbers: &[Self]) -> &[S::$lanes] {
            S::$vectors(numbers).0
        }

        #[inline(always)]
        fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::$lanes] {
            S::$vectors_mut(numbers).0
        }

        #[inline(always)]
        fn load<S: Simd>(simd: S, numbers: &[Self]) -> S::$lanes {
            simd.$load(numbers)
        }

        #[inline(always)]
        fn store<S: Simd>(simd: S, numbers: &mut [Self], lanes: S::$lanes) {
            simd.$store(numbers, lanes);
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
        fn minus<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$subtract(a, b)
        }

        #[inline(always)]
        fn times<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$multiply(a, b)
        }

        #[inline(always)]
        fn over<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
            simd.$divide(a, b)
        }

        #[inline(always)]
        fn choose_less<S: Simd>(simd: S, [a, b]: [S::$lanes; 2], of: [S::$lanes; 2]) -> S::$lanes {
            simd.$choose(simd.$less(a, b), of[0], of[1])
        }

        #[inline(always)]
        fn sum<S: Simd>(simd: S, lanes: S::$lanes) -> Self {
            simd.$sum(lanes)
        }

        #[inline(always)]
        fn largest<S: Simd>(simd: S, lanes: S::$lanes) -> Self {
            simd.$largest(lanes)
        }
    };
}

impl Real for f64 {
    common!(
        f64,
        F64,
        f64s,
        [as_simd_f64s, as_mut_simd_f64s],
        partial_load_f64s,
        partial_store_f64s,
        splat_f64s,
        mul_add_e_f64s,
        [add_f64s, sub_f64s, mul_f64s, div_f64s],
        [less_than_f64s, select_f64s],
        [reduce_sum_f64s, reduce_max_f64s]
    );

    fn exp<S: Simd>(_: S, x: S::f64s) -> S::f64s {
        each::<S>(x, f64::exp)
    }

    fn tanh<S: Simd>(_: S, x: S::f64s) -> S::f64s {
        each::<S>(x, f64::tanh)
    }
}

/// A function of each number of a vector.
fn each<S: Simd>(mut x: S::f64s, function: fn(f64) -> f64) -> S::f64s {
    let numbers: &mut [f64] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut x));
    for number in numbers {
        *number = function(*number);
    }
    x
}

/// The polynomial with those coefficients, the highest first.
#[inline(always)]
fn polynomial<S: Simd>(x: Vector<f32, S>, coefficients: &[f32]) -> Vector<f32, S> {
    let mut sum = x.all(coefficients[0]);
    for &next in &coefficients[1..] {
        sum = sum.multiply_add(x, x.all(next));
    }
    sum
}

impl Real for f32 {
    common!(
        f32,
        F32,
        f32s,
        [as_simd_f32s, as_mut_simd_f32s],
        partial_load_f32s,
        partial_store_f32s,
        splat_f32s,
        mul_add_e_f32s,
        [add_f32s, sub_f32s, mul_f32s, div_f32s],
        [less_than_f32s, select_f32s],
        [reduce_sum_f32s, reduce_max_f32s]
    );

    #[inline(always)]
    fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let [power, beyond] = powers(simd, Vector::new(simd, x));
        ((beyond + beyond.all(1.0)) * power).lanes()
    }

    /// t / (t + 2) with t = e²ˣ − 1 = 2ⁿ (eʳ − 1) + (2ⁿ − 1), which keeps its digits near zero, where n is 0.
    #[inline(always)]
    fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        let x = Vector::<f32, S>::new(simd, x);
        let [power, beyond] = powers(simd, x + x);
        let t = power.multiply_add(beyond, power - x.all(1.0));
        (t / (t + x.all(2.0))).lanes()
    }
}

/// 2ⁿ and eʳ − 1, where x = n ln 2 + r with |r| ≤ ln 2 / 2: eʳ by the polynomial of degree six that is nearest in relative
/// error.
#[inline(always)]
fn powers<S: Simd>(simd: S, x: Vector<f32, S>) -> [Vector<f32, S>; 2] {
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
    /// Beyond these the result would leave the normal numbers.
    const RANGE: [f32; 2] = [-87.3, 88.3];
    // A NaN is not less than anything, so it stays one.
    let (least, most) = (x.all(RANGE[0]), x.all(RANGE[1]));
    let x = x.choose_less(least, least, x);
    let x = most.choose_less(x, most, x);
    let round = x.all(ROUND);
    let rounded = x.multiply_add(x.all(std::f32::consts::LOG2_E), round);
    let n = rounded - round;
    let r = n.multiply_add(x.all(-LN_2[0]), x);
    let r = n.multiply_add(x.all(-LN_2[1]), r);
    let beyond = polynomial(r, &TAIL).multiply_add(r * r, r);
    let bits = simd.transmute_u32s_f32s(rounded.lanes());
    let bits = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let bits = simd.add_u32s(bits, simd.splat_u32s(127 << 23));
    let power = Vector::new(simd, simd.transmute_f32s_u32s(bits));
    [power, beyond]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units in the last place of the exact value.
    fn off(computed: f32, exact: f64) -> f64 {
        let unit = f64::from((exact as f32).abs().max(f32::MIN_POSITIVE)) * f64::from(f32::EPSILON);
        (f64::from(computed) - exact).abs() / unit
    }

    /// What a test asks, in the vector instructions of this processor, in AVX2's and in none.
    struct Everywhere(fn(&dyn Functions));

    /// The functions as they are for some instructions.
    trait Functions {
        fn of(&self, x: f32) -> [f32; 3];
    }

    struct With<S>(S);

    impl<S: Simd> Functions for With<S> {
        fn of(&self, x: f32) -> [f32; 3] {
            let x = Vector::<f32, S>::splat(self.0, x);
            [x.exp(), x.tanh(), x.sigmoid()].map(|y| y.largest())
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
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            Simd::vectorize(simd, Everywhere(hold));
        }
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
        assert!(worst.iter().all(|&off| off < 2.0), "{worst:?}");
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
