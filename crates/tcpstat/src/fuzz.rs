//! The door for fuzzers: any bytes at all, as if a kernel had sent them.

use std::collections::BTreeSet;

use crate::netlink::dump_reply::{DumpReply, Progress};
use crate::netlink::event::read_event;
use crate::netlink::message::{HEADER_BYTES, Messages};
use crate::{DumpStats, Received};

/// Reads the bytes as a destroy event, as the answer to a dump, and as what Windows would write.
/// Must never panic, and must never find more than could stand there.
pub fn fuzz(data: &[u8]) {
    crate::windows::fuzz::check(data);
    let messages_max = data.len().div_ceil(HEADER_BYTES) as u64;
    check_event(data, messages_max);
    check_dump(data, messages_max);
}

fn check_event(data: &[u8], messages_max: u64) {
    let all_ports: BTreeSet<u16> = [0, 80, 443, 8080].into();
    let (mut samples, mut received) = (Vec::new(), Received::default());
    read_event(data, &all_ports, &mut samples, &mut received);
    let Received { events, samples: counted, other_sockets, unreadable } = received;
    assert_eq!(events, counted + other_sockets + unreadable, "each event is one of three");
    assert_eq!(counted, samples.len() as u64, "what is counted is there");
    assert!(events <= messages_max, "no event without bytes");
    for sample in samples {
        assert!(all_ports.contains(&sample.local.port()), "another port");
        assert_eq!(sample.client, sample.client.to_canonical(), "mapped addresses fold");
        assert_eq!(sample.local.ip(), sample.local.ip().to_canonical(), "mapped addresses fold");
    }
}

fn check_dump(data: &[u8], messages_max: u64) {
    // Whatever sequence number stands there, so that the messages behind it are read.
    let sequence = Messages::of(data).next().map_or(0, |m| m.map_or(0, |m| m.sequence));
    let (mut samples, mut stats) = (Vec::new(), DumpStats::default());
    let mut reply =
        DumpReply { sequence, samples: &mut samples, samples_max: 2, stats: &mut stats };
    // Reading goes on only after More.
    if let Ok(Progress::More) = reply.read(data) {
        assert!(stats.sockets_seen + stats.unreadable <= 2 * messages_max, "sockets from nothing");
    }
    assert_eq!(stats.samples, samples.len() as u64, "what is counted is there");
    assert!(samples.len() <= 2, "the limit holds");
    assert!(stats.samples + stats.over_limit <= stats.sockets_seen, "samples from nothing");
}

#[cfg(test)]
mod tests;
