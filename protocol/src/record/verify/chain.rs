//! The chain by itself: every hash, every link, its end, and the heads that were noted elsewhere.

use super::finding::{Finding, What};
use crate::record::{Entry, Head};
use std::collections::BTreeMap;

/// A walk along the chain.
pub(super) struct Chain {
    last: i64,
    previous: String,
    noted: BTreeMap<i64, Vec<String>>,
}

impl Chain {
    pub(super) fn new(noted: &[Head]) -> Self {
        let mut by_place: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for head in noted {
            by_place
                .entry(head.seq)
                .or_default()
                .push(head.hash.clone());
        }
        let beginning = "0".repeat(64);
        let mut chain = Self {
            last: 0,
            previous: beginning.clone(),
            noted: by_place,
        };
        // The head of an empty record is noted by every page before the first entry.
        if let Some(hashes) = chain.noted.get_mut(&0) {
            hashes.retain(|hash| *hash != beginning);
        }
        chain
    }

    /// Place of the entry that was looked at last.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// Looks at the next entry. What is wrong with it is held against it alone: the walk goes on from what is stored.
    pub(super) fn step(&mut self, entry: &Entry) -> Vec<Finding> {
        let mut found = Vec::new();
        if entry.seq != self.last + 1 {
            let place = match entry.seq - self.last {
                2 => format!("entry {}", self.last + 1),
                _ => format!("entries {} to {}", self.last + 1, entry.seq - 1),
            };
            found.push(Finding::new(What::EntriesMissing, place, "deleted"));
        } else if entry.previous != self.previous {
            found.push(Finding::of(
                entry,
                What::LinkBroken,
                format!(
                    "it follows {}, but the entry before it has {}",
                    entry.previous, self.previous
                ),
            ));
        }
        let computed = entry.computed_hash();
        if computed != entry.hash {
            found.push(Finding::of(
                entry,
                What::EntryChanged,
                format!("its hash is {}, its content has {computed}", entry.hash),
            ));
        }
        for noted in self.noted.remove(&entry.seq).unwrap_or_default() {
            if noted != entry.hash {
                let detail = format!("{noted} was noted, its hash is {}", entry.hash);
                found.push(Finding::of(entry, What::Rewritten, detail));
            }
        }
        self.last = entry.seq;
        self.previous.clone_from(&entry.hash);
        found
    }

    /// After the last entry: the head must name it, and no noted head may lie beyond.
    pub(super) fn end(self, head: &Head) -> Vec<Finding> {
        let mut found = Vec::new();
        let here = Head {
            seq: self.last,
            hash: self.previous,
        };
        if *head != here {
            found.push(Finding::new(
                What::CutOff,
                format!("entry {}", head.seq),
                format!("the record should end with {head}, it ends with {here}"),
            ));
        }
        for (seq, hashes) in self.noted {
            for hash in hashes {
                let detail = match seq > here.seq {
                    true => format!("{seq}:{hash} was noted, the record ends with {here}"),
                    false => format!("{seq}:{hash} was noted, there is no such entry"),
                };
                let what = match seq > here.seq {
                    true => What::CutOff,
                    false => What::Rewritten,
                };
                found.push(Finding::new(what, format!("entry {seq}"), detail));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::place;
    use super::*;
    use chrono::DateTime;

    /// A whole record of so many entries.
    fn record(entries: i64) -> Vec<Entry> {
        let mut previous = "0".repeat(64);
        (1..=entries)
            .map(|seq| {
                let mut entry = Entry {
                    seq,
                    previous: previous.clone(),
                    hash: String::new(),
                    at: DateTime::UNIX_EPOCH,
                    kind: "act".into(),
                    subject: "queue".into(),
                    subject_id: None,
                    body: format!("{{\"act\":\"paused\",\"reason\":\"{seq}\"}}"),
                };
                entry.hash = entry.computed_hash();
                previous.clone_from(&entry.hash);
                entry
            })
            .collect()
    }

    fn head_of(entries: &[Entry]) -> Head {
        let last = entries.last().expect("one at least");
        Head {
            seq: last.seq,
            hash: last.hash.clone(),
        }
    }

    fn walk(entries: &[Entry], head: &Head, noted: &[Head]) -> Vec<(What, String)> {
        let mut chain = Chain::new(noted);
        let mut found: Vec<Finding> = entries.iter().flat_map(|entry| chain.step(entry)).collect();
        found.extend(chain.end(head));
        let short = |finding: Finding| {
            let place = finding.place.split(" (").next().unwrap_or_default();
            (finding.what, place.to_owned())
        };
        found.into_iter().map(short).collect()
    }

    #[test]
    fn a_whole_record_passes_through_every_head_it_ever_had() {
        let entries = record(5);
        let mut noted: Vec<Head> = (1..=5).map(|end| head_of(&entries[..end])).collect();
        noted.push(Head {
            seq: 0,
            hash: "0".repeat(64),
        });
        assert_eq!(walk(&entries, &head_of(&entries), &noted), []);
    }

    #[test]
    fn what_is_wrong_with_one_entry_is_held_against_that_one_alone() {
        let whole = record(5);
        let end = head_of(&whole);
        let mut edited = whole.clone();
        edited[1].body = "{\"act\":\"paused\",\"reason\":\"x\"}".into();
        assert_eq!(
            walk(&edited, &end, &[]),
            [(What::EntryChanged, "entry 2".into())]
        );
        // With a hash that fits, the next entry does not follow any more.
        edited[1].hash = edited[1].computed_hash();
        assert_eq!(
            walk(&edited, &end, &[]),
            [(What::LinkBroken, "entry 3".into())]
        );
        let mut deleted = whole.clone();
        deleted.drain(1..3);
        assert_eq!(
            walk(&deleted, &end, &[]),
            [(What::EntriesMissing, "entries 2 to 3".into())]
        );
        assert_eq!(
            walk(&whole[..3], &end, &[]),
            [(What::CutOff, "entry 5".into())]
        );
        assert_eq!(place(&whole[0]), "entry 1 (act of queue)");
    }

    #[test]
    fn a_noted_head_finds_what_the_chain_cannot_show() {
        let noted = head_of(&record(5)[..4]);
        // Whole in itself, and another one from the second entry on.
        let mut rewritten = record(5);
        rewritten[1].body = "{\"act\":\"resumed\"}".into();
        let mut previous = rewritten[0].hash.clone();
        for entry in &mut rewritten[1..] {
            entry.previous = previous;
            entry.hash = entry.computed_hash();
            previous = entry.hash.clone();
        }
        let end = head_of(&rewritten);
        assert_eq!(walk(&rewritten, &end, &[]), []);
        let noted = [noted];
        assert_eq!(
            walk(&rewritten, &end, &noted),
            [(What::Rewritten, "entry 4".into())]
        );
        let cut = record(3);
        assert_eq!(
            walk(&cut, &head_of(&cut), &noted),
            [(What::CutOff, "entry 4".into())]
        );
        assert_eq!(
            walk(
                &[],
                &Head {
                    seq: 0,
                    hash: "0".repeat(64)
                },
                &noted
            ),
            [(What::CutOff, "entry 4".into())]
        );
    }
}
