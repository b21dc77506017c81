//! Random bytes from the system, for the pure crates that must not draw any themselves.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use overwatch::Secrets;
use tracing::error;
use zeroize::Zeroizing;

/// 256 random bits as hexadecimal digits: nobody guesses them. None where the system gives none, which
/// is logged.
pub(crate) fn hexadecimal() -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    if SystemRandom::new().fill(bytes.as_mut_slice()).is_err() {
        error!("the system gives no random bytes");
        return None;
    }
    Some(Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// What DNS cookies are made with. None where the system gives none, which is logged; then none are issued.
pub(crate) fn cookie_secret() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        error!("the system gives no random bytes");
        return None;
    }
    Some(bytes)
}

/// Bytes for a zone's new keys. None where the system gives none, which is logged; then no key is made.
pub(crate) fn secrets() -> Secrets {
    let mut bytes = Zeroizing::new(vec![0; Secrets::BYTES]);
    if SystemRandom::new().fill(&mut bytes).is_err() {
        error!("the system gives no random bytes");
        bytes = Zeroizing::new(Vec::new());
    }
    Secrets::new(bytes)
}

/// A number that nobody can foresee, for a query; 0 where the system gives none.
pub(crate) fn number() -> u16 {
    let mut bytes = [0; 2];
    // A query that can be foreseen is still a query.
    let _ = SystemRandom::new().fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
