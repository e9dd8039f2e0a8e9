//! Polyphonic music: which keys sound next (Boulanger-Lewandowski, Bengio & Vincent 2012).

use super::{Error, Head, ReadOut, Reads, Sequence, Sequences, Shape, split};
use crate::data::Splits;
use crate::rng::Purpose;
use breakmywork_protocol::spec;

/// Keys of a piano.
const KEYS: usize = 88;
/// Number of the lowest key in a data set.
const LOWEST: u8 = 21;

/// From each frame of 88 keys predict the next.
///
/// The output at frame t is read as 88 independent probabilities of the keys of frame t + 1; cross-entropy, summed
/// over the keys, in nats a frame. A piece with more than `length` predictions is cut into parts, each read from a
/// state of zero; a shorter one is followed by silence that does not count.
pub(super) struct Music {
    length: usize,
    /// Parts of pieces: one frame more than predictions.
    parts: Splits<Vec<Vec<Vec<u8>>>>,
}

impl Music {
    pub(super) fn new(
        spec: &spec::Task,
        reference: &str,
        pieces: &Splits<Vec<Vec<Vec<u8>>>>,
    ) -> Result<Self, Error> {
        let length = spec.length as usize;
        let parts = pieces.as_ref().map(|pieces| {
            // Parts overlap by one frame: the last of one is predicted, and the next predicts from it.
            let part = |piece: &Vec<Vec<u8>>, first: usize| {
                piece[first..piece.len().min(first + length + 1)].to_vec()
            };
            let parts = pieces.iter().flat_map(|piece| {
                let starts = (0..piece.len().saturating_sub(1)).step_by(length);
                starts.map(|first| part(piece, first))
            });
            parts.collect::<Vec<_>>()
        });
        for (split, parts) in parts.each() {
            if parts.is_empty() {
                return Err(Error::TooShort {
                    reference: reference.to_owned(),
                    split,
                    have: 0,
                    what: "pieces of two frames or more",
                    need: "one prediction".into(),
                });
            }
        }
        // No step is computed that no piece has.
        let longest = parts.each().into_iter().flat_map(|(_, parts)| parts);
        let longest = longest.map(|part| part.len() - 1).max().unwrap_or(length);
        Ok(Self {
            length: longest,
            parts,
        })
    }
}

impl Sequences for Music {
    fn shape(&self) -> Shape {
        Shape {
            steps: self.length,
            reads: Reads::Numbers(KEYS),
            head: Head::Keys(KEYS),
            read_out: ReadOut::Every,
        }
    }

    fn count(&self, purpose: Purpose) -> Option<u64> {
        Some(split(&self.parts, purpose).len() as u64)
    }

    fn write(&self, _: u32, purpose: Purpose, number: u64, into: &mut Sequence) {
        let part = &split(&self.parts, purpose)[number as usize];
        let press = |frames: &mut [f64], t: usize, keys: &[u8]| {
            for key in keys {
                frames[t * KEYS + usize::from(key - LOWEST)] = 1.0;
            }
        };
        for (t, pair) in part.windows(2).enumerate() {
            press(&mut into.numbers, t, &pair[0]);
            press(&mut into.targets, t, &pair[1]);
        }
        into.weights[part.len() - 1..].fill(0.0);
    }
}
