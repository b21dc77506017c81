//! Every connection counts once, however short, and nothing else counts.

use std::time::{Duration, Instant};

use crate::harness::{Lab, eventually, say};
use crate::learning::settled;
use crate::table;

/// What is longer is no short connection any more.
const SHORT: Duration = Duration::from_millis(20);
/// Two of the lab's report intervals and some.
const REPORTED_MAX: Duration = Duration::from_secs(10);
/// Four rounds of the overwatch's and the agents' own checks, four reports.
const QUIET: Duration = Duration::from_secs(8);

const CLIENT: &str = "traffic-singapore";
const SERVER: &str = "backend-ap-southeast";

/// A thousand connections inside one region: one after another, and fifty at a time.
#[track_caller]
pub(crate) fn assert_every_short_connection_counts_once(lab: &Lab) {
    let key = ("10.3.2.0/24".to_owned(), "ap-southeast".to_owned());
    let mut expected = settled(lab);
    for (count, at_once) in [(1000, 1), (1000, 50)] {
        let began = Instant::now();
        let said = lab.stdout(CLIENT, &format!("make-connections {SERVER} {count} {at_once}"));
        let lived = began.elapsed() * at_once / count;
        say(&format!("{at_once} at a time, {lived:?} each: {}", said.trim_end()));
        assert!(said.starts_with(&format!("{count} connections, 0 failed")), "{said}");
        // One at a time the mean is sure; at fifty a loaded machine's scheduler has its say.
        assert!(at_once > 1 || lived < SHORT, "{lived:?} each is not short");
        let samples = expected[&key].samples + u64::from(count);
        eventually(&format!("{samples} samples"), REPORTED_MAX, || {
            let now = table::rows(lab)[&key].samples;
            assert!(now <= samples, "{now} of {samples}: counted twice");
            (now == samples).then_some(())
        });
        let after = settled(lab);
        if let Some(row) = expected.get_mut(&key) {
            row.samples = samples;
            // It moved within its tolerance.
            row.rtt_ms = after[&key].rtt_ms;
            row.last_updated.clone_from(&after[&key].last_updated);
        }
        assert_eq!(after, expected, "no other row moves");
    }
}

/// While only health checks connect, nothing changes and nobody appears.
#[track_caller]
pub(crate) fn assert_checks_do_not_count(lab: &Lab) {
    let before = settled(lab);
    let checks = checks(lab);
    std::thread::sleep(QUIET);
    assert_eq!(table::rows(lab), before);
    let made = self::checks(lab) - checks;
    assert!(made >= 12.0, "six servers were to be checked all the while: {made} checks");
    let own = ["10.1.1.", "10.2.1.", "10.3.1.", "fd00:1:1:", "fd00:2:1:", "fd00:3:1:"];
    for (subnet, _) in before.keys() {
        assert!(!own.iter().any(|own| subnet.starts_with(own)), "{subnet} is no client");
    }
}

/// The overwatch's own checks so far.
#[track_caller]
fn checks(lab: &Lab) -> f64 {
    metric(lab, "opengslb_overwatch_validation_checks_total")
}

/// A number of the overwatch's.
#[track_caller]
pub(crate) fn metric(lab: &Lab, series: &str) -> f64 {
    let page = lab.stdout("overwatch", "curl -s http://10.1.1.10:9090/metrics");
    let values = page.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    values.map(|value| value.parse::<f64>().unwrap()).next().unwrap_or_else(|| panic!("{page}"))
}
