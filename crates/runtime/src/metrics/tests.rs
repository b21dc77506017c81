//! The table, the page in both formats, and how long it gets.

use std::collections::BTreeSet;

use super::families::{self, dns, mesh, process, routing};
use super::family::{Bound, SERIES_MAX};
use super::*;

fn configured(domains: &[&str], regions: &[&str]) -> Arc<Configured> {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    Arc::new(Configured::new(owned(domains), owned(regions)))
}

#[test]
fn the_page_is_what_each_format_wants() {
    let mut page = Page::new(configured(&["app.test"], &["eu"]));
    page.set(&dns::UDP_RECEIVED, 3);
    page.each(&dns::UDP_ERRORS, [("send", 7)]);
    page.set(&mesh::HELD, u64::MAX);
    page.add(&routing::ANSWERS, &["app.test", "eu"], 5);
    let numbers = "\
# HELP opengslb_dns_udp_received_total Datagrams received
# TYPE opengslb_dns_udp_received_total counter
opengslb_dns_udp_received_total 3
# HELP opengslb_dns_udp_errors_total Datagrams that the system did not take or give
# TYPE opengslb_dns_udp_errors_total counter
opengslb_dns_udp_errors_total{on=\"send\"} 7
# HELP opengslb_routing_answers_total Decisions by domain and by the region that was answered
# TYPE opengslb_routing_answers_total counter
opengslb_routing_answers_total{domain=\"app.test\",region=\"eu\"} 5
# HELP opengslb_overwatch_agents_held Agents that are not believed
# TYPE opengslb_overwatch_agents_held gauge
opengslb_overwatch_agents_held 18446744073709551615
";
    assert_eq!(page.write(Format::Text), numbers);
    let open =
        numbers.replace("HELP opengslb_dns_udp_received_total", "HELP opengslb_dns_udp_received");
    let open =
        open.replace("TYPE opengslb_dns_udp_received_total", "TYPE opengslb_dns_udp_received");
    let open = open.replace("HELP opengslb_dns_udp_errors_total", "HELP opengslb_dns_udp_errors");
    let open = open.replace("TYPE opengslb_dns_udp_errors_total", "TYPE opengslb_dns_udp_errors");
    let open = open.replace("HELP opengslb_routing_answers_total", "HELP opengslb_routing_answers");
    let open = open.replace("TYPE opengslb_routing_answers_total", "TYPE opengslb_routing_answers");
    assert_eq!(page.write(Format::OpenMetrics), open + "# EOF\n");
}

#[test]
fn what_is_not_known_is_other_and_is_added_up() {
    let mut page = Page::new(configured(&["app.test"], &["eu"]));
    for domain in ["x.test", "y.test", "app.test\nforged 1", "APP.TEST"] {
        page.add(&routing::ANSWERS, &[domain, "mars"], 1);
    }
    page.add(&routing::ANSWERS, &["app.test", "none"], 1);
    page.each(&dns::QUERIES, [("steered", 2), ("a stranger's word", 3), ("another", 4)]);
    page.each(&process::INFO, [("whatever", 1)]);
    let text = page.write(Format::Text);
    let numbers: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let version = format!("opengslb_app_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        numbers,
        [
            version.as_str(),
            r#"opengslb_dns_queries_total{status="other"} 7"#,
            r#"opengslb_dns_queries_total{status="steered"} 2"#,
            r#"opengslb_routing_answers_total{domain="app.test",region="none"} 1"#,
            r#"opengslb_routing_answers_total{domain="other",region="other"} 4"#,
        ]
    );
}

#[test]
fn a_histogram_counts_up_to_each_end() {
    let mut page = Page::new(configured(&[], &[]));
    let mut ranges = [0; 12];
    (ranges[0], ranges[2], ranges[11]) = (3, 4, 1);
    page.ranges(&dns::UDP_DURATION, &ranges, 1_000_000_050);
    for format in [Format::Text, Format::OpenMetrics] {
        let text = page.write(format);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "# TYPE opengslb_dns_udp_duration_seconds histogram");
        assert_eq!(lines[2], r#"opengslb_dns_udp_duration_seconds_bucket{le="0.00001"} 3"#);
        assert_eq!(lines[4], r#"opengslb_dns_udp_duration_seconds_bucket{le="0.00005"} 7"#);
        assert_eq!(lines[12], r#"opengslb_dns_udp_duration_seconds_bucket{le="0.1"} 7"#);
        assert_eq!(lines[13], r#"opengslb_dns_udp_duration_seconds_bucket{le="+Inf"} 8"#);
        assert_eq!(lines[14], "opengslb_dns_udp_duration_seconds_sum 1.000000050");
        assert_eq!(lines[15], "opengslb_dns_udp_duration_seconds_count 8");
    }
}

#[test]
fn names_are_escaped() {
    let mut page = Page::new(configured(&["a\"b\\c\nd"], &[]));
    page.add(&routing::ANSWERS, &["a\"b\\c\nd", "none"], 1);
    let text = page.write(Format::Text);
    assert!(text.ends_with("{domain=\"a\\\"b\\\\c\\nd\",region=\"none\"} 1\n"), "{text}");
}

#[test]
fn families_are_named_as_monitors_want_it_and_once() {
    let mut names = BTreeSet::new();
    for family in families::all() {
        let name = family.name;
        assert!(names.insert(name), "{name} stands twice");
        let stands = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(
            name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(stands),
            "{name}"
        );
        assert!(!name.ends_with("_total"), "{name}: the page adds it to counters");
        assert!(!family.help.is_empty() && !family.help.ends_with('.'), "{name}");
        // Neither format would need an escape here.
        assert!(!family.help.contains(['\\', '\n', '"']), "{name}");
        let labels: BTreeSet<&str> = family.labels.iter().map(|label| label.name).collect();
        assert_eq!(labels.len(), family.labels.len(), "{name}");
        for label in family.labels {
            let Bound::Words(words) = label.bound else { continue };
            let distinct: BTreeSet<&str> = words().into_iter().collect();
            assert_eq!(distinct.len(), words().len(), "{name}: {:?}", words());
        }
    }
    assert!(names.len() > 60, "{}", names.len());
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let page = reference::markdown();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "the table has changed: run UPDATE_EXPECT=1 cargo test -p runtime");
}

/// Numbers that repeat, for values that nobody chose.
struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A value of a label as a stranger would have it: a name, a client, a country, a line, a word
    /// that is known.
    fn value(&mut self, family: &Family, at: usize, configured: &Configured) -> String {
        let n = self.next();
        match n % 7 {
            0 => format!("x{n:x}.app.test"),
            1 => format!("10.{}.{}.0/24", n >> 8 & 0xff, n >> 16 & 0xff),
            2 => format!("2001:db8:{:x}::/48", n >> 32 & 0xffff),
            3 => char::from(b'A' + (n >> 8) as u8 % 26).to_string().repeat(2),
            4 => format!("agent-{}\n\"{}\\", n % 10_000, "y".repeat(n as usize >> 40 & 0xff)),
            _ => {
                let values = family.labels[at].bound.values(configured);
                values[(n >> 8) as usize % values.len()].to_owned()
            }
        }
    }
}

/// A page on which every family was given so many values of strangers, and the most it may have.
fn driven(configured: &Arc<Configured>, values_per_family: usize) -> (usize, usize) {
    let mut random = Random(7);
    let mut page = Page::new(Arc::clone(configured));
    for _ in 0..values_per_family {
        for family in families::all() {
            if let Kind::Histogram(ends) = family.kind {
                let ranges: Vec<u64> = (0..=ends.len()).map(|_| random.next()).collect();
                page.ranges(family, &ranges, random.next());
                continue;
            }
            let values = (0..family.labels.len()).map(|at| random.value(family, at, configured));
            let values: Vec<String> = values.collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            page.add(family, &values, random.next() >> (random.next() % 64));
        }
    }
    let most = Page::bytes_max(configured);
    for format in [Format::Text, Format::OpenMetrics] {
        let length = page.write(format).len();
        assert!(length <= most, "{length} bytes, {most} at most");
    }
    (page.write(Format::Text).len(), most)
}

/// A month of a busy day: as many values again on each day, of everything that a stranger can choose.
#[test]
fn no_stranger_makes_the_page_longer() {
    let small = configured(&["app.test", "api.test"], &["eu-west", "us-east", "ap-southeast"]);
    let (day, most) = driven(&small, 200);
    let (month, _) = driven(&small, 30 * 200);
    // Each known word was there on the first day; only numbers may be longer since.
    assert!(month - day < most / 6, "{day} bytes after a day, {month} after a month");
    driven(&Arc::new(Configured::of_size(50, 20)), 500);
    driven(&Arc::new(Configured::default()), 500);
}

/// The bound is no wild guess: a page on which every word occurs, each number at its longest, has it.
#[test]
fn the_bound_is_reached() {
    for configured in [Configured::of_size(3, 2), Configured::of_size(2_000, 20)] {
        let configured = Arc::new(configured);
        let mut page = Page::new(Arc::clone(&configured));
        for family in families::all() {
            if let Kind::Histogram(ends) = family.kind {
                page.ranges(family, &vec![u64::MAX; ends.len() + 1], u64::MAX);
                continue;
            }
            let mut rows: Vec<Vec<&str>> = vec![Vec::new()];
            for label in family.labels {
                let values = label.bound.values(&configured);
                let each = |row: Vec<_>| {
                    values
                        .iter()
                        .map(move |value| [row.clone(), vec![*value]].concat())
                        .collect::<Vec<_>>()
                };
                rows = rows.into_iter().flat_map(each).collect();
            }
            for row in rows {
                page.add(family, &row, u64::MAX);
            }
        }
        let (length, most) = (page.write(Format::Text).len(), Page::bytes_max(&configured));
        assert!(length <= most && length > most * 6 / 10, "{length} of {most}");
        let lines = page.write(Format::Text).lines().count();
        assert!(lines <= families::all().count() * 2 + 3 * SERIES_MAX, "{lines}");
    }
}

struct Fixed(Option<Page>);

impl Source for Fixed {
    async fn page(&self) -> Option<Page> {
        self.0.clone()
    }
}

/// The head and the body of what is answered to a monitor with this header.
async fn asked(page: Option<Page>, header: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = MetricsServer::start(listener, Fixed(page)).unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.local_address()).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_monitor_is_given_what_it_reads() {
    let mut page = Page::new(configured(&[], &[]));
    page.set(&mesh::HELD, 1);
    let (head, body) = asked(Some(page.clone()), "").await;
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(head.contains("vary: accept") && !body.contains("# EOF"), "{head}\n{body}");
    let (head, body) = asked(Some(page), "Accept: application/openmetrics-text; q=0.9\r\n").await;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("opengslb_overwatch_agents_held 1\n# EOF\n"), "{body}");
    let (head, _) = asked(None, "").await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
}
