//! The settings of one thing as JSON, and a place in them as a pointer (RFC 6901).
//!
//! YAML's scalars are texts; which of them are numbers or truths in JSON, the table of keys says.

use serde_json::{Map, Number, Value};

use super::EntityKind;
use crate::fault::Position;
use crate::keys;
use crate::kind::{Kind, Scalar};
use crate::tree::{self, Node};

/// A scalar of a kind of thing, from its printed form.
pub(crate) fn scalar(kind: EntityKind, key: &str, text: &str) -> Value {
    let known = keys::children(kind.path()).into_iter().find(|known| known.name() == key);
    match known.map(|key| key.kind) {
        Some(Kind::One(scalar)) => typed(&scalar, text),
        _ => Value::String(text.to_owned()),
    }
}

/// A single value as the text that YAML would have.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A map of the tree as a JSON object; `path` is where its keys are in the table.
pub(crate) fn to_json(node: &Node, path: &str) -> Value {
    let known = keys::children(path);
    let mut map = Map::new();
    for entry in node.entries() {
        let key = known.iter().find(|key| key.name() == entry.key);
        let value = key.map_or(Value::Null, |key| value(&entry.node, key.kind, key.path));
        if !value.is_null() {
            map.insert(entry.key.clone(), value);
        }
    }
    Value::Object(map)
}

fn value(node: &Node, kind: Kind, path: &str) -> Value {
    let each = |of: &Scalar, items: &[Node]| -> Value {
        items.iter().map(|item| value(item, Kind::One(*of), path)).collect()
    };
    match (&node.value, kind) {
        (tree::Value::Map(_), Kind::Section) => to_json(node, path),
        (tree::Value::Map(_), Kind::Like(shape)) => to_json(node, shape),
        (tree::Value::List(items), Kind::Sections { .. }) => {
            let path = format!("{path}[]");
            items.iter().map(|item| to_json(item, &path)).collect()
        }
        (tree::Value::List(items), Kind::List { of, .. } | Kind::OneOrList { of, .. }) => {
            each(of, items)
        }
        (tree::Value::Text(text), Kind::One(scalar)) => typed(&scalar, text),
        (tree::Value::Text(text), Kind::OneOrList { of, .. }) => typed(of, text),
        _ => Value::Null,
    }
}

fn typed(scalar: &Scalar, text: &str) -> Value {
    let number = match scalar {
        Scalar::Bool => return text.eq_ignore_ascii_case("true").into(),
        Scalar::Integer { .. } => text.parse::<u64>().ok().map(Number::from),
        Scalar::Number { .. } | Scalar::Degrees { .. } => {
            text.parse().ok().and_then(Number::from_f64)
        }
        _ => None,
    };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// The pointer to what stands at a place.
pub(crate) fn pointer(node: &Node, at: Position) -> Option<String> {
    match &node.value {
        _ if node.at == at => Some(String::new()),
        tree::Value::Map(entries) => entries.iter().find_map(|entry| {
            let below = pointer(&entry.node, at).or_else(|| (entry.key_at == at).then(String::new));
            let key = entry.key.replace('~', "~0").replace('/', "~1");
            below.map(|below| format!("/{key}{below}"))
        }),
        tree::Value::List(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| pointer(item, at).map(|below| format!("/{index}{below}"))),
        tree::Value::Null | tree::Value::Text(_) => None,
    }
}
