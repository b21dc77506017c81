//! The text dialogues of `testdata/`: a query, what we read in it, what we reply.
//!
//! `testdata/README.md` says how they are written. `DIALOGUES=write cargo test -p dns` writes what
//! happens now into the files; read the difference before you keep it.

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use crate::oracle::{self, Ask, AskEdns, Seen};
use dns::{
    Answer, ClientSubnet, CookieKeys, CookieStanding, Edns, ExtendedCode, ExtendedError, Extras,
    Fault, Head, Limit, NameBuf, Query, Rcode, Rdata, RecordType, Section, ServerFact, Soa, Why,
    parse,
};
use model::Time;

/// Our own size limit, unless a dialogue says another.
const UDP_SIZE: u16 = 1232;

#[test]
fn queries_are_read_as_the_dialogues_say() {
    check("queries.txt");
}

#[test]
fn faults_are_answered_as_the_dialogues_say() {
    check("faults.txt");
}

#[test]
fn client_subnets_are_read_as_the_dialogues_say() {
    check("client-subnet.txt");
}

#[test]
fn answers_are_written_as_the_dialogues_say() {
    check("answers.txt");
}

#[test]
fn options_are_answered_as_the_dialogues_say() {
    check("options.txt");
}

#[test]
fn compliance_queries_are_answered_as_the_dialogues_say() {
    check("edns-compliance.txt");
}

/// Runs each dialogue of a file: the lines that say what happens must be what happens.
fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut now = String::new();
    for dialogue in text.split_inclusive("\n\n") {
        let lines = dialogue.trim_end().lines();
        let (happens, given): (Vec<_>, Vec<_>) =
            lines.partition(|line| line.starts_with("read ") || line.starts_with("reply "));
        let mut outcome = given.join("\n");
        if given.iter().any(|line| !line.is_empty() && !line.starts_with('#')) {
            let lines = run(&given);
            if std::env::var_os("DIALOGUES").is_none() {
                assert_eq!(happens, lines, "{file}: {outcome}");
            }
            outcome = format!("{outcome}\n{}", lines.join("\n"));
        }
        now.push_str(&format!("{outcome}\n\n"));
    }
    if std::env::var_os("DIALOGUES").is_some() {
        std::fs::write(path, format!("{}\n", now.trim_end())).unwrap();
    }
}

/// What happens: the lines `read` and `reply`.
fn run(given: &[&str]) -> Vec<String> {
    let with = |key: &'static str| {
        given.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
    };
    let mut packet: Vec<u8> = with("hex").flat_map(hex_of).collect();
    if let Some(words) = with("ask").next() {
        packet = ask_of(words).to_bytes();
    }
    let mut buffer = vec![0; 65_535];
    let limit = |edns: Option<&Edns<'_>>| match with("limit").next() {
        Some("tcp") => Limit::tcp(UDP_SIZE),
        Some(size) => Limit::udp(edns, size.parse().unwrap()),
        None => Limit::udp(edns, UDP_SIZE),
    };
    let mut extras = extras_of(with("carry"));
    let asker = with("cookies").next().map(Asker::of);
    match parse(&packet) {
        Ok(query) => {
            let standing = asker.as_ref().map(|asker| asker.judge(query.edns, &mut extras));
            let mut lines = vec![format!("read {}{}", show_query(&query), show_standing(standing))];
            if let Some(head) = with("say").next() {
                let limit = limit(query.edns.as_ref());
                let mut answer = Answer::to_query(&query, head_of(head), limit, &mut buffer);
                answer.carry(&extras);
                if given.contains(&"cut") {
                    answer.truncate();
                }
                with("put").for_each(|set| put(&mut answer, set));
                lines.extend(show_reply(answer.finish()));
            }
            lines
        }
        Err(Fault::Refuse(mut refusal)) => {
            let source = std::error::Error::source(&refusal.why);
            let source = source.map(|source| format!(": {source}")).unwrap_or_default();
            let standing = asker.as_ref().map(|asker| asker.judge(refusal.edns, &mut extras));
            let standing_shown = show_standing(standing);
            let mut lines = vec![format!("read {}{source}{standing_shown}", refusal.why)];
            if (refusal.why, standing) == (Why::CookieOnly, Some(CookieStanding::Bad)) {
                refusal.why = Why::BadCookie;
            }
            let limit = limit(refusal.edns.as_ref());
            let mut answer = Answer::to_refusal(&refusal, limit, &mut buffer);
            answer.carry(&extras);
            lines.extend(show_reply(answer.finish()));
            lines
        }
        Err(Fault::Drop(why)) => vec![format!("read nothing: {why}")],
    }
}

/// Who asks, and how the server proves it: a `cookies` line.
struct Asker {
    keys: CookieKeys,
    address: IpAddr,
    now: Time,
}

impl Asker {
    /// `SECRET ADDRESS SECONDS`, and a second secret that is accepted, too.
    fn of(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut next = || words.next();
        let secret = |word: &str| hex_of(word).try_into().unwrap();
        let issuing = secret(next().unwrap());
        let address = parsed(next().unwrap());
        let seconds: u64 = parsed(next().unwrap());
        let keys = CookieKeys::new(issuing, next().map(secret));
        Self { keys, address, now: Time::from_unix_ms(seconds * 1000) }
    }

    /// What the asker's cookie proves; a fresh one goes into the answer.
    fn judge(&self, edns: Option<Edns<'_>>, extras: &mut Extras<'_>) -> CookieStanding {
        let cookie = edns.and_then(|edns| edns.cookie);
        extras.cookie = cookie.map(|cookie| self.keys.issue(cookie.client, self.address, self.now));
        self.keys.judge(cookie, self.address, self.now)
    }
}

fn show_standing(standing: Option<CookieStanding>) -> String {
    standing.map(|standing| format!(", proves {standing:?}")).unwrap_or_default()
}

/// What the `carry` lines say: a kind and its value.
fn extras_of<'l>(lines: impl Iterator<Item = &'l str>) -> Extras<'l> {
    let mut extras = Extras::NONE;
    for line in lines {
        let (kind, value) = line.split_once(' ').unwrap();
        match kind {
            "nsid" => extras.nsid = Some(value.as_bytes()),
            "idle" => extras.tcp_idle_ms = Some(parsed(value)),
            "error" => {
                let (code, text) = value.split_once(' ').unwrap_or((value, ""));
                let text = String::from_utf8(text_of(text)).unwrap();
                // Texts are the program's own; here a test run is.
                extras.error =
                    Some(ExtendedError { code: ExtendedCode(parsed(code)), text: text.leak() });
            }
            word => panic!("{word:?} is no word of a `carry` line"),
        }
    }
    extras
}

fn parsed<T: FromStr<Err: std::fmt::Debug>>(word: &str) -> T {
    word.parse().unwrap_or_else(|error| panic!("{word:?}: {error:?}"))
}

/// The bytes of a line of hexadecimal digits and "texts"; a comment may follow behind `;`.
fn hex_of(line: &str) -> Vec<u8> {
    let line = line.split(';').next().unwrap();
    let mut bytes = Vec::new();
    for word in line.split_whitespace() {
        match word.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) => bytes.extend_from_slice(text.as_bytes()),
            None => {
                for pair in word.as_bytes().chunks(2) {
                    let pair = std::str::from_utf8(pair).unwrap();
                    bytes.push(u8::from_str_radix(pair, 16).unwrap());
                }
            }
        }
    }
    bytes
}

/// The query of an `ask` line: name, type, then words with their values.
fn ask_of(line: &str) -> Ask {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or("");
    let name: NameBuf = parsed(next());
    let qtype: RecordType = parsed(next());
    let mut ask = Ask {
        id: 7,
        flags: 0,
        name: name.as_name().as_bytes().to_vec(),
        qtype: qtype.0,
        qclass: 1,
        others: 0,
        edns: None,
    };
    let opt = |ask: &mut Ask, change: &dyn Fn(&mut AskEdns)| {
        change(ask.edns.as_mut().expect("`edns SIZE` comes before what it carries"));
    };
    loop {
        match next() {
            "" => return ask,
            "id" => ask.id = parsed(next()),
            "class" => ask.qclass = parsed::<dns::Class>(next()).0,
            "rd" => ask.flags |= 0x0100,
            "tc" => ask.flags |= 0x0200,
            "aa" => ask.flags |= 0x0400,
            "cd" => ask.flags |= 0x0010,
            "ad" => ask.flags |= 0x0020,
            "z" => ask.flags |= 0x0040,
            "ra" => ask.flags |= 0x0080,
            "opcode" => ask.flags |= u16::from(parsed::<dns::Opcode>(next()).0) << 11,
            "others" => ask.others = parsed(next()),
            "edns" => {
                ask.edns = Some(AskEdns {
                    udp_size: parsed(next()),
                    version: 0,
                    dnssec_ok: false,
                    client_subnet: None,
                    options: Vec::new(),
                });
            }
            "version" => {
                let version = parsed(next());
                opt(&mut ask, &|edns| edns.version = version);
            }
            "do" => opt(&mut ask, &|edns| edns.dnssec_ok = true),
            "ecs" => {
                let network: model::Subnet = parsed(next());
                let pair = (network.length(), network.address());
                opt(&mut ask, &|edns| edns.client_subnet = Some(pair));
            }
            "option" => {
                let code: dns::OptionCode = parsed(next());
                let value = hex_of(next());
                opt(&mut ask, &|edns| edns.options.push((code.0, value.clone())));
            }
            word => panic!("{word:?} is no word of an `ask` line"),
        }
    }
}

/// The head of a `say` line: a response code, then `aa` and `scope BITS`.
fn head_of(line: &str) -> Head {
    let mut words = line.split_whitespace();
    let rcode: Rcode = parsed(words.next().unwrap());
    let mut head = Head { rcode, authoritative: false, scope: 0 };
    while let Some(word) = words.next() {
        match word {
            "aa" => head.authoritative = true,
            "scope" => head.scope = parsed(words.next().unwrap()),
            word => panic!("{word:?} is no word of a `say` line"),
        }
    }
    head
}

/// Adds the set of a `put` line: section, owner, TTL, type, then the data of each record behind `|`.
fn put(answer: &mut Answer<'_>, line: &str) {
    let [section, owner, ttl, record_type, data] =
        line.splitn(5, ' ').collect::<Vec<_>>().try_into().unwrap();
    let section = match section {
        "answer" => Section::Answer,
        "authority" => Section::Authority,
        "additional" => Section::Additional,
        word => panic!("{word:?} is no section"),
    };
    let owner: NameBuf = parsed(owner);
    let pieces: Vec<Vec<&str>> =
        data.split('|').map(|record| record.split_whitespace().collect()).collect();
    // The names must outlive the records that borrow them.
    let names: Vec<Vec<NameBuf>> = pieces
        .iter()
        .map(|words| words.iter().filter_map(|word| word.parse().ok()).collect())
        .collect();
    let raw: Vec<Vec<u8>> = pieces.iter().map(|words| text_of(&words.join(" "))).collect();
    let records = pieces.iter().zip(&names).zip(&raw).map(|((words, names), raw)| {
        match parsed::<RecordType>(record_type) {
            RecordType::A => Rdata::A(parsed(words[0])),
            RecordType::AAAA => Rdata::Aaaa(parsed(words[0])),
            RecordType::NS => Rdata::Ns(names[0].as_name()),
            RecordType::CNAME => Rdata::Cname(names[0].as_name()),
            RecordType::TXT => Rdata::Txt(raw),
            RecordType::SOA => Rdata::Soa(Soa {
                primary: names[0].as_name(),
                mailbox: names[1].as_name(),
                serial: parsed(words[2]),
                refresh_s: parsed(words[3]),
                retry_s: parsed(words[4]),
                expire_s: parsed(words[5]),
                minimum_s: parsed(words[6]),
            }),
            record_type => Rdata::Other { record_type, bytes: raw },
        }
    });
    answer.add(section, owner.as_name(), parsed(ttl), records);
}

/// The bytes of a text; `x*20` is that many letters.
fn text_of(text: &str) -> Vec<u8> {
    match text.strip_prefix("x*").and_then(|count| count.parse().ok()) {
        Some(count) => vec![b'x'; count],
        None => text.as_bytes().to_vec(),
    }
}

fn show_query(query: &Query<'_>) -> String {
    let question = query.question;
    let mut words = vec![format!("{} {} {}", question.name, question.qclass, question.qtype)];
    words.push(format!("id {}", query.header.id));
    if query.header.flags.has(dns::header::Flags::RECURSION_DESIRED) {
        words.push("rd".to_owned());
    }
    if let Some(edns) = query.edns {
        words.push(format!("edns {}{}", edns.udp_size, if edns.dnssec_ok { " do" } else { "" }));
        match edns.client_subnet {
            Some(ClientSubnet::Network(network)) => words.push(format!("client {network}")),
            Some(ClientSubnet::Withheld) => words.push("client withheld".to_owned()),
            None => (),
        }
        words.extend(edns.cookie.map(|cookie| {
            let server = cookie.server.map(|server| format!(" {}", oracle::hex(server)));
            format!("cookie {}{}", oracle::hex(&cookie.client), server.unwrap_or_default())
        }));
        words.extend(edns.nsid.then(|| "wants nsid".to_owned()));
        words.extend(edns.tcp_keepalive.then(|| "wants idle time".to_owned()));
    }
    words.extend(ServerFact::asked_by(&query.question).map(|fact| format!("about us: {fact:?}")));
    words.join(", ")
}

/// What `domain` reads in the reply.
fn show_reply(bytes: &[u8]) -> Vec<String> {
    let Seen { id, head, questions, records, opt, .. } = oracle::read(bytes).unwrap();
    let mut lines = vec![format!("reply id {id}, {head}, {} bytes", bytes.len())];
    lines.extend(questions.iter().map(|(name, rest)| format!("reply question {name} {rest}")));
    lines.extend(records.iter().map(|record| match record.text.split_at_checked(100) {
        Some((begin, _)) => format!("reply {} {begin}...", record.section),
        None => format!("reply {} {}", record.section, record.text),
    }));
    if let Some(opt) = opt {
        assert!(opt.last, "the OPT record is the last");
        let dnssec_ok = if opt.dnssec_ok { " do" } else { "" };
        let words: String = opt.options.iter().map(|option| format!(", {option}")).collect();
        lines
            .push(format!("reply edns {} version {}{dnssec_ok}{words}", opt.udp_size, opt.version));
    }
    lines
}
