//! Where a database lies that is removed at the end.

use rustix::fs::statfs;
use std::env;
use std::path::{Path, PathBuf};

/// Linux keeps this folder in memory. Each test makes and drops a database of some hundred files, which a disk takes longer
/// for than all that is done with them.
const MEMORY: &str = "/dev/shm";

/// Bytes that have to be free there: a few databases at a time, and what was written lately, take a few hundred million.
const ROOM: u64 = 4 << 30;

/// What `statfs` says of a file system in memory (linux/magic.h).
const TMPFS: i64 = 0x0102_1994;

/// In memory, if there is room and nobody says by `TMPDIR` where to put what is temporary.
pub(super) fn folder() -> PathBuf {
    let memory = Path::new(MEMORY);
    match env::var_os("TMPDIR") {
        None if has_room(memory, ROOM) => memory.to_owned(),
        _ => env::temp_dir(),
    }
}

fn has_room(folder: &Path, bytes: u64) -> bool {
    statfs(folder).is_ok_and(|found| {
        let free = found.f_bavail.saturating_mul(found.f_bsize as u64);
        found.f_type == TMPFS && free >= bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_memory_and_has_room_will_do() {
        assert!(!has_room(Path::new("/proc"), 0));
        assert!(!has_room(Path::new("/nothing/here"), 0));
        assert!(!has_room(Path::new(MEMORY), u64::MAX));
    }
}
