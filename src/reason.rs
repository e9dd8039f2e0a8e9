//! The reason that everybody can read, of whatever one person does to another's work: cancel, retry, pause, hide.

use crate::error::{Error, Result};
use breakmywork_protocol::visible;

/// Longest reason, in characters.
const CHARS: usize = 300;

/// The reason as it is stored.
///
/// # Errors
/// Empty, too long, not one line or not to be seen (pointer `/reason`).
pub fn checked(reason: &str) -> Result<String> {
    let detail = match visible::line(reason) {
        Ok(line) if (1..=CHARS).contains(&line.chars().count()) => return Ok(line),
        Err(detail) if reason.chars().count() <= CHARS => format!("The reason {detail}"),
        _ => {
            format!(
                "Give a reason, in one line of 1 to {CHARS} characters; everybody can read it. Yours has {}.",
                reason.trim().chars().count()
            )
        }
    };
    Err(Error::field("/reason", detail))
}
