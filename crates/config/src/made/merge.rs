//! What was made into the tree of the file; and a list of all that the two have together.
//!
//! Where both have the same thing the file's counts, and the other one waits: the file is what
//! somebody wrote down and reviewed.

use std::collections::BTreeMap;

use super::name::ANY_SERVICE;
use super::{EntityKind, EntityName, Made, body};
use crate::fault::{Faults, Position};
use crate::relations::among;
use crate::tree::{self, Entry, Node, Value};

/// One thing of the configuration that the API knows by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its name.
    pub name: EntityName,
    /// The file that defines it, and the line; `None` where it was made through the API.
    pub file: Option<(String, usize)>,
    /// Whether it was made through the API and waits, since the file has it too.
    pub is_waiting: bool,
    /// Its settings as they were given, as a JSON object.
    pub settings: String,
}

/// Adds to the tree of the file what was made, but for what the file has too; says that one waits.
/// Each body is a source of its own, so that a fault names it.
pub(crate) fn merge(root: &mut Node, made: &Made, faults: &mut Faults) {
    let of_file: BTreeMap<EntityName, Position> = if made.is_empty() {
        BTreeMap::new()
    } else {
        named(root).map(|(name, node)| (name, node.at)).collect()
    };
    for (name, text) in made.entities() {
        let source = faults.source_of_made(name.clone());
        // It was made of a JSON object, which is YAML too.
        let Some(mut node) = tree::parse(text, source, faults) else { continue };
        if let Some(at) = of_file.get(name).or_else(|| any_service(&of_file, name)) {
            let message = format!(
                "{} has it too, and counts: this one waits until the file leaves it out",
                faults.place(*at)
            );
            faults.warn(node.at, message);
            continue;
        }
        match name.kind() {
            EntityKind::Region => push(list(root, &["regions"]), node),
            EntityKind::Domain => push(list(root, &["domains"]), node),
            EntityKind::Mapping => {
                push(list(root, &["overwatch", "geolocation", "custom_mappings"]), node);
            }
            EntityKind::Server => {
                let region = take_text(&mut node, "region");
                merge_server(root, region, node, faults);
            }
        }
    }
}

/// A server of the file that names no service stands for all.
fn any_service<'p>(
    of_file: &'p BTreeMap<EntityName, Position>,
    name: &EntityName,
) -> Option<&'p Position> {
    let values: Vec<&str> = name.keys().map(|(_, value)| value).collect();
    let [_, address, port] = values.as_slice() else { return None };
    let any = EntityName::new(EntityKind::Server, &[ANY_SERVICE, address, port]).ok()?;
    of_file.get(&any)
}

/// Puts a server into its region.
fn merge_server(
    root: &mut Node,
    region: Option<(String, Position)>,
    server: Node,
    faults: &mut Faults,
) {
    let Some((region, at)) = region else {
        let message = "region is missing: expected the name of one of `regions`";
        return faults.fault(server.at, message.to_owned());
    };
    let normal = |name: &str| EntityKind::Region.normal("name", name).ok();
    let (wanted, mut known) = (normal(&region), Vec::new());
    let Some(regions) = list(root, &["regions"]) else { return };
    for item in regions {
        let name = text(item, "name").and_then(normal);
        if name.is_some() && name == wanted {
            return push(list(item, &["servers"]), server);
        }
        known.extend(name);
    }
    let hint = among(&region, known.iter().map(String::as_str));
    faults.fault(at, format!("region: no region {region:?} in `regions`{hint}"));
}

/// All that have a name, in the tree of a file or of all together, each with the map that it is.
fn named(root: &Node) -> impl Iterator<Item = (EntityName, &Node)> {
    let of = |kind: EntityKind| {
        let items = match kind {
            EntityKind::Region => items(root, &["regions"]),
            EntityKind::Domain => items(root, &["domains"]),
            EntityKind::Mapping => items(root, &["overwatch", "geolocation", "custom_mappings"]),
            EntityKind::Server => &[],
        };
        items.iter().map(move |node| (kind, node))
    };
    let servers = items(root, &["regions"]).iter().flat_map(|region| items(region, &["servers"]));
    let servers = servers.map(|node| (EntityKind::Server, node));
    let all = EntityKind::ALL.into_iter().flat_map(of).chain(servers);
    all.filter_map(|(kind, node)| Some((name_of(kind, node)?, node)))
}

/// The name of an item, where what makes it is there.
fn name_of(kind: EntityKind, node: &Node) -> Option<EntityName> {
    let value = |key: &&str| match text(node, key) {
        Some(text) => Some(text.to_owned()),
        None if *key == "service" => Some(ANY_SERVICE.to_owned()),
        None => crate::keys::default_of(&format!("{}.{key}", kind.path())).map(str::to_owned),
    };
    let values: Vec<String> = kind.names().iter().map(value).collect::<Option<_>>()?;
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    EntityName::new(kind, &values).ok()
}

/// Everything that the API knows by name, sorted by kind and name. `root` is the merged tree.
pub(crate) fn entities(root: &Node, made: &Made, faults: &Faults) -> Vec<Entity> {
    let mut all: BTreeMap<(EntityName, bool), Entity> = BTreeMap::new();
    let mut regions: BTreeMap<Position, &str> = BTreeMap::new();
    for region in items(root, &["regions"]) {
        let servers = items(region, &["servers"]).iter();
        regions.extend(servers.filter_map(|server| Some((server.at, text(region, "name")?))));
    }
    for (name, node) in named(root) {
        let mut settings = body::to_json(node, name.kind().path());
        if let (Some(region), Some(map)) = (regions.get(&node.at), settings.as_object_mut()) {
            map.insert("region".to_owned(), (*region).into());
        }
        if let (EntityKind::Region, Some(map)) = (name.kind(), settings.as_object_mut()) {
            // Each is one of its own.
            map.remove("servers");
        }
        let file = faults.file_of(node.at).map(|file| (file.to_owned(), node.at.line));
        let settings = settings.to_string();
        let entity = Entity { name: name.clone(), file, is_waiting: false, settings };
        all.insert((name, false), entity);
    }
    for (name, settings) in made.entities() {
        let is_in = all.get(&(name.clone(), false)).is_some_and(|there| there.file.is_none());
        if !is_in {
            let (name, settings) = (name.clone(), settings.to_owned());
            let entity = Entity { name: name.clone(), file: None, is_waiting: true, settings };
            all.insert((name, true), entity);
        }
    }
    all.into_values().collect()
}

/// The list at a path, made where there is none; `None` where something else is in the way, which is
/// a fault of its own.
fn list<'n>(node: &'n mut Node, path: &[&str]) -> Option<&'n mut Vec<Node>> {
    let Some((first, rest)) = path.split_first() else {
        if node.value == Value::Null {
            node.value = Value::List(Vec::new());
        }
        return if let Value::List(items) = &mut node.value { Some(items) } else { None };
    };
    if node.value == Value::Null {
        node.value = Value::Map(Vec::new());
    }
    let at = node.at;
    let Value::Map(entries) = &mut node.value else { return None };
    if !entries.iter().any(|entry| entry.key == *first) {
        let node = Node { at, value: Value::Null };
        entries.push(Entry { key: (*first).to_owned(), key_at: at, node });
    }
    list(&mut entries.iter_mut().find(|entry| entry.key == *first)?.node, rest)
}

fn push(list: Option<&mut Vec<Node>>, node: Node) {
    if let Some(list) = list {
        list.push(node);
    }
}

fn items<'n>(node: &'n Node, path: &[&str]) -> &'n [Node] {
    let mut node = node;
    for name in path {
        match node.entries().iter().find(|entry| entry.key == *name) {
            Some(entry) => node = &entry.node,
            None => return &[],
        }
    }
    if let Value::List(items) = &node.value { items } else { &[] }
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    let entry = node.entries().iter().find(|entry| entry.key == key)?;
    if let Value::Text(text) = &entry.node.value { Some(text) } else { None }
}

/// Takes a scalar out of a map.
fn take_text(node: &mut Node, key: &str) -> Option<(String, Position)> {
    let Value::Map(entries) = &mut node.value else { return None };
    let index = entries.iter().position(|entry| entry.key == key)?;
    let entry = entries.remove(index);
    let Value::Text(text) = entry.node.value else { return None };
    Some((text, entry.node.at))
}
