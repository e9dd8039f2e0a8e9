//! How a trainer that said nothing ended, and whose fault that is.

use super::child::Trainer;
use breakmywork_protocol::jobs::{Ending, FailureKind};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What Rust and the system say where memory is refused.
const REFUSED: [&str; 3] = ["memory allocation of", "os error 12", "bad_alloc"];

/// A trainer that ended without a word: what its status and its last lines tell. `started` says whether it had read its
/// plan. The lines themselves are for whoever looks after the worker: they name files and addresses.
pub(super) fn ending(status: Option<ExitStatus>, trainer: &Trainer, started: bool) -> Ending {
    let words = trainer.last_words();
    if !words.is_empty() {
        tracing::warn!("the trainer's last words:\n{words}");
    }
    judge(status, &words, started)
}

fn judge(status: Option<ExitStatus>, words: &str, started: bool) -> Ending {
    let how = match status {
        Some(status) => match status.signal() {
            Some(signal) => format!("crashed with signal {signal}"),
            None => format!(
                "ended with code {} and no result",
                status.code().unwrap_or(-1)
            ),
        },
        None => "closed its output and did not end".to_owned(),
    };
    if status.and_then(|status| status.signal()) == Some(9) {
        let error =
            "The trainer was killed (signal 9), by the system for want of memory or by hand.";
        return Ending::Lost {
            error: error.into(),
        };
    }
    if status.and_then(|status| status.signal()) == Some(libc::SIGXCPU) {
        return Ending::Failed {
            kind: FailureKind::Error,
            error: "The run took more than ten times the processor time that such a plan should need, and was stopped; \
                    use fewer steps, a shorter task or fewer units."
                .into(),
        };
    }
    if REFUSED.iter().any(|refused| words.contains(refused)) {
        return Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "The run took much more memory than such a plan should need, and was stopped; use a smaller batch, \
                    a shorter task or fewer units."
                .into(),
        };
    }
    if !started {
        return Ending::Unable {
            error: format!("The trainer could not start on this machine: it {how}."),
        };
    }
    Ending::Failed {
        kind: FailureKind::Error,
        error: format!("The trainer {how}. Its last words are in the worker's log."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_a_silent_end_is() {
        let exited = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let signalled = |signal: i32| Some(ExitStatus::from_raw(signal));
        let killed = judge(signalled(9), "", true);
        assert!(matches!(&killed, Ending::Lost { error } if error.contains("signal 9")));
        let out_of = |ending: &Ending| {
            matches!(
                ending,
                Ending::Failed {
                    kind: FailureKind::OutOfMemory,
                    ..
                }
            )
        };
        let words = "memory allocation of 4194304 bytes failed";
        assert!(out_of(&judge(signalled(6), words, true)));
        let slow = judge(signalled(24), "", true);
        assert!(
            matches!(&slow, Ending::Failed { kind: FailureKind::Error, error } if error.contains("processor time"))
        );
        // The dynamic linker's way to end.
        let linker = judge(exited(127), "libcuda.so.1: cannot open", false);
        assert!(matches!(&linker, Ending::Unable { error } if !error.contains("libcuda")));
        let crash = judge(signalled(11), "at /home/ada/secret.rs", true);
        let Ending::Failed { kind, error } = crash else {
            panic!("a failure")
        };
        assert_eq!(kind, FailureKind::Error);
        assert!(error.contains("signal 11") && !error.contains("secret"));
    }
}
