//! What operators did by hand, as rows of the file, and back. The rules of `row` hold here too.

use std::net::IpAddr;

use model::{BackendKey, Subnet, Time};
use overwatch::{AuditLine, Drain, HandItem, HandRow};
use serde::{Deserialize, Serialize};

use crate::row::RowError;

#[derive(Serialize, Deserialize)]
struct HandJson {
    #[serde(flatten)]
    item: ItemJson,
    since_ms: u64,
    /// These are absent in rows of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ItemJson {
    Override { service: String, address: IpAddr, port: u16, is_up: bool },
    Empty { service: String, address: IpAddr, port: u16, drain: DrainJson },
    Pin { domain: String, network: String, region: String },
    Drain { region: String, from_permille: u16, to_permille: u16, began_ms: u64, over_ms: u64 },
    Frozen { domain: String },
    NotExploring { domain: String },
    Resolver { resolver: String, clients: Vec<(String, u32)> },
}

#[derive(Serialize, Deserialize)]
struct DrainJson {
    from_permille: u16,
    to_permille: u16,
    began_ms: u64,
    over_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct AuditJson {
    at_ms: u64,
    what: String,
    /// Absent in rows of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Whether a row is about a server: such rows have a table of their own, which the first release passes
/// over.
pub(crate) fn is_about_server(name: &str) -> bool {
    name.starts_with("override ") || name.starts_with("empty ")
}

pub(crate) fn write_hand(row: &HandRow) -> Result<Vec<u8>, RowError> {
    let item = match row.item.clone() {
        HandItem::Override { backend, is_up } => {
            let BackendKey { service, address, port } = backend;
            ItemJson::Override { service: service.to_string(), address, port, is_up }
        }
        HandItem::Empty { backend, drain } => {
            let BackendKey { service, address, port } = backend;
            let drain = DrainJson {
                from_permille: drain.from_permille,
                to_permille: drain.to_permille,
                began_ms: drain.began.unix_ms(),
                over_ms: drain.over_ms,
            };
            ItemJson::Empty { service: service.to_string(), address, port, drain }
        }
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
    Ok(serde_json::to_vec(&HandJson {
        item,
        since_ms: row.since.unix_ms(),
        by: row.by.clone(),
        reason: row.reason.clone(),
        until_ms: row.until.map(Time::unix_ms),
    })?)
}

pub(crate) fn read_hand(bytes: &[u8]) -> Result<HandRow, RowError> {
    let HandJson { item, since_ms, by, reason, until_ms } = serde_json::from_slice(bytes)?;
    let item = match item {
        ItemJson::Override { service, address, port, is_up } => {
            let backend = BackendKey { service: service.parse()?, address, port };
            HandItem::Override { backend, is_up }
        }
        ItemJson::Empty { service, address, port, drain } => {
            let backend = BackendKey { service: service.parse()?, address, port };
            let DrainJson { from_permille, to_permille, began_ms, over_ms } = drain;
            let began = Time::from_unix_ms(began_ms);
            HandItem::Empty { backend, drain: Drain { from_permille, to_permille, began, over_ms } }
        }
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
    let until = until_ms.map(Time::from_unix_ms);
    Ok(HandRow { item, since: Time::from_unix_ms(since_ms), by, reason, until })
}

/// The name of a word's row: sorted by names they are sorted by age.
pub(crate) fn name_of_word(number: u64) -> String {
    format!("{number:020}")
}

pub(crate) fn write_word(line: &AuditLine) -> Result<Vec<u8>, RowError> {
    let AuditLine { at, what, by, reason } = line.clone();
    Ok(serde_json::to_vec(&AuditJson { at_ms: at.unix_ms(), what, by, reason })?)
}

pub(crate) fn read_word(bytes: &[u8]) -> Result<AuditLine, RowError> {
    let AuditJson { at_ms, what, by, reason } = serde_json::from_slice(bytes)?;
    Ok(AuditLine { at: Time::from_unix_ms(at_ms), what, by, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as it stands in files of format 1. These texts may never change: files hold them.
    fn check(item: HandItem, name: &str, expect: &str) {
        let row =
            HandRow { item, since: Time::from_unix_ms(7), by: None, reason: None, until: None };
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
    fn words_about_servers_say_who_why_and_until_when() {
        let backend = BackendKey {
            service: "app.test".parse().unwrap(),
            address: "192.0.2.1".parse().unwrap(),
            port: 80,
        };
        let began = Time::from_unix_ms(5);
        let drain = Drain { from_permille: 0, to_permille: 250, began, over_ms: 9 };
        let row = |item| HandRow {
            item,
            since: Time::from_unix_ms(7),
            by: Some("deploy".to_owned()),
            reason: Some("disk".to_owned()),
            until: Some(Time::from_unix_ms(8)),
        };
        let over = row(HandItem::Override { backend: backend.clone(), is_up: false });
        let empty = row(HandItem::Empty { backend, drain });
        for (row, expect) in [
            (
                over,
                concat!(
                    r#"{"override":{"service":"app.test","address":"192.0.2.1","port":80,"#,
                    r#""is_up":false},"since_ms":7,"by":"deploy","reason":"disk","until_ms":8}"#
                ),
            ),
            (
                empty,
                concat!(
                    r#"{"empty":{"service":"app.test","address":"192.0.2.1","port":80,"drain":"#,
                    r#"{"from_permille":0,"to_permille":250,"began_ms":5,"over_ms":9}},"#,
                    r#""since_ms":7,"by":"deploy","reason":"disk","until_ms":8}"#
                ),
            ),
        ] {
            assert_eq!(String::from_utf8(write_hand(&row).unwrap()).unwrap(), expect);
            assert_eq!(read_hand(expect.as_bytes()).unwrap(), row);
            assert!(is_about_server(&row.item.name()));
        }
    }

    #[test]
    fn words_keep_their_form_and_their_order() {
        let at = Time::from_unix_ms(7);
        for (by, expect) in [
            (None, r#"{"at_ms":7,"what":"said"}"#),
            (Some("deploy"), r#"{"at_ms":7,"what":"said","by":"deploy"}"#),
        ] {
            let by = by.map(str::to_owned);
            let line = AuditLine { at, what: "said".to_owned(), by, reason: None };
            assert_eq!(String::from_utf8(write_word(&line).unwrap()).unwrap(), expect);
            assert_eq!(read_word(expect.as_bytes()).unwrap(), line);
        }
        assert!(name_of_word(9) < name_of_word(10));
    }
}
