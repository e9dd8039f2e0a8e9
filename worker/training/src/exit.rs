//! Exit codes, the same for every command.

use std::process::ExitCode;

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// Failed for good: trying again would not change it.
pub const FAILED: u8 = 10;
/// Failed, and may work if tried again.
pub const RETRYABLE: u8 = 11;
/// The lease was lost.
pub const LEASE_LOST: u8 = 12;
/// Stopped before the end; a checkpoint was written or the run handed back.
pub const PREEMPTED: u8 = 13;

/// As the process ends with.
pub fn code(number: u8) -> ExitCode {
    ExitCode::from(number)
}
