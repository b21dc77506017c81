//! Killed in the middle of writing: the store opens, and nothing that was acknowledged is lost.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::daemon::eventually;
use crate::site::Site;

/// Writers at once, each with things of its own.
const WRITERS: usize = 3;

/// What a writer knows of one thing: what was acknowledged last, and what was sent after it and was
/// not. One of the two holds.
#[derive(Clone, Debug, Default)]
struct Known {
    acknowledged: Option<u64>,
    sent: Option<Option<u64>>,
}

fn kills() -> usize {
    let is_whole = std::env::var("OPENGSLB_MADE").is_ok_and(|value| value == "whole");
    if is_whole { 200 } else { 20 }
}

/// Writes until nobody answers any more, or it is told to stop.
fn write(
    site: &Site,
    writer: usize,
    known: &mut BTreeMap<String, Known>,
    stop: &AtomicBool,
    count: &AtomicUsize,
) {
    let mut number: u64 = known.values().filter_map(|known| known.acknowledged).max().unwrap_or(0);
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let thing = known.entry(format!("10.{writer}.{}.0/24", number % 7)).or_default();
        let path = |network: &str| format!("/api/v1/geo/mappings/{}", network.replace('/', "%2F"));
        let network = format!("10.{writer}.{}.0/24", number % 7);
        let is_removal = number.is_multiple_of(5) && thing.acknowledged.is_some();
        let (request, body, next) = if is_removal {
            (format!("DELETE {}", path(&network)), String::new(), None)
        } else {
            let body = format!(r#"{{"region": "one", "comment": "number {number}"}}"#);
            (format!("PUT {}", path(&network)), body, Some(number))
        };
        thing.sent = Some(next);
        let Some((status, body)) = site.try_api(&request, &body) else { return };
        assert!(matches!(status, 200 | 201 | 204), "{request}: {status} {body}");
        thing.acknowledged = next;
        thing.sent = None;
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the overwatch has now.
fn stored(site: &Site) -> BTreeMap<String, u64> {
    let document: serde_json::Value =
        serde_json::from_str(&site.api("GET /api/v1/geo/mappings")).unwrap();
    let number = |item: &serde_json::Value| {
        let comment = item["settings"]["comment"].as_str()?;
        Some((item["name"].as_str()?.to_owned(), comment.rsplit(' ').next()?.parse().ok()?))
    };
    document["items"].as_array().unwrap().iter().filter_map(number).collect()
}

#[test]
fn nothing_acknowledged_is_lost_however_it_is_killed() {
    let mut site = Site::start();
    let mut known: Vec<BTreeMap<String, Known>> = vec![BTreeMap::new(); WRITERS];
    let (kills, acknowledged) = (kills(), AtomicUsize::new(0));
    // A word of the moment, too: it is in another table of the same store.
    let first = site.first().to_string();
    for round in 0..kills {
        let word = if round % 2 == 0 { "false" } else { "true" };
        let (code, said) = site.cli(&["overrides", "set", "app.test", &first, "--healthy", word]);
        assert_eq!(code, 0, "{said}");
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for (writer, known) in known.iter_mut().enumerate() {
                let (site, stop, count) = (&site, &stop, &acknowledged);
                scope.spawn(move || write(site, writer, known, stop, count));
            }
            // Another moment each time: after another number of writes, and up to 20 ms after that.
            let enough = acknowledged.load(Ordering::Relaxed) + round % 7;
            eventually("it writes", || acknowledged.load(Ordering::Relaxed) >= enough);
            thread::sleep(Duration::from_micros((round as u64 * 7_919) % 20_000));
            site.overwatch.signal("KILL");
            stop.store(true, Ordering::Relaxed);
        });
        site.overwatch.end();
        site.start_again();
        let stored = stored(&site);
        for (name, known) in known.iter_mut().flatten() {
            let found = stored.get(name).copied();
            let may_be = [Some(known.acknowledged), known.sent];
            assert!(
                may_be.contains(&Some(found)),
                "round {round}: {name} is {found:?}, and was {known:?}"
            );
            *known = Known { acknowledged: found, sent: None };
        }
        let backends = site.api("GET /api/v1/overwatch/backends");
        let of_first = backends.split(&format!("\"address\":\"{first}\"")).nth(1).unwrap();
        let expect = if word == "true" { "\"healthy\"" } else { "\"unhealthy\"" };
        let status = of_first.split("\"effective_status\":").nth(1).unwrap();
        assert!(status.starts_with(expect), "round {round}: {status}");
    }
    let count = acknowledged.load(Ordering::Relaxed);
    let _ = writeln!(std::io::stderr(), "{kills} kills, {count} writes were acknowledged and kept");
    assert!(count > kills, "{count}");
}
