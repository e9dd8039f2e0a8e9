//! Sentiment of film reviews (Gal & Ghahramani 2016, section 5.2; data of Pang & Lee 2005).

use super::{Head, ReadOut, Reads, Sequence, Sequences, Shape, split};
use crate::data::{Review, Splits, Vocabulary};
use crate::rng::Purpose;
use breakmywork_protocol::spec;

/// From a segment of a review predict the review's label.
///
/// A review is cut into segments of `length` words; a shorter last one is padded in front with `<eos>`, so that all
/// are read to their end. The output after the last step is the label, a number from 0 to 1; squared error.
pub(super) struct Sentiment {
    length: usize,
    vocabulary: Vocabulary,
    segments: Splits<Vec<Segment>>,
}

struct Segment {
    tokens: Vec<u32>,
    label: f64,
}

impl Sentiment {
    pub(super) fn new(spec: &spec::Task, reviews: &Splits<Vec<Review>>) -> Self {
        let length = spec.length as usize;
        let texts: Vec<&str> = reviews.train.iter().map(|r| r.text.as_str()).collect();
        let largest = spec.vocabulary.unwrap_or(u32::MAX) as usize;
        let vocabulary = Vocabulary::words(&texts.join("\n"), largest);
        let segments = reviews.as_ref().map(|reviews| {
            let segments = reviews.iter().flat_map(|review| {
                let tokens = vocabulary.encode_words(&review.text);
                let segment = |tokens: &[u32]| Segment {
                    tokens: tokens.to_vec(),
                    label: review.label,
                };
                tokens.chunks(length).map(segment).collect::<Vec<_>>()
            });
            segments.collect()
        });
        Self {
            length,
            vocabulary,
            segments,
        }
    }
}

impl Sequences for Sentiment {
    fn shape(&self) -> Shape {
        Shape {
            steps: self.length,
            reads: Reads::Tokens(self.vocabulary.len()),
            head: Head::Value,
            read_out: ReadOut::Last(1),
        }
    }

    fn count(&self, purpose: Purpose) -> Option<u64> {
        Some(split(&self.segments, purpose).len() as u64)
    }

    fn write(&self, _: u32, purpose: Purpose, number: u64, into: &mut Sequence) {
        let segment = &split(&self.segments, purpose)[number as usize];
        let padding = self.length - segment.tokens.len();
        into.tokens[..padding].fill(self.vocabulary.end());
        into.tokens[padding..].copy_from_slice(&segment.tokens);
        into.targets[0] = segment.label;
    }
}
