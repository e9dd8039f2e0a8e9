//! Putting works and claims on the board, editing them, their history, and what waits for a moderator.

pub mod claim;
pub mod history;
pub mod moderation;
pub mod work;

mod scope_text;

use crate::auth::session::Viewer;
use crate::board::{Difference, Writer};
use crate::error::{Error, FieldProblem, Result};
use crate::render::form::FormErrors;

impl From<&Viewer> for Writer {
    fn from(viewer: &Viewer) -> Self {
        Self {
            id: viewer.id,
            role: viewer.role,
        }
    }
}

/// What was saved by somebody else while this was typed.
#[derive(Debug)]
struct Meanwhile {
    /// What is stored beside what was typed, field by field: struck out is what is stored alone.
    differences: Vec<Difference>,
}

/// The problems of fields, beside their controls.
fn beside(errors: &mut FormErrors, problems: Vec<FieldProblem>) {
    for FieldProblem { pointer, detail } in problems {
        errors.add(control(&pointer), detail);
    }
}

/// The control that a pointer is about.
fn control(pointer: &str) -> String {
    let pointer = pointer.trim_start_matches('/');
    let pointer = pointer.strip_prefix("covers/").unwrap_or(pointer);
    match pointer.strip_prefix("margin/") {
        Some(unit) => format!("margin_{unit}"),
        None => match pointer.strip_prefix("arms") {
            Some("") => "treatment".to_owned(),
            Some(side) => side.trim_start_matches('/').to_owned(),
            None => pointer.to_owned(),
        },
    }
}

/// What refuses a form without losing what was typed: told beside the fields, where it is about one.
pub(super) fn refusal(error: Error, errors: &mut FormErrors, about: &str) -> Result<()> {
    match error {
        Error::Invalid(problems) => beside(errors, problems),
        Error::TooMany { detail, .. } | Error::Conflict(detail) => errors.add(about, detail),
        other => return Err(other),
    }
    Ok(())
}
