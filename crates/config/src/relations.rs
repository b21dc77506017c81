//! Rules between keys: what is named must exist, what is listed is listed once, what is shorter
//! must not be longer.
//!
//! Tried on a faulty file too, so it works on what is left of it: a rule of which a part is
//! missing is not tried.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks;
use crate::etcd;
use crate::fault::{Faults, Position};
use crate::section::Section;
use crate::signing;
use crate::steering;
use crate::suggest;
use crate::values::{Milliseconds, Sha256};

/// Tries every rule of an agent's file.
pub(crate) fn of_agent(root: &Section, faults: &mut Faults) {
    let backends = || root.section("agent").sections("backends");
    once(backends(), &["service", "address", "port"], "agent.backends[]", faults);
    for backend in backends() {
        checks::check(backend, "agent.backends[].health_check", faults);
    }
}

/// Tries every rule of an overwatch's file.
pub(crate) fn of_overwatch(root: &Section, faults: &mut Faults) {
    let overwatch = root.section("overwatch");
    let geolocation = overwatch.section("geolocation");
    coordinates(root, faults);
    once(root.sections("regions"), &["name"], "regions[]", faults);
    once(root.sections("domains"), &["name"], "domains[]", faults);
    let mappings = "overwatch.geolocation.custom_mappings[]";
    once(geolocation.sections("custom_mappings"), &["cidr"], mappings, faults);
    named_regions(root, faults);
    once(root.section("dns").sections("zones"), &["name"], "dns.zones[]", faults);
    let zones = root.section("dns").sections("zones").filter_map(|zone| zone.text("name"));
    let zones: BTreeSet<&str> = zones.collect();
    api(root.section("api"), faults);
    for domain in root.sections("domains") {
        zone(&zones, domain, faults);
        constraints(domain, faults);
    }
    steering::check(root, faults);
    signing::check(root, faults);
    servers(root, faults);
    tokens(root, faults);
    etcd::check(overwatch.section("store").section("etcd"), faults);
    let validation = overwatch.section("validation");
    order(validation, ["check_timeout", "check_interval"], "overwatch.validation", faults);
    table(overwatch.section("latency_table"), faults);
    unmeasured(root, faults);
}

/// One agent has no more rows than all.
fn table(table: &Section, faults: &mut Faults) {
    let rows = |key: &str| table.get::<u64>(key);
    if let (Some(one), Some(all)) = (rows("max_rows_per_agent"), rows("max_rows"))
        && one > all
    {
        let shown = "overwatch.latency_table";
        let message = format!(
            "{shown}.max_rows_per_agent: expected at most {shown}.max_rows, which is {all}, found {one}"
        );
        faults.fault(table.at("max_rows_per_agent"), message);
    }
}

/// No two sections have the same values at all of `keys`.
pub(crate) fn once<'s>(
    sections: impl Iterator<Item = &'s Section>,
    keys: &[&str],
    shown: &str,
    faults: &mut Faults,
) {
    let mut places: BTreeMap<Vec<&str>, Position> = BTreeMap::new();
    for section in sections {
        let texts: Option<Vec<&str>> = keys.iter().map(|key| section.text(key)).collect();
        let Some(texts) = texts else { continue };
        let at = keys.first().map_or(section.at, |key| section.at(key));
        match places.get(&texts) {
            Some(first) => {
                let first = if first.source == at.source {
                    format!("on line {}", first.line)
                } else {
                    format!("at {}", faults.place(*first))
                };
                let name = texts.join(" ");
                faults.fault(at, format!("{shown}: {name} is here twice, first {first}"));
            }
            None => {
                places.insert(texts, at);
            }
        }
    }
}

/// The first of two durations must not be longer than the second.
pub(crate) fn order(section: &Section, [short, long]: [&str; 2], shown: &str, faults: &mut Faults) {
    let (Some(short_ms), Some(long_ms)) = (section.ms(short), section.ms(long)) else { return };
    if short_ms > long_ms {
        let (short_ms, long_ms) = (Milliseconds(short_ms), Milliseconds(long_ms));
        let message = format!(
            "{shown}.{short}: expected at most {shown}.{long}, which is {long_ms}, found {short_ms}"
        );
        faults.fault(section.at(short), message);
    }
}

/// Every region that is named is one of `regions`.
fn named_regions(root: &Section, faults: &mut Faults) {
    let regions: Vec<&Section> = root.sections("regions").collect();
    let known: Option<BTreeSet<&str>> = regions.iter().map(|region| region.text("name")).collect();
    // Where a region's own name is at fault, nobody can say which one was meant.
    let Some(known) = known else { return };
    let mut named: Vec<(&str, Position, &str)> = Vec::new();
    for domain in root.sections("domains") {
        named.extend(domain.texts("regions").map(|(name, at)| (name, at, "domains[].regions[]")));
    }
    for source in root.section("api").sections("latency_sources") {
        let shown = "api.latency_sources[].regions[]";
        named.extend(source.texts("regions").map(|(name, at)| (name, at, shown)));
    }
    let overwatch = root.section("overwatch");
    for token in overwatch.sections("agent_tokens") {
        let shown = "overwatch.agent_tokens[].regions[]";
        named.extend(token.texts("regions").map(|(name, at)| (name, at, shown)));
    }
    let geolocation = overwatch.section("geolocation");
    for mapping in geolocation.sections("custom_mappings") {
        let shown = "overwatch.geolocation.custom_mappings[].region";
        named.extend(mapping.text("region").map(|name| (name, mapping.at("region"), shown)));
    }
    let shown = "overwatch.geolocation.default_region";
    let at = geolocation.at("default_region");
    named.extend(geolocation.text("default_region").map(|name| (name, at, shown)));
    for (name, at, shown) in named.into_iter().filter(|(name, ..)| !known.contains(name)) {
        let hint = among(name, known.iter().copied());
        faults.fault(at, format!("{shown}: no region {name:?} in `regions`{hint}"));
    }
}

/// A region has both coordinates or none. Not tried where a key was at fault: that one would seem
/// to be missing.
fn coordinates(root: &Section, faults: &mut Faults) {
    if !faults.is_clean() {
        return;
    }
    for region in root.sections("regions") {
        for (given, missing) in [("latitude", "longitude"), ("longitude", "latitude")] {
            if region.text(given).is_some() && region.text(missing).is_none() {
                let message = format!("regions[].{given}: expected `{missing}` beside it");
                faults.fault(region.at(given), message);
            }
        }
    }
}

/// The end of a message about a name that is not among `known`.
pub(crate) fn among<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    /// More would fill the screen.
    const SHOWN_MAX: usize = 12;
    if let Some(near) = suggest::nearest(name, known.clone()) {
        return format!(": did you mean {near:?}?");
    }
    let names: Vec<&str> = known.take(SHOWN_MAX + 1).collect();
    match names.len() {
        0 => ", which is empty".to_owned(),
        1..=SHOWN_MAX => format!(": expected one of {}", names.join(", ")),
        _ => String::new(),
    }
}

/// A domain lies in one of the zones, where zones are given.
fn zone(zones: &BTreeSet<&str>, domain: &Section, faults: &mut Faults) {
    /// More would fill the screen.
    const SHOWN_MAX: usize = 5;
    let Some(name) = domain.text("name") else { return };
    let mut names = std::iter::successors(Some(name), |name| parent(name));
    if zones.is_empty() || names.any(|name| zones.contains(name)) {
        return;
    }
    let shown: Vec<&str> = zones.iter().copied().take(SHOWN_MAX).collect();
    let more = if zones.len() > SHOWN_MAX { ", ..." } else { "" };
    let message = format!(
        "domains[].name: {name} lies in none of `dns.zones` ({}{more}): add its zone there, as in {}",
        shown.join(", "),
        parent(name).unwrap_or(name)
    );
    faults.fault(domain.at("name"), message);
}

/// The name without its first label.
fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

/// A constraint names clients, and regions of its domain.
fn constraints(domain: &Section, faults: &mut Faults) {
    let regions: Vec<&str> = domain.texts("regions").map(|(region, _)| region).collect();
    for constraint in domain.sections("constraints") {
        let has_clients = ["networks", "countries"].iter().any(|k| constraint.texts(k).count() > 0);
        if !has_clients {
            let message = "domains[].constraints[]: expected `networks` or `countries`: whom does \
                           it hold for?";
            faults.fault(constraint.at, message.to_owned());
        }
        for (region, at) in constraint.texts("regions") {
            if !regions.is_empty() && !regions.contains(&region) {
                let hint = among(region, regions.iter().copied());
                let shown = "domains[].constraints[].regions[]";
                faults.fault(at, format!("{shown}: {region:?} is no region of the domain{hint}"));
            }
        }
    }
}

/// The regions of each service, those of all its domains. `None` where a domain's name or regions
/// are at fault: then nobody can say what was meant.
fn regions_of_services(root: &Section) -> Option<BTreeMap<&str, BTreeSet<&str>>> {
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for domain in root.sections("domains") {
        let mut regions = domain.texts("regions").map(|(region, _)| region).peekable();
        regions.peek()?;
        services.entry(steering::service(domain)?).or_default().extend(regions);
    }
    Some(services)
}

/// A server serves a domain that names its region, and none serves the same twice.
fn servers(root: &Section, faults: &mut Faults) {
    for server in root.sections("regions").flat_map(|region| region.sections("servers")) {
        checks::check(server, "regions[].servers[].health_check", faults);
    }
    let Some(domains) = regions_of_services(root) else { return };
    let mut lines = BTreeMap::new();
    for region in root.sections("regions") {
        let Some(name) = region.text("name") else { continue };
        let every = domains.iter().filter(|(_, regions)| regions.contains(name));
        let every: Vec<&str> = every.map(|(domain, _)| *domain).collect();
        for server in region.sections("servers") {
            match server.text("service") {
                Some(service) => {
                    unserved(server, service, name, &domains, faults);
                    served_once(server, &[service], &mut lines, faults);
                }
                None => served_once(server, &every, &mut lines, faults),
            }
        }
    }
}

/// A server must not stand twice for one service. `lines` holds those seen, by service, address
/// and port.
fn served_once<'s>(
    server: &'s Section,
    services: &[&'s str],
    lines: &mut BTreeMap<[&'s str; 3], usize>,
    faults: &mut Faults,
) {
    let (Some(address), Some(port)) = (server.text("address"), server.text("port")) else { return };
    let at = server.at("address");
    let seen =
        services.iter().filter_map(|service| lines.insert([service, address, port], at.line));
    if let Some(line) = seen.min() {
        let message =
            format!("regions[].servers[]: {address} {port} is here twice, first on line {line}");
        faults.fault(at, message);
    }
}

/// A server names a domain, and the domain names the server's region.
fn unserved(
    server: &Section,
    service: &str,
    region: &str,
    domains: &BTreeMap<&str, BTreeSet<&str>>,
    faults: &mut Faults,
) {
    let problem = match domains.get(service) {
        Some(regions) if regions.contains(region) => return,
        Some(_) => format!("the domain {service} does not name region {region}"),
        None => {
            let hint = among(service, domains.keys().copied());
            format!("no domain {service:?} in `domains`{hint}")
        }
    };
    faults.fault(server.at("service"), format!("regions[].servers[].service: {problem}"));
}

/// A token has one secret, or its hash; a certificate has its key.
fn api(api: &Section, faults: &mut Faults) {
    let named = api.sections("tokens").chain(api.sections("latency_sources"));
    once(named, &["name"], "api.tokens[] and api.latency_sources[]", faults);
    for list in ["tokens", "latency_sources"] {
        for token in api.sections(list) {
            secret(token, list, faults);
        }
    }
    let tls = api.section("tls");
    for (there, missing) in [("cert", "key"), ("key", "cert")] {
        if tls.text(there).is_some() && tls.text(missing).is_none() {
            let message = format!("api.tls.{missing}: missing; api.tls.{there} is of no use alone");
            faults.fault(tls.at(there), message);
        }
    }
}

/// One of the two forms, and only one.
fn secret(token: &Section, list: &str, faults: &mut Faults) {
    match (token.text("token"), token.text("sha256")) {
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("api.{list}[]: expected `token` or `sha256`, and one of them");
            faults.fault(token.at("name"), message);
        }
        (None, Some(digits)) if digits.parse::<Sha256>().is_err() => {
            let message = format!("api.{list}[].sha256: expected 64 hexadecimal digits");
            faults.fault(token.at("sha256"), message);
        }
        _ => {}
    }
}

/// A service has at most two secrets in a region, and is answered for.
fn tokens(root: &Section, faults: &mut Faults) {
    let mut secrets = Secrets::new();
    let domains: BTreeSet<&str> = root.sections("domains").filter_map(steering::service).collect();
    for entry in root.section("overwatch").sections("agent_tokens") {
        let (Some(service), Some(token)) = (entry.text("service"), entry.text("token")) else {
            continue;
        };
        let mut regions: Vec<_> = entry.texts("regions").map(|(region, _)| Some(region)).collect();
        if regions.is_empty() {
            regions.push(None);
        }
        if let Some(region) = full_region(&secrets, service, token, &regions) {
            let message = format!(
                "overwatch.agent_tokens[]: expected at most {TOKENS_MAX} different tokens for \
                 {service} in {region}, found one more"
            );
            faults.fault(entry.at("service"), message);
        } else {
            for region in regions {
                secrets.entry((service, region)).or_default().insert(token);
            }
        }
    }
    let sources = ("api.latency_sources[]", root.section("api").sections("latency_sources"));
    let agents = ("overwatch.agent_tokens[]", root.section("overwatch").sections("agent_tokens"));
    answered_for(agents, &domains, faults);
    answered_for(sources, &domains, faults);
}

/// Whoever speaks for a service that no domain has is not heard of again.
fn answered_for<'s>(
    (shown, sections): (&str, impl Iterator<Item = &'s Section>),
    domains: &BTreeSet<&str>,
    faults: &mut Faults,
) {
    for section in sections {
        let Some(service) = section.text("service").filter(|name| !domains.contains(name)) else {
            continue;
        };
        let message =
            format!("{shown}.service: nothing is answered for {service}: it is no domain");
        faults.warn(section.at("service"), message);
    }
}

/// The different secrets by service and region; those for any region stand under `None`.
type Secrets<'s> = BTreeMap<(&'s str, Option<&'s str>), BTreeSet<&'s str>>;

/// The first of the regions in which this secret of a service would be one too many. Those for any
/// region, `None`, count in each.
fn full_region<'s>(
    secrets: &Secrets<'s>,
    service: &'s str,
    token: &str,
    regions: &[Option<&'s str>],
) -> Option<&'s str> {
    let of_service = secrets.range((service, None)..).take_while(|((of, _), _)| *of == service);
    let named = of_service.map(|((_, region), _)| *region).filter(|_| regions.contains(&None));
    let is_full = |region: &Option<&str>| {
        let valid = [None, *region].map(|region| secrets.get(&(service, region)));
        let valid: BTreeSet<&str> = valid.into_iter().flatten().flatten().copied().collect();
        valid.len() >= TOKENS_MAX && !valid.contains(token)
    };
    let full = regions.iter().copied().chain(named).find(is_full);
    full.map(|region| region.unwrap_or("any region"))
}

/// The old one and the new one, while a token is changed; each more is one more proof that the
/// mesh would have to offer to strangers.
const TOKENS_MAX: usize = 2;

/// `latency` steers by the overwatch's own connect times.
fn unmeasured(root: &Section, faults: &mut Faults) {
    let validates = root.section("overwatch").section("validation").get("enabled");
    for domain in root.sections("domains") {
        if domain.text("routing_algorithm") == Some("latency") && validates == Some(false) {
            let message = "domains[].routing_algorithm: `latency` measures nothing of agents' \
                           backends while `overwatch.validation.enabled` is false";
            faults.warn(domain.at("routing_algorithm"), message.to_owned());
        }
    }
}
