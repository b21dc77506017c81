//! Every path that the settings name, by the kind of its key: whoever confines a process to its files
//! need not know which keys there are.

use crate::keys;
use crate::kind::{Kind, Scalar};
use crate::section::{Section, Value};

/// The paths of a whole checked file, sorted.
pub(crate) fn paths(root: &Section) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, "", &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

/// Those of one section, whose keys stand in the table below `parent`.
fn collect(section: &Section, parent: &str, found: &mut Vec<String>) {
    let keys = keys::children(parent);
    for (name, checked) in &section.keys {
        let Some(key) = keys.iter().find(|key| key.name() == *name) else { continue };
        match (key.kind, &checked.value) {
            (Kind::One(Scalar::Path), _) => found.extend(checked.text().map(str::to_owned)),
            (
                Kind::List { of: Scalar::Path, .. } | Kind::OneOrList { of: Scalar::Path, .. },
                Value::List(items),
            ) => found.extend(items.iter().filter_map(|item| item.text()).map(str::to_owned)),
            (Kind::Section, Value::Section(section)) => collect(section, key.path, found),
            (Kind::Like(shape), Value::Section(section)) => collect(section, shape, found),
            (Kind::Sections { .. }, Value::List(items)) => {
                let parent = format!("{}[]", key.path);
                for item in items {
                    if let Value::Section(section) = &item.value {
                        collect(section, &parent, found);
                    }
                }
            }
            _ => {}
        }
    }
}
