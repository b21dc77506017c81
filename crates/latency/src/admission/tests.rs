//! Every filter by itself, and connections followed over several polls.

use std::net::SocketAddr;

use model::{SocketState, SubnetWidths};

use super::cookies::COOKIES_MAX;
use super::*;

const AGE_MS: u64 = 5_000;

fn settings() -> LearningSettings {
    LearningSettings {
        poll_interval_ms: 10_000,
        min_connection_age_ms: AGE_MS,
        widths: SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: 0.3,
        averaging: crate::Averaging::Ewma,
        max_subnets: 100,
        subnet_ttl_ms: 1_000_000,
        min_samples: 1,
        report_interval_ms: 30_000,
        rtt_source: RttSource::Min,
        exclude: vec!["198.51.100.0/24".parse().unwrap(), "2001:db8:ffff::/48".parse().unwrap()],
    }
}

fn admission() -> Admission {
    Admission::new(&settings(), BTreeSet::from([80, 443]))
}

/// A closed connection that counts, with one thing changed.
fn closed(change: impl FnOnce(&mut Sample)) -> Sample {
    let mut sample = Sample {
        client: "203.0.113.9".parse().unwrap(),
        local: "192.0.2.1:80".parse().unwrap(),
        smoothed_rtt_us: 105_700,
        rtt_deviation_us: 3_000,
        min_rtt_us: Some(86_400),
        bytes_acked: 1_001,
        data_segments_out: Some(1),
        cookie: 7,
        state: SocketState::Closed,
    };
    change(&mut sample);
    sample
}

fn check(change: impl FnOnce(&mut Sample), expect: Result<u32, Refusal>) {
    let sample = closed(change);
    let admitted = admission().admit(&sample, Time::EPOCH).map(|measured| measured.rtt.us());
    assert_eq!(admitted, expect, "{sample:?}");
}

fn from(client: &str, local: &str) -> impl FnOnce(&mut Sample) {
    let (client, local): (IpAddr, SocketAddr) = (client.parse().unwrap(), local.parse().unwrap());
    move |sample| (sample.client, sample.local) = (client, local)
}

#[test]
fn each_filter_turns_away_its_own() {
    check(|_| {}, Ok(86_400));
    check(from("2001:db8::9", "[2001:db8:1::1]:443"), Ok(86_400));
    check(from("203.0.113.9", "192.0.2.1:8080"), Err(Refusal::OtherPort));
    check(from("127.0.0.1", "127.0.0.2:80"), Err(Refusal::Loopback));
    check(from("::1", "[::1]:80"), Err(Refusal::Loopback));
    check(from("0.0.0.0", "192.0.2.1:80"), Err(Refusal::NoClient));
    check(from("::", "[2001:db8::1]:80"), Err(Refusal::NoClient));
    check(from("224.0.0.1", "192.0.2.1:80"), Err(Refusal::NoClient));
    check(from("ff02::1", "[2001:db8::1]:80"), Err(Refusal::NoClient));
    check(from("192.0.2.1", "192.0.2.1:80"), Err(Refusal::OwnAddress));
    check(from("198.51.100.77", "192.0.2.1:80"), Err(Refusal::Excluded));
    check(from("2001:db8:ffff::1", "[2001:db8::1]:80"), Err(Refusal::Excluded));
    check(|s| s.data_segments_out = Some(0), Err(Refusal::NoData));
    check(|s| s.bytes_acked = 1, Err(Refusal::Unacknowledged));
    check(|s| s.bytes_acked = 2, Ok(86_400));
    check(|s| s.min_rtt_us = Some(0), Err(Refusal::NotMeasured));
    check(|s| s.min_rtt_us = Some(u32::MAX), Err(Refusal::NotMeasured));
    check(|s| s.min_rtt_us = Some(60_000_001), Err(Refusal::TooLong));
    check(|s| s.min_rtt_us = Some(60_000_000), Ok(60_000_000));
}

#[test]
fn what_an_old_kernel_does_not_tell_is_not_held_against_it() {
    check(|s| s.data_segments_out = None, Ok(86_400));
    check(|s| s.min_rtt_us = None, Ok(105_700));
    check(|s| (s.min_rtt_us, s.smoothed_rtt_us) = (None, 0), Err(Refusal::NotMeasured));
}

#[test]
fn rtt_source_chooses_the_time() {
    let mut smoothed = settings();
    smoothed.rtt_source = RttSource::Smoothed;
    let mut admission = Admission::new(&smoothed, BTreeSet::from([80]));
    let measured = admission.admit(&closed(|_| {}), Time::EPOCH).unwrap();
    assert_eq!((measured.rtt.us(), measured.min_rtt.us()), (105_700, 86_400));
    // The minimum need not be known for the smoothed time to count.
    let measured = admission.admit(&closed(|s| s.min_rtt_us = Some(u32::MAX)), Time::EPOCH);
    assert_eq!(measured.unwrap().min_rtt.us(), 105_700);
    check(|_| {}, Ok(86_400));
}

#[test]
fn what_the_overwatches_tell_replaces_what_they_told() {
    let mut admission = admission();
    let mut admit = |told: Option<&[&str]>, client: &str| {
        if let Some(told) = told {
            admission.exclude(told.iter().map(|text| text.parse().unwrap()).collect());
        }
        admission.admit(&closed(from(client, "192.0.2.1:80")), Time::EPOCH).err()
    };
    assert_eq!(admit(None, "10.1.1.10"), None);
    assert_eq!(admit(Some(&["10.1.1.10", "2001:db8::10"]), "10.1.1.10"), Some(Refusal::Excluded));
    assert_eq!(admit(None, "10.1.1.11"), None);
    assert_eq!(admit(Some(&["10.1.1.11"]), "10.1.1.10"), None);
    assert_eq!(admit(None, "10.1.1.11"), Some(Refusal::Excluded));
    // The operator's own list stands whatever is told.
    assert_eq!(admit(Some(&[]), "198.51.100.1"), Some(Refusal::Excluded));
}

#[test]
fn a_long_list_of_probes_is_cut() {
    let mut admission = admission();
    let all: Vec<IpAddr> = (0..2000u32).map(|n| IpAddr::V4((0x0a00_0000 + n).into())).collect();
    admission.exclude(all.clone());
    let excluded = all.iter().filter(|address| admission.excluded.get(**address).0).count();
    assert_eq!(excluded, TOLD_MAX);
}

/// One step in the life of a socket: an event, then what is expected of its reading.
enum Step {
    /// A poll at this millisecond sees it open with so many bytes acknowledged.
    Open(u64, u64, Result<(), Refusal>),
    /// It closes.
    Closed(u64, u64, Result<(), Refusal>),
    /// The interval ends.
    End,
}
use Step::{Closed, End, Open};

fn follow(steps: &[Step]) {
    follow_in(&mut admission(), steps);
}

fn follow_in(admission: &mut Admission, steps: &[Step]) {
    for (number, step) in steps.iter().enumerate() {
        let (at, bytes_acked, state, expect) = match step {
            Open(at, bytes, expect) => (at, bytes, SocketState::Open, expect),
            Closed(at, bytes, expect) => (at, bytes, SocketState::Closed, expect),
            End => {
                admission.end_interval();
                continue;
            }
        };
        let sample = closed(|s| (s.bytes_acked, s.state) = (*bytes_acked, state));
        let got = admission.admit(&sample, Time::from_unix_ms(*at)).map(|_| ());
        assert_eq!(got, *expect, "step {number}");
    }
}

#[test]
fn an_open_socket_must_reach_its_age_and_a_closed_one_need_not() {
    follow(&[Open(0, 500, Err(Refusal::TooYoung)), End, Open(AGE_MS, 500, Ok(()))]);
    follow(&[Open(0, 500, Err(Refusal::TooYoung)), End, Open(4_999, 900, Err(Refusal::TooYoung))]);
    follow(&[Closed(0, 500, Ok(()))]);
    follow(&[Open(0, 500, Err(Refusal::TooYoung)), Closed(1, 500, Ok(()))]);
}

#[test]
fn the_age_runs_from_the_first_sight_though_there_was_no_data_yet() {
    follow(&[Open(0, 1, Err(Refusal::Unacknowledged)), End, Open(AGE_MS, 500, Ok(()))]);
}

#[test]
fn an_idle_socket_is_one_sample_and_not_five() {
    follow(&[
        Open(0, 500, Err(Refusal::TooYoung)),
        End,
        Open(10_000, 500, Ok(())),
        End,
        Open(320_000, 500, Err(Refusal::NothingNew)),
        End,
        Open(330_000, 501, Ok(())),
        // A second poll within one interval.
        Open(330_001, 900, Err(Refusal::OncePerInterval)),
        End,
        // Its FIN was acknowledged, nothing else.
        Closed(640_000, 502, Err(Refusal::ClosedNothingNew)),
    ]);
}

#[test]
fn a_reset_without_new_data_is_no_sample_either() {
    follow(&[
        Open(0, 500, Err(Refusal::TooYoung)),
        End,
        Open(10_000, 500, Ok(())),
        Closed(10_001, 500, Err(Refusal::ClosedNothingNew)),
    ]);
}

#[test]
fn a_close_with_new_data_is_one_more_sample() {
    follow(&[
        Open(0, 500, Err(Refusal::TooYoung)),
        End,
        Open(10_000, 500, Ok(())),
        Closed(310_000, 502, Ok(())),
        // The dump that was read before the close arrives after it; then the event repeats.
        Open(310_001, 500, Err(Refusal::AlreadyClosed)),
        Closed(310_002, 502, Err(Refusal::AlreadyClosed)),
    ]);
}

#[test]
fn one_minimum_is_one_sample() {
    let busy = || {
        [
            Open(0, 500, Err(Refusal::TooYoung)),
            End,
            Open(10_000, 500, Ok(())),
            End,
            // It moves data, and the kernel's minimum is still that of the same round trips.
            Open(20_000, 900, Err(Refusal::SameMinimum)),
            End,
            Open(309_999, 9_000, Err(Refusal::SameMinimum)),
            End,
            Open(310_000, 9_900, Ok(())),
            End,
        ]
    };
    follow(&busy());
    let mut closes = admission();
    follow_in(&mut closes, &busy());
    follow_in(&mut closes, &[Closed(320_000, 20_000, Err(Refusal::SameMinimum))]);
    // A smaller minimum is another round trip.
    let mut falls = admission();
    follow_in(&mut falls, &busy());
    let faster = closed(|s| (s.bytes_acked, s.min_rtt_us) = (20_000, Some(70_000)));
    assert!(falls.admit(&faster, Time::from_unix_ms(320_000)).is_ok());
    // The smoothed time is new with each acknowledgement.
    let mut smoothed = admission();
    smoothed.rtt_source = RttSource::Smoothed;
    let mut open = |at: u64, bytes: u64| {
        let sample = closed(|s| (s.bytes_acked, s.state) = (bytes, SocketState::Open));
        let admitted = smoothed.admit(&sample, Time::from_unix_ms(at)).map(|_| ());
        smoothed.end_interval();
        admitted
    };
    let polls = [open(0, 500), open(10_000, 600), open(20_000, 700)];
    assert_eq!(polls, [Err(Refusal::TooYoung), Ok(()), Ok(())]);
}

#[test]
fn one_missed_poll_is_forgiven_and_two_are_not() {
    follow(&[Open(0, 500, Err(Refusal::TooYoung)), End, End, Open(20_000, 500, Ok(()))]);
    follow(&[
        Open(0, 500, Err(Refusal::TooYoung)),
        End,
        End,
        End,
        Open(30_000, 500, Err(Refusal::TooYoung)),
    ]);
}

#[test]
fn beyond_the_limit_of_sockets_only_a_close_counts() {
    let mut admission = admission();
    let at = |s: u64| Time::from_unix_ms(s * 1000);
    let mut admit = |cookie: u64, state, now| {
        let sample = closed(|s| (s.cookie, s.state) = (cookie, state));
        admission.admit(&sample, now).err()
    };
    for cookie in 0..COOKIES_MAX as u64 {
        assert_eq!(admit(cookie, SocketState::Open, at(0)), Some(Refusal::TooYoung));
    }
    let beyond = COOKIES_MAX as u64;
    assert_eq!(admit(beyond, SocketState::Open, at(10)), Some(Refusal::TooManySockets));
    assert_eq!(admit(beyond, SocketState::Closed, at(11)), None);
    assert_eq!(admit(0, SocketState::Open, at(11)), None);
    assert_eq!(admission.cookies.len(), COOKIES_MAX);
    // The interval they were seen in, and two without a sight of them.
    for _ in 0..3 {
        admission.end_interval();
    }
    assert_eq!(admission.cookies.len(), 0);
}
