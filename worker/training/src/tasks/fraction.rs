//! A share of the training sequences of a data set, for claims on how much data there are.

use super::{Sequence, Sequences, Shape};
use crate::rng::{Purpose, Stream};

/// Which sequences are learned from is part of the task, not of a run.
const FRACTION_SEED: u32 = 0;

/// How many of so many that share is, to the nearest, at least one.
pub(super) fn part(count: usize, share: f64) -> usize {
    ((count as f64 * share).round() as usize).max(1)
}

/// Sequences of which only a share is learned from; validation and test have all of theirs.
///
/// Taken from the front of one random order, so a smaller share is a part of a larger one.
pub(super) struct Fraction {
    whole: Box<dyn Sequences>,
    kept: Vec<u32>,
}

impl Fraction {
    pub(super) fn new(whole: Box<dyn Sequences>, share: f64) -> Self {
        let count = whole.count(Purpose::Training).unwrap_or(0) as usize;
        let mut kept: Vec<u32> = (0..count as u32).collect();
        Stream::new(FRACTION_SEED, Purpose::Fraction, 0).shuffle(&mut kept);
        kept.truncate(part(count, share));
        Self { whole, kept }
    }
}

impl Sequences for Fraction {
    fn shape(&self) -> Shape {
        self.whole.shape()
    }

    fn count(&self, purpose: Purpose) -> Option<u64> {
        match purpose {
            Purpose::Training => Some(self.kept.len() as u64),
            _ => self.whole.count(purpose),
        }
    }

    fn write(&self, seed: u32, purpose: Purpose, number: u64, into: &mut Sequence) {
        let number = match purpose {
            Purpose::Training => u64::from(self.kept[number as usize]),
            _ => number,
        };
        self.whole.write(seed, purpose, number, into);
    }
}
