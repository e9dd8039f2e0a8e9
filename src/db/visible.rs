//! Who may see the plan and the runs of an experiment: of a sealed one its author alone, until it is opened; of a proposal
//! that a moderator hid its author and moderators.

use super::experiments::{Acceptance, Experiment};
use crate::error::Error;
use breakmywork_protocol::id::{AccountId, ExperimentId};
use serde_json::Value;
use sqlx::types::Json;

/// An experiment whose plan and runs its reader may see: whatever reads those of one experiment asks for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visible(ExperimentId);

impl Visible {
    /// Which one.
    pub fn id(self) -> ExperimentId {
        self.0
    }
}

/// Title of what is sealed, as the view `public_experiment` has it.
const SEALED: &str = "Sealed experiment";

/// Title of what a moderator hid.
const HIDDEN: &str = "Hidden proposal";

impl Experiment {
    /// As `reader` may see it: of what is sealed or hidden, who may not read it sees no more than that it exists. Every field
    /// is named, so that whoever adds one says what becomes of it.
    pub(super) fn seen_by(self, reader: Option<AccountId>) -> Self {
        let sealed = self.closed && reader != Some(self.author_id);
        if !sealed && !self.hidden {
            return self;
        }
        let title = if self.hidden { HIDDEN } else { SEALED };
        Self {
            hidden: true,
            title: title.to_owned(),
            prediction: String::new(),
            rationale: String::new(),
            spec: Value::Null,
            spec_sha256: None,
            stalled_reason: None,
            amends: None,
            varies: None,
            amend_reason: None,
            outcome: None,
            exploratory: false,
            seed_salt: None,
            outside: Vec::new(),
            power: None,
            acceptance: Json(Acceptance {
                status: None,
                answer: None,
                // Who the claim's author is, everybody may know.
                ..self.acceptance.0
            }),
            rival_acceptance: None,
            rival: None,
            shares_runs_of: None,
            rival_test: None,
            found_by: None,
            planned_power: None,
            detail: None,
            runs: 0,
            runs_ended: 0,
            runs_running: 0,
            nonce: None,
            // What everybody may know.
            id: self.id,
            claim: self.claim,
            claim_label: self.claim_label,
            claim_sentence: self.claim_sentence,
            work_slug: self.work_slug,
            author_id: self.author_id,
            author: self.author,
            thread: self.thread,
            state: self.state,
            created_at: self.created_at,
            updated_at: self.created_at,
            registered_at: self.registered_at,
            closed: self.closed,
            seal_days: self.seal_days,
            opens_at: self.opens_at,
            opened_at: self.opened_at,
            commitment: self.commitment,
            hidden_at: self.hidden_at,
            hidden_by: self.hidden_by,
            hidden_reason: self.hidden_reason,
            appeal: self.appeal,
            appeal_answer: self.appeal_answer,
            // Of what has ended, and so is open; and of confirmations, which are never sealed.
            concluded_at: self.concluded_at,
            withdrawn_at: self.withdrawn_at,
            doi: self.doi,
            challenge: self.challenge,
            confirms: self.confirms,
            confirmation: self.confirmation,
            confirmed_by: self.confirmed_by,
            disputed_at: self.disputed_at,
            disputed_by: self.disputed_by,
            dispute_reason: self.dispute_reason,
            dispute_answer: self.dispute_answer,
        }
    }

    /// Leave to read its plan and runs, if its reader may.
    pub fn visible(&self) -> Option<Visible> {
        (!self.hidden).then_some(Visible(self.id))
    }

    /// The same, or the reason why not.
    ///
    /// # Errors
    /// If it is sealed or hidden, and the reader may not read it.
    pub fn seen(&self) -> Result<Visible, Error> {
        self.visible().ok_or_else(|| {
            let id = self.id;
            Error::NotFound(match &self.hidden_reason {
                Some(reason) => format!(
                    "A moderator hid proposal {id}: {}. Its page says more.",
                    reason.trim_end_matches('.')
                ),
                None => format!(
                    "Experiment {id} is sealed: its plan and its runs are public once it has ended, or its date has come."
                ),
            })
        })
    }
}
