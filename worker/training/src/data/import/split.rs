//! Splitting one file into training, validation and test data.

use super::Draft;
use crate::data::raw::Raw;
use crate::data::{Content, Error, Kind, Review, Splits, format, frames, manifest};

/// Reads a file that holds everything; `notes` say what was done to it before.
pub(super) fn one(
    kind: Kind,
    raw: &Raw,
    source: String,
    mut notes: Vec<String>,
) -> Result<Draft, Error> {
    let (content, note) = match kind {
        Kind::Text => (text(raw)?, TEXT),
        Kind::Labelled => (labelled(format::reviews(raw)?, &raw.place)?, LABELLED),
        Kind::Frames => (
            frames::splits_of_one(raw, &mut notes)?,
            "splits as in the file",
        ),
        Kind::Images => return Err(super::pictures(raw)),
    };
    notes.push(note.to_owned());
    Ok(Draft {
        content,
        source: vec![source],
        notes,
    })
}

/// How texts are split.
const TEXT: &str = "split at the line boundaries nearest to 90% and 95% of the bytes";
/// How labelled texts are split.
pub(super) const LABELLED: &str =
    "split 80/10/10 by review, in the order of SHA-256 of \"INDEX\\nTEXT\"";

/// Splits at the line boundaries nearest to 90% and 95% of the bytes, the earlier of two equally near.
fn text(raw: &Raw) -> Result<Content, Error> {
    let text = format::text(raw)?;
    let starts = text.match_indices('\n').map(|(index, _)| index + 1);
    let starts: Vec<usize> = starts.filter(|&start| start < text.len()).collect();
    let nearest = |twentieths: usize| {
        let distance = |start: &&usize| (20 * **start).abs_diff(twentieths * text.len());
        starts.iter().min_by_key(distance).copied()
    };
    let too_small = |reason: &str| Error::TooSmall {
        place: raw.place.clone(),
        reason: reason.to_owned(),
    };
    let (Some(valid), Some(test)) = (nearest(18), nearest(19)) else {
        return Err(too_small(
            "it has one line, and texts are split between lines",
        ));
    };
    if valid >= test {
        return Err(too_small(
            "the line boundary nearest to 90% of its bytes is also nearest to 95%, so there would be no validation text",
        ));
    }
    let splits = Splits {
        train: &text[..valid],
        valid: &text[valid..test],
        test: &text[test..],
    };
    for (split, text) in splits.each() {
        if text.trim().is_empty() {
            return Err(too_small(&format!(
                "only blank lines would be the {split} text"
            )));
        }
    }
    Ok(Content::Text(splits.map(str::to_owned)))
}

/// Shuffles by content, so that every machine makes the same split, and splits 80/10/10.
pub(super) fn labelled(reviews: Vec<Review>, place: &str) -> Result<Content, Error> {
    let count = reviews.len();
    let mut keyed: Vec<(String, Review)> = reviews
        .into_iter()
        .enumerate()
        .map(|(index, review)| {
            let key = manifest::sha256(format!("{index}\n{}", review.text).as_bytes());
            (key, review)
        })
        .collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (valid, test) = (count * 8 / 10, count * 9 / 10);
    if valid == 0 || valid == test {
        return Err(Error::TooSmall {
            place: place.to_owned(),
            reason: format!("{count} reviews do not fill three splits of 80, 10 and 10%; 10 do"),
        });
    }
    let mut shuffled = keyed.into_iter().map(|(_, review)| review);
    Ok(Content::Labelled(Splits {
        train: shuffled.by_ref().take(valid).collect(),
        valid: shuffled.by_ref().take(test - valid).collect(),
        test: shuffled.collect(),
    }))
}
