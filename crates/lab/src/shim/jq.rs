//! A look-alike of `jq`: prints JSON in its manner, and follows paths such as `.entries[0].rtt_ms`
//! and `.entries[]`, joined by `|`. With `-r` texts come without quotes, with `-c` on one line.

use std::fmt;
use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (mut raw, mut compact, mut filter, mut file) = (false, false, None, None);
    for word in args {
        match word.as_str() {
            "-r" => raw = true,
            "-c" => compact = true,
            "-M" | "-C" => {}
            option if option.starts_with('-') => bail!("this stand-in for jq has no {option}"),
            text if filter.is_none() => filter = Some(text),
            path => file = Some(path),
        }
    }
    let text = match file {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.to_owned())?,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let steps = parse(filter.unwrap_or("."))?;
    for input in serde_json::Deserializer::from_str(&text).into_iter::<Json>() {
        for output in follow(input.context("the input is not JSON")?, &steps)? {
            crate::say(&print(&output, raw, compact)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(value: &Json, raw: bool, compact: bool) -> anyhow::Result<String> {
    Ok(match value {
        Json::Text(text) if raw => text.clone(),
        value if compact => serde_json::to_string(value)?,
        value => serde_json::to_string_pretty(value)?,
    })
}

/// A value whose keys keep their order, which `serde_json::Value` would sort.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
    Each,
}

fn parse(filter: &str) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    for part in filter.split('|') {
        let mut rest = part.trim().strip_prefix('.').with_context(|| {
            format!("this stand-in for jq only follows paths such as .entries[0], not {part:?}")
        })?;
        while !rest.is_empty() {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if !word.is_empty() {
                if !word.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    bail!("this stand-in for jq cannot do {part:?}");
                }
                steps.push(Step::Key(word.to_owned()));
                rest = behind;
            } else if let Some((inside, behind)) =
                rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            {
                let quoted = inside.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
                steps.push(match (inside, quoted) {
                    ("", _) => Step::Each,
                    (_, Some(key)) => Step::Key(key.to_owned()),
                    _ => Step::Index(inside.parse().with_context(|| format!("[{inside}]"))?),
                });
                rest = behind;
            } else {
                bail!("this stand-in for jq cannot do {part:?}");
            }
        }
    }
    Ok(steps)
}

fn follow(input: Json, steps: &[Step]) -> anyhow::Result<Vec<Json>> {
    let mut values = vec![input];
    for step in steps {
        let mut next = Vec::new();
        for value in values {
            match (step, value) {
                (_, Json::Null) if *step != Step::Each => next.push(Json::Null),
                (Step::Key(key), Json::Map(entries)) => {
                    let found = entries.into_iter().find(|(known, _)| known == key);
                    next.push(found.map_or(Json::Null, |(_, value)| value));
                }
                (Step::Index(index), Json::List(items)) => {
                    next.push(items.into_iter().nth(*index).unwrap_or(Json::Null));
                }
                (Step::Each, Json::List(items)) => next.extend(items),
                (Step::Each, Json::Map(entries)) => next.extend(entries.into_iter().map(|e| e.1)),
                (step, value) => {
                    bail!("cannot follow {step:?} into {}", print(&value, false, true)?)
                }
            }
        }
        values = next;
    }
    Ok(values)
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        r#"{"entries":[{"subnet":"10.1.2.0/24","rtt_ms":85,"x":[],"a":1.5}],"n":{}}"#;

    #[track_caller]
    fn check(filter: &str, expect: &str) {
        let input = serde_json::from_str(TABLE).unwrap();
        let output = follow(input, &parse(filter).unwrap()).unwrap();
        let printed: Vec<_> = output.iter().map(|v| print(v, true, false).unwrap()).collect();
        assert_eq!(printed.join("\n"), expect, "{filter}");
    }

    #[test]
    fn paths_lead_where_jq_goes() {
        check(".entries[0].rtt_ms", "85");
        check(".entries[].subnet", "10.1.2.0/24");
        check(".entries | .[0] | .nothing", "null");
        check(".entries[7].rtt_ms", "null");
        check(".[\"n\"]", "{}");
        assert!(parse("map(.x)").is_err() && parse(".a+1").is_err());
    }

    #[test]
    fn the_look_is_jqs_own_and_keys_keep_their_order() {
        let expect = "{\n  \"entries\": [\n    {\n      \"subnet\": \"10.1.2.0/24\",\n      \
                      \"rtt_ms\": 85,\n      \"x\": [],\n      \"a\": 1.5\n    }\n  ],\n  \"n\": {}\n}";
        check(".", expect);
    }
}
