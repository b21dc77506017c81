//! What arrives of what was sent.

use super::*;
use crate::queue::Queue;

const START: Time = Time::from_unix_ms(1_000_000);

fn ack(sequence: u64) -> Frame {
    Frame::Ack(latency::Position { epoch: 1, sequence })
}

/// Sends twenty frames one after another from both ends and tells what each end received, and
/// whether it noticed an end.
fn converse(seed: u64, faults: Option<Faults>) -> [(Vec<Frame>, bool); 2] {
    let mut network = Network::new(Random::new(seed, "network"), faults);
    let (link, ready) = network.open(0, 0, START);
    let mut queue = Queue::new();
    let mut out = Vec::new();
    for number in 0..20 {
        for from in [End::Agent, End::Overwatch] {
            let now = ready.plus_ms(number);
            network.send((link, from), &ack(number), now, &mut out).unwrap();
        }
    }
    out.into_iter().for_each(|(at, delivery)| queue.push(at, delivery));
    let mut heard = [(Vec::new(), false), (Vec::new(), false)];
    while let Some((_, delivery)) = queue.pop(START.plus_ms(1_000_000)) {
        let end = delivery.to as usize;
        match network.receive(delivery).unwrap() {
            Some(Received::Frames(frames)) => heard[end].0.extend(frames),
            Some(Received::Gone) => heard[end].1 = true,
            None => {}
        }
    }
    heard
}

#[test]
fn a_sound_connection_keeps_everything_in_order() {
    let sent: Vec<Frame> = (0..20).map(ack).collect();
    for seed in 0..20 {
        assert_eq!(converse(seed, None), [(sent.clone(), false), (sent.clone(), false)]);
    }
}

#[test]
fn a_broken_one_delivers_a_beginning_and_both_ends_notice() {
    let sent: Vec<Frame> = (0..20).map(ack).collect();
    let faults = Faults { frames_max: 40, unnoticed_ms_max: 200 };
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..50 {
        for (heard, is_gone) in converse(seed, Some(faults)) {
            assert!(is_gone && sent.starts_with(&heard), "{seed}: {heard:?}");
            lengths.insert(heard.len());
        }
    }
    assert!(lengths.len() > 10, "{lengths:?}");
}

#[test]
fn what_was_sent_before_a_close_arrives() {
    let mut network = Network::new(Random::new(1, "network"), None);
    let (link, now) = network.open(0, 0, START);
    let mut out = Vec::new();
    network.send((link, End::Agent), &Frame::Goodbye, now, &mut out).unwrap();
    network.close(link, End::Agent, now, &mut out);
    network.send((link, End::Agent), &Frame::Heartbeat, now, &mut out).unwrap();
    out.sort_by_key(|(at, _)| *at);
    let order: Vec<String> = out
        .into_iter()
        .filter_map(|(_, delivery)| {
            let to = delivery.to;
            Some(format!("{to:?} {:?}", network.receive(delivery).unwrap()?))
        })
        .collect();
    assert_eq!(order, ["Agent Gone", "Overwatch Frames([Goodbye])", "Overwatch Gone"]);
    assert!(network.get(link).is_none());
}
