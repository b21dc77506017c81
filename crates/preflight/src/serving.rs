//! Whether each address answers as an authority must: by UDP and TCP, with EDNS and without, and when
//! an answer does not fit.

use crate::book::{Book, Failure, Reply};
use crate::finding::{Check, Finding, list};
use crate::message::Message;
use crate::nameservers::Server;
use crate::plan::Plan;
use crate::question::{Edns, LARGE_UDP_SIZE, Question, Transport, UDP_SIZE};
use crate::walk::{NOERROR, rcode};
use crate::{Name, RecordType};

/// What an asker without EDNS takes (RFC 1035, 4.2.1).
const PLAIN_UDP_SIZE: usize = 512;
/// BADVERS (RFC 6891, 6.1.3).
const BADVERS: u16 = 16;
/// REFUSED.
const REFUSED: u16 = 5;

/// What is wrong, and what to do.
type Wrong = (String, String);

/// The replies of one address.
struct Replies {
    server: Server,
    udp: Reply,
    tcp: Reply,
    plain: Reply,
    next_version: Reply,
    /// By UDP and by TCP.
    large: Vec<(Reply, Reply)>,
}

/// Looks at every address; gives those that answer with authority by UDP.
pub(crate) fn serving(
    (plan, book): (&Plan, &mut Book),
    servers: &[Server],
    findings: &mut Vec<Finding>,
) -> Option<Vec<Server>> {
    let asked: Vec<Option<Replies>> =
        servers.iter().map(|server| replies(book, server, &plan.zone)).collect();
    let asked: Vec<Replies> = asked.into_iter().collect::<Option<_>>()?;
    let (here, away): (Vec<&Replies>, Vec<&Replies>) =
        asked.iter().partition(|replies| !replies.udp.is_no_way());
    for replies in away {
        let found = format!("{}: {}", replies.server.socket.ip(), Failure::NoWay);
        findings.push(Finding::unknown(Check::Udp, found, "look again from one that has"));
    }
    let each = |check, judge: &dyn Fn(&Replies) -> Result<(), Wrong>| {
        let judged = here.iter().map(|replies| (&replies.server, judge(replies)));
        summary(check, judged.collect())
    };
    let zone = &plan.zone;
    findings.extend(each(Check::Udp, &|replies| authority(&replies.udp, zone, Transport::Udp)));
    findings.extend(each(Check::Tcp, &|replies| authority(&replies.tcp, zone, Transport::Tcp)));
    let answering: Vec<&&Replies> =
        here.iter().filter(|r| authority(&r.udp, zone, Transport::Udp).is_ok()).collect();
    // Of one that does not answer at all there is nothing more to say.
    let each = |check, judge: &dyn Fn(&Replies) -> Result<(), Wrong>| {
        let judged = answering.iter().map(|replies| (&replies.server, judge(replies)));
        summary(check, judged.collect())
    };
    findings.extend(each(Check::Edns, &edns));
    findings.extend(each(Check::Large, &large));
    Some(answering.iter().map(|replies| replies.server.clone()).collect())
}

fn replies(book: &mut Book, server: &Server, zone: &Name) -> Option<Replies> {
    let soa = || Question::new(server.socket, zone, RecordType::SOA);
    let large = |kind| {
        let edns = Edns { udp_size: LARGE_UDP_SIZE, dnssec_ok: true, ..Edns::PLAIN };
        Question::new(server.socket, zone, kind).with(Some(edns))
    };
    let next_version = Edns { version: 1, ..Edns::PLAIN };
    let kinds = [RecordType::DNSKEY, RecordType::TXT, RecordType::NS];
    let mut questions =
        vec![soa(), soa().by_tcp(), soa().with(None), soa().with(Some(next_version))];
    questions.extend(kinds.iter().flat_map(|kind| [large(*kind), large(*kind).by_tcp()]));
    let mut replies = book.ask_all(questions)?.into_iter();
    let (udp, tcp) = (replies.next()?, replies.next()?);
    let (plain, next_version) = (replies.next()?, replies.next()?);
    let large = kinds.iter().filter_map(|_| Some((replies.next()?, replies.next()?))).collect();
    Some(Replies { server: server.clone(), udp, tcp, plain, next_version, large })
}

/// One line where all is well, else one for each address where it is not.
fn summary(check: Check, judged: Vec<(&Server, Result<(), Wrong>)>) -> Vec<Finding> {
    if judged.is_empty() {
        let next = "mend the checks above first";
        return vec![Finding::unknown(check, "no address could be looked at", next)];
    }
    let wrong: Vec<Finding> = judged
        .iter()
        .filter_map(|(server, judgement)| {
            let (found, next) = judgement.as_ref().err()?;
            let who = format!("{} ({})", server.socket.ip(), server.name);
            Some(Finding::bad(check, format!("{who}: {found}"), next.clone()))
        })
        .collect();
    if !wrong.is_empty() {
        return wrong;
    }
    let all = list(judged.iter().map(|(server, _)| server.socket.ip()));
    let what = match check {
        Check::Udp => "with authority",
        Check::Tcp => "with authority by TCP",
        Check::Edns => "by the rules of EDNS, and without it",
        _ => "in full by TCP where UDP is too small",
    };
    let answer = if judged.len() == 1 { "answers" } else { "answer" };
    vec![Finding::good(check, format!("{all} {answer} {what}"))]
}

/// An answer with the zone's SOA, with authority.
fn authority(reply: &Reply, zone: &Name, transport: Transport) -> Result<(), Wrong> {
    let said = match reply {
        Reply::Message(said) => said,
        Reply::Failed(failure) => {
            let next = match transport {
                Transport::Udp => "is opengslb running there, and does a firewall let UDP in?",
                Transport::Tcp => {
                    "let TCP in too: resolvers come by TCP where an answer does not fit (RFC 7766)"
                }
            };
            return Err((failure.to_string(), next.to_owned()));
        }
    };
    let not_its_own = format!("have it serve {zone} (dns.zones), or take it out of the delegation");
    match said.rcode {
        NOERROR if said.serial(zone).is_some() && said.is_authoritative => Ok(()),
        NOERROR if said.serial(zone).is_some() => {
            Err((format!("lame: it knows {zone} without authority"), not_its_own))
        }
        NOERROR => Err((format!("lame: it has no SOA of {zone}"), not_its_own)),
        REFUSED => Err((format!("lame: it refuses questions about {zone}"), not_its_own)),
        code => Err((format!("it says {}", rcode(code)), "see the log of that server".to_owned())),
    }
}

/// RFC 6891: an OPT record for one, none without (7), BADVERS for a version that is none (6.1.3).
fn edns(replies: &Replies) -> Result<(), Wrong> {
    let next = "a middlebox takes EDNS away, or the server is of before 2013".to_owned();
    if replies.udp.message().is_some_and(|said| said.opt.is_none()) {
        return Err(("it ignores EDNS: client subnets and long answers are lost".into(), next));
    }
    match &replies.plain {
        Reply::Failed(failure) => {
            let next = "a middlebox drops questions without EDNS".to_owned();
            return Err((format!("without EDNS: {failure}"), next));
        }
        Reply::Message(said) if said.opt.is_some() => {
            let found = "it puts an OPT record into an answer to a question without one";
            return Err((found.to_owned(), "see the server's version".to_owned()));
        }
        Reply::Message(said) if said.bytes > PLAIN_UDP_SIZE => {
            let found = format!("without EDNS it sends {} bytes; 512 are allowed", said.bytes);
            return Err((found, "see the server's version".to_owned()));
        }
        Reply::Message(_) => {}
    }
    match &replies.next_version {
        Reply::Message(said) if said.rcode == BADVERS => Ok(()),
        Reply::Message(said) => {
            let found = format!("to EDNS version 1 it says {}, not BADVERS", rcode(said.rcode));
            Err((found, "see the server's version".to_owned()))
        }
        Reply::Failed(failure) => Err((
            format!("EDNS version 1: {failure}"),
            "a middlebox drops what it does not know; it has to let DNS pass".to_owned(),
        )),
    }
}

/// What does not fit is cut and said to be, and is whole by TCP; nothing goes in fragments.
fn large(replies: &Replies) -> Result<(), Wrong> {
    /// What a frame of Ethernet carries besides the headers of IPv6 and UDP.
    const FRAME_BYTES: usize = 1500 - 40 - 8;
    for (udp, tcp) in &replies.large {
        let udp: &Message = match udp {
            Reply::Message(said) => said,
            Reply::Failed(failure) => {
                let next = format!("longer answers are lost: send at most {UDP_SIZE} bytes by UDP");
                return Err((format!("to an asker that takes 4096 bytes: {failure}"), next));
            }
        };
        if udp.bytes > FRAME_BYTES {
            let found = format!("it sends {} bytes in one datagram", udp.bytes);
            return Err((found, format!("set dns.udp_size to {UDP_SIZE}: fragments are lost")));
        }
        // That it does not answer by TCP at all is said already.
        let Some(tcp) = tcp.message() else { continue };
        if tcp.is_truncated {
            let found = "it cuts an answer by TCP".to_owned();
            return Err((found, "see the server's version".to_owned()));
        }
        if !udp.is_truncated && udp.answer.len() != tcp.answer.len() {
            let found = "its answer by UDP is cut and does not say so (TC)".to_owned();
            return Err((found, "see the server's version".to_owned()));
        }
    }
    Ok(())
}
