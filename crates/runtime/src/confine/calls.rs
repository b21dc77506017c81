//! Which calls of the kernel a process gives up: seccomp.
//!
//! Each of them gets an error, as on a kernel without it; none ends the process. Programs for another
//! processor's calls (32 bits) cannot run in it. Must never name a call that a library falls back from
//! badly.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads,
};

use super::Done;

/// Calls that neither role makes, nor a program that checks a server. By what they are for.
const NEVER: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // The tree of files.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_by_handle_at,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_fanotify_init,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Where most of its faults were, for years: nothing here needs them.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Namespaces: what is root in one has all of the kernel to talk to.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_vhangup,
];

/// Those of one processor.
#[cfg(target_arch = "x86_64")]
const NEVER_HERE: &[i64] = &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_HERE: &[i64] = &[];

/// A new process in a namespace of its own (clone(2)). That of time is known to `clone3` only.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// DNS, the mesh and checks; local sockets; the kernel's connections and addresses.
pub(super) const FAMILIES: [i32; 4] =
    [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Restricts all threads and all that they start.
pub(super) fn restrict() -> Result<Done, String> {
    let failed = |error: &dyn std::fmt::Display| format!("seccomp is refused: {error}");
    // Each filter has one error to give. That of clone3 is the one that libraries fall back on.
    let parts = [
        (forbidden().map_err(|error| failed(&error))?, libc::EPERM),
        (families().map_err(|error| failed(&error))?, libc::EAFNOSUPPORT),
        (Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS),
    ];
    for (rules, errno) in parts {
        let program = compile(rules, errno).map_err(|error| failed(&error))?;
        apply_filter_all_threads(&program).map_err(|error| failed(&error))?;
    }
    Ok(Done::Whole(None))
}

fn compile(rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let architecture = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()
}

fn forbidden() -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules =
        NEVER.iter().chain(NEVER_HERE).map(|number| (*number, Vec::new())).collect();
    let mut namespaces = Vec::new();
    for flag in NAMESPACES {
        let flag = u64::from(flag.cast_unsigned());
        let is_set = SeccompCmpOp::MaskedEq(flag);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, is_set, flag)?;
        namespaces.push(SeccompRule::new(vec![condition])?);
    }
    rules.insert(libc::SYS_clone, namespaces);
    Ok(rules)
}

/// A socket of none of the families that are needed.
fn families() -> Result<Rules, seccompiler::BackendError> {
    let mut others = Vec::new();
    for family in FAMILIES {
        let family = u64::from(family.cast_unsigned());
        others.push(SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)?);
    }
    let rule = SeccompRule::new(others)?;
    let calls = [libc::SYS_socket, libc::SYS_socketpair];
    Ok(calls.into_iter().map(|call| (call, vec![rule.clone()])).collect())
}
