//! How many files and sockets this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this the server never needs.
const WANTED: u64 = 65_536;

/// Raises the limit as far as the system lets us, and says what it is.
pub(super) fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    let now = limit.current.unwrap_or(WANTED);
    let granted = wanted > now
        && setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum: limit.maximum,
            },
        )
        .is_ok();
    let limit = if granted { wanted } else { now };
    usize::try_from(limit.min(WANTED)).unwrap_or(usize::MAX)
}
