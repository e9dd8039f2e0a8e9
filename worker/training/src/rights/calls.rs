//! Calls to the system that are refused, by seccomp.

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, apply_filter_all_threads,
};
use std::collections::BTreeMap;

/// Calls of which each is followed by the conditions under which it is refused; by none, if always.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Never needed: other processes, other places of the file system, the kernel itself, and a way around this filter.
const NEVER: [i64; 19] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
];

/// Needed by a card's driver alone.
const PROGRAMS: [i64; 2] = [libc::SYS_execve, libc::SYS_execveat];

/// Families of sockets that leave the machine, or see what passes by.
const NETWORKS: [libc::c_int; 4] = [
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_PACKET,
    libc::AF_VSOCK,
];

/// Refuses those calls of this process from now on: they fail as if it were not permitted.
///
/// # Errors
/// If the system has no such filters.
pub(super) fn refuse(card: bool) -> Result<(), Error> {
    let mut refused: Rules = NEVER.iter().map(|&call| (call, vec![])).collect();
    if card {
        let networks =
            NETWORKS.map(|family| when(0, SeccompCmpOp::Eq, family.unsigned_abs().into()));
        refused.insert(
            libc::SYS_socket,
            networks.into_iter().collect::<Result<_, _>>()?,
        );
        return install(refused, libc::EPERM);
    }
    // Not even to a service of this machine, such as its database.
    refused.insert(libc::SYS_socket, vec![]);
    refused.extend(PROGRAMS.map(|call| (call, vec![])));
    #[cfg(target_arch = "x86_64")]
    refused.extend([libc::SYS_fork, libc::SYS_vfork].map(|call| (call, vec![])));
    let threads = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let no_thread = when(0, SeccompCmpOp::MaskedEq(threads), 0)?;
    refused.insert(libc::SYS_clone, vec![no_thread]);
    install(refused, libc::EPERM)?;
    // What it is asked for lies in memory, where no filter looks; told that there is no such call, the C library
    // takes the one above.
    install(Rules::from([(libc::SYS_clone3, vec![])]), libc::ENOSYS)
}

fn when(argument: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, Error> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn install(refused: Rules, error: libc::c_int) -> Result<(), Error> {
    let filter = SeccompFilter::new(
        refused,
        SeccompAction::Allow,
        SeccompAction::Errno(error.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?;
    apply_filter_all_threads(&BpfProgram::try_from(filter)?)
}
