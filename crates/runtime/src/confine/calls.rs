//! Which calls of the kernel a process gives up: seccomp.
//!
//! Each of them gets an error, as on a kernel without it; none ends the process. Programs for another
//! processor's calls (32 bits) cannot run in it, and no call has a second number. Must never name a call that a
//! library falls back from badly.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads,
};

use super::{Done, Needs};

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

/// What starts another program, also one that is no file: a rule about files does not see memory that is
/// executed (`memfd_create`). Given up where no check is a program.
const STARTS: [i64; 2] = [libc::SYS_execve, libc::SYS_execveat];

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
pub(super) fn restrict(needs: &Needs) -> Result<Done, String> {
    let failed = |error: &dyn std::fmt::Display| format!("seccomp is refused: {error}");
    // Each filter has one error to give. That of clone3 is the one that libraries fall back on.
    let parts = [
        (forbidden(needs).map_err(|error| failed(&error))?, libc::EPERM),
        (families().map_err(|error| failed(&error))?, libc::EAFNOSUPPORT),
        (Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS),
    ];
    for (rules, errno) in parts {
        let program = compile(rules, errno).map_err(|error| failed(&error))?;
        apply_filter_all_threads(&program).map_err(|error| failed(&error))?;
    }
    #[cfg(target_arch = "x86_64")]
    apply_filter_all_threads(&x32::refused()).map_err(|error| failed(&error))?;
    Ok(Done::Whole(None))
}

fn compile(rules: Rules, errno: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let architecture = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()
}

fn forbidden(needs: &Needs) -> Result<Rules, seccompiler::BackendError> {
    let starts: &[i64] = if needs.runs_programs { &[] } else { &STARTS };
    let numbers = NEVER.iter().chain(NEVER_HERE).chain(starts);
    let mut rules: Rules = numbers.map(|number| (*number, Vec::new())).collect();
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

/// The second number that each call of this processor has, where the kernel was built for it: x32, the calls of
/// 64 bits with pointers of 32. To a filter they are calls of the same processor under other numbers, which none
/// of the lists above names.
#[cfg(target_arch = "x86_64")]
mod x32 {
    use seccompiler::{BpfProgram, sock_filter};

    /// All of them have this bit, and no other call does (`__X32_SYSCALL_BIT`, asm/unistd.h).
    pub(super) const BIT: u32 = 0x4000_0000;

    /// Refuses all of them: the number of the call is what the kernel's record of it begins with (seccomp(2)).
    pub(super) fn refused() -> BpfProgram {
        let step = |code: u32, (jt, jf), k| {
            // A code is 16 bits wide; these are sums of the kernel's constants, all below 256.
            sock_filter { code: u16::try_from(code).unwrap_or_default(), jt, jf, k }
        };
        let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
        vec![
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, (0, 0), 0),
            step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, (0, 1), BIT),
            step(libc::BPF_RET | libc::BPF_K, (0, 0), refuse),
            step(libc::BPF_RET | libc::BPF_K, (0, 0), libc::SECCOMP_RET_ALLOW),
        ]
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// What a program says to a call, as the kernel runs it; of its instructions those that are used here.
    fn verdict(program: &BpfProgram, number: u32) -> u32 {
        let (mut loaded, mut at) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    assert_eq!(step.k, 0, "the number");
                    loaded = number;
                }
                code if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => {
                    at += usize::from(if loaded >= step.k { step.jt } else { step.jf });
                }
                code if code == libc::BPF_RET | libc::BPF_K => return step.k,
                code => panic!("{code:#x} is not expected"),
            }
        }
    }

    #[test]
    fn no_call_has_a_second_number() {
        let program = x32::refused();
        let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
        for number in NEVER.iter().chain(NEVER_HERE).chain(&STARTS).chain(&[0, libc::SYS_read]) {
            let number = u32::try_from(*number).unwrap();
            assert_eq!(
                verdict(&program, number),
                libc::SECCOMP_RET_ALLOW,
                "{number}: others judge it"
            );
            assert_eq!(
                verdict(&program, number | x32::BIT),
                refused,
                "{number} by its second number"
            );
        }
        let edges = [x32::BIT - 1, x32::BIT, x32::BIT + 512, u32::MAX];
        let allowed = edges.map(|number| verdict(&program, number) == libc::SECCOMP_RET_ALLOW);
        assert_eq!(allowed, [true, false, false, false]);
    }
}
