//! `ask-dns RATE SECONDS [--each]`: clients of this host that ask for the domain's address, so many
//! questions a second, and try a second nameserver when the first does not answer in time.
//!
//! Each overwatch is as often the first as any other, and clients take turns. With `--each` there is a
//! line for each question once it is over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use domain::base::Message;
use domain::base::iana::{Rcode, Rtype};
use domain::rdata::A;

use super::{Here, traffic};
use crate::dns_client::{self, Question};
use crate::sys::process;
use crate::topology::{Host, Role, Topology};

/// More than that would be a flood, and have more questions open than there are numbers for them.
const RATE_MAX: u64 = 2000;
/// How long the first nameserver has; as `options timeout:1` in a client's `resolv.conf`.
const FIRST_US: u64 = 1_000_000;
/// How long the second one has; then the question is lost.
const SECOND_US: u64 = 2_000_000;

const USAGE: &str = "usage: ask-dns RATE SECONDS [--each]";

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (rate, seconds, each) = match args {
        [rate, seconds] => (rate, seconds, false),
        [rate, seconds, option] if option == "--each" => (rate, seconds, true),
        _ => bail!(USAGE),
    };
    let rate = rate.parse().ok().filter(|rate| (1..=RATE_MAX).contains(rate)).context(USAGE)?;
    let seconds: u64 = seconds.parse().ok().filter(|s| *s > 0).context(USAGE)?;
    let here = Here::find()?;
    process::catch_stop_signals()?;
    let mut asker = Asker::new(&here.topology, here.host()?, each)?;
    asker.ask_all(1_000_000 / rate, seconds.saturating_mul(1_000_000))?;
    let Tally { asked, retried, lost } = asker.tally;
    crate::say(&format!("{asked} questions, {retried} went to a second nameserver, {lost} lost"));
    Ok(if lost == 0 && asked > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Tally {
    asked: u64,
    retried: u64,
    lost: u64,
}

/// A question that is not over.
struct Open {
    /// Where it is sent from, as an index into the sockets.
    client: usize,
    /// Its nameservers, in their order.
    servers: [IpAddr; 2],
    asked_us: u64,
    /// When the second one was asked.
    retried_us: Option<u64>,
}

impl Open {
    const fn deadline_us(&self) -> u64 {
        match self.retried_us {
            Some(retried_us) => retried_us + SECOND_US,
            None => self.asked_us + FIRST_US,
        }
    }
}

struct Asker {
    sockets: Vec<UdpSocket>,
    servers: Vec<IpAddr>,
    /// The question with the number 0.
    query: Vec<u8>,
    open: BTreeMap<u16, Open>,
    next: u16,
    each: bool,
    tally: Tally,
}

impl Asker {
    fn new(topology: &Topology, host: &Host, each: bool) -> anyhow::Result<Self> {
        let servers: Vec<IpAddr> =
            topology.with_role(Role::Overwatch).filter_map(Host::ipv4).collect();
        let server = *servers.first().context("no overwatch here has an IPv4 address")?;
        let question = Question {
            server: SocketAddr::new(server, 53),
            name: topology.domain.to_string(),
            kind: Rtype::A,
            subnet: None,
            tcp: false,
            timeout: Duration::ZERO,
        };
        let clients = traffic::clients_of(host).into_iter().filter(IpAddr::is_ipv4);
        let bind = |client| -> anyhow::Result<UdpSocket> {
            let socket = UdpSocket::bind((client, 0)).with_context(|| format!("{client}"))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        Ok(Self {
            sockets: clients.map(bind).collect::<Result<_, _>>()?,
            servers,
            query: dns_client::build(&question, 0)?,
            open: BTreeMap::new(),
            next: 0,
            each,
            tally: Tally::default(),
        })
    }

    fn ask_all(&mut self, every_us: u64, length_us: u64) -> anyhow::Result<()> {
        let began_us = process::monotonic_us();
        let mut due_us = began_us;
        loop {
            let now_us = process::monotonic_us();
            let is_over = process::stop_requested() || due_us >= began_us + length_us;
            if is_over && self.open.is_empty() {
                return Ok(());
            }
            if !is_over && now_us >= due_us {
                due_us += every_us;
                self.ask(now_us);
            }
            self.hear();
            self.give_up(now_us);
            let deadline_us = self.open.values().map(Open::deadline_us).min();
            let next_us = deadline_us.into_iter().chain((!is_over).then_some(due_us)).min();
            let wait_us = next_us.unwrap_or(now_us).saturating_sub(process::monotonic_us());
            let fds: Vec<_> = self.sockets.iter().map(AsFd::as_fd).collect();
            process::wait_readable(&fds, Some(Duration::from_micros(wait_us)))?;
        }
    }

    /// A new question, to the nameserver whose turn it is; the second one is each of the others in turn.
    fn ask(&mut self, now_us: u64) {
        let (turn, count) = (usize::from(self.next), self.servers.len());
        let first = turn.checked_rem(count).unwrap_or(0);
        let other = (turn / count.max(1)).checked_rem(count.saturating_sub(1)).unwrap_or(0);
        let second = (first + 1 + other).checked_rem(count).unwrap_or(0);
        let at =
            |index: usize| self.servers.get(index).copied().unwrap_or(Ipv4Addr::LOCALHOST.into());
        let open = Open {
            client: (turn / count.max(1)).checked_rem(self.sockets.len()).unwrap_or(0),
            servers: [at(first), at(second)],
            asked_us: now_us,
            retried_us: None,
        };
        self.send(self.next, open.client, open.servers[0]);
        self.open.insert(self.next, open);
        self.next = self.next.wrapping_add(1);
        self.tally.asked += 1;
    }

    fn send(&self, id: u16, client: usize, server: IpAddr) {
        let query = [&id.to_be_bytes(), self.query.get(2..).unwrap_or_default()].concat();
        if let Some(socket) = self.sockets.get(client) {
            // What cannot be sent is a question without an answer, as for any client.
            let _ = socket.send_to(&query, (server, 53));
        }
    }

    fn hear(&mut self) {
        let mut buffer = [0; 4096];
        for client in 0..self.sockets.len() {
            while let Some(Ok((length, from))) =
                self.sockets.get(client).map(|socket| socket.recv_from(&mut buffer))
            {
                let octets = buffer.get(..length).unwrap_or_default();
                if let Ok(message) = Message::from_octets(octets) {
                    self.heard(client, from.ip(), &message);
                }
            }
        }
    }

    fn heard(&mut self, client: usize, from: IpAddr, message: &Message<&[u8]>) {
        let id = message.header().id();
        let fits = |open: &Open| open.client == client && open.servers.contains(&from);
        if !self.open.get(&id).is_some_and(fits) {
            return; // a late answer
        }
        if let Some(open) = self.open.remove(&id) {
            self.over(&open, Some(from), &said(message));
        }
    }

    /// Asks the second nameserver where the first took too long, and gives up where that did.
    fn give_up(&mut self, now_us: u64) {
        let late = self.open.iter().filter(|(_, open)| open.deadline_us() <= now_us);
        for id in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            let Some(open) = self.open.get_mut(&id) else { continue };
            if open.retried_us.is_none() {
                open.retried_us = Some(now_us);
                let (client, second) = (open.client, open.servers[1]);
                self.tally.retried += 1;
                self.send(id, client, second);
            } else if let Some(open) = self.open.remove(&id) {
                self.tally.lost += 1;
                self.over(&open, None, "lost");
            }
        }
    }

    /// Begun and ended in microseconds of the system, tries, who answered, what.
    fn over(&self, open: &Open, from: Option<IpAddr>, said: &str) {
        if !self.each {
            return;
        }
        let tries = 1 + u8::from(open.retried_us.is_some());
        let mut line = format!("{} {} {tries} ", open.asked_us, process::monotonic_us());
        let _ = match from {
            Some(from) => write!(line, "{from} {said}"),
            None => write!(line, "- {said}"),
        };
        crate::say(&line);
    }
}

/// The addresses with commas between, or in a word why there is none.
fn said(message: &Message<&[u8]>) -> String {
    let rcode = message.header().rcode();
    if rcode != Rcode::NOERROR {
        return rcode.to_string();
    }
    let records = message.answer().map(|answer| answer.limit_to::<A>().flatten());
    let addresses = records.into_iter().flatten().map(|record| record.data().addr().to_string());
    let addresses: Vec<String> = addresses.collect();
    if addresses.is_empty() { "empty".to_owned() } else { addresses.join(",") }
}
