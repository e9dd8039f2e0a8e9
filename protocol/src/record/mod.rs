//! The record: one append-only, hash-chained log of claims, registrations, conclusions and what people did to them.
//!
//! An entry's hash covers the hash of the entry before it, so whoever knows one hash (the *head*, on every page) knows
//! everything up to there. [`verify`] checks the chain and holds the tables against it; `docs/record.md` says what is in
//! it and what it can and cannot show.
//!
//! An entry is written where the thing happens, in its transaction, as a draft without a place. The database gives it
//! its place when that transaction commits (trigger `record_append`), so the one row that everybody who adds an entry
//! waits for is locked last and for the shortest time, and nobody can wait for it in a circle.

mod backfill;
mod digest;
mod read;
mod seal;
pub mod verify;
mod write;

use crate::id::{AccountId, ClaimId, CommentId, ExperimentId, RunId, WorkId};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

pub use backfill::backfill;
pub use digest::{digest, text_digest};
pub use read::{about, about_after, entries, head, moderation, newest};
pub use seal::committed;
pub use write::{act, claim, conclusion, opening, registration, work};

/// What an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// A claim came onto the board, new or as the revision of another.
    Claim,
    /// An experiment was frozen.
    Registration,
    /// What a sealed registration had committed to was published.
    Opening,
    /// An experiment ended: with a verdict, or if exploratory with its numbers alone.
    Conclusion,
    /// A person did something that readers of the board should know of.
    Act,
}

impl Kind {
    /// Its name in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Registration => "registration",
            Self::Opening => "opening",
            Self::Conclusion => "conclusion",
            Self::Act => "act",
        }
    }
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Chose the settings of the arms, by the runs of their trials: the board.
    Tuned,
    /// Took a proposal back.
    Withdrawn,
    /// Ended an experiment before its runs had ended.
    Stopped,
    /// Ended a stalled experiment.
    GivenUp,
    /// Had failed or cancelled runs done again.
    Retried,
    /// Cancelled a run.
    Cancelled,
    /// Closed the queue.
    Paused,
    /// Opened the queue.
    Resumed,
    /// Hid a comment or a proposal.
    Hidden,
    /// Showed it again.
    Shown,
    /// Said why their own should be shown.
    Appealed,
    /// Left it hidden, and said why.
    AppealDeclined,
    /// Locked the discussion of a claim or an experiment.
    ThreadLocked,
    /// Opened it again.
    ThreadUnlocked,
    /// Shut somebody out.
    Disabled,
    /// Let somebody in again.
    Enabled,
    /// Changed what somebody may do.
    RoleSet,
    /// Said why an experiment should not move its claim.
    Disputed,
    /// Answered that.
    DisputeAnswered,
    /// Took it back.
    DisputeResolved,
    /// Accepted a proposal as a test of their claim.
    TestAccepted,
    /// Declined it.
    TestDeclined,
    /// Said who is the author of a claim that no account put on the board.
    AuthorNamed,
    /// Said that two claims deny each other.
    RivalDeclared,
    /// Agreed to that.
    RivalAgreed,
    /// Took that back, or did not agree.
    RivalEnded,
    /// Changed what a work or a claim on the board says of itself.
    Edited,
    /// Put a work on the board that nobody had to approve.
    Added,
    /// Said under which DOI the result of an experiment lies in an archive, or that it does not.
    Deposited,
    /// Put a newcomer's work or claim on the board.
    Approved,
    /// Left it off the board.
    Declined,
    /// Let somebody train runs as a volunteer.
    VolunteerAdmitted,
    /// Took that back.
    VolunteerDismissed,
    /// Came to other numbers than a volunteer: a worker of the board's own.
    VolunteerContradicted,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A work.
    Work(WorkId),
    /// A claim.
    Claim(ClaimId),
    /// An experiment.
    Experiment(ExperimentId),
    /// A run.
    Run(RunId),
    /// A comment.
    Comment(CommentId),
    /// Somebody's account.
    Account(AccountId),
    /// The queue.
    Queue,
}

impl Subject {
    /// Its name in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::Work(_) => "work",
            Self::Claim(_) => "claim",
            Self::Experiment(_) => "experiment",
            Self::Run(_) => "run",
            Self::Comment(_) => "comment",
            Self::Account(_) => "account",
            Self::Queue => "queue",
        }
    }

    /// Which one; none for the queue, of which there is one.
    pub fn id(self) -> Option<i64> {
        match self {
            Self::Work(id) => Some(id.0),
            Self::Claim(id) => Some(id.0),
            Self::Experiment(id) => Some(id.0),
            Self::Run(id) => Some(id.0),
            Self::Comment(id) => Some(id.0),
            Self::Account(id) => Some(id.0),
            Self::Queue => None,
        }
    }
}

/// An entry as it is stored, whoever stored it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place: 1, 2, 3, …
    pub seq: i64,
    /// Hash of the entry before.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
    /// When it was added.
    pub at: DateTime<Utc>,
    /// What it tells, as [`Kind::name`].
    pub kind: String,
    /// What it is about, as [`Subject::name`].
    pub subject: String,
    /// Which one.
    pub subject_id: Option<i64>,
    /// What was done, as canonical JSON.
    pub body: String,
}

impl Entry {
    /// The hash that it should have: SHA-256 over a line that names the format and the entry, but for its own hash, as
    /// canonical JSON. In hexadecimal. The database has the same function, `record_hash`.
    pub fn computed_hash(&self) -> String {
        let id = self.subject_id.map_or("null".into(), |id| id.to_string());
        text_digest(&format!(
            "breakmywork record v1\n{{\"at\":\"{}\",\"body\":{},\"kind\":\"{}\",\"previous\":\"{}\",\"seq\":{},\"subject\":{{\"id\":{id},\"kind\":\"{}\"}}}}",
            exact_time(self.at),
            self.body,
            self.kind,
            self.previous,
            self.seq,
            self.subject
        ))
    }
}

/// A time as the record writes it: RFC 3339 in UTC with six digits of a second, as many as the database keeps.
pub fn exact_time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Where the record ends, or ended when somebody noted it. Written `SEQ:HASH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Place of the newest entry; 0 of an empty record.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            "A head is written SEQ:HASH, a number and 64 hexadecimal digits, as at the foot of every page.".to_owned()
        };
        let (seq, hash) = text.trim().split_once(':').ok_or_else(form)?;
        let seq = seq.parse().map_err(|_| form())?;
        match hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Self {
                seq,
                hash: hash.to_ascii_lowercase(),
            }),
            false => Err(form()),
        }
    }
}

impl Head {
    /// Every head in a text, whatever else stands there: a log, saved pages, a mail.
    pub fn all_in(text: &str) -> Vec<Self> {
        text.split(|char: char| !char.is_ascii_alphanumeric() && char != ':')
            .filter_map(|word| word.trim_matches(':').parse().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_in_any_text() {
        let hash = "0f".repeat(32);
        let text = format!(
            "INFO the record's head is 7:{hash}, 1:short\n<code>12:{}</code> http://127.0.0.1:8080/ head=3:{hash}.",
            hash.to_uppercase()
        );
        let heads: Vec<String> = Head::all_in(&text).iter().map(Head::to_string).collect();
        assert_eq!(
            heads,
            ["7", "12", "3"].map(|seq| format!("{seq}:{hash}")),
            "in order, in lower case"
        );
        assert!("7".parse::<Head>().is_err());
        assert!(format!("x:{hash}").parse::<Head>().is_err());
    }

    /// Computed with Python's `rfc8785` 0.1.4 and `hashlib`: whoever has an entry as JSON can compute its hash.
    #[test]
    fn the_hash_is_that_of_canonical_json() {
        let entry = Entry {
            seq: 2,
            previous: "ab".repeat(32),
            hash: String::new(),
            at: DateTime::from_timestamp(1_795_770_245, 120_000_000).expect("a time"),
            kind: "registration".into(),
            subject: "experiment".into(),
            subject_id: Some(12),
            body: serde_json_canonicalizer::to_string(
                &serde_json::json!({ "alpha": 0.05, "author": { "name": "ada", "id": 3 }, "ü": [1e21, 1.0, null] }),
            )
            .expect("plain data"),
        };
        assert_eq!(
            entry.computed_hash(),
            "9e79949a82f3447bb8ff60832eefd705d8f27cee9f2ed485d7ecac6540fd4b8f"
        );
    }
}
