//! Words by which lists of experiments are filtered.

use crate::error::{Error, Result};
use breakmywork_protocol::spec::TaskName;

/// Verdicts, in the order in which they are offered.
pub const OUTCOMES: [&str; 5] = [
    "supported",
    "falsified",
    "inconclusive",
    "inadmissible",
    "aborted",
];

/// Names of the tasks, as specifications have them.
pub fn tasks() -> Vec<&'static str> {
    TaskName::ALL.iter().map(|task| task.name()).collect()
}

/// One of these words; an empty one is none.
///
/// # Errors
/// If it is another word: which there are.
pub fn known(name: &str, value: Option<String>, all: &[&str]) -> Result<Option<String>> {
    match value.filter(|value| !value.is_empty()) {
        Some(value) if !all.contains(&value.as_str()) => Err(Error::BadRequest(format!(
            "`{name}` must be one of {}.",
            all.join(", ")
        ))),
        other => Ok(other),
    }
}
