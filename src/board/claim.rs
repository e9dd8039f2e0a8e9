//! A claim as a person or a script states it.

use super::{line, text};
use crate::error::FieldProblem;
use crate::lineage::{SCOPE_CHARS, SENTENCE_CHARS};
use breakmywork_protocol::scope::Scope;
use breakmywork_protocol::spec::Problems;
use serde::Serialize;

/// Longest account of what others found, in characters.
const EVIDENCE_CHARS: usize = 5_000;
/// Longest place in the work, in characters, as the table's constraint has it.
const SAID_AT_CHARS: usize = 300;

/// A claim as it was sent.
#[derive(Debug, Clone, Default)]
pub struct NewClaim {
    /// The claim, in one sentence.
    pub sentence: String,
    /// Where in the work it is said.
    pub said_at: String,
    /// For what it is said to hold (Markdown).
    pub scope: String,
    /// What was found elsewhere (Markdown).
    pub evidence: String,
    /// Over what it speaks and how small an effect counts.
    pub covers: Scope,
}

/// A claim that can be stored.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedClaim {
    /// The claim, in one sentence.
    pub sentence: String,
    /// Where in the work it is said.
    pub said_at: String,
    /// For what it is said to hold (Markdown).
    pub scope: String,
    /// What was found elsewhere (Markdown).
    pub evidence: String,
    /// Over what it speaks and how small an effect counts.
    pub covers: Scope,
}

/// Checks all of a claim at once. A new one says where in the work it is said; of what the board began with that may be
/// unknown.
///
/// # Errors
/// Everything that is wrong, with a pointer to its field.
pub fn check_claim(new: NewClaim, is_new: bool) -> Result<CheckedClaim, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let sentence = line(&new.sentence, "/sentence", 1, SENTENCE_CHARS, &mut problems);
    let said_at = line(
        &new.said_at,
        "/said_at",
        usize::from(is_new),
        SAID_AT_CHARS,
        &mut problems,
    );
    let scope = text(&new.scope, "/scope", 0, SCOPE_CHARS, &mut problems);
    let evidence = text(&new.evidence, "/evidence", 0, EVIDENCE_CHARS, &mut problems);
    if let Err(Problems(found)) = new.covers.check() {
        let found = found.into_iter();
        problems
            .extend(found.map(|it| FieldProblem::new(format!("/covers{}", it.pointer), it.detail)));
    }
    match problems.is_empty() {
        true => Ok(CheckedClaim {
            sentence,
            said_at,
            scope,
            evidence,
            covers: new.covers,
        }),
        false => Err(problems),
    }
}
