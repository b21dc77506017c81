//! What a check asks, how often, and how many answers make a verdict.
//!
//! A spec comes from the operator's file or, over the mesh, from an agent; [`CheckSpec::validate`]
//! holds both to the same limits. It never says which address is asked: that is the backend's.

use crate::kind::CheckKind;
use crate::state::Thresholds;

/// One kind of check of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    /// What is asked.
    pub kind: CheckKind,
    /// Milliseconds from one check to the next.
    pub interval_ms: u64,
    /// Milliseconds for the whole of one check, from the first packet to the status line.
    pub timeout_ms: u64,
    /// Failures in a row that take a backend down.
    pub failure_threshold: u32,
    /// Passes in a row that bring it back.
    pub success_threshold: u32,
}

/// Why a spec cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckSpecError {
    /// Too often, or never.
    #[error("a check's interval is {min} to {max} ms, not {0} ms",
        min = CheckSpec::INTERVAL_MS_MIN, max = CheckSpec::INTERVAL_MS_MAX)]
    Interval(u64),
    /// Too short to mean anything, or too long to be worth waiting for.
    #[error("a check's timeout is {min} to {max} ms, not {0} ms",
        min = CheckSpec::TIMEOUT_MS_MIN, max = CheckSpec::TIMEOUT_MS_MAX)]
    Timeout(u64),
    /// Checks of one backend would overlap.
    #[error("a check's timeout of {timeout_ms} ms is longer than its interval of {interval_ms} ms")]
    TimeoutOverInterval {
        /// The timeout given.
        timeout_ms: u64,
        /// The interval given.
        interval_ms: u64,
    },
    /// Never, or practically never.
    #[error("a check's thresholds are 1 to {max}, not {0}", max = CheckSpec::THRESHOLD_MAX)]
    Threshold(u32),
    /// Not a request target.
    #[error("a check's path begins with '/' and has at most {max} visible ASCII characters",
        max = CheckSpec::PATH_BYTES_MAX)]
    Path,
    /// Not a host name.
    #[error("a check's host is a name or an address, with a port if need be, of at most {max} \
        characters", max = CheckSpec::HOST_BYTES_MAX)]
    Host,
    /// No answer could pass.
    #[error("a check needs at least one status that passes")]
    NoStatus,
    /// Nothing to send or to look for, or too much.
    #[error("a text to send or to look for has 1 to {max} bytes", max = CheckSpec::TEXT_BYTES_MAX)]
    Text,
    /// Nothing that DNS could be asked for.
    #[error("a DNS check asks for a domain name")]
    Name,
    /// No program, or more than a command line.
    #[error("a check's command is an absolute path and at most {max} arguments of at most {bytes} \
        bytes", max = CheckSpec::ARGUMENTS_MAX, bytes = CheckSpec::ARGUMENT_BYTES_MAX)]
    Command,
}

impl CheckSpec {
    /// 1 s: a shorter one loads the backend more than it tells.
    pub const INTERVAL_MS_MIN: u64 = 1_000;
    /// A day: a longer one is a typing error.
    pub const INTERVAL_MS_MAX: u64 = 86_400_000;
    /// 100 ms: below this, one lost packet on an intercontinental path is a failure.
    pub const TIMEOUT_MS_MIN: u64 = 100;
    /// 60 s: a backend that needs longer for a status line serves nobody.
    pub const TIMEOUT_MS_MAX: u64 = 60_000;
    /// Above 100 results in a row the verdict says nothing about the present.
    pub const THRESHOLD_MAX: u32 = 100;
    /// As long as a check's path was ever seen, four times over; it travels in each registration.
    pub const PATH_BYTES_MAX: usize = 1_024;
    /// A domain name (RFC 1035, 2.3.4) and a port.
    pub const HOST_BYTES_MAX: usize = 259;
    /// A text that is sent, or looked for: a line or a few. It travels in each registration.
    pub const TEXT_BYTES_MAX: usize = 1_024;
    /// The part of a page in which a text is looked for: beyond 64 KiB it is no health page.
    pub const BODY_BYTES_MAX: usize = 65_536;
    /// The part of an answer on a connection in which a text is looked for: a greeting.
    pub const ANSWER_BYTES_MAX: usize = 4_096;
    /// Arguments of a command: a program that needs more is given a file.
    pub const ARGUMENTS_MAX: usize = 32;
    /// One argument of a command.
    pub const ARGUMENT_BYTES_MAX: usize = 1_024;

    /// Refuses what cannot be run, or would do harm to the one who runs it.
    ///
    /// # Errors
    ///
    /// The first limit that is broken, in the order of the fields.
    pub fn validate(&self) -> Result<(), CheckSpecError> {
        self.kind.validate()?;
        if !(Self::INTERVAL_MS_MIN..=Self::INTERVAL_MS_MAX).contains(&self.interval_ms) {
            return Err(CheckSpecError::Interval(self.interval_ms));
        }
        if !(Self::TIMEOUT_MS_MIN..=Self::TIMEOUT_MS_MAX).contains(&self.timeout_ms) {
            return Err(CheckSpecError::Timeout(self.timeout_ms));
        }
        if self.timeout_ms > self.interval_ms {
            let Self { timeout_ms, interval_ms, .. } = *self;
            return Err(CheckSpecError::TimeoutOverInterval { timeout_ms, interval_ms });
        }
        for threshold in [self.failure_threshold, self.success_threshold] {
            if !(1..=Self::THRESHOLD_MAX).contains(&threshold) {
                return Err(CheckSpecError::Threshold(threshold));
            }
        }
        Ok(())
    }

    /// How many results make a verdict.
    #[must_use]
    pub const fn thresholds(&self) -> Thresholds {
        Thresholds { failure: self.failure_threshold, success: self.success_threshold }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Dialogue;

    fn tcp() -> CheckSpec {
        CheckSpec {
            kind: CheckKind::Tcp,
            interval_ms: 30_000,
            timeout_ms: 5_000,
            failure_threshold: 3,
            success_threshold: 2,
        }
    }

    fn check(change: impl FnOnce(&mut CheckSpec), expect: Result<(), CheckSpecError>) {
        let mut spec = tcp();
        change(&mut spec);
        assert_eq!(spec.validate(), expect, "{spec:?}");
    }

    #[test]
    fn times_and_thresholds_have_limits() {
        check(|_| (), Ok(()));
        check(|spec| spec.interval_ms = 999, Err(CheckSpecError::Interval(999)));
        check(|spec| spec.interval_ms = u64::MAX, Err(CheckSpecError::Interval(u64::MAX)));
        check(|spec| spec.timeout_ms = 99, Err(CheckSpecError::Timeout(99)));
        check(
            |spec| spec.interval_ms = 4_999,
            Err(CheckSpecError::TimeoutOverInterval { timeout_ms: 5_000, interval_ms: 4_999 }),
        );
        check(|spec| spec.failure_threshold = 0, Err(CheckSpecError::Threshold(0)));
        check(|spec| spec.success_threshold = 101, Err(CheckSpecError::Threshold(101)));
        let nothing = Dialogue { send: None, expect: None };
        check(|spec| spec.kind = CheckKind::Dialogue(nothing), Err(CheckSpecError::Text));
    }
}
