//! Pieces of music: lists of frames, each a list of the piano keys that sound, as people write them in JSON.

use super::format::{json, lines, not_empty};
use super::raw::Raw;
use super::{Content, Error, Splits};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// The keys of a piano.
const KEYS: std::ops::RangeInclusive<i64> = 21..=108;

/// What stands in a frame where a key does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    /// A key, or a number that is none.
    Number(f64),
    /// A voice that is silent: -1, null or NaN, as the published files of chorales have it.
    Rest,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a piano key, a whole number from 21 to 108, or -1 or null for a rest")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Key, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Key, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Key, E> {
        Ok(match number {
            -1.0 => Key::Rest,
            number => Key::Number(number),
        })
    }

    fn visit_unit<E: de::Error>(self) -> Result<Key, E> {
        Ok(Key::Rest)
    }
}

/// A frame; null is one in which nothing sounds.
type Frame = Option<Vec<Key>>;

/// Sequences in one file a split; how many voices rested is added to `notes`.
pub(super) fn splits(raw: Splits<&Raw>, notes: &mut Vec<String>) -> Result<Content, Error> {
    let mut rests = 0;
    let splits = raw.try_map(|raw| sequences(raw, &mut rests))?;
    note(rests, notes);
    Ok(Content::Frames(splits))
}

fn note(rests: u64, notes: &mut Vec<String>) {
    if rests > 0 {
        notes.push(format!(
            "{rests} rests (-1, null or NaN) were read as silence"
        ));
    }
}

/// Sequences, one JSON list a line.
fn sequences(raw: &Raw, rests: &mut u64) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    let mut found = Vec::new();
    for (number, line) in lines(raw)? {
        let sequence: Vec<Frame> = serde_json::from_str(&without_nan(line))
            .map_err(|error| raw.line(number, json(&error)))?;
        found.push(sequence);
    }
    checked(found, &raw.place, rests)
}

/// Sequences of all splits in one JSON object; how many voices rested is added to `notes`.
pub(super) fn splits_of_one(raw: &Raw, notes: &mut Vec<String>) -> Result<Content, Error> {
    #[derive(Deserialize)]
    struct All {
        train: Vec<Vec<Frame>>,
        valid: Vec<Vec<Frame>>,
        test: Vec<Vec<Frame>>,
    }
    let text = without_nan(raw.utf8()?);
    let All { train, valid, test } = serde_json::from_str(&text).map_err(|error| {
        raw.wrong(format!(
            "{error}; it must be one JSON object with the lists `train`, `valid` and `test` of sequences, each a \
             list of frames, each a list of piano keys"
        ))
    })?;
    let mut rests = 0;
    let mut of = |found, split| checked(found, &format!("{} ({split})", raw.place), &mut rests);
    let splits = Splits {
        train: of(train, "train")?,
        valid: of(valid, "valid")?,
        test: of(test, "test")?,
    };
    note(rests, notes);
    Ok(Content::Frames(splits))
}

/// Python writes NaN, which JSON does not have; nothing else here is spelled so.
fn without_nan(text: &str) -> String {
    text.replace("NaN", "null")
}

fn checked(
    found: Vec<Vec<Frame>>,
    place: &str,
    rests: &mut u64,
) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    not_empty(&found, place)?;
    let mut sequences = Vec::with_capacity(found.len());
    for (number, sequence) in found.into_iter().enumerate() {
        if sequence.is_empty() {
            return Err(Error::File {
                place: place.to_owned(),
                reason: format!(
                    "sequence {} has no frames; delete it and import again",
                    number + 1
                ),
            });
        }
        let frames = sequence.into_iter().enumerate();
        let frames = frames.map(|(frame, keys)| {
            let keys = keys.unwrap_or_else(|| vec![Key::Rest]);
            *rests += keys.iter().filter(|&&key| key == Key::Rest).count() as u64;
            keys_of(&keys).map_err(|key| Error::Key {
                place: place.to_owned(),
                sequence: number + 1,
                frame: frame + 1,
                key,
            })
        });
        sequences.push(frames.collect::<Result<Vec<_>, Error>>()?);
    }
    Ok(sequences)
}

/// The keys that sound in ascending order, each once; or one that no piano has.
fn keys_of(keys: &[Key]) -> Result<Vec<u8>, f64> {
    let sounding = keys.iter().filter_map(|key| match key {
        Key::Number(number) => Some(*number),
        Key::Rest => None,
    });
    let keys = sounding.map(|number| {
        let on_a_piano = number.fract() == 0.0 && KEYS.contains(&(number as i64));
        on_a_piano.then_some(number as u8).ok_or(number)
    });
    let mut keys = keys.collect::<Result<Vec<u8>, f64>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
