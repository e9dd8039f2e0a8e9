//! What a trainer may not do, however its plan or a library it is built on misbehaves: reach a network, start programs,
//! look into other processes, leave its memory behind, or take more than its plan should need.
//!
//! A process gives rights up for good, so this is done by the one that trains, before it reads a plan.

mod calls;
mod limits;

pub use limits::hold;

use rustix::process::{DumpableBehavior, Resource, set_dumpable_behavior};
use std::fs;

/// How much rather than others the system should end a trainer where memory is short, of 1,000.
const ENDED_FIRST: &str = "500";

/// Gives up all that training needs not, and says in the log what the system did not take.
///
/// With `card`, what a card's driver uses is left: it starts programs, and talks with the kernel and its own services
/// through sockets of the machine.
pub fn give_up(card: bool) {
    if let Err(error) = fs::write("/proc/self/oom_score_adj", ENDED_FIRST) {
        tracing::debug!(%error, "the system does not end this trainer first where memory is short");
    }
    // Less than any dump has. 0 would let a system that hands dumps to a program have them all the same.
    limits::lower(Resource::Core, 1);
    if let Err(error) = calls::refuse(card) {
        tracing::warn!(
            "this system refuses no calls of a trainer ({error}): it could reach the network and start programs"
        );
    }
}

/// Lets no other process of the same user read this one's environment and memory: they hold what opens the board.
pub fn keep_secrets() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!("processes of the same user can read this worker's memory: {error}");
    }
}
