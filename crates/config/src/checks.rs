//! Rules between the keys of one `health_check`: what its type needs, and what its type would not
//! read.

use crate::fault::Faults;
use crate::relations::order;
use crate::section::Section;

/// Keys that only some types read, and which.
const READ_BY: [(&str, &[&str]); 8] = [
    ("body", &["http", "https"]),
    ("server_name", &["https", "grpcs"]),
    ("send", &["tcp"]),
    ("expect", &["tcp"]),
    ("grpc_service", &["grpc", "grpcs"]),
    ("query", &["dns"]),
    ("answer", &["dns"]),
    ("command", &["command"]),
];

/// Keys that a type cannot do without.
const NEEDED_BY: [(&str, &str); 2] = [("query", "dns"), ("command", "command")];

/// Tries every rule of the check of a server or backend, which is shown as `shown`.
pub(crate) fn check(holder: &Section, shown: &str, faults: &mut Faults) {
    let section = holder.section("health_check");
    // A check must end before the next begins.
    order(section, ["timeout", "interval"], shown, faults);
    let Some(kind) = section.text("type") else { return };
    for (key, types) in READ_BY {
        if section.has(key) && !types.contains(&kind) {
            let types: Vec<String> = types.iter().map(|name| format!("`{name}`")).collect();
            let readers = types.join(" and ");
            let message = format!("{shown}.{key}: only type {readers} reads it, this is {kind}");
            faults.fault(section.at(key), message);
        }
    }
    for (key, of) in NEEDED_BY {
        if kind == of && !section.has(key) {
            let message = format!("{shown}.{key} is missing: type `{of}` needs it");
            faults.fault(section.at("type"), message);
        }
    }
    let at = section.at("command");
    if section.has("command") && faults.file_of(at).is_none() {
        // Who may change servers from afar must not be able to start programs here.
        let message = format!("{shown}.command: only the configuration file may name a program");
        faults.fault(at, message);
    }
    if let Some((program, at)) = section.texts("command").next()
        && !program.starts_with('/')
    {
        let message =
            format!("{shown}.command: expected an absolute path first, found {program:?}");
        faults.fault(at, message);
    }
}
