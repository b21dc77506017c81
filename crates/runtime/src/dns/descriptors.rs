//! How many files and sockets this process may have open.
//!
//! Asks the kernel and raises what may be raised without a right. It decides about nothing.

#![expect(unsafe_code, reason = "getrlimit and setrlimit take pointers")]

use std::io;

/// Raises the process's limit of file descriptors to the most that it may give itself (the soft
/// limit to the hard one, getrlimit(2)); returns the limit from now on. The soft one is 1,024 in
/// most places, for the sake of programs that use `select`.
///
/// # Errors
///
/// The kernel refuses; the limit is as it was.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live value of the type that the call fills.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above; the kernel only reads it.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_raised_stays_so() {
        let raised = raise_descriptor_limit().unwrap();
        assert!(raised > 0);
        assert_eq!(raise_descriptor_limit().unwrap(), raised);
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let mut words = line.split_whitespace().skip(3);
        assert_eq!(words.next(), words.next(), "soft and hard: {line}");
    }
}
