//! What bytes can do before they are a frame: the edge counts on the decoder, and the overwatch
//! says and counts what the edge refused.

use latency::{PortReport, Report, ReportRow};
use mesh::{Frame, FrameDecoder, FrameError, RefusalReason};
use model::Rtt;

use crate::bench::Bench;
use crate::refusals::{check, third};
use crate::settings::{START, parsed};

/// The bytes of a report of one row.
fn report(subnet: &str) -> Vec<u8> {
    let rtt = Rtt::from_us(85_000).unwrap();
    let row = ReportRow {
        subnet: parsed(subnet),
        rtt_us: rtt,
        deviation_us: 1_000,
        // Told as how far it lies below the average.
        min_rtt: Rtt::from_us(1_000).unwrap(),
        samples: 10,
        observed_at: START,
    };
    let ports = vec![PortReport { port: 80, rows: vec![row], refreshed: Vec::new() }];
    let report = Report { after: 0, through: 1, ports };
    let mut bytes = Vec::new();
    mesh::encode(&Frame::Report { epoch: 1_000, report }, &mut bytes).unwrap();
    bytes
}

/// What a decoder says to bytes.
fn fault(bytes: &[u8]) -> Option<FrameError> {
    let mut decoder = FrameDecoder::new();
    decoder.prove();
    decoder.push(bytes);
    decoder.next_frame().err()
}

#[test]
fn a_frame_of_100_mb_is_refused_by_its_length() {
    let mut bench = Bench::demo();
    let link = third(&mut bench);
    check(&mut bench, RefusalReason::OversizedFrame, |bench| {
        // Not a byte of it has to come.
        bench.say_bytes(link, true, &100_000_000_u32.to_be_bytes());
    });
    let link = bench.dial("new", "10.2.1.66", 66);
    check(&mut bench, RefusalReason::OversizedFrame, |bench| {
        // One who has proven nothing gets 4 KiB.
        bench.say_bytes(link, false, &5_000_u32.to_be_bytes());
    });
}

#[test]
fn bytes_that_are_no_frame() {
    let mut bench = Bench::demo();
    let link = bench.dial("new", "10.2.1.66", 66);
    check(&mut bench, RefusalReason::MalformedFrame, |bench| {
        bench.say_bytes(link, false, b"\x00\x00\x00\x04GET ");
    });
}

#[test]
fn a_prefix_of_length_0() {
    for subnet in ["0.0.0.0/0", "::/0"] {
        let mut bench = Bench::demo();
        let link = third(&mut bench);
        check(&mut bench, RefusalReason::InvalidReport, |bench| {
            bench.say_bytes(link, true, &report(subnet));
        });
    }
}

#[test]
fn a_negative_or_absurd_round_trip_time() {
    // There is no way to say one but by hand: bend a byte of a report until the decoder reads one.
    let good = report("10.7.7.0/24");
    assert_eq!(fault(&good), None);
    let (mut negative, mut absurd) = (None, None);
    for at in 4..good.len() {
        for value in 0..=u8::MAX {
            let mut bent = good.clone();
            bent[at] = value;
            match fault(&bent) {
                Some(FrameError::Report(mesh::report::ReportFault::RttCode)) => {
                    negative = Some(bent);
                }
                Some(FrameError::Report(mesh::report::ReportFault::Rtt(_))) => absurd = Some(bent),
                _ => {}
            }
        }
    }
    for bytes in [negative.expect("one below zero"), absurd.expect("one too long")] {
        let mut bench = Bench::demo();
        let link = third(&mut bench);
        check(&mut bench, RefusalReason::InvalidReport, |bench| {
            bench.say_bytes(link, true, &bytes);
        });
        assert!(bench.is_wired("eu"));
    }
}
