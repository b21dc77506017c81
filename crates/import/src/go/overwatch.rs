//! What is particular in an overwatch's file: tokens, checks of a region, zones, client subnets.

use crate::note::{Kind, Notes};
use crate::yaml::{Map, Value};

/// What the former program excluded regions above, whatever the file said.
const MAX_LATENCY_MS: &str = "500";

/// Puts each thing where it stands now.
pub(super) fn move_over(root: &mut Map, notes: &mut Notes) {
    list_tokens(root);
    if let Some(value) = root.take("overwatch.geolocation.ecs_enabled") {
        root.set("dns.ecs.enabled", value);
    }
    if let Some(value) = root.take("dns.return_last_healthy") {
        let is_last = value.as_text() == Some("true");
        root.set(
            "dns.none_healthy",
            Value::text(if is_last { "last_healthy" } else { "servfail" }),
        );
    }
    for region in root.maps("regions") {
        push_checks_down(region, notes);
    }
    for domain in root.maps("domains") {
        limit(domain);
    }
    cover_domains(root, notes);
    standby(root, notes);
}

/// The map of service to token, as a list.
fn list_tokens(root: &mut Map) {
    const PATH: &str = "overwatch.agent_tokens";
    let Some(Value::Map(map)) = root.get(PATH) else { return };
    let entry = |(service, token): &(String, Value)| {
        Value::Map(Map::of(&[("service", service), ("token", token.as_text().unwrap_or_default())]))
    };
    let list = map.0.iter().map(entry).collect();
    root.set(PATH, Value::List(list));
}

/// A region's check becomes that of each of its servers. Where none says a page, `/` was asked for.
fn push_checks_down(region: &mut Map, notes: &mut Notes) {
    let check = region.take("health_check");
    for server in region.maps("servers") {
        if server.get("health_check").is_none() {
            let check = check.clone().unwrap_or_else(|| Value::Map(Map::default()));
            server.set("health_check", check);
        }
        let is_page = server.text("health_check.type").is_none_or(|kind| kind.starts_with("http"));
        if is_page && server.get("health_check.path").is_none() {
            server.set("health_check.path", Value::text("/"));
            let what = "the page that was asked for where no check names one";
            notes.add(Kind::Added, "regions[].servers[].health_check.path", what);
        }
    }
    if check.is_some() {
        let what = "stands at each server now (regions[].servers[].health_check), and its page, host, times \
                    and thresholds count; before, `/` was asked for and the first region's thresholds held";
        notes.add(Kind::Changed, "regions[].health_check", what);
    }
}

/// The limit that held wherever times steered.
fn limit(domain: &mut Map) {
    const PATH: &str = "latency_config.max_latency_ms";
    let by_time = ["latency", "learned_latency", "learned-latency"];
    let is_by_time = domain.text("routing_algorithm").is_some_and(|name| by_time.contains(&name));
    if is_by_time && domain.get(PATH).is_none() {
        domain.set(PATH, Value::text(MAX_LATENCY_MS));
    }
}

/// `dns.zones` means something now: each domain has to lie in one of them.
fn cover_domains(root: &mut Map, notes: &mut Notes) {
    let zones = root.get("dns.zones").map_or(&[][..], Value::items);
    let zones: Vec<String> = zones.iter().filter_map(Value::as_text).map(trimmed).collect();
    if zones.is_empty() {
        return;
    }
    let domains = root.get("domains").map_or(&[][..], Value::items);
    let names = domains.iter().filter_map(|domain| domain.as_map()?.text("name")).map(trimmed);
    let lies_in = |name: &str, zone: &String| name == zone || name.ends_with(&format!(".{zone}"));
    let outside: Vec<String> =
        names.filter(|name| !zones.iter().any(|zone| lies_in(name, zone))).collect();
    for name in outside {
        notes.add(
            Kind::Added,
            "dns.zones",
            format!("{name}, which lies in none of the zones, is one"),
        );
        if let Some(Value::List(zones)) = root.get_mut("dns.zones") {
            zones.push(Value::Text(name));
        }
    }
}

fn trimmed(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Within a region servers take turns; the former `failover` had the first one serve alone.
fn standby(root: &Map, notes: &mut Notes) {
    let maps =
        |key: &str| root.get(key).map_or(&[][..], Value::items).iter().filter_map(Value::as_map);
    for domain in maps("domains") {
        if !matches!(domain.text("routing_algorithm"), Some("failover" | "active-standby")) {
            continue;
        }
        let named = domain.get("regions").map_or(&[][..], Value::items);
        for region in maps("regions")
            .filter(|region| region.get("name").is_some_and(|name| named.contains(name)))
        {
            if region.get("servers").map_or(0, |servers| servers.items().len()) > 1 {
                let name = region.text("name").unwrap_or_default();
                let what = format!(
                    "the servers of {name} take turns, where the first one served alone: for a standby within \
                     it, make a region of each"
                );
                notes.add(Kind::Changed, "domains[].routing_algorithm", what);
            }
        }
    }
}
