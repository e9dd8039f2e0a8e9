//! What does not agree, for people and for scripts.

use crate::record::Entry;
use serde::Serialize;
use std::fmt;

/// A kind of disagreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An entry's hash is not that of its content.
    EntryChanged,
    /// An entry does not follow from the one before it.
    LinkBroken,
    /// Entries between two others are gone.
    EntriesMissing,
    /// Entries at the end are gone.
    CutOff,
    /// The record does not pass through a head that was noted elsewhere.
    Rewritten,
    /// What an entry tells of is gone.
    RowMissing,
    /// What an entry tells of is not as it was.
    RowChanged,
    /// A run is not as it was when its experiment was concluded.
    RunChanged,
    /// A verdict does not follow from its runs.
    NotReproduced,
    /// Something is there that the record should tell of.
    NotRecorded,
}

impl What {
    /// Its name on a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EntryChanged => "entry changed",
            Self::LinkBroken => "link broken",
            Self::EntriesMissing => "entries missing",
            Self::CutOff => "cut off",
            Self::Rewritten => "rewritten",
            Self::RowMissing => "row missing",
            Self::RowChanged => "row changed",
            Self::RunChanged => "run changed",
            Self::NotReproduced => "not reproduced",
            Self::NotRecorded => "not recorded",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::EntryChanged | Self::LinkBroken | Self::EntriesMissing | Self::CutOff => {
                "compare with a backup: the record itself was changed"
            }
            Self::Rewritten => {
                "trust neither the record nor the tables; compare with the backup from when that head was noted"
            }
            Self::RowMissing | Self::RowChanged | Self::RunChanged => {
                "the record tells what it was: take the row from a backup"
            }
            Self::NotReproduced => {
                "look whether the runs or the verdict were changed before they were recorded"
            }
            Self::NotRecorded => {
                "it was made past this program, or by an older release while this one started"
            }
        }
    }
}

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The kind.
    pub what: What,
    /// Where: an entry, an experiment, a run.
    pub place: String,
    /// What is expected and what is there.
    pub detail: String,
}

impl Finding {
    /// About anything.
    pub(super) fn new(what: What, place: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            what,
            place: place.into(),
            detail: detail.into(),
        }
    }

    /// About what an entry tells.
    pub(super) fn of(entry: &Entry, what: What, detail: impl Into<String>) -> Self {
        Self::new(what, place(entry), detail)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            place,
            detail,
        } = self;
        write!(f, "{}: {place}: {detail}; {}", what.name(), what.advice())
    }
}

/// An entry and what it is about, in words.
pub(super) fn place(entry: &Entry) -> String {
    let id = entry
        .subject_id
        .map_or(String::new(), |id| format!(" {id}"));
    match entry.kind == entry.subject {
        true => format!("entry {} ({}{id})", entry.seq, entry.kind),
        false => format!(
            "entry {} ({} of {}{id})",
            entry.seq, entry.kind, entry.subject
        ),
    }
}
