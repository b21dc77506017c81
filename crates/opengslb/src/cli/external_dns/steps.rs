//! From what ExternalDNS wants of a name and what the overwatch has, to the next requests. Pure: whoever makes the requests looks again
//! and asks again, until nothing is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::note::{Change, Note, Wanted};
use super::wire::{Changes, Endpoint};

/// Settings, as the configuration has them.
pub(super) type Settings = BTreeMap<String, Value>;

/// What the overwatch has of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct There {
    /// The domain's settings, and what is remembered in them; `None` where there is no such domain.
    pub(super) domain: Option<(Settings, Note)>,
    /// The servers of its service that were made through the API.
    pub(super) servers: BTreeMap<SocketAddr, Settings>,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Makes the domain or makes it anew: only if nothing was changed since.
    PutDomain(Settings),
    /// Takes it back: the same.
    RemoveDomain,
    PutServer(SocketAddr, Settings),
    RemoveServer(SocketAddr),
}

/// The service of a domain that is made: its name; of a wildcard one of its own, since the name above may be another domain.
pub(super) fn service_of(name: &str) -> String {
    name.strip_prefix("*.").map_or_else(|| name.to_owned(), |above| format!("_any.{above}"))
}

/// The next steps towards a note; none where all is as it says.
pub(super) fn next(
    name: &str,
    there: &There,
    (note, wanted): (&Note, &Wanted),
    algorithm: &str,
) -> Result<Vec<Step>, String> {
    let mut note = note.clone();
    note.gone.retain(|server| there.servers.contains_key(server));
    let is_empty = note.records.is_empty();
    if is_empty && (note.gone.is_empty() || there.domain.is_none()) {
        return Ok(if there.domain.is_some() { vec![Step::RemoveDomain] } else { Vec::new() });
    }
    let before = there.domain.as_ref().map(|(settings, _)| settings);
    let mut settings = before.cloned().unwrap_or_else(|| new_domain(name, algorithm));
    // An alias has a target in each region, also in those of servers that are still to go: these go first.
    let has_to_wait = !wanted.aliases.is_empty() && !note.gone.is_empty();
    if !is_empty && !has_to_wait {
        steer(&mut settings, wanted, leaving(there, &note.gone));
    }
    settings.insert("comment".to_owned(), note.comment()?.into());
    let mut steps = Vec::new();
    if before != Some(&settings) {
        steps.push(Step::PutDomain(settings));
    }
    for (at, (region, check)) in &wanted.servers {
        let mut server = BTreeMap::from([
            ("region".to_owned(), json!(region)),
            ("health_check".to_owned(), check.settings()),
        ]);
        if !name.starts_with("*.") {
            server.insert("host".to_owned(), json!(name));
        }
        let is_so =
            |known: &Settings| server.iter().all(|(key, value)| known.get(key) == Some(value));
        if !there.servers.get(at).is_some_and(is_so) {
            steps.push(Step::PutServer(*at, server));
        }
    }
    steps.extend(note.gone.into_iter().map(Step::RemoveServer));
    Ok(steps)
}

fn new_domain(name: &str, algorithm: &str) -> Settings {
    let mut settings = BTreeMap::from([("routing_algorithm".to_owned(), json!(algorithm))]);
    if name.starts_with("*.") {
        settings.insert("service".to_owned(), json!(service_of(name)));
    }
    settings
}

/// The regions of servers that are still to go: as long as they are there, the domain has to name them.
fn leaving<'a>(there: &'a There, gone: &'a BTreeSet<SocketAddr>) -> impl Iterator<Item = String> {
    let regions = gone.iter().filter_map(|at| there.servers.get(at)?.get("region")?.as_str());
    regions.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Writes what ExternalDNS decides into a domain's settings; all else stays.
fn steer(settings: &mut Settings, wanted: &Wanted, leaving: impl Iterator<Item = String>) {
    let regions: BTreeSet<String> = wanted.regions().into_iter().chain(leaving).collect();
    let mut put = |key: &str, value: Option<Value>| match value {
        Some(value) => drop(settings.insert(key.to_owned(), value)),
        None => drop(settings.remove(key)),
    };
    let target = |(region, name): (&String, &String)| json!({"region": region, "name": name});
    let targets: Vec<Value> = wanted.aliases.iter().map(target).collect();
    put("targets", (!targets.is_empty()).then(|| targets.into()));
    put("regions", Some(json!(regions)));
    put("ttl", wanted.ttl.map(Value::from));
}

/// The servers of a name that no record stands for: as long as they are there, the overwatch keeps their domain and their region.
pub(super) fn foreign(there: &There, note: &Note, wanted: &Wanted) -> Vec<String> {
    let is_ours = |at: &SocketAddr| wanted.servers.contains_key(at) || note.gone.contains(at);
    there.servers.keys().filter(|at| !is_ours(at)).map(SocketAddr::to_string).collect()
}

/// A batch, name by name; and why some of it belongs to no name.
pub(super) fn by_name(
    changes: Changes,
    is_known: impl Fn(&str) -> bool,
) -> (BTreeMap<String, Change>, Vec<String>) {
    let Changes { create, update_old, update_new, delete } = changes;
    let given: Vec<Endpoint> = create.into_iter().chain(update_new).collect();
    let taken: Vec<Endpoint> = delete.into_iter().chain(update_old).collect();
    let is_text = |endpoint: &Endpoint| endpoint.record_type == "TXT";
    let records = given.iter().chain(&taken).filter(|endpoint| !is_text(endpoint));
    let names: BTreeSet<String> = records.map(Endpoint::name).collect();
    let owner = |endpoint: &Endpoint| match is_text(endpoint) {
        false => Some(endpoint.name()),
        true => owner_of(endpoint, |name| names.contains(name) || is_known(name)),
    };
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    for endpoint in taken {
        // A text of a name that is nobody's is gone already.
        if let Some(name) = owner(&endpoint) {
            changes.entry(name).or_default().take.push(endpoint);
        }
    }
    let mut strays = Vec::new();
    for endpoint in given {
        match owner(&endpoint) {
            Some(name) => changes.entry(name).or_default().give.push(endpoint),
            None => strays.push(format!("{}: it marks no record", endpoint.shown())),
        }
    }
    (changes, strays)
}

/// The name that a text marks: as its label says, else by how such texts are named.
fn owner_of(text: &Endpoint, is_known: impl Fn(&str) -> bool) -> Option<String> {
    let name = text.name();
    if let Some(owned) = text.labels.get("ownedRecord") {
        return Some(owned.trim_end_matches('.').to_ascii_lowercase());
    }
    let plain = ["a-", "aaaa-", "cname-"].iter().filter_map(|kind| name.strip_prefix(kind));
    let mut candidates = [name.as_str()].into_iter().chain(plain);
    candidates.find(|candidate| is_known(candidate)).map(str::to_owned)
}

/// A note's records with the targets that are really there, and its texts.
pub(super) fn listed(note: &Note, servers: &BTreeSet<std::net::IpAddr>) -> Vec<Endpoint> {
    let mut records: Vec<Endpoint> =
        note.records.iter().map(|kept| kept.endpoint.clone()).collect();
    for record in records.iter_mut().filter(|record| record.record_type != "CNAME") {
        record.targets.retain(|target| target.parse().is_ok_and(|ip| servers.contains(&ip)));
    }
    records.extend(note.texts.iter().cloned());
    records
}

/// Settings without what is not set, as JSON.
pub(super) fn body(settings: &Settings) -> String {
    let map: Map<String, Value> = settings.clone().into_iter().collect();
    Value::Object(map).to_string()
}
