//! The reason that everybody can read, of whatever one person does to another's work: cancel, retry, pause, hide.

use crate::error::{Error, Result};

/// Longest reason, in characters.
const CHARS: usize = 300;

/// The reason as it is stored.
///
/// # Errors
/// Empty, too long or not one line (pointer `/reason`).
pub fn checked(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    let length = reason.chars().count();
    if length == 0 || length > CHARS || reason.chars().any(char::is_control) {
        return Err(Error::field(
            "/reason",
            format!(
                "Give a reason, in one line of 1 to {CHARS} characters; everybody can read it."
            ),
        ));
    }
    Ok(reason)
}
