//! Questions about the server itself, in the class CH (RFC 4892, 2).
//!
//! Says which one a question is. What is told, and whether anything is, are the caller's settings;
//! a question that this module does not know is none of the zones' either.

use crate::query::Question;
use crate::types::{Class, RecordType};

/// What somebody wants to know about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFact {
    /// What it runs: `version.bind`, `version.server`.
    Version,
    /// Which one it is: `id.server` (RFC 4892, 2.1), `hostname.bind`. NSID asks the same beside any
    /// question.
    Identity,
}

/// The names as they stand on the wire, in lower case.
const NAMES: [(&[u8], ServerFact); 4] = [
    (b"\x07version\x04bind\x00", ServerFact::Version),
    (b"\x07version\x06server\x00", ServerFact::Version),
    (b"\x02id\x06server\x00", ServerFact::Identity),
    (b"\x08hostname\x04bind\x00", ServerFact::Identity),
];

impl ServerFact {
    /// Which fact a question asks for. `None` for every other name, for classes but CH and for types
    /// but TXT and ANY.
    #[must_use]
    pub fn asked_by(question: &Question<'_>) -> Option<Self> {
        let asks = question.qclass == Class::CH
            && matches!(question.qtype, RecordType::TXT | RecordType::ANY);
        if !asks {
            return None;
        }
        let name = question.name.as_bytes();
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, fact)| *fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NameBuf;

    #[test]
    fn a_fact_is_asked_for_by_name_class_and_type() {
        let (ch, txt) = (Class::CH, RecordType::TXT);
        for (name, qclass, qtype, expect) in [
            ("version.bind", ch, txt, Some(ServerFact::Version)),
            ("VERSION.Server", ch, txt, Some(ServerFact::Version)),
            ("id.server", ch, txt, Some(ServerFact::Identity)),
            ("hostname.bind", ch, RecordType::ANY, Some(ServerFact::Identity)),
            ("hostname.bind", ch, RecordType::A, None),
            ("version.bind", Class::IN, txt, None),
            ("version.bind", Class::ANY, txt, None),
            ("a.version.bind", ch, txt, None),
            ("bind", ch, txt, None),
            ("authors.bind", ch, txt, None),
        ] {
            let name: NameBuf = name.parse().unwrap();
            let question = Question { name: name.as_name(), qtype, qclass };
            assert_eq!(
                ServerFact::asked_by(&question),
                expect,
                "{} {qclass} {qtype}",
                question.name
            );
        }
    }
}
