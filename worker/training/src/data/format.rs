//! The one canonical form of each kind, and reading it; imports of the same form are read by the same code.

use super::raw::Raw;
use super::{Content, Error, Kind, Review, Splits, frames, idx};
use serde_json::Value;

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

/// Lines that are not blank, with their numbers from 1.
pub(super) fn lines(raw: &Raw) -> Result<impl Iterator<Item = (usize, &str)>, Error> {
    let lines = raw.utf8()?.lines().enumerate();
    Ok(lines
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim().is_empty()))
}

/// What is wrong with a line, without "at line 1", which would be read as the file's.
pub(super) fn json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    format!("{reason} (column {})", error.column())
}

/// Refuses what has nothing in it.
pub(super) fn not_empty<T: AsRef<[U]> + ?Sized, U>(found: &T, place: &str) -> Result<(), Error> {
    if found.as_ref().is_empty() {
        return Err(Error::Empty {
            place: place.to_owned(),
        });
    }
    Ok(())
}

/// The content whose splits are these files; pictures have two files a split and are not read here.
pub(super) fn splits(
    kind: Kind,
    raw: &Splits<Raw>,
    notes: &mut Vec<String>,
) -> Result<Option<Content>, Error> {
    let raw = raw.as_ref();
    Ok(match kind {
        Kind::Text => Some(Content::Text(raw.try_map(text)?)),
        Kind::Labelled => Some(Content::Labelled(raw.try_map(reviews)?)),
        Kind::Frames => Some(frames::splits(raw, notes)?),
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
        if let Some(content) = splits(kind, &raw, &mut Vec::new())? {
            return Ok(content);
        }
    }
    let images = names.try_map(|split| {
        let pictures = file(&format!("{split}.images.idx"))?;
        idx::images(&pictures, &file(&format!("{split}.labels.idx"))?)
    });
    Ok(Content::Images(images?))
}
