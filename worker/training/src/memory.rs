//! Memory of the machine and of this process, as Linux tells it.

use crate::network::Network;
use breakmywork_protocol::spec::{self, DataShape, Setup};
use std::fs;

/// Largest resident memory of this process so far, in bytes; 0 where the system does not tell.
pub fn peak() -> u64 {
    kilobytes("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// Memory in all, in bytes: the machine's, or less if the control group allows less.
pub fn total() -> Option<u64> {
    let machine = kilobytes("/proc/meminfo", "MemTotal:");
    machine
        .into_iter()
        .chain(number("/sys/fs/cgroup/memory.max"))
        .min()
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Memory that could be had at this moment, in bytes: the machine's, or less if the control group allows less.
pub fn available() -> Option<u64> {
    let machine = kilobytes("/proc/meminfo", "MemAvailable:");
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, now)| most.saturating_sub(now));
    machine.into_iter().chain(group).min()
}

/// Keeps memory that was freed for the next allocation, for the whole process.
///
/// Every window allocates the same large buffers. glibc gives such back to the system at once and asks for them anew,
/// and the system clears each page again: up to a fifth of the time of a window.
#[allow(unsafe_code, reason = "a call into the C library")]
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let settings = [
            // No allocation is a mapping of its own,
            (libc::M_MMAP_MAX, 0),
            // what is free at the end of the heap stays,
            (libc::M_TRIM_THRESHOLD, i32::MAX),
            // and threads share one heap: one of their own ends at 64 MB.
            (libc::M_ARENA_MAX, 1),
        ];
        for (setting, value) in settings {
            // SAFETY: the call sets a number behind the allocator's own lock.
            if unsafe { libc::mallopt(setting, value) } == 0 {
                tracing::debug!(setting, "the allocator does not take this setting");
            }
        }
    }
}

/// The variable by which glibc is told how to allocate, and its word for large pages.
const TUNABLES: &str = "GLIBC_TUNABLES";
const LARGE_PAGES: &str = "glibc.malloc.hugetlb";

/// A variable of the environment that asks glibc for pages of 2 MB, and its value; `None` if the environment says
/// already what is wanted.
///
/// A window goes through hundreds of megabytes, rows of a matrix lie pages apart, and which small pages one gets decides
/// what the caches hold: with large pages training is up to 5% faster on large networks. Where the system grants them
/// only to who asks (`madvise`) they have to be asked for, and glibc reads this before `main`.
pub fn large_pages() -> Option<(&'static str, String)> {
    asking(std::env::var(TUNABLES).ok().as_deref()).map(|value| (TUNABLES, value))
}

/// The present tunables with large pages among them, unless they speak of those.
fn asking(present: Option<&str>) -> Option<String> {
    match present {
        None | Some("") => Some(format!("{LARGE_PAGES}=1")),
        Some(present) if present.contains(LARGE_PAGES) => None,
        Some(present) => Some(format!("{present}:{LARGE_PAGES}=1")),
    }
}

/// The peak of the memory of a run of that network, estimated, in bytes.
pub fn needed(network: &Network, steps: usize, setup: &Setup) -> u64 {
    let data = DataShape {
        steps: steps as u64,
        inputs: network.inputs as u64,
        vocabulary: network.vocabulary.unwrap_or(0) as u64,
        outputs: network.head.width() as u64,
        read_at: network.read_out.of(steps) as u64,
    };
    spec::run_memory(setup, data)
}

/// Memory that this process has taken for data and stacks, in bytes; 0 where the system does not tell.
pub fn data() -> u64 {
    kilobytes("/proc/self/status", "VmData:").unwrap_or(0)
}

fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pages_are_asked_for_beside_what_is_set_and_not_against_it() {
        let asked = "glibc.malloc.hugetlb=1";
        assert_eq!(asking(None).as_deref(), Some(asked));
        assert_eq!(asking(Some("")).as_deref(), Some(asked));
        let other = "glibc.malloc.perturb=1";
        let both = format!("{other}:{asked}");
        assert_eq!(asking(Some(other)), Some(both.clone()));
        assert_eq!(asking(Some(&both)), None);
        assert_eq!(asking(Some("glibc.malloc.hugetlb=0")), None);
    }
}
