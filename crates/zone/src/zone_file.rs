//! Zone files, and single records as configuration has them, to records (RFC 1035, 5; RFC 2308, 4).
//!
//! What is understood:
//!
//! - names relative to the origin, `@`, an owner left out, `\X` and `\DDD`, quotes, parentheses,
//!   comments; TTL and class in either order or left out;
//! - `$ORIGIN` and `$TTL`. `$INCLUDE` and `$GENERATE` are refused: a zone is one file as it is;
//! - TTLs and the times of an SOA record in seconds or as `1w2d3h4m5s`, as operators write them;
//! - every type that the library `domain` reads, some that look the same, and any other in the form of RFC 3597, 5
//!   (`TYPE65280 \# 2 0102`).
//!
//! Every fault is told, with its line. Whether the records make a zone is not looked at here.

mod entries;

use dns::{Name, NameBuf, RecordType};
use domain::base::rdata::{ComposeRecordData, ParseRecordData};
use domain::base::{ParsedName, ToName};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry as Scanned, ScannedRecord, Zonefile};

use crate::record::{Record, whole_name};
use entries::{Entries, Entry, Token};

/// The longest text that is read: some million records. Beyond it the file is refused unread.
pub const TEXT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many faults are told; the text is not read further.
const FAULTS_MAX: usize = 100;
/// The longest TTL (RFC 2181, 8): 31 bits.
const TTL_MAX_S: u32 = i32::MAX as u32;

/// Types that `domain` does not read, with one it does whose data has the same form: RFC 7208, 3.1;
/// RFC 8162, 2; RFC 1183, 1 and 3.3; RFC 2230, 3.
const TWINS: &[(&str, RecordType, &str)] = &[
    ("SPF", RecordType(99), "TXT"),
    ("SMIMEA", RecordType(53), "TLSA"),
    ("AFSDB", RecordType(18), "MX"),
    ("RT", RecordType(21), "MX"),
    ("KX", RecordType(36), "MX"),
];

/// What `domain` says of the data of a type that it does not read.
const UNREAD: &str = "unknown record type with concrete data";

/// Types whose data has texts and no names: there `@` is itself. In all others it is the origin
/// (RFC 1035, 5.1), which `domain` knows of owners only.
const TEXT_TYPES: &[&str] = &["TXT", "SPF", "HINFO", "CAA"];

/// What is wrong in a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TextFault {
    /// The line where the entry begins, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: What,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// A quote that its line does not end.
    #[error("a quote is opened and not closed on its line")]
    Quote,
    /// A parenthesis without the other one.
    #[error("a parenthesis is {0}")]
    Parenthesis(&'static str),
    /// A control entry that is not understood.
    #[error("{0} is not supported")]
    Control(String),
    /// A control entry without its one value.
    #[error("{0} needs exactly one value")]
    ControlValue(&'static str),
    /// The first entry leaves its owner out.
    #[error("no owner: the line begins with a space, and there is no record before it")]
    NoOwner,
    /// What should be a name is none.
    #[error("{0:?} is no domain name")]
    Name(String),
    /// What should be a TTL is none, or one of more than 31 bits (RFC 2181, 8).
    #[error("{0:?} is no TTL: seconds up to 2147483647, or 1w2d3h4m5s")]
    Ttl(String),
    /// Another class than IN.
    #[error("class {0} is not served, only IN")]
    Class(String),
    /// The entry ends before its type.
    #[error("a record type is missing")]
    NoType,
    /// What should be a type is none.
    #[error("{0:?} is no record type")]
    Type(String),
    /// The data is not what the type asks for.
    #[error("the data of this {record_type} record is malformed: {reason}")]
    Data {
        /// The type.
        record_type: String,
        /// What the reader says.
        reason: String,
    },
    /// No record, or more than one, where one is wanted.
    #[error("expected one record, as in \"www 300 A 192.0.2.1\"")]
    NotOneRecord,
    /// The text is too long to be read.
    #[error("the text has more than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The list ends here.
    #[error("too many faults: the rest is not read")]
    TooMany,
}

/// Reads a zone file. `origin` is the zone's name, `ttl_s` the TTL of records that have none and
/// come before any `$TTL` and any record that has one.
///
/// # Errors
///
/// Every fault in the text, up to a hundred.
pub fn parse(text: &str, origin: Name<'_>, ttl_s: u32) -> Result<Vec<Record>, Vec<TextFault>> {
    // Editors on Windows put it there; it means nothing in UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > TEXT_BYTES_MAX {
        return Err(vec![TextFault { line: 1, what: What::TooLong }]);
    }
    let mut reader =
        Reader { origin: origin.to_buf(), owner: None, default_ttl_s: None, last_ttl_s: ttl_s };
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    for entry in Entries::new(text) {
        match entry.and_then(|entry| {
            let line = entry.line;
            reader.read(&entry).map_err(|what| TextFault { line, what })
        }) {
            Ok(Some(record)) => records.push(record),
            Ok(None) => {}
            Err(fault) if faults.len() == FAULTS_MAX => {
                faults.push(TextFault { line: fault.line, what: What::TooMany });
                break;
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(records) } else { Err(faults) }
}

/// Reads one record as it stands in configuration: `"mail 300 MX 10 mx1"`.
///
/// # Errors
///
/// What is wrong with it; no record or more than one.
pub fn parse_record(text: &str, origin: Name<'_>, ttl_s: u32) -> Result<Record, What> {
    let mut records = parse(text, origin, ttl_s)
        .map_err(|faults| faults.into_iter().next().map_or(What::NotOneRecord, |f| f.what))?;
    match (records.pop(), records.is_empty()) {
        (Some(record), true) => Ok(record),
        _ => Err(What::NotOneRecord),
    }
}

/// What one entry leaves behind for the next.
struct Reader {
    origin: NameBuf,
    /// The owner of the record before.
    owner: Option<NameBuf>,
    /// What `$TTL` said.
    default_ttl_s: Option<u32>,
    /// The TTL that was written last (RFC 1035, 5.1).
    last_ttl_s: u32,
}

impl Reader {
    fn read(&mut self, entry: &Entry<'_>) -> Result<Option<Record>, What> {
        match entry.tokens.first() {
            None => Ok(None),
            Some(Token(first)) if !entry.is_indented && first.starts_with('$') => {
                self.control(first, &entry.tokens)?;
                Ok(None)
            }
            Some(_) => self.record(entry).map(Some),
        }
    }

    fn control(&mut self, control: &str, tokens: &[Token<'_>]) -> Result<(), What> {
        let value = |control| match tokens {
            [_, Token(value)] => Ok(*value),
            _ => Err(What::ControlValue(control)),
        };
        if control.eq_ignore_ascii_case("$ORIGIN") {
            self.origin = self.name(value("$ORIGIN")?)?;
        } else if control.eq_ignore_ascii_case("$TTL") {
            let text = value("$TTL")?;
            self.default_ttl_s = Some(ttl(text)?.ok_or_else(|| What::Ttl(shown(text)))?);
        } else {
            return Err(What::Control(shown(control)));
        }
        Ok(())
    }

    fn record(&mut self, entry: &Entry<'_>) -> Result<Record, What> {
        let mut rest = &*entry.tokens;
        if !entry.is_indented
            && let Some((Token(owner), behind)) = rest.split_first()
        {
            // Also where the rest is wrong: the next record may leave its owner out.
            self.owner = None;
            self.owner = Some(self.name(owner)?);
            rest = behind;
        }
        let owner = self.owner.clone().ok_or(What::NoOwner)?;
        let (written, record_type, data) = head(rest)?;
        if let Some(ttl_s) = written {
            self.last_ttl_s = ttl_s;
        }
        let ttl_s = written.or(self.default_ttl_s).unwrap_or(self.last_ttl_s);
        let (record_type, rdata) = self.data(record_type, data)?;
        Ok(Record::new(owner.as_name(), ttl_s, record_type, rdata))
    }

    /// Reads a record's type and data.
    fn data(&self, name: &str, data: &[Token<'_>]) -> Result<(RecordType, Box<[u8]>), What> {
        let fault = |reason: String| What::Data { record_type: shown(name), reason };
        let is_one_of = |names: &[&str]| names.iter().any(|one| name.eq_ignore_ascii_case(one));
        let (is_soa, is_text) = (is_one_of(&["SOA"]), is_one_of(TEXT_TYPES));
        let twin = TWINS.iter().find(|(twin, ..)| name.eq_ignore_ascii_case(twin));
        let mut text = format!("@ 0 IN {}", twin.map_or(name, |(_, _, read)| read));
        for (place, Token(token)) in data.iter().enumerate() {
            text.push(' ');
            // The times of an SOA record, behind two names and the serial.
            let is_time = is_soa && (3..=6).contains(&place);
            match ttl(token).ok().flatten().filter(|_| is_time) {
                Some(seconds) => text.push_str(&seconds.to_string()),
                None if *token == "@" && !is_text => text.push_str(&self.origin_text()),
                None => text.push_str(token),
            }
        }
        let record = self.scan(&text).map_err(|reason| match &*reason {
            UNREAD => fault(format!("write it as {name} \\# LENGTH HEX (RFC 3597)")),
            _ => fault(reason),
        })?;
        let mut rdata = Vec::new();
        let composed = record.data().compose_rdata(&mut rdata);
        if composed.is_err() || rdata.len() > usize::from(u16::MAX) {
            return Err(fault("it has more than 65535 bytes".to_owned()));
        }
        if !reads_back(record.rtype(), &rdata) {
            return Err(fault("it does not have the form of its type".to_owned()));
        }
        let record_type = twin.map_or(RecordType(record.rtype().to_int()), |(_, own, _)| *own);
        Ok((record_type, rdata.into()))
    }

    /// Reads a name.
    fn name(&self, text: &str) -> Result<NameBuf, What> {
        let wrong = || What::Name(shown(text));
        // The reader knows names as part of records only.
        let record = self.data("NS", &[Token(text)]).map_err(|_| wrong())?;
        whole_name(&record.1).map(Name::to_buf).ok_or_else(wrong)
    }

    /// The origin as `domain` reads it.
    fn origin_text(&self) -> String {
        let dot = if self.origin.as_name().is_root() { "" } else { "." };
        format!("{}{dot}", self.origin)
    }

    /// Has a record of one line read by `domain`.
    fn scan(&self, line: &str) -> Result<ScannedRecord, String> {
        let origin = domain::base::Name::from_octets(self.origin.as_name().as_bytes().to_vec());
        let origin = origin.map_err(|error| error.to_string())?;
        let mut file = Zonefile::with_capacity(line.len() + 2);
        file.extend_from_slice(line.as_bytes());
        file.extend_from_slice(b"\n");
        file.set_origin(origin.to_bytes());
        match file.next_entry() {
            Ok(Some(Scanned::Record(record))) => Ok(record),
            Ok(_) => Err("no record".to_owned()),
            // The text begins with a place in a line that is ours.
            Err(error) => {
                let text = error.to_string();
                Err(text.splitn(3, ':').nth(2).unwrap_or(&text).trim().to_owned())
            }
        }
    }
}

/// Reads what stands before a record's data: TTL and class, in either order or left out, and the
/// type's name.
fn head<'t, 'd>(tokens: &'t [Token<'d>]) -> Result<(Option<u32>, &'d str, &'t [Token<'d>]), What> {
    let (mut written, mut class) = (None, None);
    let mut rest = tokens;
    while let Some((Token(token), behind)) = rest.split_first() {
        rest = behind;
        if written.is_none() && token.starts_with(|c: char| c.is_ascii_digit()) {
            written = Some(ttl(token)?.ok_or_else(|| What::Ttl(shown(token)))?);
        } else if class.is_none() && token.parse::<dns::Class>().is_ok() && *token != "ANY" {
            class = Some(*token);
            if !token.eq_ignore_ascii_case("IN") && !token.eq_ignore_ascii_case("CLASS1") {
                return Err(What::Class(shown(token)));
            }
        } else if token.parse::<domain::base::Rtype>().is_ok() {
            return Ok((written, token, rest));
        } else {
            return Err(What::Type(shown(token)));
        }
    }
    Err(What::NoType)
}

/// Reads a TTL; nothing where the text is of another form.
fn ttl(text: &str) -> Result<Option<u32>, What> {
    let too_long = || What::Ttl(shown(text));
    let (mut sum, mut number) = (0_u64, None::<u64>);
    for c in text.chars() {
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            c => {
                let Some(digit) = c.to_digit(10) else {
                    return Ok(None);
                };
                let next = number.unwrap_or(0) * 10 + u64::from(digit);
                number = Some(next).filter(|next| *next <= TTL_MAX_S.into());
                number.ok_or_else(too_long)?;
                continue;
            }
        };
        let Some(number) = number.take() else {
            return Ok(None);
        };
        sum = sum.saturating_add(number.saturating_mul(unit));
    }
    if text.is_empty() {
        return Ok(None);
    }
    sum = sum.saturating_add(number.unwrap_or(0));
    u32::try_from(sum).ok().filter(|ttl_s| *ttl_s <= TTL_MAX_S).map(Some).ok_or_else(too_long)
}

/// Whether data is what its type says, to its last byte. It is not where a name holds an empty
/// label, or where the form of RFC 3597 was used for a known type with other bytes.
fn reads_back(rtype: domain::base::Rtype, rdata: &[u8]) -> bool {
    let mut parser = Parser::from_ref(rdata);
    let parsed = ZoneRecordData::<_, ParsedName<_>>::parse_rdata(rtype, &mut parser);
    let mut again = Vec::new();
    // Bytes that were left over are missing then.
    parsed
        .ok()
        .flatten()
        .is_some_and(|parsed| parsed.compose_rdata(&mut again).is_ok() && again == rdata)
}

/// A text that can be shown: cut where it is long.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
