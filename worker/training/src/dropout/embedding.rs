//! Masks of whole characters or words.

use super::MaskShape;
use super::drawn::{Drawn, Entries, MaskSize};
use super::place::kept_value;
use crate::rng::Stream;
use breakmywork_protocol::spec::{By, Site};
use candle_core::Result;
use std::sync::Arc;

/// Entries that are drawn one after the other in the time of one by itself: 2 ns each against 37.
const FOR_ONE: usize = 16;

/// A mask for each step: batch × 1.
///
/// By type, the number of an entry in the stream is that of the type (and of the sequence, unless they share it), so
/// all occurrences of a type get the same without a mask for the whole vocabulary; by token it is that of the place.
pub(super) fn draw(shape: MaskShape<'_>, site: &Site, stream: &mut Stream) -> Result<Drawn> {
    let Some(tokens) = shape.tokens else {
        candle_core::bail!("embeddings are dropped where no tokens are read");
    };
    let vocabulary = shape.network.vocabulary.unwrap_or(0);
    let (keep, value) = (1.0 - site.rate, kept_value(site) as f32);
    let sequences = if site.shared() { 1 } else { shape.batch };
    let by_token = site.by == Some(By::Token);
    let number = |place: usize, id: u32| {
        let (step, sequence) = (place / shape.batch, place % shape.batch % sequences);
        match by_token {
            true => step * shape.batch + sequence,
            false => sequence * vocabulary + id as usize,
        }
    };
    let places = tokens.ids.len();
    let count = match by_token {
        true => places,
        false => sequences * vocabulary,
    };
    // One after the other, many are drawn at a time; of far more than there are places, only those that are needed.
    let mut drawn = Vec::new();
    if count <= FOR_ONE * places {
        drawn.resize(count, 0.0);
        stream.fill_bernoulli(&mut drawn, keep, value);
    }
    let entry = |(place, &id): (usize, &u32)| {
        let number = number(place, id);
        match drawn.get(number) {
            Some(&entry) => entry,
            None if stream.bernoulli_at(number as u64, keep) => value,
            None => 0.0,
        }
    };
    let entries: Vec<f32> = tokens.ids.iter().enumerate().map(entry).collect();
    let size = MaskSize {
        masks: shape.steps,
        gates: 1,
        by_gate: false,
        rows: shape.batch,
        width: 1,
    };
    let entries = Entries::Single(Arc::new(entries));
    Ok(Drawn::new(site.clone(), size, entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::rng::Purpose;
    use crate::tasks::{Head, ReadOut, Tokens};
    use breakmywork_protocol::spec::{Cell, Dropout, MaskTime, Normalization, Shared};

    const IDS: [u32; 6] = [2, 0, 2, 1, 0, 2];

    /// Three steps of two sequences: for each word the number of its bits in the stream, by hand.
    #[test]
    fn every_word_has_the_bits_of_its_type_or_place() {
        for vocabulary in [3, 10_000] {
            let next = vocabulary as u64;
            let cases = [
                (By::Type, Shared::None, [2, next, 2, next + 1, 0, next + 2]),
                (By::Type, Shared::Batch, [2, 0, 2, 1, 0, 2]),
                (By::Token, Shared::None, [0, 1, 2, 3, 4, 5]),
                (By::Token, Shared::Batch, [0, 0, 2, 2, 4, 4]),
            ];
            for (by, shared, numbers) in cases {
                let site = Site {
                    by: Some(by),
                    shared,
                    ..Site::new(0.5, MaskTime::Fixed)
                };
                // Many positions, since one has few words.
                for position in 0..50 {
                    hold(vocabulary, &site, position, numbers);
                }
            }
        }
    }

    fn hold(vocabulary: usize, site: &Site, position: u64, numbers: [u64; 6]) {
        let network = Network {
            cell: Cell::Rnn,
            layers: 1,
            hidden: 1,
            normalization: Normalization::None,
            normalization_gain: 1.0,
            inputs: 1,
            vocabulary: Some(vocabulary),
            tied: false,
            initial_range: None,
            forget_bias: None,
            head: Head::Classes(vocabulary),
            read_out: ReadOut::Last(1),
        };
        let shape = MaskShape {
            dropout: &Dropout::default(),
            network: &network,
            steps: 3,
            batch: 2,
            tokens: Some(&Tokens {
                ids: IDS.to_vec(),
                batch: 2,
            }),
        };
        let purpose = Purpose::Mask { site: 1, layer: 0 };
        let stream = Stream::new(3, purpose, position);
        let masks = draw(shape, site, &mut stream.clone()).expect("masks");
        let value = |number| {
            if stream.bernoulli_at(number, 0.5) {
                2.0
            } else {
                0.0
            }
        };
        let entries = masks.entries::<f32>().expect("numbers");
        assert_eq!(**entries, numbers.map(value), "{site:?}");
    }
}
