//! Resources of gdnsd to servers and domains, and its service types to checks.

use std::net::IpAddr;

use crate::note::{Kind, Notes};
use crate::yaml::{Map, Value};

/// Where a check goes that gdnsd did not make.
const PORT: &str = "80";

/// Writes `domains` and the regions' servers. Of `wanted` the first is the map that is taken.
pub(super) fn move_over(
    root: &mut Map,
    said: &Map,
    geoip: &Map,
    wanted: (&str, &[(String, String)]),
    notes: &mut Notes,
) {
    let (map_name, domains) = wanted;
    let resources = geoip.get("resources").and_then(Value::as_map).cloned().unwrap_or_default();
    let mut list = Vec::new();
    for (name, resource) in domains {
        match resources.at(resource).and_then(Value::as_map) {
            None => notes.add(
                Kind::ToDo,
                format!("--domain {name}"),
                format!("there is no resource {resource}"),
            ),
            Some(map) if map.text("map").is_some_and(|map| map != map_name) => {
                let what = format!("{resource} goes by another map: import it apart");
                notes.add(Kind::ToDo, format!("--domain {name}"), what);
            }
            Some(map) => list.push(domain(root, said, name, map, notes)),
        }
    }
    for (name, _) in &resources.0 {
        if !domains.iter().any(|(_, resource)| resource == name) {
            let what = format!("its names stand in zone files: give `--domain NAME={name}`");
            notes.add(Kind::ToDo, format!("resources => {name}"), what);
        }
    }
    if !list.is_empty() {
        root.set("domains", Value::List(list));
    }
}

fn domain(root: &mut Map, said: &Map, name: &str, resource: &Map, notes: &mut Notes) -> Value {
    let check = check(said, name, resource, notes);
    let mut regions = Vec::new();
    let mut targets = Vec::new();
    let map = resource.get("dcmap").and_then(Value::as_map).cloned().unwrap_or_default();
    for (place, value) in &map.0 {
        regions.push(place.clone());
        if let Value::Text(alias) = value
            && alias.parse::<IpAddr>().is_err()
        {
            let alias = alias.trim_end_matches('.');
            targets.push(Value::Map(Map::of(&[("region", place), ("name", alias)])));
            continue;
        }
        let mut servers = Vec::new();
        leaves(value, &mut servers);
        if servers.is_empty() {
            let what =
                "no address stands there: another plugin's resource has to be written out first";
            notes.add(Kind::ToDo, format!("dcmap => {place}"), what);
        }
        add(root, place, name, &servers, &check);
    }
    let mut map = Map::of(&[("name", name), ("routing_algorithm", "geolocation")]);
    map.set("regions", Value::texts(regions));
    if !targets.is_empty() {
        map.set("targets", Value::List(targets));
    }
    Value::Map(map)
}

/// Every address below, with its weight where a number follows it.
fn leaves(value: &Value, found: &mut Vec<(IpAddr, Option<String>)>) {
    match value {
        Value::Text(text) => found.extend(text.parse().ok().map(|ip| (ip, None))),
        Value::List(items) => match items.as_slice() {
            [Value::Text(ip), Value::Text(weight)] if weight.parse::<u16>().is_ok() => {
                found.extend(ip.parse().ok().map(|ip| (ip, Some(weight.clone()))));
            }
            items => items.iter().for_each(|item| leaves(item, found)),
        },
        Value::Map(map) => map.0.iter().for_each(|(_, value)| leaves(value, found)),
        Value::Null => {}
    }
}

/// Puts servers into a region.
fn add(
    root: &mut Map,
    region: &str,
    service: &str,
    servers: &[(IpAddr, Option<String>)],
    check: &Map,
) {
    let Some(map) = root.maps("regions").find(|map| map.text("name") == Some(region)) else {
        return;
    };
    if !matches!(map.get("servers"), Some(Value::List(_))) {
        map.set("servers", Value::List(Vec::new()));
    }
    let Some(Value::List(list)) = map.get_mut("servers") else { return };
    for (address, weight) in servers {
        let port = check.text("port").unwrap_or(PORT);
        let mut server =
            Map::of(&[("address", &*address.to_string()), ("port", port), ("service", service)]);
        if let Some(weight) = weight {
            server.set("weight", Value::text(weight));
        }
        if let Some(check) = check.get("check") {
            server.set("health_check", check.clone());
        }
        list.push(Value::Map(server));
    }
}

/// `port` and `check` of a resource's servers, by its service type.
fn check(said: &Map, name: &str, resource: &Map, notes: &mut Notes) -> Map {
    let names = match resource.get("service_types") {
        Some(Value::List(names)) => names.iter().filter_map(Value::as_text).collect(),
        Some(Value::Text(name)) => vec![name.as_str()],
        _ => Vec::new(),
    };
    let place = format!("domains: {name}");
    if names.len() > 1 {
        let what = format!(
            "several service types; a server has one check: that of {} was taken",
            names.join(", ")
        );
        notes.add(Kind::Changed, &*place, what);
    }
    let found =
        names.iter().find_map(|name| said.get("service_types")?.as_map()?.at(name)?.as_map());
    let mut made = Map::default();
    let kind = match found.and_then(|found| found.text("plugin")) {
        Some("http_status") => "http",
        Some("tcp_connect") => "tcp",
        other => {
            let what = match other {
                Some(other) => format!(
                    "{other} has no counterpart: servers are asked for a connection at port {PORT}"
                ),
                None => format!(
                    "was not checked: servers are asked for a connection at port {PORT} now"
                ),
            };
            notes.add(Kind::ToDo, place, what);
            "tcp"
        }
    };
    made.set("check.type", Value::text(kind));
    for (key, ours, unit) in KEYS {
        let value = found.and_then(|found| found.get(key));
        match value {
            Some(Value::Text(text)) => made.set(ours, Value::text(format!("{text}{unit}"))),
            Some(list) => made.set(ours, list.clone()),
            None => {}
        }
    }
    // gdnsd asks for `/` where nothing else is said (its manual page gdnsd-plugin-http_status).
    if kind == "http" && made.get("check.path").is_none() {
        made.set("check.path", Value::text("/"));
    }
    made
}

/// Of a service type: its key, ours, and the unit that ours wants.
const KEYS: &[(&str, &str, &str)] = &[
    ("port", "port", ""),
    ("url_path", "check.path", ""),
    ("vhost", "check.host", ""),
    ("ok_codes", "check.status", ""),
    ("interval", "check.interval", "s"),
    ("timeout", "check.timeout", "s"),
    ("down_thresh", "check.failure_threshold", ""),
    ("up_thresh", "check.success_threshold", ""),
];
