//! Reports that come back, what a row takes, and what a lying agent may try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use latency::{PortReport, RefreshRow, Report, ReportRow};
use model::{Rtt, Subnet, Time};
use proptest::prelude::*;

use super::*;
use crate::codec::EncodeError;
use crate::wire;

const NOON: Time = Time::from_unix_ms(1_766_138_700_000);

fn rtt(us: u64) -> Rtt {
    Rtt::from_us(us).unwrap()
}

fn row(subnet: &str) -> ReportRow {
    ReportRow {
        subnet: subnet.parse().unwrap(),
        rtt_us: rtt(500),
        deviation_us: 12,
        min_rtt: rtt(480),
        samples: 7,
        observed_at: NOON,
    }
}

fn seen(subnet: &str) -> RefreshRow {
    RefreshRow { subnet: subnet.parse().unwrap(), samples: 9, observed_at: NOON.minus_ms(60_000) }
}

fn two_ports() -> Report {
    let web = PortReport {
        port: 80,
        rows: vec![row("10.0.0.0/8"), row("10.1.2.0/24"), row("10.1.3.0/24"), row("2001:db8::/48")],
        refreshed: vec![seen("10.1.0.0/22"), seen("2001:db8:1::/48")],
    };
    let tls = PortReport {
        port: 443,
        rows: vec![row("255.255.255.255/32"), row("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")],
        refreshed: Vec::new(),
    };
    Report { after: 7, through: 9, ports: vec![web, tls] }
}

fn round(report: &Report) -> Report {
    decode(&encode(3, report).unwrap()).unwrap()
}

#[test]
fn a_report_comes_back_with_prefixes_of_any_width() {
    assert_eq!(round(&two_ports()), two_ports());
    let empty = Report { after: 0, through: 1, ports: Vec::new() };
    assert_eq!(round(&empty), empty);
}

#[test]
fn times_are_rounded_once() {
    let mut report = two_ports();
    report.ports[0].rows[0].rtt_us = rtt(85_431);
    report.ports[0].rows[0].min_rtt = rtt(84_999);
    report.ports[0].rows[0].deviation_us = 1_234_567;
    report.ports[0].rows[0].observed_at = NOON.minus_ms(1_500);
    let once = round(&report);
    let first = once.ports[0].rows[0];
    assert_eq!(first.rtt_us, rtt(85_504));
    assert_eq!(first.min_rtt, rtt(84_992));
    assert_eq!(first.deviation_us, 1_179_648);
    assert_eq!(first.observed_at, NOON.minus_ms(2_000));
    assert_eq!(round(&once), once);
}

#[test]
fn what_does_not_fit_is_not_sent() {
    let hosts = (0..=u32::try_from(ROWS_MAX).unwrap()).map(|n| RefreshRow {
        subnet: Subnet::host(Ipv4Addr::from_bits(n).into()),
        samples: 1,
        observed_at: NOON,
    });
    let port = PortReport { port: 80, rows: Vec::new(), refreshed: hosts.collect() };
    let report = Report { after: 0, through: 1, ports: vec![port] };
    assert_eq!(encode(0, &report), Err(EncodeError::TooMany("rows")));
    let ports = (1..=u16::try_from(GROUPS_MAX).unwrap() + 1).map(|port| PortReport {
        port,
        rows: vec![row("10.1.2.0/24")],
        refreshed: Vec::new(),
    });
    let report = Report { after: 0, through: 1, ports: ports.collect() };
    assert_eq!(encode(0, &report), Err(EncodeError::TooMany("groups of rows")));
}

/// Numbers without end; the same for the same seed.
fn xorshift(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn the_longest_report_fits_a_frame() {
    let mut random = xorshift(5);
    let mut address = || Ipv6Addr::from_bits(u128::from(random()) << 64 | u128::from(random()));
    let mut hosts: Vec<Ipv6Addr> = (0..ROWS_MAX).map(|_| address()).collect();
    hosts.sort_unstable();
    let far = |n: usize| if n.is_multiple_of(2) { 1 } else { u64::from(u32::MAX) };
    let rows = hosts.iter().enumerate().map(|(n, host)| ReportRow {
        subnet: Subnet::host(IpAddr::V6(*host)),
        rtt_us: rtt(far(n).min(60_000_000)),
        deviation_us: u32::try_from(far(n)).unwrap(),
        min_rtt: rtt(far(n + 1).min(60_000_000)),
        samples: u32::try_from(far(n)).unwrap(),
        observed_at: Time::from_unix_ms(far(n) * u64::from(u32::MAX)),
    });
    let port = PortReport { port: 80, rows: rows.collect(), refreshed: Vec::new() };
    let report = Report { after: 0, through: 1, ports: vec![port] };
    let mut bytes = Vec::new();
    crate::encode(&crate::Frame::Report { epoch: u64::MAX, report }, &mut bytes).unwrap();
    assert!(bytes.len() < 700_000, "{}", bytes.len());
}

/// 100,000 different random /24s as an agent would send them, in reports of `chunk` rows: times
/// log-uniform from 1 to 300 ms, deviations up to a fifth, minima down to a half, counts
/// log-uniform from 5 to 5,000, observed within the last 30 s.
fn bytes_per_row(chunk: usize) -> f64 {
    let mut random = xorshift(24);
    let mut unit = move || (random() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut subnets = std::collections::BTreeSet::new();
    let mut shuffled = Vec::new();
    while subnets.len() < 100_000 {
        let address = Ipv4Addr::from_bits((unit() * f64::from(1 << 24)) as u32 * 256);
        if subnets.insert(address) {
            shuffled.push(Subnet::of(IpAddr::V4(address), 24));
        }
    }
    let mut bytes = Vec::new();
    for subnets in shuffled.chunks(chunk) {
        let mut rows = Vec::new();
        for subnet in subnets {
            let us = 1_000.0 * 300_f64.powf(unit());
            rows.push(ReportRow {
                subnet: *subnet,
                rtt_us: rtt(us as u64),
                deviation_us: (us * 0.2 * unit()) as u32,
                min_rtt: rtt((us * (1.0 - 0.5 * unit())) as u64),
                samples: (5.0 * 1_000_f64.powf(unit())) as u32,
                observed_at: NOON.minus_ms((30_000.0 * unit()) as u64),
            });
        }
        rows.sort_by_key(|row| row.subnet);
        let port = PortReport { port: 443, rows, refreshed: Vec::new() };
        let report = Report { after: 0, through: 1, ports: vec![port] };
        crate::encode(&crate::Frame::Report { epoch: 1, report }, &mut bytes).unwrap();
    }
    bytes.len() as f64 / 100_000.0
}

#[test]
fn a_changed_ipv4_subnet_takes_less_than_eight_bytes() {
    for chunk in [1_000, 10_000, ROWS_MAX] {
        let bytes = bytes_per_row(chunk);
        println!("{bytes:.2} bytes a row in reports of {chunk} rows");
        assert!(bytes < 8.0);
    }
}

#[test]
fn lies_are_refused() {
    type Lie = fn(&mut wire::Report);
    fn column(numbers: &[u128]) -> Vec<u8> {
        crate::column::encode(numbers)
    }
    let lies: [(Lie, &str); 22] = [
        (|r| r.through = 7, "the report goes from sequence 7 to 7"),
        (|r| r.through = 0, "the report goes from sequence 7 to 0"),
        (|r| r.groups[0].count = u32::MAX, "the report holds more rows than a report may"),
        (|r| r.groups[0].count = 2, "the report's column of networks is malformed"),
        (|r| r.groups[0].count = 0, "the report holds a group without its rows"),
        (|r| r.groups[0].prefix_length = 0, "the report holds a prefix of length 0"),
        (|r| r.groups[0].prefix_length = 33, "the report holds a prefix of length 33"),
        (|r| r.groups[2].prefix_length = 129, "the report holds a prefix of length 129"),
        (
            |r| r.groups[0].prefix_length = u32::MAX,
            "the report holds a prefix of length 4294967295",
        ),
        (|r| r.groups[0].port = 0, "0 is no port"),
        (|r| r.groups[0].port = 65_536, "65536 is no port"),
        (|r| r.groups.swap(0, 1), "the report's groups are out of order"),
        (|r| r.groups[1] = r.groups[0].clone(), "the report's groups are out of order"),
        (|r| r.groups[0].rtts = Vec::new(), "the report holds a group without its rows"),
        (|r| r.groups[0].refreshed = true, "the report holds a group without its rows"),
        (|r| r.groups[0].subnets = column(&[256]), "the report holds a prefix outside its family"),
        (|r| r.groups[0].rtts = column(&[0]), "the report holds an impossible round-trip time"),
        (|r| r.groups[0].rtts = column(&[4_900]), "the report holds an impossible round-trip time"),
        (
            |r| r.groups[0].minima = column(&[15_999]),
            "the report holds an impossible round-trip time",
        ),
        (
            |r| r.groups[0].minima = column(&[2_000]),
            "the report holds a number that stands for no round-trip time",
        ),
        (|r| r.groups[0].deviations = column(&[255]), "the report holds an impossible deviation"),
        (|r| r.groups[0].samples = column(&[0]), "the report holds a row of 0 samples"),
    ];
    for (lie, expect) in lies {
        let mut twin = encode(3, &two_ports()).unwrap();
        lie(&mut twin);
        let said = decode(&twin).map_err(|fault| fault.to_string());
        assert_eq!(said, Err(expect.to_owned()));
    }
}

#[test]
fn more_lies_are_refused() {
    let twin = || encode(3, &two_ports()).unwrap();
    let mut before_1970 = twin();
    before_1970.newest_s = 59;
    assert_eq!(decode(&before_1970), Err(ReportFault::ObservedAt));
    let mut after_all_time = twin();
    after_all_time.newest_s = u64::MAX;
    assert_eq!(decode(&after_all_time), Err(ReportFault::ObservedAt));
    let mut samples = twin();
    samples.groups[0].samples = crate::column::encode(&[1 << 32]);
    assert_eq!(decode(&samples), Err(ReportFault::Samples(1 << 32)));
    let mut behind_the_last = twin();
    let last = behind_the_last.groups.last_mut().unwrap();
    last.count = 2;
    last.subnets = crate::column::encode(&[u128::MAX, 0]);
    last.samples = crate::column::encode(&[1, 1]);
    last.ages_s = crate::column::encode(&[0, 0]);
    assert_eq!(decode(&behind_the_last), Err(ReportFault::Prefix));
    let mut twice = two_ports();
    twice.ports[0].refreshed.insert(0, seen("10.1.2.0/24"));
    twice.ports[0].refreshed.sort_by_key(|row| row.subnet);
    let subnet = "10.1.2.0/24".parse().unwrap();
    assert_eq!(decode(&encode(3, &twice).unwrap()), Err(ReportFault::Duplicate(subnet)));
}

fn any_row() -> impl Strategy<Value = ReportRow> {
    let times = (1..=60_000_000_u64, any::<u32>(), 1..=60_000_000_u64);
    let address = prop_oneof![
        any::<u32>().prop_map(|bits| (IpAddr::V4(Ipv4Addr::from_bits(bits)), 32)),
        any::<u128>().prop_map(|bits| (IpAddr::V6(Ipv6Addr::from_bits(bits)), 128)),
    ];
    let observed_ms = 0..=u64::MAX / 1000;
    (address, 1..=128_u8, times, 1..=u32::MAX, observed_ms).prop_map(
        |((address, max), length, (rtt_us, deviation_us, min_us), samples, observed_ms)| {
            ReportRow {
                subnet: Subnet::of(address, length.min(max)),
                rtt_us: rtt(rtt_us),
                deviation_us,
                min_rtt: rtt(min_us),
                samples,
                observed_at: Time::from_unix_ms(observed_ms),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn any_report_comes_back_and_settles_at_once(
        rows in prop::collection::btree_map((1..3_u16, any::<bool>()), any_row(), 0..3),
        more in prop::collection::vec(any_row(), 0..40),
    ) {
        let by_subnet: std::collections::BTreeMap<Subnet, ReportRow> =
            rows.values().chain(&more).map(|row| (row.subnet, *row)).collect();
        let port = PortReport {
            port: 80,
            rows: by_subnet.into_values().collect(),
            refreshed: Vec::new(),
        };
        let ports = if port.rows.is_empty() { Vec::new() } else { vec![port] };
        let report = Report { after: 1, through: 2, ports };
        let once = round(&report);
        prop_assert_eq!(once.len(), report.len());
        for (row, back) in report.ports.iter().flat_map(|p| &p.rows)
            .zip(once.ports.iter().flat_map(|p| &p.rows))
        {
            prop_assert_eq!((row.subnet, row.samples), (back.subnet, back.samples));
            prop_assert_eq!(row.observed_at.unix_s(), back.observed_at.unix_s());
            prop_assert!(row.rtt_us.us().abs_diff(back.rtt_us.us()) <= row.rtt_us.us() / 256);
            prop_assert!(row.min_rtt.us().abs_diff(back.min_rtt.us()) <= row.min_rtt.us() / 256);
        }
        prop_assert_eq!(round(&once), once);
    }
}
