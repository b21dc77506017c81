//! The certificates that checked servers show, and which of them are about to end.
//!
//! A check takes any certificate: that it ends soon takes no server out of an answer. It is said
//! once, and shown until it is mended.

use std::collections::BTreeMap;

use model::{BackendKey, Time};

use crate::{Effect, Note, Overwatch};

/// Three weeks: a certificate of ninety days is renewed with thirty left, so one with less than this
/// was forgotten or could not be renewed; and three weeks are time to mend it in office hours.
pub const WARN_BEFORE_MS: u64 = 21 * DAY_MS;
const DAY_MS: u64 = 86_400_000;

/// What servers showed last. Bounded by the checks that are run.
#[derive(Debug, Default)]
pub(crate) struct Certificates(BTreeMap<BackendKey, Shown>);

#[derive(Clone, Copy, Debug)]
struct Shown {
    ends: Time,
    has_warned: bool,
}

impl Overwatch {
    /// A checked server showed a certificate. Logged once where it is about to end.
    pub(crate) fn certificate_seen(
        &mut self,
        backend: BackendKey,
        ends: Time,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        if !self.watching.contains_key(&backend) {
            return;
        }
        let known = self.certificates.0.get(&backend).copied();
        let has_warned = known.is_some_and(|known| known.ends == ends && known.has_warned);
        let is_due = now.plus_ms(WARN_BEFORE_MS) >= ends;
        if is_due && !has_warned {
            let days = days_left(ends, now);
            out.push(Effect::Log(Note::CertificateEnds { backend: backend.clone(), days }));
        }
        self.certificates.0.insert(backend, Shown { ends, has_warned: is_due });
    }

    /// Forgets the certificates of servers that are not checked any more.
    pub(crate) fn forget_certificates(&mut self) {
        let watching = &self.watching;
        self.certificates.0.retain(|backend, _| watching.contains_key(backend));
    }

    /// The days left to the certificate that a server showed; negative where it has ended.
    #[must_use]
    pub fn certificate_days_left(&self, backend: &BackendKey, now: Time) -> Option<i64> {
        self.certificates.0.get(backend).map(|shown| days_left(shown.ends, now))
    }

    /// The fewest days left to any certificate, and how many end within three weeks.
    #[must_use]
    pub fn certificates(&self, now: Time) -> (Option<i64>, usize) {
        let days = self.certificates.0.values().map(|shown| days_left(shown.ends, now));
        let is_due = |shown: &&Shown| now.plus_ms(WARN_BEFORE_MS) >= shown.ends;
        (days.min(), self.certificates.0.values().filter(is_due).count())
    }
}

/// Whole days, rounded down.
fn days_left(ends: Time, now: Time) -> i64 {
    let ms = i128::from(ends.unix_ms()) - i128::from(now.unix_ms());
    i64::try_from(ms.div_euclid(i128::from(DAY_MS))).unwrap_or(i64::MAX)
}
