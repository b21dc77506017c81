//! Processes: signals, waiting, who we are, and dying with a parent.

#![expect(unsafe_code, reason = "libc calls that std does not wrap")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::checked;

/// Set by the first SIGINT, SIGTERM or SIGHUP.
static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn on_stop(_signal: libc::c_int) {
    STOP.store(true, Ordering::Relaxed);
}

/// From now on SIGINT, SIGTERM and SIGHUP only set what [`stop_requested`] reads. A program that
/// is executed later starts with the defaults again.
pub(crate) fn catch_stop_signals() -> io::Result<()> {
    // No SA_RESTART: a blocking poll must return so that the flag is looked at.
    // SAFETY: an all-zero sigaction is valid (empty mask, no flags).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_stop as *const () as usize;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: `action` lives through the call; the handler only stores to an atomic, which is
        // safe within a signal handler; no old action is asked for.
        checked(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) })?;
    }
    Ok(())
}

/// Did someone ask this process to stop?
pub(crate) fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Leaves SIGINT and SIGQUIT to the child in the same terminal.
pub(crate) fn ignore_keyboard_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: SIG_IGN is a valid disposition for both signals.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Undoes [`ignore_keyboard_signals`], which an executed program would inherit.
pub(crate) fn default_keyboard_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: SIG_DFL is a valid disposition for both signals.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// This process is killed when the thread that made it ends.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and no pointer.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }).map(drop)
}

/// Timers of this thread fire at most a nanosecond late by choice of the kernel (default 50 us).
pub(crate) fn exact_timers() -> io::Result<()> {
    // SAFETY: PR_SET_TIMERSLACK takes a number of nanoseconds and no pointer.
    checked(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) }).map(drop)
}

/// A session of its own: no terminal, no signals from its keyboard.
pub(crate) fn new_session() -> io::Result<()> {
    // SAFETY: takes no argument.
    checked(unsafe { libc::setsid() }).map(drop)
}

/// Opens as many files as the system lets us, and says how many; many connections need it.
pub(crate) fn raise_file_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the kernel reads one rlimit.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(limit.rlim_cur)
}

/// Sends a signal to one process.
pub(crate) fn kill(pid: u32, signal: libc::c_int) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: takes two numbers; 0, 1 and negative ids (groups) are excluded above.
    checked(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Microseconds since the system's start: the same clock for every process of a machine.
pub(crate) fn monotonic_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec. It cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let (s, ns) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    s.unwrap_or(0) * 1_000_000 + ns.unwrap_or(0) / 1000
}

/// Collects one ended child, whichever, and says which it was.
pub(crate) fn reap() -> Option<u32> {
    // SAFETY: no status is asked for; WNOHANG returns at once.
    let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    u32::try_from(pid).ok().filter(|pid| *pid > 0)
}

/// The effective user id.
pub(crate) fn user_id() -> u32 {
    // SAFETY: takes no argument, cannot fail.
    unsafe { libc::geteuid() }
}

/// The effective group id.
pub(crate) fn group_id() -> u32 {
    // SAFETY: takes no argument, cannot fail.
    unsafe { libc::getegid() }
}

/// Waits until one of `fds` can be read or the time is over; says which can be.
pub(crate) fn wait_readable(
    fds: &[BorrowedFd<'_>],
    timeout: Option<Duration>,
) -> io::Result<Vec<bool>> {
    let entry =
        |fd: &BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries: Vec<libc::pollfd> = fds.iter().map(entry).collect();
    let time = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(timeout.subsec_nanos().cast_signed()),
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `entries` is exclusively ours and as long as said; `time` is null or points to a
    // timespec that lives until the end of this function; a null signal mask changes none.
    let result = unsafe {
        libc::ppoll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, time, std::ptr::null())
    };
    match checked(result) {
        Ok(_) => Ok(entries.iter().map(|entry| entry.revents != 0).collect()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(vec![false; fds.len()]),
        Err(error) => Err(error),
    }
}
