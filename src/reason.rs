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
    let one_line = !reason.chars().any(char::is_control);
    if length == 0 || length > CHARS || !one_line {
        return Err(Error::field(
            "/reason",
            format!(
                "Give a reason, in one line of 1 to {CHARS} characters; everybody can read it. Yours has {length}{}.",
                if one_line { "" } else { " in several lines" }
            ),
        ));
    }
    Ok(reason)
}
