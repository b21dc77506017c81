//! What reads bytes of strangers, for fuzzers: it must not panic, whatever they are.

use domain::base::iana::{Rcode, Rtype};

use crate::kind::DnsCheck;

/// An answer to a DNS check. The number is 0, the name that of the tests' questions.
pub fn dns_answer(data: &[u8]) {
    for record_type in [Rtype::A, Rtype::CNAME, Rtype::TXT] {
        let check = DnsCheck {
            name: "app.example.net".to_owned(),
            record_type,
            rcode: Rcode::NOERROR,
            answer: Some("192.0.2.8".to_owned()),
        };
        let _ = crate::dns_question::judge(&check, 0, data);
    }
}
