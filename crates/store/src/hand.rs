//! What operators did by hand, as rows of the file, and back. The rules of `row` hold here too.

use model::{Subnet, Time};
use overwatch::{AuditLine, Drain, HandItem, HandRow};
use serde::{Deserialize, Serialize};

use crate::row::RowError;

#[derive(Serialize, Deserialize)]
struct HandJson {
    #[serde(flatten)]
    item: ItemJson,
    since_ms: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ItemJson {
    Pin { domain: String, network: String, region: String },
    Drain { region: String, from_permille: u16, to_permille: u16, began_ms: u64, over_ms: u64 },
    Frozen { domain: String },
    NotExploring { domain: String },
    Resolver { resolver: String, clients: Vec<(String, u32)> },
}

#[derive(Serialize, Deserialize)]
struct AuditJson {
    at_ms: u64,
    what: String,
    /// Absent in rows of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

pub(crate) fn write_hand(row: &HandRow) -> Result<Vec<u8>, RowError> {
    let item = match row.item.clone() {
        HandItem::Pin { domain, network, region } => {
            ItemJson::Pin { domain, network: network.to_string(), region: region.to_string() }
        }
        HandItem::Drain { region, drain } => ItemJson::Drain {
            region: region.to_string(),
            from_permille: drain.from_permille,
            to_permille: drain.to_permille,
            began_ms: drain.began.unix_ms(),
            over_ms: drain.over_ms,
        },
        HandItem::Frozen { domain } => ItemJson::Frozen { domain },
        HandItem::NotExploring { domain } => ItemJson::NotExploring { domain },
        HandItem::Resolver { resolver, clients } => {
            let clients = clients.iter().map(|(client, weight)| (client.to_string(), *weight));
            ItemJson::Resolver { resolver: resolver.to_string(), clients: clients.collect() }
        }
    };
    Ok(serde_json::to_vec(&HandJson { item, since_ms: row.since.unix_ms() })?)
}

pub(crate) fn read_hand(bytes: &[u8]) -> Result<HandRow, RowError> {
    let HandJson { item, since_ms } = serde_json::from_slice(bytes)?;
    let item = match item {
        ItemJson::Pin { domain, network, region } => {
            HandItem::Pin { domain, network: network.parse()?, region: region.parse()? }
        }
        ItemJson::Drain { region, from_permille, to_permille, began_ms, over_ms } => {
            let began = Time::from_unix_ms(began_ms);
            let drain = Drain { from_permille, to_permille, began, over_ms };
            HandItem::Drain { region: region.parse()?, drain }
        }
        ItemJson::Frozen { domain } => HandItem::Frozen { domain },
        ItemJson::NotExploring { domain } => HandItem::NotExploring { domain },
        ItemJson::Resolver { resolver, clients } => {
            let read = |(client, weight): (String, u32)| -> Result<(Subnet, u32), RowError> {
                Ok((client.parse()?, weight))
            };
            let clients = clients.into_iter().map(read).collect::<Result<_, _>>()?;
            HandItem::Resolver { resolver: resolver.parse()?, clients }
        }
    };
    Ok(HandRow { item, since: Time::from_unix_ms(since_ms) })
}

/// The name of a word's row: sorted by names they are sorted by age.
pub(crate) fn name_of_word(number: u64) -> String {
    format!("{number:020}")
}

pub(crate) fn write_word(line: &AuditLine) -> Result<Vec<u8>, RowError> {
    let AuditLine { at, what, by } = line.clone();
    Ok(serde_json::to_vec(&AuditJson { at_ms: at.unix_ms(), what, by })?)
}

pub(crate) fn read_word(bytes: &[u8]) -> Result<AuditLine, RowError> {
    let AuditJson { at_ms, what, by } = serde_json::from_slice(bytes)?;
    Ok(AuditLine { at: Time::from_unix_ms(at_ms), what, by })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as it stands in files of format 1. These texts may never change: files hold them.
    fn check(item: HandItem, name: &str, expect: &str) {
        let row = HandRow { item, since: Time::from_unix_ms(7) };
        assert_eq!(row.item.name(), name);
        assert_eq!(String::from_utf8(write_hand(&row).unwrap()).unwrap(), expect);
        assert_eq!(read_hand(expect.as_bytes()).unwrap(), row);
    }

    #[test]
    fn what_was_done_by_hand_keeps_its_form() {
        let (domain, region) = ("app.demo.local".to_owned(), "eu-west".parse().unwrap());
        let network: Subnet = "10.1.0.0/16".parse().unwrap();
        let began = Time::from_unix_ms(5);
        let drain = Drain { from_permille: 0, to_permille: 250, began, over_ms: 600_000 };
        check(
            HandItem::Pin { domain: domain.clone(), network, region },
            "pin app.demo.local 10.1.0.0/16",
            r#"{"pin":{"domain":"app.demo.local","network":"10.1.0.0/16","region":"eu-west"},"since_ms":7}"#,
        );
        check(
            HandItem::Drain { region: "eu-west".parse().unwrap(), drain },
            "drain eu-west",
            concat!(
                r#"{"drain":{"region":"eu-west","from_permille":0,"to_permille":250,"#,
                r#""began_ms":5,"over_ms":600000},"since_ms":7}"#
            ),
        );
        check(
            HandItem::Frozen { domain: domain.clone() },
            "frozen app.demo.local",
            r#"{"frozen":{"domain":"app.demo.local"},"since_ms":7}"#,
        );
        check(
            HandItem::NotExploring { domain },
            "not-exploring app.demo.local",
            r#"{"not_exploring":{"domain":"app.demo.local"},"since_ms":7}"#,
        );
        check(
            HandItem::Resolver {
                resolver: "192.0.2.53/32".parse().unwrap(),
                clients: vec![(network, 3)],
            },
            "resolver 192.0.2.53/32",
            r#"{"resolver":{"resolver":"192.0.2.53/32","clients":[["10.1.0.0/16",3]]},"since_ms":7}"#,
        );
    }

    #[test]
    fn words_keep_their_form_and_their_order() {
        let at = Time::from_unix_ms(7);
        for (by, expect) in [
            (None, r#"{"at_ms":7,"what":"said"}"#),
            (Some("deploy"), r#"{"at_ms":7,"what":"said","by":"deploy"}"#),
        ] {
            let line = AuditLine { at, what: "said".to_owned(), by: by.map(str::to_owned) };
            assert_eq!(String::from_utf8(write_word(&line).unwrap()).unwrap(), expect);
            assert_eq!(read_word(expect.as_bytes()).unwrap(), line);
        }
        assert!(name_of_word(9) < name_of_word(10));
    }
}
