//! Child processes that do not outlive this one.

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Asks the kernel to send `signal` to the child when this process ends, even by `kill -9`.
///
/// The signal may come twice: Linux sends it again when it gives the child from one thread of the dying process to
/// another. Whoever takes a second signal for another request has to tell the two apart (see the worker's signals).
///
/// Linux ties this to the *thread* that spawns: call it where that thread lives as long as the child should.
#[expect(
    unsafe_code,
    reason = "the standard library has no safe way to act between fork and exec"
)]
pub(crate) fn end_with_parent(command: &mut Command, signal: Signal) {
    let parent = getpid();
    let prepare = move || {
        set_parent_process_death_signal(Some(signal))?;
        // The parent may have died before the line above; then no signal would ever come.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from(rustix::io::Errno::SRCH))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed. The closure makes two system calls,
    // takes no lock and allocates nothing (both error values are plain integers).
    unsafe { command.pre_exec(prepare) };
}
