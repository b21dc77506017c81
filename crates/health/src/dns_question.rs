//! A DNS check's question as bytes, and what comes back judged.
//!
//! Threat model: the answer is whatever a machine that may be broken or hostile sent. Any bytes are
//! judged; none panic; what they say is cut before it is kept ([`ErrorText`]).

use std::str::FromStr as _;

use domain::base::iana::Class;
use domain::base::{Message, MessageBuilder, Name, ToName as _};
use domain::rdata::AllRecordData;

use crate::kind::DnsCheck;
use crate::outcome::{ErrorText, FailReason};

/// The longest answer that is looked at: what a datagram may hold (RFC 768).
pub const ANSWER_BYTES_MAX: usize = 65_535;

/// The query with this number, with recursion desired, since what is asked may be a resolver.
/// Nothing where the name is none, which [`crate::CheckSpec::validate`] refuses.
#[must_use]
pub fn question(check: &DnsCheck, id: u16) -> Option<Vec<u8>> {
    let name = name_of(check)?;
    let mut builder = MessageBuilder::from_target(Vec::new()).ok()?;
    builder.header_mut().set_id(id);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((&name, check.record_type, Class::IN)).ok()?;
    Some(builder.finish())
}

/// What an answer is worth. `None` where it answers something else: an answer that was late, or
/// one that somebody made up.
#[must_use]
pub fn judge(check: &DnsCheck, id: u16, answer: &[u8]) -> Option<Result<(), FailReason>> {
    let message = Message::from_octets(answer).ok()?;
    let header = message.header();
    if header.id() != id || !header.qr() || !is_about(check, &message) {
        return None;
    }
    let wrong = |text: &str| Some(Err(FailReason::Answer(ErrorText::new(text))));
    if header.rcode() != check.rcode {
        return wrong(&format!("{}, expected {}", header.rcode(), check.rcode));
    }
    let Some(expected) = &check.answer else { return Some(Ok(())) };
    match says(check, &message, expected) {
        true => Some(Ok(())),
        false => wrong(&format!("no {} record says {expected}", check.record_type)),
    }
}

/// The name that is asked for.
pub(crate) fn name_of(check: &DnsCheck) -> Option<Name<Vec<u8>>> {
    if check.name.is_empty() {
        return None;
    }
    Name::from_str(&check.name).ok()
}

/// Whether an answer repeats the question (RFC 5452, 9.1).
fn is_about(check: &DnsCheck, message: &Message<&[u8]>) -> bool {
    let (Some(name), Ok(asked)) = (name_of(check), message.sole_question()) else { return false };
    asked.qtype() == check.record_type && asked.qname().name_eq(&name)
}

/// Whether one of the records says what is expected. Behind a record that cannot be read nothing is.
fn says(check: &DnsCheck, message: &Message<&[u8]>, expected: &str) -> bool {
    let Ok(records) = message.answer() else { return false };
    let data = records.limit_to::<AllRecordData<_, _>>().map_while(Result::ok);
    let texts = data.filter(|r| r.rtype() == check.record_type).map(|r| r.data().to_string());
    let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    texts.map(|text| plain(&text)).any(|text| text == plain(expected))
}

#[cfg(test)]
mod tests;
