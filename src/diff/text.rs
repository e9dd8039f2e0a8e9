//! Two texts, word by word.

use crate::db::experiments::Experiment;
use serde::Serialize;
use similar::ChangeTag;
use std::time::Duration;

/// How long the shortest difference of two texts is looked for; after that a longer one will do.
const PATIENCE: Duration = Duration::from_millis(100);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "text", rename_all = "snake_case")]
pub enum Piece {
    /// In both.
    Same(String),
    /// In the earlier one alone.
    Removed(String),
    /// In the later one alone.
    Added(String),
}

/// A text that differs, as pieces in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TextDiff {
    /// Which: title, prediction or rationale.
    pub name: &'static str,
    /// What was kept, left out and put in.
    pub pieces: Vec<Piece>,
}

/// Title, prediction and rationale, where they differ.
pub(super) fn diffs(before: &Experiment, after: &Experiment) -> Vec<TextDiff> {
    let texts = [
        ("title", &before.title, &after.title),
        ("prediction", &before.prediction, &after.prediction),
        ("rationale", &before.rationale, &after.rationale),
    ];
    let differing = texts.into_iter().filter(|(_, old, new)| old != new);
    differing
        .map(|(name, old, new)| TextDiff {
            name,
            pieces: pieces(old, new),
        })
        .collect()
}

/// Two texts as pieces in their order. Takes [`PATIENCE`] at most, and a little.
pub fn pieces(old: &str, new: &str) -> Vec<Piece> {
    let diff = similar::TextDiff::configure()
        .timeout(PATIENCE)
        .diff_words(old, new);
    let mut pieces = Vec::new();
    let [mut removed, mut added, mut same] = [const { String::new() }; 3];
    for change in diff.iter_all_changes() {
        let word = change.value();
        if change.tag() == ChangeTag::Equal {
            same.push_str(word);
            continue;
        }
        // White space between two changed words belongs to both, so that changed words stand together.
        if !same.is_empty() && same.trim().is_empty() && !(removed.is_empty() && added.is_empty()) {
            removed.push_str(&same);
            added.push_str(&same);
            same.clear();
        }
        if !same.is_empty() {
            push_changed(&mut pieces, &mut removed, &mut added);
            pieces.push(Piece::Same(std::mem::take(&mut same)));
        }
        match change.tag() {
            ChangeTag::Delete => removed.push_str(word),
            _ => added.push_str(word),
        }
    }
    push_changed(&mut pieces, &mut removed, &mut added);
    if !same.is_empty() {
        pieces.push(Piece::Same(same));
    }
    pieces
}

fn push_changed(pieces: &mut Vec<Piece>, removed: &mut String, added: &mut String) {
    if !removed.is_empty() {
        pieces.push(Piece::Removed(std::mem::take(removed)));
    }
    if !added.is_empty() {
        pieces.push(Piece::Added(std::mem::take(added)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn words_are_kept_left_out_and_put_in() {
        let same = |text: &str| Piece::Same(text.to_owned());
        assert_eq!(
            pieces("fresh masks are worse here", "fresh masks are better here"),
            [
                same("fresh masks are "),
                Piece::Removed("worse".into()),
                Piece::Added("better".into()),
                same(" here"),
            ]
        );
        assert_eq!(
            pieces("it is so", "it was not so"),
            [
                same("it "),
                Piece::Removed("is".into()),
                Piece::Added("was not".into()),
                same(" so"),
            ]
        );
        assert_eq!(pieces("", "a"), [Piece::Added("a".into())]);
    }

    /// Two texts of the greatest length that have every word in common and no order.
    #[test]
    fn a_hostile_pair_of_texts_takes_little() {
        let word = |at: usize| format!("{} ", at % 97);
        let old: String = (0..6_000).map(|at| word(at * 31)).collect();
        let new: String = (0..6_000).map(|at| word(at * at)).collect();
        let begun = Instant::now();
        let pieces = pieces(&old, &new);
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
        let whole = |keep: fn(&Piece) -> Option<&String>| -> String {
            pieces.iter().filter_map(keep).map(String::as_str).collect()
        };
        let of_old = whole(|piece| match piece {
            Piece::Same(text) | Piece::Removed(text) => Some(text),
            Piece::Added(_) => None,
        });
        let of_new = whole(|piece| match piece {
            Piece::Same(text) | Piece::Added(text) => Some(text),
            Piece::Removed(_) => None,
        });
        assert_eq!((of_old, of_new), (old, new), "nothing is lost");
    }
}
