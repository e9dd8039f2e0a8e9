//! Which points a search looks at: drawn by the board, so that nobody can choose them.

use crate::scope::Scope;
use crate::spec::{SearchPlan, Settings, Spec};
use sha2::{Digest, Sha256};

/// Draws for each point that is looked for, before those that are there must do.
const TRIES: u32 = 32;
/// Bytes of a draw that choose the value of one field.
const BYTES: usize = 4;

/// The points of a search, drawn with `salt`, the random number of its registration. Values that are the specification's own
/// are left out of a point.
///
/// Draw number i is SHA-256 of `{spec_sha256}:{salt}:point:{i}` with i from 0 on; its bytes, four for each field in its
/// order, most significant first, are a whole number u, and the field has the value in place ⌊u n / 2³²⌋ of its n values,
/// counted from 0. A point that is there already, cannot be run, compares equal arms or lies outside the claim's scope is
/// passed over. A space with no more points than are looked for is taken whole, the last field changing fastest.
pub fn points(spec: &Spec, salt: &str, scope: &Scope) -> Vec<Settings> {
    let (Some(search), Some(plan)) = (&spec.search, SearchPlan::of(spec)) else {
        return Vec::new();
    };
    let wanted = plan.points() as usize;
    let counts: Vec<u64> = (search.space.iter())
        .map(|axis| axis.values.len() as u64)
        .collect();
    let whole = search.size() <= wanted as f64;
    let hash = spec.sha256();
    let tries = match whole {
        true => search.size() as u64,
        false => u64::from(TRIES) * u64::from(plan.points()),
    };
    let mut found: Vec<Settings> = Vec::new();
    for i in 0..tries {
        if found.len() == wanted {
            break;
        }
        let places = match whole {
            true => unrolled(i, &counts),
            false => drawn(&format!("{hash}:{salt}:point:{i}"), &counts),
        };
        let settings = settled(spec, &places);
        if !found.contains(&settings) && spec.is_searched_at(&settings, scope) {
            found.push(settings);
        }
    }
    found
}

fn drawn(text: &str, counts: &[u64]) -> Vec<usize> {
    let digest = Sha256::digest(text);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    (digest.chunks(BYTES).zip(counts))
        .map(|(bytes, count)| ((number(bytes) * count) >> 32) as usize)
        .collect()
}

fn unrolled(mut i: u64, counts: &[u64]) -> Vec<usize> {
    let mut places: Vec<usize> = (counts.iter().rev())
        .map(|count| {
            let place = i % count;
            i /= count;
            place as usize
        })
        .collect();
    places.reverse();
    places
}

/// The settings with these values of the space; what is the specification's own is not named.
fn settled(spec: &Spec, places: &[usize]) -> Settings {
    let axes = spec.search.iter().flat_map(|search| &search.space);
    (axes.zip(places))
        .filter_map(|(axis, place)| Some((axis.field.clone(), axis.values.get(*place)?.clone())))
        .filter(|(field, value)| spec.own_value(field).as_ref() != Some(value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hashlib.sha256(b"spec:salt:point:0").digest()` in Python, `int.from_bytes(digest[4 * k:][:4], "big") * n >> 32` of it.
    #[test]
    fn draws_are_those_of_python() {
        let counts = [7, 4, 5, 24, 24, 24];
        assert_eq!(drawn("spec:salt:point:0", &counts), [6, 2, 2, 15, 13, 17]);
        assert_eq!(drawn("spec:salt:point:1", &counts), [6, 2, 3, 9, 1, 11]);
    }

    #[test]
    fn a_whole_space_is_in_its_order() {
        let all: Vec<Vec<usize>> = (0..6).map(|i| unrolled(i, &[2, 3])).collect();
        let rows: Vec<Vec<usize>> = (0..2)
            .flat_map(|a| (0..3).map(move |b| vec![a, b]))
            .collect();
        assert_eq!(all, rows);
    }
}
