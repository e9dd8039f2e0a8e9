//! Vectors of numbers, as many as the processor at hand works on at once, with the operators of plain ones.
//!
//! The compiler turns a loop over slices into vector code only after it has checked, each time, that none of them
//! overlap. A cell has so many that a short row takes longer to check than to compute, and what is left of a row behind
//! the last whole vector goes number by number. Written in vectors there is nothing to check, and a part of a vector is
//! loaded and stored like a whole one.
//!
//! Closures must not touch vectors: they are compiled for any processor, so each instruction in them becomes a call.

use super::real::Real;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Sub};

/// How many numbers a vector of this processor holds.
pub(crate) fn lanes<R: Real>() -> usize {
    pulp::Arch::new().dispatch(Lanes::<R>::default())
}

/// Name of the vector instructions of this processor with which products, sums and functions are computed. Sums are made
/// lane by lane, so results of two kinds differ in their last bits.
pub fn instructions() -> &'static str {
    match lanes::<f32>() {
        16 => "AVX-512",
        8 => "AVX2",
        _ if cfg!(target_arch = "aarch64") => "NEON",
        _ => "scalar",
    }
}

/// How many numbers a vector of those instructions holds.
pub(super) struct Lanes<R>(PhantomData<R>);

impl<R> Default for Lanes<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R: Real> WithSimd for Lanes<R> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        Vector::<R, S>::COUNT
    }
}

/// A vector of numbers.
#[derive(Clone, Copy)]
pub(crate) struct Vector<R: Real, S: Simd> {
    simd: S,
    lanes: R::Lanes<S>,
}

impl<R: Real, S: Simd> Vector<R, S> {
    /// How many numbers it has.
    pub(crate) const COUNT: usize = size_of::<R::Lanes<S>>() / size_of::<R>();

    #[inline(always)]
    pub(crate) fn new(simd: S, lanes: R::Lanes<S>) -> Self {
        Self { simd, lanes }
    }

    /// That number in every place.
    #[inline(always)]
    pub(crate) fn splat(simd: S, number: R) -> Self {
        Self::new(simd, R::splat(simd, number))
    }

    /// As the processor holds it.
    #[inline(always)]
    pub(crate) fn lanes(self) -> R::Lanes<S> {
        self.lanes
    }

    /// That number in every place, where this one is at hand.
    #[inline(always)]
    pub(crate) fn all(self, number: R) -> Self {
        Self::splat(self.simd, number)
    }

    /// self · factor + term.
    #[inline(always)]
    pub(crate) fn multiply_add(self, factor: Self, term: Self) -> Self {
        let lanes = R::multiply_add(self.simd, self.lanes, factor.lanes, term.lanes);
        Self::new(self.simd, lanes)
    }

    /// Where it is less than the other, what is chosen then, and elsewhere what else is.
    #[inline(always)]
    pub(crate) fn choose_less(self, other: Self, then: Self, or: Self) -> Self {
        let [a, b] = [self.lanes, other.lanes];
        let lanes = R::choose_less(self.simd, [a, b], [then.lanes, or.lanes]);
        Self::new(self.simd, lanes)
    }

    /// The sum of its numbers.
    #[inline(always)]
    pub(crate) fn sum(self) -> R {
        R::sum(self.simd, self.lanes)
    }

    /// The largest of its numbers.
    #[inline(always)]
    pub(crate) fn largest(self) -> R {
        R::largest(self.simd, self.lanes)
    }

    /// eˣ.
    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        Self::new(self.simd, R::exp(self.simd, self.lanes))
    }

    /// The hyperbolic tangent.
    #[inline(always)]
    pub(crate) fn tanh(self) -> Self {
        Self::new(self.simd, R::tanh(self.simd, self.lanes))
    }

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    pub(crate) fn sigmoid(self) -> Self {
        let one = self.all(R::ONE);
        one / (one + (self.all(R::ZERO) - self).exp())
    }
}

/// An operator in terms of the function that does it.
macro_rules! operator {
    ($operator:ident, $method:ident, $function:ident) => {
        impl<R: Real, S: Simd> $operator for Vector<R, S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new(self.simd, R::$function(self.simd, self.lanes, other.lanes))
            }
        }
    };
}

operator!(Add, add, plus);
operator!(Sub, sub, minus);
operator!(Mul, mul, times);
operator!(Div, div, over);

/// Where in a row a vector lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<S> {
    simd: S,
    first: usize,
    count: usize,
}

impl<S: Simd> Span<S> {
    /// So many numbers from there on, at most a vector of them.
    #[inline(always)]
    pub(crate) fn at(simd: S, first: usize, count: usize) -> Self {
        Self { simd, first, count }
    }

    /// Where the whole vectors of a row of that many numbers lie.
    #[inline(always)]
    pub(crate) fn whole<R: Real>(simd: S, row: usize) -> impl Iterator<Item = Self> {
        let count = Vector::<R, S>::COUNT;
        (0..row / count).map(move |vector| Self {
            simd,
            first: vector * count,
            count,
        })
    }

    /// Where what is left of it behind them lies.
    #[inline(always)]
    pub(crate) fn rest<R: Real>(simd: S, row: usize) -> Option<Self> {
        let count = row % Vector::<R, S>::COUNT;
        (count > 0).then_some(Self {
            simd,
            first: row - count,
            count,
        })
    }

    /// The numbers of a row that lie there.
    #[inline(always)]
    pub(crate) fn of<R>(self, row: &[R]) -> &[R] {
        &row[self.first..][..self.count]
    }

    /// The same as a vector, zeros behind the end of the row.
    #[inline(always)]
    pub(crate) fn read<R: Real>(self, row: &[R]) -> Vector<R, S> {
        let numbers = self.of(row);
        let lanes = match R::vectors::<S>(numbers) {
            [whole] => *whole,
            _ => R::load(self.simd, numbers),
        };
        Vector::new(self.simd, lanes)
    }

    /// Puts the numbers there, those behind the end of the row nowhere.
    #[inline(always)]
    pub(crate) fn write<R: Real>(self, row: &mut [R], vector: Vector<R, S>) {
        let numbers = &mut row[self.first..][..self.count];
        match R::vectors_mut::<S>(numbers) {
            [whole] => *whole = vector.lanes,
            _ => R::store(self.simd, numbers, vector.lanes),
        }
    }
}

/// Does that for each vector of a row: once in the code for whole ones, whose length is known, so that they become plain
/// loads and stores, and once for the rest.
macro_rules! each_span {
    ($number:ty, $simd:expr, $row:expr, $span:ident => $does:expr) => {{
        use $crate::vectors::Span;
        for $span in Span::whole::<$number>($simd, $row) {
            $does;
        }
        if let Some($span) = Span::rest::<$number>($simd, $row) {
            $does;
        }
    }};
}

pub(crate) use each_span;
