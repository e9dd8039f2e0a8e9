//! Waiting runs as pages list them: those of one experiment that stand behind one another, together.

use super::number;
use crate::db::queue::Waiting;

/// What waits, batch by batch; of a batch everything but arm, seed and place is the same.
pub fn of(waiting: &[Waiting]) -> impl Iterator<Item = &[Waiting]> {
    waiting.chunk_by(|a, b| {
        (a.experiment, &a.data_set, a.is_held()) == (b.experiment, &b.data_set, b.is_held())
    })
}

/// The places of a batch.
pub fn places(batch: &[Waiting]) -> String {
    match batch {
        [] => String::new(),
        [one] => number::count(one.position),
        [first, .., last] => format!(
            "{} to {}",
            number::count(first.position),
            number::count(last.position)
        ),
    }
}
