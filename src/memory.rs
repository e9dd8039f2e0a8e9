//! What this process keeps of the memory that it no longer needs.

/// Larger blocks, in bytes, go back to the system as soon as they are free.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const GIVEN_BACK: libc::c_int = 1024 * 1024;

/// Makes the C library give large blocks back, for the whole process; call it before other threads start.
///
/// Each password that is hashed takes 19 MiB. glibc gives the first such block back when it is free, takes that as a
/// sign that blocks of this size come often, and keeps all later ones: a hundred sign-ins were 1.3 GB for good.
#[allow(unsafe_code, reason = "a call into the C library")]
pub fn give_back_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for setting in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: the call sets a number behind the allocator's own lock.
        if unsafe { libc::mallopt(setting, GIVEN_BACK) } == 0 {
            tracing::debug!(setting, "the allocator does not take this setting");
        }
    }
}
