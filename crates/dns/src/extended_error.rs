//! Extended errors: why an answer is what it is, for people who look into it (RFC 8914).
//!
//! They change nothing for the asker's software (RFC 8914, 6), so they are the first to go where an
//! answer has no room (RFC 8914, 3).

/// The number that an extended error has (RFC 8914, 5.2 and the registry that it founded).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedCode(pub u16);

impl ExtendedCode {
    /// None of the others: the text says it.
    pub const OTHER: Self = Self(0);
    /// The server is not ready: it has nothing to decide on yet (RFC 8914, 4.15).
    pub const NOT_READY: Self = Self(14);
    /// The asker may not have this answer (RFC 8914, 4.19).
    pub const PROHIBITED: Self = Self(18);
    /// The name is in none of the server's zones (RFC 8914, 4.21).
    pub const NOT_AUTHORITATIVE: Self = Self(20);
    /// The server does not do what was asked for (RFC 8914, 4.22).
    pub const NOT_SUPPORTED: Self = Self(21);
    /// Nobody can ask for this type (RFC 9824, 3.5 and 9).
    pub const INVALID_QUERY_TYPE: Self = Self(30);
}

/// An extended error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// What kind it is.
    pub code: ExtendedCode,
    /// A few words more; may be empty. Only what is written in the program: nothing of a query, a
    /// setting or the state of a server gets out this way.
    pub text: &'static str,
}
