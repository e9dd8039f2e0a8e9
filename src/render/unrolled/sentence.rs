//! The words that the drawn network reads: with dropout at the embedding whole words fall.

use super::STEPS;
use breakmywork_protocol::spec::{MaskTime, Site};
use std::fmt::Write;

/// One word comes twice: only there do types and tokens differ.
const WORDS: [&str; STEPS] = ["the", "cat", "and", "the", "dog"];
/// Types in the order in which they fall as the rate grows; the repeated one first.
const TYPES: [&str; 4] = ["the", "dog", "cat", "and"];
/// Places in the order in which they fall; the second place of the repeated word first, its first place never.
const PLACES: [usize; STEPS] = [3, 1, 4, 2, 0];

const WIDTH: f64 = 42.0;
const HEIGHT: f64 = 19.0;
/// From the upper end of the arrow to the box.
const ARROW: f64 = 16.0;
/// From the upper end of the arrow to the foot of the letters.
pub(super) const BASELINE: f64 = ARROW + 13.5;

/// How much room the row takes below the inputs.
pub(super) fn height(site: Option<&Site>) -> f64 {
    site.map_or(0.0, |_| ARROW + HEIGHT + 11.0)
}

/// What the row says, in words.
pub(super) fn legend(site: &Site) -> &'static str {
    match site.time {
        MaskTime::Fixed => "dropped words, by type: a repeated word falls with its like",
        MaskTime::PerStep => "dropped words, by token: each falls by itself",
    }
}

/// Whether a step's word is dropped: as many as the rate says, at least one and never all.
fn falls(site: &Site, step: usize) -> bool {
    let dropped = |of: usize| ((site.rate * of as f64).round() as usize).clamp(1, of - 1);
    match site.time {
        MaskTime::Fixed => TYPES[..dropped(TYPES.len())].contains(&WORDS[step]),
        MaskTime::PerStep => PLACES[..dropped(STEPS)].contains(&step),
    }
}

/// The word of a step in its box, with its way up to the input at `y`: struck out if it is dropped.
pub(super) fn word(out: &mut String, centre: f64, y: f64, site: &Site, step: usize) {
    let (left, top) = (centre - WIDTH / 2.0, y + ARROW);
    let falls = falls(site, step);
    let (way, shape, letters) = match falls {
        true => ("cut", "dropped", "word gone"),
        false => ("arrow", "kept", "word"),
    };
    let _ = write!(
        out,
        "<path class=\"{way}\" d=\"M{centre} {top}V{}\"/>\
         <rect class=\"{shape}\" x=\"{left}\" y=\"{top}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"2\"/>\
         <text class=\"{letters} middle\" x=\"{centre}\" y=\"{}\">{}</text>",
        y + 2.0,
        y + BASELINE,
        WORDS[step],
    );
    if falls {
        let (start, middle) = (left + 4.0, top + HEIGHT / 2.0 + 0.5);
        let _ = write!(
            out,
            "<path class=\"cross\" d=\"M{start} {middle}h{}\"/>",
            WIDTH - 8.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_word_falls_with_its_like_by_type_and_alone_by_token() {
        assert_eq!(WORDS[0], WORDS[3]);
        for rate in [0.01, 0.2, 0.5, 0.9, 0.99] {
            let by_type = Site::new(rate, MaskTime::Fixed);
            let by_token = Site::new(rate, MaskTime::PerStep);
            assert_eq!(falls(&by_type, 0), falls(&by_type, 3));
            assert_ne!(falls(&by_token, 0), falls(&by_token, 3));
            for site in [by_type, by_token] {
                let fallen = (0..STEPS).filter(|step| falls(&site, *step)).count();
                assert!((1..STEPS).contains(&fallen), "{rate}");
            }
        }
    }

    #[test]
    fn types_and_places_are_those_of_the_sentence() {
        assert!(WORDS.iter().all(|word| TYPES.contains(word)));
        let mut places = PLACES;
        places.sort_unstable();
        assert!(places.into_iter().eq(0..STEPS));
    }
}
