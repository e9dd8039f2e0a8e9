//! Whether there is memory enough for a run, and whose fault it is if not.

use crate::events::{Failure, FailureKind};
use crate::memory;
use breakmywork_protocol::spec::{in_words, limits};

/// Memory of this machine, in bytes, as far as the system tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    total: Option<u64>,
    free: Option<u64>,
}

/// That of this machine at this moment.
pub(super) fn here() -> Room {
    Room {
        total: memory::total(),
        free: memory::available(),
    }
}

/// Refuses a plan that no machine may be asked for, that is too large for this one, or too large for it at the moment.
pub(super) fn check(needed: u64, room: Option<Room>) -> Result<(), Failure> {
    let refuse = |kind, why: String| {
        let needed = in_words(needed);
        let message = format!("The run needs about {needed} of memory {why}");
        Err(Failure::new(kind, 0, message))
    };
    if needed > limits::RUN_MEMORY {
        let most = in_words(limits::RUN_MEMORY);
        let why =
            format!("and may need {most}; use a smaller batch, a shorter task or fewer units.");
        return refuse(FailureKind::OutOfMemory, why);
    }
    let Some(Room { total, free }) = room else {
        return Ok(());
    };
    if let Some(total) = total.filter(|&total| needed > total) {
        let total = in_words(total);
        let why = format!("and this machine has {total}; a worker with more has to train it.");
        return refuse(FailureKind::Unfit, why);
    }
    if let Some(free) = free.filter(|&free| needed > free) {
        let free = in_words(free);
        let why = format!("and only {free} are free on this machine at the moment.");
        return refuse(FailureKind::Machine, why);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_for_any_machine_for_this_one_and_for_the_moment_are_three_things() {
        let room = Room {
            total: Some(2_000_000_000),
            free: Some(100_000),
        };
        let refused = |needed, room| check(needed, room).expect_err("refused");
        assert_eq!(
            refused(limits::RUN_MEMORY + 1, None).kind,
            FailureKind::OutOfMemory
        );
        assert_eq!(refused(2_000_000_001, Some(room)).kind, FailureKind::Unfit);
        let moment = refused(24_000_000, Some(room));
        assert_eq!(moment.kind, FailureKind::Machine);
        assert_eq!(
            moment.message,
            "The run needs about 24 MB of memory and only 1 MB are free on this machine at the moment."
        );
        let unknown = Room {
            total: None,
            free: None,
        };
        assert!(check(limits::RUN_MEMORY, Some(unknown)).is_ok());
    }
}
