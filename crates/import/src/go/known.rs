//! What our configuration knows: keys that it does not are dropped, and the result is checked by it.

use config::keys;
use config::kind::Kind as Shape;
use config::{Given, no_includes};

use crate::note::{Kind, Notes};
use crate::yaml::{Map, Value};

/// Drops what nothing would read. The former program passed over such keys in silence.
pub(super) fn drop_unknown(root: &mut Map, notes: &mut Notes) {
    below(root, "", notes);
}

fn below(map: &mut Map, path: &str, notes: &mut Notes) {
    map.0.retain_mut(|(name, value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(key) = keys::all().find(|key| key.path == path) else {
            notes.add(Kind::Dropped, path, "nothing read it, and nothing does");
            return false;
        };
        // A shape that occurs twice is in the table once.
        let path = if let Shape::Like(shape) = key.kind { shape } else { &path };
        match value {
            Value::Map(map) => below(map, path, notes),
            Value::List(items) => {
                let path = format!("{path}[]");
                for item in items {
                    if let Value::Map(map) = item {
                        below(map, &path, notes);
                    }
                }
            }
            Value::Null | Value::Text(_) => {}
        }
        true
    });
}

/// Whatever a process would refuse is to be done by somebody.
pub(crate) fn check(text: &str, name: &str, notes: &mut Notes) {
    let given = Given {
        file_name: name,
        mode: None,
        // Any will do: nothing here is made for one machine.
        host_name: "host",
        read_zone_file: &|_| Err("no zone file is read here".to_owned()),
        includes: &no_includes,
    };
    let faults = match config::load(text, &given) {
        Ok(checked) => {
            checked.warnings.iter().map(|fault| (Kind::Changed, fault.clone())).collect()
        }
        Err(faults) => faults.into_iter().map(|fault| (Kind::ToDo, fault)).collect::<Vec<_>>(),
    };
    for (kind, fault) in faults {
        notes.add(kind, format!("line {} of the new file", fault.at.line), fault.message);
    }
}
