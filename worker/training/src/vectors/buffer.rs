//! Buffers that go from window to window: the next one needs the same sizes.
//!
//! A new vector is zeros, which costs a pass over memory that has left the caches; most of what a window writes it
//! writes whole, whatever was there.

use super::real::Real;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

/// Buffers kept at most: a window of two layers needs about forty for each thread.
const MOST: usize = 1024;

/// Numbers of some earlier use, to be written before they are read; they go back to the shelf at the end.
pub(crate) struct Buffer<R: Real> {
    numbers: Vec<R>,
}

impl<R: Real> Buffer<R> {
    /// That many numbers: the smallest buffer that is large enough, if it is not far too large, else a new one.
    pub(crate) fn take(count: usize) -> Self {
        let mut shelf = R::shelf().lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = shelf.iter().enumerate();
        let fits = count..=2 * count;
        let fitting = fitting.filter(|(_, numbers)| fits.contains(&numbers.capacity()));
        let smallest = fitting.min_by_key(|(_, numbers)| numbers.capacity());
        let index = smallest.map(|(index, _)| index);
        let numbers = index.map(|index| shelf.swap_remove(index));
        drop(shelf);
        let mut numbers = numbers.unwrap_or_default();
        numbers.resize(count, R::ZERO);
        Self { numbers }
    }

    /// The numbers, for good; [`Self::from`] makes a buffer of them again.
    pub(crate) fn into_numbers(mut self) -> Vec<R> {
        std::mem::take(&mut self.numbers)
    }

    /// A copy.
    pub(crate) fn copy_of(numbers: &[R]) -> Self {
        let mut buffer = Self::take(numbers.len());
        buffer.copy_from_slice(numbers);
        buffer
    }

    /// That many zeros.
    pub(crate) fn zeros(count: usize) -> Self {
        let mut buffer = Self::take(count);
        buffer.fill(R::ZERO);
        buffer
    }
}

impl<R: Real> From<Vec<R>> for Buffer<R> {
    fn from(numbers: Vec<R>) -> Self {
        Self { numbers }
    }
}

impl<R: Real> Drop for Buffer<R> {
    fn drop(&mut self) {
        if self.numbers.capacity() == 0 {
            return;
        }
        let mut shelf = R::shelf().lock().unwrap_or_else(PoisonError::into_inner);
        shelf.push(std::mem::take(&mut self.numbers));
        if shelf.len() > MOST {
            // The oldest: sizes of another network, or of a minibatch that has ended.
            shelf.remove(0);
        }
    }
}

impl<R: Real> Deref for Buffer<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.numbers
    }
}

impl<R: Real> DerefMut for Buffer<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        &mut self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not exactly the vector that was given back: tests beside this one share the shelf.
    #[test]
    fn buffers_have_the_size_asked_for_and_zeros_where_asked() {
        for count in [0, 5, 3, 1_000, 7] {
            let mut buffer = Buffer::<f64>::take(count);
            assert_eq!(buffer.len(), count);
            buffer.fill(9.0);
        }
        assert!(
            Buffer::<f64>::zeros(900)
                .iter()
                .all(|&number| number == 0.0)
        );
    }
}
