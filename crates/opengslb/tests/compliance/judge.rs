//! What is wrong with an answer, by the criteria of genreport (RFC 8906, 8, says most of them). Reads
//! with the library `domain`, so that the server's reading of the standards is not tested with itself.

use domain::base::iana::Rtype;
use domain::base::opt::UnknownOptData;
use domain::base::wire::ParseError;
use domain::base::{Message, ToName as _};

use crate::ZONE;
use crate::transport::Transport;
use crate::trials::{AA, AD, CD, COOKIE, DO, Opt, RA, RD, SOA, Trial, UNKNOWN, Z};

const NOERROR: u16 = 0;
const NOTIMP: u16 = 4;
const BADVERS: u16 = 16;
const BADCOOKIE: u16 = 23;
/// A cookie with a server's part in it (RFC 7873, 4).
const WHOLE_COOKIE: std::ops::RangeInclusive<usize> = 16..=40;

/// What stands in an answer.
struct Seen {
    flags: u16,
    opcode: u8,
    rcode: u16,
    /// Questions, answers, authorities, additionals.
    counts: [u16; 4],
    asks_the_same: bool,
    has_soa: bool,
    opt: Option<SeenOpt>,
    bytes: usize,
}

/// What stands in its OPT record.
struct SeenOpt {
    version: u8,
    flags: u16,
    has_whole_cookie: bool,
    echoes: bool,
}

/// All faults of an answer to a test.
pub(crate) fn faults_of(trial: &Trial, reply: &[u8], transport: Transport) -> Vec<String> {
    let Ok(seen) = Seen::read(trial, reply) else {
        return vec!["malformed".to_owned()];
    };
    let mut faults = Faults(Vec::new());
    seen.check_message(trial, &mut faults);
    seen.check_rcode(trial, &mut faults);
    seen.check_edns(trial, &mut faults);
    seen.check_flags(trial, &mut faults);
    let bytes_max = trial.edns.as_ref().map_or(512, |opt| usize::from(opt.udp_size));
    let is_too_long = transport == Transport::Udp && seen.bytes > bytes_max;
    faults.add(is_too_long, "longer than the asker takes");
    faults.0
}

struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, is: bool, fault: &str) {
        if is {
            self.0.push(fault.to_owned());
        }
    }
}

impl Seen {
    fn read(trial: &Trial, reply: &[u8]) -> Result<Self, ParseError> {
        let message = Message::from_octets(reply).map_err(|_| ParseError::ShortInput)?;
        let counts = message.header_counts();
        let mut asks_the_same = true;
        for question in message.question() {
            let question = question?;
            let name = question.qname().to_vec().as_slice().to_ascii_lowercase();
            asks_the_same &= (name.as_slice(), question.qtype().to_int()) == (ZONE, trial.qtype);
        }
        let (mut has_soa, mut end, mut opts) = (false, message.answer()?.pos(), 0);
        for (number, mut section) in
            [message.answer()?, message.authority()?, message.additional()?].into_iter().enumerate()
        {
            for record in section.by_ref() {
                let record = record?;
                let is_ours = record.owner().to_vec().as_slice().eq_ignore_ascii_case(ZONE);
                has_soa |= number == 0 && record.rtype() == Rtype::SOA && is_ours;
                opts += usize::from(record.rtype() == Rtype::OPT);
            }
            end = section.pos();
        }
        let opt = read_opt(&message)?;
        if end != reply.len() || opts != usize::from(opt.is_some()) {
            return Err(ParseError::form_error("bytes or an OPT record too many"));
        }
        Ok(Self {
            flags: u16::from_be_bytes([reply[2], reply[3]]),
            opcode: message.header().opcode().to_int(),
            rcode: message.opt_rcode().to_int(),
            counts: [counts.qdcount(), counts.ancount(), counts.nscount(), counts.arcount()],
            asks_the_same,
            has_soa,
            opt,
            bytes: reply.len(),
        })
    }

    const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn check_message(&self, trial: &Trial, faults: &mut Faults) {
        faults.add(!self.has(0x8000), "no response");
        faults.add(self.opcode != trial.opcode, &format!("opcode {}", self.opcode));
        faults.add(!self.asks_the_same, "another question");
        faults.add(trial.opcode == 0 && self.counts[0] != 1, "no question");
        let is_empty = self.counts.iter().all(|count| *count == 0);
        faults.add(trial.opcode != 0 && !is_empty, "something in its sections");
        let (is_ok, is_new) = (self.rcode == NOERROR, trial.version() != 0);
        let wants_soa = trial.qtype == SOA && trial.opcode == 0 && is_ok && !is_new;
        faults.add(wants_soa && !self.has_soa, "no SOA");
        faults.add(self.has_soa && (is_new || !is_ok), "an SOA beside an error");
    }

    fn check_rcode(&self, trial: &Trial, faults: &mut Faults) {
        let has_whole_cookie = self.opt.as_ref().is_some_and(|opt| opt.has_whole_cookie);
        let is_right = match (trial.version(), trial.opcode) {
            (0, 0) if trial.has_cookie() && self.rcode == BADCOOKIE => has_whole_cookie,
            (0, 0) => self.rcode == NOERROR,
            (0, _) => self.rcode == NOTIMP,
            (_, _) => self.rcode == BADVERS,
        };
        faults.add(!is_right, &dns_name(self.rcode));
    }

    fn check_edns(&self, trial: &Trial, faults: &mut Faults) {
        let (asked, seen) = match (&trial.edns, &self.opt) {
            (None, None) => return,
            (None, Some(_)) => return faults.add(true, "an OPT record"),
            (Some(_), None) => return faults.add(true, "no OPT record"),
            (Some(asked), Some(seen)) => (asked, seen),
        };
        let Opt { flags, .. } = asked;
        faults.add(seen.version != 0, &format!("EDNS version {}", seen.version));
        faults.add(seen.echoes, "the unknown option");
        faults.add(flags & DO != 0 && seen.flags & DO == 0, "no DO");
        faults.add(seen.flags & !DO != 0, "an undefined EDNS flag");
    }

    /// Flags are QUERY's own; in an answer to another kind of message none may be set.
    fn check_flags(&self, trial: &Trial, faults: &mut Faults) {
        faults.add(self.has(Z), "the reserved flag");
        if trial.opcode != 0 {
            for (flag, name) in [(AA, "AA"), (RA, "RA"), (RD, "RD"), (AD, "AD"), (CD, "CD")] {
                faults.add(self.has(flag), &format!("{name}, which is QUERY's"));
            }
            return;
        }
        let wants_aa = trial.version() == 0 && self.rcode == NOERROR;
        faults.add(wants_aa && !self.has(AA), "not authoritative");
        let asked = |flag| trial.flags & flag != 0;
        faults.add(self.has(RD) && !asked(RD), "RD that nobody set");
        faults.add(!self.has(RD) && asked(RD), "no RD");
        let wants_dnssec = trial.edns.as_ref().is_some_and(|opt| opt.flags & DO != 0);
        faults.add(self.has(AD) && !asked(AD) && !wants_dnssec, "AD that nobody asked for");
        faults.add(self.has(CD) && !asked(CD), "CD that nobody set");
    }
}

fn read_opt(message: &Message<&[u8]>) -> Result<Option<SeenOpt>, ParseError> {
    let Some(opt) = message.opt() else { return Ok(None) };
    let record =
        message.additional()?.filter_map(Result::ok).find(|record| record.rtype() == Rtype::OPT);
    let ttl = record.map_or(0, |record| record.ttl().as_secs());
    let mut seen = SeenOpt {
        version: opt.version(),
        flags: u16::try_from(ttl & 0xffff).unwrap(),
        has_whole_cookie: false,
        echoes: false,
    };
    for option in opt.opt().iter::<UnknownOptData<_>>() {
        let option = option?;
        let code = option.code().to_int();
        seen.has_whole_cookie |= code == COOKIE && WHOLE_COOKIE.contains(&option.data().len());
        seen.echoes |= code == UNKNOWN;
    }
    Ok(Some(seen))
}

/// The usual name of a response code.
fn dns_name(rcode: u16) -> String {
    domain::base::iana::OptRcode::masked_from_int(rcode).to_string()
}
