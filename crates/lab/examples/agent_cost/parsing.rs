//! Destroy events as a kernel sent them, each with another client, from bytes to rows, on one thread.

use std::collections::BTreeSet;
use std::hint::black_box;

use agent::{Agent, Effect, Event};
use model::{Sample, Time};
use tcpstat::Received;
use tcpstat::bench::{CLIENT_AT, COOKIE_AT, DESTROY_IPV4, read_event};
use testkit::{Random, took_s};

use super::{PORT, client_bits, figure, median, networks};

/// So many events come in one system call, and so many at most in one message.
const BATCH: usize = 64;
const MESSAGE: usize = 4096;
/// Each round does three things with all events: copies, reads, reads and counts.
const ROUNDS: usize = 5;
/// Client networks.
const SUBNETS: u32 = 100_000;
/// How fast the agent's clock goes meanwhile.
const EVENTS_PER_S: u64 = 200_000;
/// Different events; as many bytes as some caches have.
const DIFFERENT: usize = 65_536;

pub(super) fn run(events: u32) -> anyhow::Result<()> {
    let recorded = Recorded::new();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut now = Time::from_unix_ms(1_766_138_700_000);
    let mut agent = super::node::agent(now)?;
    for _ in 0..ROUNDS {
        let works: [Work<'_>; 3] = [
            &mut |_, _| {},
            &mut reader(|samples| drop(black_box(samples))),
            &mut reader(|samples| {
                now = now.plus_ms(samples.len() as u64 * 1_000 / EVENTS_PER_S);
                count(&mut agent, samples, now);
            }),
        ];
        for (work, times) in works.into_iter().zip(&mut times) {
            times.push(recorded.through(events as usize, work) * 1e9 / f64::from(events));
        }
    }
    let [copy_ns, parse_ns, count_ns] = times.map(median);
    figure("event_copy_ns", copy_ns);
    figure("event_parse_ns", parse_ns);
    figure("event_count_ns", count_ns);
    Ok(())
}

/// Takes a batch of datagrams, each so long.
type Work<'a> = &'a mut dyn FnMut(&[u8], usize);

/// Reads each datagram, and hands on what a message holds.
fn reader(mut work: impl FnMut(Vec<Sample>)) -> impl FnMut(&[u8], usize) {
    let ports = BTreeSet::from([PORT]);
    let (mut samples, mut received) = (Vec::new(), Received::default());
    move |inbox, slot| {
        for datagram in inbox.chunks_exact(slot) {
            read_event(datagram, &ports, &mut samples, &mut received);
        }
        if samples.len() >= MESSAGE {
            work(std::mem::take(&mut samples));
        }
    }
}

/// What the agent's loop does with a message, `now`: polls and reports come in their time.
fn count(agent: &mut Agent, samples: Vec<Sample>, now: Time) {
    agent.handle(Event::Samples(samples), now);
    if now >= agent.next_deadline() {
        for effect in agent.handle(Event::Tick, now) {
            if effect == Effect::Poll {
                agent.handle(Event::PollEnded, now);
            }
        }
    }
}

/// Many events, one behind the other.
struct Recorded {
    bytes: Vec<u8>,
    /// Bytes of one.
    slot: usize,
}

impl Recorded {
    fn new() -> Self {
        let networks = networks(SUBNETS);
        let digits = DESTROY_IPV4.lines().flat_map(|line| {
            let (digits, _note) = line.split_once('#').unwrap_or((line, ""));
            digits.split_whitespace()
        });
        let event: Vec<u8> = digits.filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        let mut random = Random::new(0x2545_f491_4f6c_dd1d);
        let mut bytes = Vec::with_capacity(event.len() * DIFFERENT);
        for number in 0..DIFFERENT {
            let at = bytes.len();
            bytes.extend_from_slice(&event);
            let network = networks.get(random.below(networks.len())).copied();
            let client = network.unwrap_or_else(|| client_bits(&mut random)) | 9;
            put(&mut bytes, at + CLIENT_AT, &client.to_be_bytes());
            put(&mut bytes, at + COOKIE_AT, &(number as u64).to_ne_bytes());
        }
        Self { bytes, slot: event.len() }
    }

    /// Copies events to where the kernel would, batch after batch, and has each batch worked on; seconds
    /// of processor.
    fn through(&self, events: usize, work: Work<'_>) -> f64 {
        let batch = BATCH * self.slot;
        let mut inbox = vec![0; batch];
        let batches = self.bytes.chunks_exact(batch).cycle();
        let ((), took) = took_s(|| {
            for bytes in batches.take(events.div_ceil(BATCH)) {
                inbox.copy_from_slice(bytes);
                work(black_box(&inbox), self.slot);
            }
        });
        took
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}
