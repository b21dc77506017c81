//! What a check asks, how often, and how many answers make a verdict.
//!
//! A spec comes from the operator's file or, over the mesh, from an agent; [`CheckSpec::validate`]
//! holds both to the same limits. It never says which address is asked: that is the backend's.

use crate::state::Thresholds;
use crate::status_set::StatusSet;

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

/// What is asked of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// That its port accepts a connection.
    Tcp,
    /// One GET in plain text.
    Http(HttpCheck),
    /// One GET over TLS.
    Https(HttpCheck),
}

/// The GET of an HTTP check, the same with and without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// The request target, beginning with `/`; a query may follow.
    pub path: String,
    /// The `Host` field and, over TLS, the name asked for by SNI; the backend's address if absent.
    pub host: Option<String>,
    /// The statuses that pass.
    pub status: StatusSet,
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

    /// Refuses what cannot be run, or would do harm to the one who runs it.
    ///
    /// # Errors
    ///
    /// The first limit that is broken, in the order of the fields.
    pub fn validate(&self) -> Result<(), CheckSpecError> {
        if let CheckKind::Http(http) | CheckKind::Https(http) = &self.kind {
            http.validate()?;
        }
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

impl HttpCheck {
    /// Nothing in here may end the request line or a header field early (RFC 9112, 11.1).
    fn validate(&self) -> Result<(), CheckSpecError> {
        let is_visible = self.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let length = self.path.len();
        if !self.path.starts_with('/') || !is_visible || length > CheckSpec::PATH_BYTES_MAX {
            return Err(CheckSpecError::Path);
        }
        if let Some(host) = &self.host {
            let stands = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
            if host.is_empty()
                || host.len() > CheckSpec::HOST_BYTES_MAX
                || !host.chars().all(stands)
            {
                return Err(CheckSpecError::Host);
            }
        }
        if self.status.is_empty() {
            return Err(CheckSpecError::NoStatus);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http() -> CheckSpec {
        CheckSpec {
            kind: CheckKind::Http(HttpCheck {
                path: "/health?deep=1".to_owned(),
                host: Some("app.demo.local:8080".to_owned()),
                status: "200-299".parse().unwrap(),
            }),
            interval_ms: 30_000,
            timeout_ms: 5_000,
            failure_threshold: 3,
            success_threshold: 2,
        }
    }

    fn check(change: impl FnOnce(&mut CheckSpec), expect: Result<(), CheckSpecError>) {
        let mut spec = http();
        change(&mut spec);
        assert_eq!(spec.validate(), expect, "{spec:?}");
    }

    fn check_http(change: impl FnOnce(&mut HttpCheck), expect: Result<(), CheckSpecError>) {
        check(
            |spec| {
                if let CheckKind::Http(http) = &mut spec.kind {
                    change(http);
                }
            },
            expect,
        );
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
    }

    #[test]
    fn a_request_cannot_be_split_by_its_parts() {
        check_http(|http| http.path = String::new(), Err(CheckSpecError::Path));
        check_http(|http| http.path = "health".to_owned(), Err(CheckSpecError::Path));
        check_http(|http| http.path = "/a b".to_owned(), Err(CheckSpecError::Path));
        check_http(|http| http.path = "/\r\nX: y".to_owned(), Err(CheckSpecError::Path));
        check_http(|http| http.path = "/".repeat(1_025), Err(CheckSpecError::Path));
        check_http(|http| http.host = None, Ok(()));
        check_http(|http| http.host = Some("[2001:db8::1]:80".to_owned()), Ok(()));
        check_http(|http| http.host = Some(String::new()), Err(CheckSpecError::Host));
        check_http(|http| http.host = Some("a\nb".to_owned()), Err(CheckSpecError::Host));
        check_http(|http| http.status = StatusSet::NONE, Err(CheckSpecError::NoStatus));
    }
}
