//! All that was made as one JSON document, and back: a map of names to settings for each kind.
//!
//! What cannot be read is named and set aside: it does not count, and is written again as it stood.
//! It may be another version's. Must never lose what somebody was told is stored.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{EntityKind, EntityName, Made, MadeFault};

/// How often the whole was changed.
const REVISION: &str = "revision";
/// A list of what has no place of its own: text that is no JSON, a kind that is no map.
const UNREADABLE: &str = "unreadable";

/// What means nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SetAside {
    /// Under its kind's key, and its name.
    of_kinds: BTreeMap<(EntityKind, String), Value>,
    /// Under keys that are no kind's.
    others: Map<String, Value>,
    /// Without a place.
    loose: Vec<Value>,
}

/// What is set aside, and why.
#[derive(Debug, thiserror::Error)]
pub enum KeptFault {
    /// All of it is no JSON object.
    #[error("what was made through the API is no JSON object, and none of it counts")]
    Json(#[from] serde_json::Error),
    /// A part of it has another form.
    #[error("{key:?} of what was made through the API has another form than expected")]
    Form {
        /// Its key.
        key: String,
    },
    /// It is of a kind that this version does not know.
    #[error("{key:?} was made through the API of another version")]
    Kind {
        /// The kind's key.
        key: String,
    },
    /// A name is none.
    #[error("{kind} {name:?}, made through the API: {why}")]
    Name {
        /// Of what.
        kind: EntityKind,
        /// The name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// What stands there could not have been made.
    #[error("{name}, made through the API")]
    Body {
        /// Which.
        name: EntityName,
        /// Why not.
        source: MadeFault,
    },
}

impl SetAside {
    pub(super) fn none() -> Self {
        Self { of_kinds: BTreeMap::new(), others: Map::new(), loose: Vec::new() }
    }

    /// Whether something of that name is set aside.
    pub(super) fn has(&self, name: &EntityName) -> bool {
        self.of_kinds.contains_key(&(name.kind(), name.text()))
    }

    /// Drops what goes by a name, since there is something else now; says whether there was.
    pub(super) fn forget(&mut self, name: &EntityName) -> bool {
        self.of_kinds.remove(&(name.kind(), name.text())).is_some()
    }
}

impl Made {
    /// All of it, what is set aside too, as one JSON document to be kept.
    #[must_use]
    pub fn to_document(&self) -> String {
        let mut kinds = self.aside.others.clone();
        kinds.insert(REVISION.to_owned(), self.revision.into());
        if !self.aside.loose.is_empty() {
            kinds.insert(UNREADABLE.to_owned(), self.aside.loose.clone().into());
        }
        // It was made of a JSON object.
        let value = |body: &String| serde_json::from_str(body).unwrap_or_default();
        let made = self.entities.iter().map(|(name, body)| (name.kind(), name.text(), value(body)));
        let aside = self.aside.of_kinds.iter();
        let aside = aside.map(|((kind, name), settings)| (*kind, name.clone(), settings.clone()));
        for (kind, name, settings) in aside.chain(made) {
            let of_kind = kinds.entry(kind.plural()).or_insert_with(|| Map::new().into());
            if let Value::Object(of_kind) = of_kind {
                of_kind.insert(name, settings);
            }
        }
        Value::Object(kinds).to_string()
    }

    /// What [`Self::to_document`] wrote, and what of it is set aside.
    #[must_use]
    pub fn from_document(text: &str) -> (Self, Vec<KeptFault>) {
        let (mut made, mut faults) = (Self::none(), Vec::new());
        match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(kinds) => {
                for (key, value) in kinds {
                    made.take(key, value, &mut faults);
                }
            }
            Err(fault) => {
                made.aside.loose.push(text.into());
                faults.push(fault.into());
            }
        }
        (made, faults)
    }

    fn take(&mut self, key: String, value: Value, faults: &mut Vec<KeptFault>) {
        let kind = EntityKind::ALL.into_iter().find(|kind| kind.plural() == key);
        match (key.as_str(), kind, value) {
            (REVISION, _, Value::Number(number)) if number.is_u64() => {
                self.revision = number.as_u64().unwrap_or(0);
            }
            // It was named when it was set aside, and is again.
            (UNREADABLE, _, Value::Array(loose)) => {
                self.aside.loose.extend(loose);
                faults.push(KeptFault::Form { key });
            }
            (_, Some(kind), Value::Object(of_kind)) => {
                for (name, settings) in of_kind {
                    faults.extend(self.take_one(kind, name, settings));
                }
            }
            (REVISION | UNREADABLE, _, value) | (_, Some(_), value) => {
                let loose = Map::from_iter([(key.clone(), value)]);
                self.aside.loose.push(loose.into());
                faults.push(KeptFault::Form { key });
            }
            (_, None, value) => {
                self.aside.others.insert(key.clone(), value);
                faults.push(KeptFault::Kind { key });
            }
        }
    }

    /// One thing; why it is set aside, if it is.
    fn take_one(&mut self, kind: EntityKind, name: String, settings: Value) -> Option<KeptFault> {
        let fault = match EntityName::from_text(kind, &name) {
            // Written another way it would stand there twice.
            Ok(parsed) if parsed.text() != name => {
                let why = format!("it is written {}", parsed.text());
                KeptFault::Name { kind, name: name.clone(), why }
            }
            Ok(parsed) => match self.put(&parsed, settings.clone()) {
                Ok(()) => return None,
                Err(source) => KeptFault::Body { name: parsed, source },
            },
            Err(why) => KeptFault::Name { kind, name: name.clone(), why },
        };
        self.aside.of_kinds.insert((kind, name), settings);
        Some(fault)
    }
}

/// A document of made things, or anything else, for the fuzzer: what is read is written as it was.
#[doc(hidden)]
pub fn fuzz_document(text: &str) {
    let (made, _) = Made::from_document(text);
    let (again, _) = Made::from_document(&made.to_document());
    assert_eq!(again, made);
}
