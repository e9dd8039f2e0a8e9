//! What the lowest layer reads: numbers as they come, or rows of an embedding.
//!
//! A token that comes again meets the same weights, and the same masks unless they change from step to step. So each
//! different input is multiplied once: forward, every step that reads it adds onto its product; back, the steps' gradients
//! are added up before they are multiplied. With few classes, as in text read by characters, most inputs come again.
//! A token that the embedding's mask drops is a row of zeros, which is not multiplied at all.

use super::masks::SiteMask;
use super::rows::Origin;
use crate::vectors::{Buffer, Real};
use std::ops::Range;

/// The share of inputs up to which those that differ are worth keeping apart from the steps that read them.
const WORTH: f64 = 0.9;

/// An input that has not come yet, or that is dropped.
const NONE: usize = usize::MAX;

/// What a layer reads.
pub(super) struct Inputs<R: Real> {
    /// Rows × inputs: those of every step in turn, or each different one once.
    pub(super) rows: Buffer<R>,
    /// Which row is read when, where each is there once.
    pub(super) distinct: Option<Distinct>,
}

impl<R: Real> Inputs<R> {
    /// Rows of every step in turn.
    pub(super) fn of_steps(rows: Buffer<R>) -> Self {
        Self {
            rows,
            distinct: None,
        }
    }
}

/// Inputs that are there once, however often they are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Distinct {
    /// For each of them a sequence of the minibatch that reads it.
    pub(super) sequences: Vec<usize>,
    /// Which of them is read, step by step, within a step sequence by sequence; their number where the token is dropped.
    pub(super) read: Vec<usize>,
}

impl Distinct {
    /// How many rows hold one for each of them and one for what is dropped.
    pub(super) fn rows(&self) -> usize {
        self.sequences.len() + 1
    }

    /// Some of them, in their order.
    pub(super) fn place(&self, rows: Range<usize>) -> Origin<'_> {
        Origin::Sequences(&self.sequences[rows])
    }
}

/// Tokens, each with the gradient of its row.
pub(super) type Embedded<R> = (Vec<u32>, Buffer<R>);

/// Tokens that a part of the minibatch reads, each with the embedding's mask.
pub(super) struct Tokens<R> {
    pub(super) ids: Vec<u32>,
    pub(super) keeps: Vec<R>,
}

impl<R: Real> Tokens<R> {
    /// Each different input that is not dropped once, where they are worth that: `self` is of every step in turn, of these
    /// sequences; `mask` is the layer's on what it reads.
    pub(super) fn distinct(
        self,
        sequences: &Range<usize>,
        vocabulary: usize,
        mask: Option<&SiteMask<R>>,
    ) -> (Self, Option<Distinct>) {
        let count = sequences.len();
        let apart = match mask {
            None => false,
            Some(mask) if mask.is_fixed() => !mask.is_shared(),
            Some(_) => return (self, None),
        };
        let places = self.ids.len();
        // The last input of each token that was new, and where each new one first came.
        let mut last = vec![NONE; vocabulary];
        let mut firsts: Vec<usize> = Vec::new();
        let mut read = vec![NONE; places];
        // Sequence by sequence, so that one that is kept apart has done with its own before the next begins.
        for place in (0..count).flat_map(|sequence| (sequence..places).step_by(count)) {
            if self.keeps[place] == R::ZERO {
                continue;
            }
            let last = &mut last[self.ids[place] as usize];
            let again = firsts.get(*last).is_some_and(|&first| {
                let other = apart && first % count != place % count;
                !other && self.keeps[first] == self.keeps[place]
            });
            if !again {
                *last = firsts.len();
                firsts.push(place);
            }
            read[place] = *last;
        }
        // Products of no rows at all are rarer than they are worth a case of their own.
        if firsts.is_empty() || firsts.len() as f64 > WORTH * places as f64 {
            return (self, None);
        }
        for read in &mut read {
            *read = (*read).min(firsts.len());
        }
        let first = |&place: &usize| sequences.start + place % count;
        let distinct = Distinct {
            sequences: firsts.iter().map(first).collect(),
            read,
        };
        let tokens = Self {
            ids: firsts.iter().map(|&place| self.ids[place]).collect(),
            keeps: firsts.iter().map(|&place| self.keeps[place]).collect(),
        };
        (tokens, Some(distinct))
    }

    /// Their rows of the embedding, masked: tokens × width.
    pub(super) fn rows(&self, embedding: &[R], width: usize) -> Buffer<R> {
        let mut rows = Buffer::take(self.ids.len() * width);
        let tokens = self.ids.iter().zip(&self.keeps);
        for ((&id, &keep), to) in tokens.zip(rows.chunks_exact_mut(width)) {
            let row = &embedding[id as usize * width..][..width];
            for (to, &value) in to.iter_mut().zip(row) {
                *to = value * keep;
            }
        }
        rows
    }

    /// The tokens with the gradients of their rows, from those of what the layer read.
    pub(super) fn embedded(self, mut gradient: Buffer<R>, width: usize) -> Embedded<R> {
        for (gradient, &keep) in gradient.chunks_exact_mut(width).zip(&self.keeps) {
            for gradient in gradient {
                *gradient *= keep;
            }
        }
        (self.ids, gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps of two sequences, the fourth and fifth in the minibatch: 5 6, 5 5, 6 5.
    fn tokens(keeps: [f64; 6]) -> Tokens<f64> {
        Tokens {
            ids: vec![5, 6, 5, 5, 6, 5],
            keeps: keeps.to_vec(),
        }
    }

    #[test]
    fn an_input_without_masks_is_there_once_for_all_sequences() {
        let (tokens, distinct) = tokens([1.0; 6]).distinct(&(3..5), 7, None);
        assert_eq!(tokens.ids, [5, 6]);
        let distinct = distinct.expect("two of six differ");
        assert_eq!(distinct.read, [0, 1, 0, 0, 1, 0]);
        assert_eq!(distinct.sequences, [3, 3]);
    }

    #[test]
    fn under_masks_of_their_own_sequences_share_nothing() {
        let mask = SiteMask::of_rows(5, 2, 1);
        let (tokens, distinct) = tokens([1.0; 6]).distinct(&(3..5), 7, Some(&mask));
        assert_eq!(tokens.ids, [5, 6, 6, 5]);
        let distinct = distinct.expect("four of six differ");
        assert_eq!(distinct.read, [0, 2, 0, 3, 1, 3]);
        assert_eq!(distinct.sequences, [3, 3, 4, 4]);
    }

    #[test]
    fn a_token_that_two_masks_keep_differently_is_two_inputs() {
        let (tokens, distinct) = tokens([1.0, 1.0, 2.0, 1.0, 1.0, 1.0]).distinct(&(3..5), 7, None);
        assert_eq!(tokens.ids, [5, 5, 6, 5]);
        assert_eq!(tokens.keeps, [1.0, 2.0, 1.0, 1.0]);
        let distinct = distinct.expect("four of six differ");
        assert_eq!(distinct.read, [0, 2, 1, 3, 2, 3]);
        assert_eq!(distinct.sequences, [3, 3, 3, 4]);
    }

    #[test]
    fn a_token_that_is_dropped_is_no_input() {
        let (left, distinct) = tokens([0.0, 1.0, 0.0, 0.0, 1.0, 0.0]).distinct(&(3..5), 7, None);
        assert_eq!(left.ids, [6]);
        let distinct = distinct.expect("one of six is left");
        assert_eq!(distinct.read, [1, 0, 1, 1, 0, 1]);
        assert_eq!(distinct.sequences, [3]);
        let (left, distinct) = tokens([0.0; 6]).distinct(&(3..5), 7, None);
        assert_eq!((left.ids.len(), distinct), (6, None));
    }

    #[test]
    fn inputs_stay_as_they_are_where_hardly_any_comes_again_or_masks_change() {
        let different = Tokens {
            ids: vec![0, 1, 2, 3, 4, 5],
            keeps: vec![1.0; 6],
        };
        let (tokens, distinct) = different.distinct(&(0..2), 6, None);
        assert_eq!((tokens.ids.len(), distinct), (6, None));
        let mask = SiteMask::of_rows(5, 2, 3);
        let (_, distinct) = self::tokens([1.0; 6]).distinct(&(3..5), 7, Some(&mask));
        assert_eq!(distinct, None);
    }
}
