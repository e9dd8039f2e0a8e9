//! The one canonical form of each kind, and reading it; imports of the same form are read by the same code.

use super::{Content, Error, Kind, Review, Splits, idx};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::{fs, str};

/// The keys of a piano.
const KEYS: std::ops::RangeInclusive<i64> = 21..=108;

/// Bytes, and what messages call them.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) place: String,
    pub(super) bytes: Vec<u8>,
}

impl Raw {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Read {
            path: path.into(),
            source,
        })?;
        Ok(Self {
            place: path.display().to_string(),
            bytes,
        })
    }

    pub(super) fn utf8(&self) -> Result<&str, Error> {
        str::from_utf8(&self.bytes).map_err(|error| Error::NotUtf8 {
            place: self.place.clone(),
            offset: error.valid_up_to(),
        })
    }

    pub(super) fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::File {
            place: self.place.clone(),
            reason: reason.into(),
        }
    }

    fn line(&self, line: usize, reason: impl Into<String>) -> Error {
        Error::Line {
            place: self.place.clone(),
            line,
            reason: reason.into(),
        }
    }
}

/// A text that is not empty, byte for byte.
pub(super) fn text(raw: &Raw) -> Result<String, Error> {
    let text = raw.utf8()?;
    not_empty(text.trim(), &raw.place)?;
    Ok(text.to_owned())
}

/// Labelled texts, one JSON object a line.
pub(super) fn reviews(raw: &Raw) -> Result<Vec<Review>, Error> {
    let mut reviews = Vec::new();
    for (number, line) in lines(raw)? {
        let review: Review =
            serde_json::from_str(line).map_err(|error| raw.line(number, json(&error)))?;
        reviews.push(review_of(review).map_err(|reason| raw.line(number, reason))?);
    }
    not_empty(&reviews, &raw.place)?;
    Ok(reviews)
}

/// The review, if it has a text and a label in range.
pub(super) fn review_of(review: Review) -> Result<Review, String> {
    if review.text.trim().is_empty() {
        return Err("the text is empty".into());
    }
    if !(0.0..=1.0).contains(&review.label) {
        return Err(format!("the label {} is not from 0 to 1", review.label));
    }
    // Adding zero turns -0, which is written differently, into 0.
    let label = review.label + 0.0;
    Ok(Review { label, ..review })
}

/// Sequences, one JSON list a line.
pub(super) fn sequences(raw: &Raw) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    let mut found = Vec::new();
    for (number, line) in lines(raw)? {
        let sequence: Vec<Vec<i64>> =
            serde_json::from_str(line).map_err(|error| raw.line(number, json(&error)))?;
        found.push(sequence);
    }
    checked(found, &raw.place)
}

/// Sequences of all splits in one JSON object.
pub(super) fn sequences_of_all(raw: &Raw) -> Result<Content, Error> {
    #[derive(Deserialize)]
    struct All {
        train: Vec<Vec<Vec<i64>>>,
        valid: Vec<Vec<Vec<i64>>>,
        test: Vec<Vec<Vec<i64>>>,
    }
    raw.utf8()?;
    let All { train, valid, test } = serde_json::from_slice(&raw.bytes).map_err(|error| {
        raw.wrong(format!(
            "{error}; it must be one JSON object with the lists `train`, `valid` and `test` of sequences, each a \
             list of frames, each a list of piano keys"
        ))
    })?;
    let of = |found, split| checked(found, &format!("{} ({split})", raw.place));
    Ok(Content::Frames(Splits {
        train: of(train, "train")?,
        valid: of(valid, "valid")?,
        test: of(test, "test")?,
    }))
}

fn checked(found: Vec<Vec<Vec<i64>>>, place: &str) -> Result<Vec<Vec<Vec<u8>>>, Error> {
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

/// The keys in ascending order, each once; or one that no piano has.
fn keys_of(keys: &[i64]) -> Result<Vec<u8>, i64> {
    let keys = keys.iter().map(|&key| {
        let on_a_piano = u8::try_from(key).ok().filter(|_| KEYS.contains(&key));
        on_a_piano.ok_or(key)
    });
    let mut keys = keys.collect::<Result<Vec<u8>, i64>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Lines that are not blank, with their numbers from 1.
fn lines(raw: &Raw) -> Result<impl Iterator<Item = (usize, &str)>, Error> {
    let lines = raw.utf8()?.lines().enumerate();
    Ok(lines
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim().is_empty()))
}

/// What is wrong with a line, without "at line 1", which would be read as the file's.
fn json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    format!("{reason} (column {})", error.column())
}

/// Refuses what has nothing in it.
fn not_empty<T: AsRef<[U]> + ?Sized, U>(found: &T, place: &str) -> Result<(), Error> {
    if found.as_ref().is_empty() {
        return Err(Error::Empty {
            place: place.to_owned(),
        });
    }
    Ok(())
}

/// The content whose splits are these files; pictures have two files a split and are not read here.
pub(super) fn splits(kind: Kind, raw: &Splits<Raw>) -> Result<Option<Content>, Error> {
    let raw = raw.as_ref();
    Ok(match kind {
        Kind::Text => Some(Content::Text(raw.try_map(text)?)),
        Kind::Labelled => Some(Content::Labelled(raw.try_map(reviews)?)),
        Kind::Frames => Some(Content::Frames(raw.try_map(sequences)?)),
        Kind::Images => None,
    })
}

/// The canonical files, in the order of their names.
pub(super) fn write(content: &Content) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    match content {
        Content::Text(splits) => {
            for (split, text) in splits.each() {
                files.push((format!("{split}.txt"), text.clone().into_bytes()));
            }
        }
        Content::Labelled(splits) => {
            for (split, reviews) in splits.each() {
                let lines = reviews.iter().map(review_line);
                files.push((format!("{split}.jsonl"), lines.collect::<String>().into()));
            }
        }
        Content::Frames(splits) => {
            for (split, sequences) in splits.each() {
                let lines = sequences
                    .iter()
                    .map(|frames| format!("{}\n", Value::from(frames.clone())));
                files.push((format!("{split}.jsonl"), lines.collect::<String>().into()));
            }
        }
        Content::Images(splits) => {
            for (split, images) in splits.each() {
                files.push((format!("{split}.images.idx"), idx::pictures(images)));
                files.push((format!("{split}.labels.idx"), idx::labels(images)));
            }
        }
    }
    files.sort();
    files
}

/// Written by hand, for the order of an object's entries is no promise of the JSON library.
fn review_line(review: &Review) -> String {
    let (text, label) = (Value::from(review.text.as_str()), Value::from(review.label));
    format!("{{\"text\":{text},\"label\":{label}}}\n")
}

/// Reads the canonical files, each by its name.
pub(super) fn read(
    kind: Kind,
    mut file: impl FnMut(&str) -> Result<Raw, Error>,
) -> Result<Content, Error> {
    let names = Splits {
        train: "train",
        valid: "valid",
        test: "test",
    };
    let ending = if kind == Kind::Text { "txt" } else { "jsonl" };
    if kind != Kind::Images {
        let raw = names.try_map(|split| file(&format!("{split}.{ending}")))?;
        if let Some(content) = splits(kind, &raw)? {
            return Ok(content);
        }
    }
    let images = names.try_map(|split| {
        let pictures = file(&format!("{split}.images.idx"))?;
        idx::images(&pictures, &file(&format!("{split}.labels.idx"))?)
    });
    Ok(Content::Images(images?))
}
