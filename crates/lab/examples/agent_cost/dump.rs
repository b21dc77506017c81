//! A poll of open connections that several processes hold, beside the kernel's own part of it: the same
//! questions, their answers received and thrown away.
//!
//! Before each round a segment went over each connection and was acknowledged, and the agent's clock is as far on as
//! the kernel's minimum reaches back: so every reading counts, which is the most that a poll can cost. An agent that
//! polls every ten seconds counts a thirtieth of them.
//!
//! Rounds alternate, so that what disturbs the machine for longer disturbs both; a ratio is taken within a
//! round. Times are of the processor: nothing here waits for anything else.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use model::{Sample, Time};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use tcpstat::bench::dump_requests;
use tcpstat::{Dump, Kernel};
use testkit::took_s;

use super::{Other, PORT, figure, median};

/// Fewer are not several.
const HOLDERS_MIN: u32 = 4;
/// More would be a machine whose limits are made for something else.
const HOLDERS_MAX: u32 = 256;
/// Files of a process that are no connections, and some more.
const OTHER_FILES: u64 = 64;
/// The kernel's minimum is over this time (`tcp_min_rtt_wlen`, ip-sysctl): earlier a connection counts no second time.
const MIN_RTT_WINDOW_MS: u64 = 300_000;
/// So many readings come in one message of the product's readers.
const MESSAGE: usize = 4_096;
/// How long a segment may stay without its acknowledgement: a kernel delays one by 200 ms at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// `NLMSG_DONE` (include/uapi/linux/netlink.h), a message of this length with its errno.
const DONE: u16 = 3;
const DONE_BYTES: usize = 20;
/// As the product has it.
const DATAGRAM_BYTES: usize = 32 << 10;

pub(super) fn run(sockets: u32, rounds: u32) -> anyhow::Result<()> {
    let held_each = u32::try_from(lab::alone::raise_file_limit()?.saturating_sub(OTHER_FILES) / 2)?;
    let holders = sockets.div_ceil(held_each.max(1)).max(HOLDERS_MIN);
    ensure!(
        holders <= HOLDERS_MAX,
        "{sockets} connections need {holders} processes with this system's limit of open files: \
         raise it (ulimit -Hn)"
    );
    super::alone()?;
    let mut held = Held { others: Vec::new(), sockets };
    for number in 0..holders {
        let share = sockets / holders + u32::from(number < sockets % holders);
        let words = ["hold".to_owned(), number.to_string(), share.to_string()];
        held.others.push(Other::start(&words)?);
    }
    held.hear()?;
    let mut poll = Poll::new(sockets)?;
    // Twice before it counts: the agent knows every socket, and then all that it learns of them is allocated.
    poll.bare()?;
    poll.whole(0)?;
    poll.send(&mut held)?;
    poll.whole(sockets)?;
    let [mut bare_s, mut read_ratio, mut whole_ratio] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        poll.send(&mut held)?;
        let bare = timed(|| poll.bare())?;
        read_ratio.push(timed(|| poll.read().map(drop))? / bare);
        let bare = timed(|| poll.bare())?;
        whole_ratio.push(timed(|| poll.whole(sockets))? / bare);
        bare_s.push(bare);
    }
    figure("holders", f64::from(holders));
    figure("dump_bare_ms", median(bare_s) * 1e3);
    figure("dump_read_ratio", median(read_ratio));
    figure("dump_whole_ratio", median(whole_ratio));
    Ok(())
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let (done, took) = took_s(work);
    done.map(|()| took)
}

/// The processes that hold the connections.
struct Held {
    others: Vec<Other>,
    sockets: u32,
}

impl Held {
    /// Waits until all have said of all connections that they did what they were to do.
    fn hear(&mut self) -> anyhow::Result<()> {
        let mut held = 0;
        for other in &mut self.others {
            held += other.line()?.parse::<u32>()?;
        }
        ensure!(held == self.sockets, "{held} of {} connections are held", self.sockets);
        Ok(())
    }
}

/// Who polls.
struct Poll {
    sockets: u32,
    ports: BTreeSet<u16>,
    requests: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    dump: Dump,
    agent: agent::Agent,
    now: Time,
}

impl Poll {
    fn new(sockets: u32) -> anyhow::Result<Self> {
        let ports = BTreeSet::from([PORT]);
        let now = Time::from_unix_ms(1_766_138_700_000);
        Ok(Self {
            sockets,
            requests: dump_requests(&ports),
            ports,
            buffer: vec![0; DATAGRAM_BYTES],
            dump: Kernel::new().dump()?,
            agent: super::node::agent(now)?,
            now,
        })
    }

    /// The kernel's part.
    fn bare(&mut self) -> anyhow::Result<()> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let protocol = Some(netlink::SOCK_DIAG);
        let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
        for request in &self.requests {
            rustix::net::send(&socket, request, SendFlags::empty())?;
            while !is_last(receive(&socket, &mut self.buffer)?) {}
        }
        Ok(())
    }

    /// The same, every socket read.
    fn read(&mut self) -> anyhow::Result<Vec<Sample>> {
        let mut samples = Vec::new();
        let stats = self.dump.read(&self.ports, &mut samples)?;
        ensure!(stats.samples == u64::from(self.sockets), "{stats:?}");
        Ok(samples)
    }

    /// The same, and so many counted by the agent.
    fn whole(&mut self, counted: u32) -> anyhow::Result<()> {
        let before = self.counted();
        for samples in self.read()?.chunks(MESSAGE) {
            self.agent.handle(agent::Event::Samples(samples.to_vec()), self.now);
        }
        self.agent.handle(agent::Event::PollEnded, self.now);
        let now = self.counted() - before;
        ensure!(
            now == u64::from(counted),
            "{now} of {} connections were counted, not {counted}",
            self.sockets
        );
        Ok(())
    }

    fn counted(&self) -> u64 {
        self.agent.learning().map_or(0, |(counters, _)| counters.admitted)
    }

    /// Has a segment sent on each connection, and waits until the kernel says that all were acknowledged. By the
    /// agent's clock it is then late enough to count them once more.
    fn send(&mut self, held: &mut Held) -> anyhow::Result<()> {
        let before = self.acknowledged()?;
        held.others.iter_mut().try_for_each(Other::go)?;
        held.hear()?;
        let began = Instant::now();
        while self.acknowledged()? < before + u64::from(self.sockets) {
            ensure!(began.elapsed() < PATIENCE, "segments are not acknowledged");
        }
        self.now = self.now.plus_ms(MIN_RTT_WINDOW_MS);
        Ok(())
    }

    /// The bytes of all connections by now.
    fn acknowledged(&mut self) -> anyhow::Result<u64> {
        Ok(self.read()?.iter().map(|sample| sample.bytes_acked).sum())
    }
}

fn receive<'a>(socket: &OwnedFd, buffer: &'a mut [u8]) -> anyhow::Result<&'a [u8]> {
    let (length, _) = rustix::net::recv(socket, &mut *buffer, RecvFlags::empty())?;
    if length == 0 {
        bail!("the kernel hung up");
    }
    buffer.get(..length).context("a datagram longer than its buffer")
}

/// Whether a dump's last message stands at a datagram's end: nothing else is looked at.
fn is_last(datagram: &[u8]) -> bool {
    let tail = datagram.len().checked_sub(DONE_BYTES).and_then(|at| datagram.get(at..));
    let Some([l0, l1, l2, l3, k0, k1, ..]) = tail else { return false };
    let (length, kind) = (u32::from_ne_bytes([*l0, *l1, *l2, *l3]), u16::from_ne_bytes([*k0, *k1]));
    (length as usize, kind) == (DONE_BYTES, DONE)
}
