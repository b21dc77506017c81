//! The pure parts of the webhook, by tables; and whole stories against an overwatch of a few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::note::{Change, Note};
use super::record::{Terms, without_others_properties};
use super::steps::{Settings, Step, There, by_name, foreign, listed, next};
use super::wire::{Changes, Endpoint};

fn terms() -> Terms {
    Terms { zones: vec!["test".to_owned()], region: None, port: 80 }
}

fn regions() -> BTreeSet<String> {
    ["eu", "ap"].map(str::to_owned).into()
}

fn endpoint(json: Value) -> Endpoint {
    serde_json::from_value(json).unwrap()
}

fn a(set: &str, targets: &[&str]) -> Endpoint {
    endpoint(
        json!({"dnsName": "app.test", "recordType": "A", "setIdentifier": set, "targets": targets}),
    )
}

/// What one record comes to: region and servers or name, or a part of why it does not.
fn check(record: Value, expect: Result<&str, &str>) {
    let endpoint = endpoint(record);
    let decided = terms().given(&endpoint, &regions());
    let read = decided.and_then(|decided| decided.record(&endpoint, &regions()));
    match (&read, expect) {
        (Ok(read), Ok(expect)) => {
            assert_eq!(format!("{} {:?}", read.region, read.stands_for), expect);
        }
        (Err(why), Err(expect)) => assert!(why.contains(expect), "{why}"),
        _ => panic!("{endpoint:?}: {read:?}"),
    }
}

#[test]
fn records_are_read_or_refused() {
    let property = |name: &str, value: &str| json!([{"name": name, "value": value}]);
    for (change, expect) in [
        (json!({}), Ok("eu Servers { at: {192.0.2.1:80}, check: Connect }")),
        (json!({"dnsName": "APP.test."}), Ok("eu Servers { at: {192.0.2.1:80}, check: Connect }")),
        (json!({"dnsName": "*.test"}), Ok("eu Servers { at: {192.0.2.1:80}, check: Connect }")),
        (json!({"dnsName": "apptest"}), Err("none of the zones test")),
        (json!({"dnsName": null}), Err("none of the zones test")),
        (json!({"setIdentifier": ""}), Err("no region")),
        (json!({"setIdentifier": "us"}), Err("no region")),
        (
            json!({"setIdentifier": "x", "providerSpecific": property("webhook/opengslb-region", "ap")}),
            Ok("ap Servers { at: {192.0.2.1:80}, check: Connect }"),
        ),
        (
            json!({"providerSpecific": property("webhook/opengslb-region", "us")}),
            Err("no region us"),
        ),
        (
            json!({"providerSpecific": property("webhook/opengslb-port", "443")}),
            Ok("eu Servers { at: {192.0.2.1:443}, check: Connect }"),
        ),
        (json!({"providerSpecific": property("webhook/opengslb-port", "0")}), Err("no port")),
        (
            json!({"providerSpecific": property("webhook/opengslb-check", "/up")}),
            Ok("eu Servers { at: {192.0.2.1:80}, check: Page(\"/up\") }"),
        ),
        (json!({"providerSpecific": property("webhook/opengslb-check", "up")}), Err("nor a path")),
        (json!({"providerSpecific": property("webhook/opengslb-prot", "1")}), Err("is none of")),
        (
            json!({"providerSpecific": property("aws/weight", "1")}),
            Ok("eu Servers { at: {192.0.2.1:80}, check: Connect }"),
        ),
        (json!({"targets": ["2001:db8::1"]}), Err("no address of its type")),
        (
            json!({"recordType": "AAAA", "targets": ["2001:db8::1"]}),
            Ok("eu Servers { at: {[2001:db8::1]:80}, check: Connect }"),
        ),
        (json!({"targets": []}), Err("from 1 to 64")),
        (json!({"recordTTL": 100_000}), Err("a TTL is")),
        (
            json!({"recordType": "CNAME", "targets": ["LB.example."]}),
            Ok("eu Alias(\"lb.example\")"),
        ),
        (json!({"recordType": "CNAME", "targets": ["a.example", "b.example"]}), Err("one target")),
        (json!({"recordType": "SRV"}), Err("records of type SRV")),
        (json!({"recordType": "TXT"}), Err("records of type TXT")),
    ] {
        let mut record = json!({"dnsName": "app.test", "recordType": "A", "setIdentifier": "eu", "targets": ["192.0.2.1"]});
        let fields = record.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        check(record, expect);
    }
}

/// An overwatch in a map, which takes steps as the real one does.
#[derive(Default)]
struct Overwatch(There);

/// The terms of another webhook.
fn others_terms() -> Terms {
    Terms { zones: vec!["elsewhere".to_owned()], region: Some("ap".to_owned()), port: 8_443 }
}

impl Overwatch {
    /// Brings the name to where a change leads; how many passes that took.
    fn settle(&mut self, name: &str, change: &Change) -> Result<usize, String> {
        self.settle_by(&terms(), name, change)
    }

    fn settle_by(&mut self, terms: &Terms, name: &str, change: &Change) -> Result<usize, String> {
        for pass in 0..8 {
            let before = self.note();
            let note = before.after(change, terms, &regions())?;
            let wanted = note.wanted(terms, &regions());
            let steps = next(name, &self.0, (&note, &wanted), "geolocation")?;
            if steps.is_empty() {
                return Ok(pass);
            }
            steps.into_iter().for_each(|step| self.take(step));
        }
        panic!("it never ends: {:?}", self.0);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::PutDomain(settings) => {
                let note = Note::read(settings["comment"].as_str().unwrap()).unwrap();
                self.0.domain = Some((settings, note));
            }
            Step::RemoveDomain => {
                assert!(self.0.servers.is_empty(), "servers would be nobody's");
                self.0.domain = None;
            }
            Step::PutServer(at, settings) => drop(self.0.servers.insert(at, settings)),
            Step::RemoveServer(at) => assert!(self.0.servers.remove(&at).is_some()),
        }
        // As the overwatch does: a server's region is one of the domain's, an alias has a target for each.
        let Some((domain, _)) = &self.0.domain else { return };
        let regions = domain["regions"].as_array().unwrap();
        for (at, server) in &self.0.servers {
            assert!(regions.contains(&server["region"]), "{at}: {domain:?}");
        }
        if let Some(targets) = domain.get("targets") {
            assert_eq!(targets.as_array().unwrap().len(), regions.len(), "{domain:?}");
        }
    }

    fn note(&self) -> Note {
        self.0.domain.as_ref().map(|(_, note)| note.clone()).unwrap_or_default()
    }

    fn setting(&self, key: &str) -> Value {
        let (settings, _): &(Settings, Note) = self.0.domain.as_ref().unwrap();
        settings.get(key).cloned().unwrap_or_default()
    }

    fn servers(&self) -> Vec<String> {
        let shown = |(at, server): (&SocketAddr, &BTreeMap<String, Value>)| {
            format!("{at} {}", server["region"].as_str().unwrap())
        };
        self.0.servers.iter().map(shown).collect()
    }
}

fn give(endpoints: &[Endpoint]) -> Change {
    Change { take: Vec::new(), give: endpoints.to_vec() }
}

fn take(endpoints: &[Endpoint]) -> Change {
    Change { take: endpoints.to_vec(), give: Vec::new() }
}

#[test]
fn two_clusters_make_one_domain_and_take_it_back() {
    let mut overwatch = Overwatch::default();
    let eu = Endpoint { record_ttl: 60, ..a("eu", &["192.0.2.1", "192.0.2.2"]) };
    let ap = Endpoint { record_ttl: 30, ..a("ap", &["198.51.100.1"]) };
    overwatch.settle("app.test", &give(std::slice::from_ref(&eu))).unwrap();
    overwatch.settle("app.test", &give(std::slice::from_ref(&ap))).unwrap();
    let all = ["192.0.2.1:80 eu", "192.0.2.2:80 eu", "198.51.100.1:80 ap"];
    assert_eq!(overwatch.servers(), all);
    assert_eq!(
        (overwatch.setting("regions"), overwatch.setting("ttl")),
        (json!(["ap", "eu"]), json!(30))
    );
    assert_eq!(overwatch.setting("routing_algorithm"), "geolocation");
    // What an operator changed stays.
    let domain = overwatch.0.domain.as_mut().unwrap();
    domain.0.insert("routing_algorithm".to_owned(), json!("failover"));
    overwatch.settle("app.test", &give(&[a("eu", &["192.0.2.2", "192.0.2.3"])])).unwrap();
    assert_eq!(overwatch.servers(), ["192.0.2.2:80 eu", "192.0.2.3:80 eu", "198.51.100.1:80 ap"]);
    assert_eq!(overwatch.setting("routing_algorithm"), "failover");
    overwatch.settle("app.test", &take(&[ap])).unwrap();
    assert_eq!(overwatch.setting("regions"), json!(["eu"]));
    assert_eq!(overwatch.setting("ttl"), Value::Null);
    assert_eq!(overwatch.note().gone, BTreeSet::new());
    overwatch.settle("app.test", &take(&[eu])).unwrap();
    assert_eq!(overwatch.0, There::default());
    assert_eq!(overwatch.settle("app.test", &take(&[a("eu", &[])])), Ok(0));
}

#[test]
fn addresses_become_an_alias_and_an_alias_addresses() {
    let mut overwatch = Overwatch::default();
    let addresses = [a("eu", &["192.0.2.1"]), a("ap", &["198.51.100.1"])];
    let alias = endpoint(
        json!({"dnsName": "app.test", "recordType": "CNAME", "setIdentifier": "eu", "targets": ["lb.example"]}),
    );
    overwatch.settle("app.test", &give(&addresses)).unwrap();
    let both = overwatch.settle("app.test", &give(std::slice::from_ref(&alias))).unwrap_err();
    assert!(both.contains("does not stand beside"), "{both}");
    let change = Change { take: addresses.to_vec(), give: vec![alias.clone()] };
    overwatch.settle("app.test", &change).unwrap();
    assert_eq!(overwatch.setting("targets"), json!([{"region": "eu", "name": "lb.example"}]));
    assert_eq!(overwatch.servers(), Vec::<String>::new());
    let change = Change { take: vec![alias], give: addresses.to_vec() };
    overwatch.settle("app.test", &change).unwrap();
    assert_eq!(overwatch.setting("targets"), Value::Null);
    assert_eq!(overwatch.servers().len(), 2);
}

#[test]
fn an_address_is_in_one_region() {
    let mut overwatch = Overwatch::default();
    overwatch.settle("app.test", &give(&[a("eu", &["192.0.2.1"])])).unwrap();
    let refused = overwatch.settle("app.test", &give(&[a("ap", &["192.0.2.1"])])).unwrap_err();
    assert!(refused.contains("192.0.2.1:80 is in region eu already"), "{refused}");
}

/// A webhook reads what another one wrote as that one meant it.
#[test]
fn webhooks_with_other_terms_share_a_name() {
    let mut overwatch = Overwatch::default();
    let (one, two) = (
        Terms { region: Some("eu".to_owned()), ..terms() },
        Terms { zones: terms().zones, ..others_terms() },
    );
    let of_two = a("two", &["198.51.100.1"]);
    overwatch.settle_by(&two, "app.test", &give(std::slice::from_ref(&of_two))).unwrap();
    overwatch.settle_by(&one, "app.test", &give(&[a("one", &["192.0.2.1"])])).unwrap();
    assert_eq!(overwatch.servers(), ["192.0.2.1:80 eu", "198.51.100.1:8443 ap"]);
    // Also where the other one takes it.
    overwatch.settle_by(&one, "app.test", &take(&[of_two])).unwrap();
    assert_eq!(overwatch.servers(), ["192.0.2.1:80 eu"]);
}

/// Other terms after a restart: what stands moves when it is given again, and goes when it is taken.
#[test]
fn changed_terms_leave_no_server() {
    let mut overwatch = Overwatch::default();
    let old = Terms { region: Some("eu".to_owned()), ..terms() };
    let record = a("", &["192.0.2.1"]);
    let moved = Terms { zones: terms().zones, ..others_terms() };
    overwatch.settle_by(&old, "app.test", &give(std::slice::from_ref(&record))).unwrap();
    overwatch.settle_by(&moved, "app.test", &give(std::slice::from_ref(&record))).unwrap();
    assert_eq!(overwatch.servers(), ["192.0.2.1:8443 ap"]);
    assert_eq!(overwatch.setting("regions"), json!(["ap"]));
    overwatch.settle_by(&old, "app.test", &give(std::slice::from_ref(&record))).unwrap();
    overwatch.settle_by(&others_terms(), "app.test", &take(&[record])).unwrap();
    assert_eq!(overwatch.0, There::default());
}

/// Of an earlier release: read by the terms of who looks, and decided about when it is given again.
#[test]
fn a_note_without_decisions_is_read() {
    let old =
        r#"{"external-dns":[{"dnsName":"app.test","targets":["192.0.2.1"],"recordType":"A"}]}"#;
    let note = Note::read(old).unwrap();
    assert_eq!(note.comment().unwrap(), old);
    let servers = |note: &Note, terms: &Terms| {
        let wanted = note.wanted(terms, &regions());
        wanted
            .servers
            .into_iter()
            .map(|(at, (region, _))| format!("{at} {region}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(servers(&note, &others_terms()), ["192.0.2.1:8443 ap"]);
    let eu = Terms { region: Some("eu".to_owned()), ..terms() };
    let decided = note.after(&give(&[a("", &["192.0.2.1"])]), &eu, &regions()).unwrap();
    assert_eq!(servers(&decided, &others_terms()), ["192.0.2.1:80 eu"]);
    let Some(kept) = decided.records.first() else { panic!("{decided:?}") };
    assert_eq!(
        serde_json::to_value(&kept.decided).unwrap(),
        json!({"region": "eu", "servers": {"port": 80, "check": "connect"}})
    );
}

#[test]
fn servers_of_nobody_are_told_apart() {
    let mut overwatch = Overwatch::default();
    overwatch.settle("app.test", &give(&[a("eu", &["192.0.2.1"])])).unwrap();
    let by_hand = BTreeMap::from([("region".to_owned(), json!("eu"))]);
    overwatch.0.servers.insert("192.0.2.9:80".parse().unwrap(), by_hand);
    let mut note = overwatch.note();
    let wanted = note.wanted(&terms(), &regions());
    assert_eq!(foreign(&overwatch.0, &note, &wanted), ["192.0.2.9:80"]);
    note.gone.insert("192.0.2.9:80".parse().unwrap());
    assert!(foreign(&overwatch.0, &note, &wanted).is_empty());
}

/// What was done by half is listed as far as it is there, so that ExternalDNS asks for it again.
#[test]
fn what_is_missing_is_not_listed() {
    let mut overwatch = Overwatch::default();
    overwatch.settle("app.test", &give(&[a("eu", &["192.0.2.1", "192.0.2.2"])])).unwrap();
    let there = |ips: &[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect::<BTreeSet<_>>();
    let record = &listed(&overwatch.note(), &there(&["192.0.2.2"]))[0];
    assert_eq!(record.targets, ["192.0.2.2"]);
    assert!(listed(&overwatch.note(), &there(&[]))[0].targets.is_empty());
}

/// A wildcard's servers are its own: the name above it may be another domain.
#[test]
fn a_wildcard_has_a_service_of_its_own() {
    let mut overwatch = Overwatch::default();
    let any = Endpoint { dns_name: "*.test".to_owned(), ..a("eu", &["192.0.2.1"]) };
    overwatch.settle("*.test", &give(&[any])).unwrap();
    assert_eq!(overwatch.setting("service"), "_any.test");
}

/// As a release before 0.16 writes it, and one after it: words with and without capitals, empty lists as null, and texts that mark
/// records by a label or by their names.
#[test]
fn batches_are_taken_apart_by_name() {
    let text = r#"{
        "Create": [
            {"dnsName": "app.test", "recordType": "A", "setIdentifier": "eu", "targets": ["192.0.2.1"]},
            {"dnsName": "a-app.test", "recordType": "TXT", "setIdentifier": "eu",
             "targets": ["\"heritage=external-dns,external-dns/owner=eu\""]},
            {"dnsName": "x.other.test", "recordType": "TXT", "targets": ["\"heritage=external-dns\""],
             "labels": {"ownedRecord": "other.test"}}],
        "updateOld": null, "UpdateNew": [], "delete": [
            {"dnsName": "cname-gone.test", "recordType": "TXT", "targets": ["\"heritage=external-dns\""]}]
    }"#;
    let changes: Changes = serde_json::from_str(text).unwrap();
    let (changes, strays) = by_name(changes, |_| false);
    assert!(strays.is_empty(), "{strays:?}");
    let shape: Vec<_> =
        changes.iter().map(|(name, c)| (name.as_str(), c.give.len(), c.take.len())).collect();
    assert_eq!(shape, [("app.test", 2, 0), ("other.test", 1, 0)]);
    // One that marks nothing keeps the others from nothing.
    let stray = r#"{"create": [
        {"dnsName": "a-stray.test", "recordType": "TXT", "targets": ["x"]},
        {"dnsName": "app.test", "recordType": "A", "targets": ["192.0.2.1"]}]}"#;
    let (changes, strays) = by_name(serde_json::from_str(stray).unwrap(), |_| false);
    assert_eq!(strays, ["a-stray.test TXT: it marks no record"]);
    assert_eq!(changes.into_keys().collect::<Vec<_>>(), ["app.test"]);
}

/// Texts are told again word for word, and go with their record.
#[test]
fn texts_are_kept_word_for_word() {
    let mut overwatch = Overwatch::default();
    let text =
        r#""heritage=external-dns,external-dns/owner=eu,external-dns/resource=service/shop/app""#;
    let mark = endpoint(
        json!({"dnsName": "a-app.test", "recordType": "TXT", "setIdentifier": "eu", "targets": [text],
        "labels": {"ownedRecord": "app.test"}}),
    );
    let record = a("eu", &["192.0.2.1"]);
    overwatch.settle("app.test", &give(&[record.clone(), mark.clone()])).unwrap();
    let listed = listed(&overwatch.note(), &BTreeSet::new());
    assert_eq!(listed[1].targets, [text]);
    assert_eq!(listed[1].set_identifier, "eu");
    overwatch.settle("app.test", &take(&[record, mark])).unwrap();
    assert_eq!(overwatch.0, There::default());
}

#[test]
fn what_other_providers_are_told_is_left_out() {
    let told = endpoint(json!({"providerSpecific": [
        {"name": "webhook/opengslb-region", "value": "eu"}, {"name": "alias", "value": "false"}]}));
    let left = without_others_properties(told).provider_specific;
    assert_eq!(left.len(), 1);
    // A comment of somebody else is not read, nor one that is broken.
    assert_eq!(Note::read("the shop"), None);
    assert_eq!(Note::read(r#"{"external-dns":[}"#), None);
}

/// Whatever a body holds, it is taken whole or refused, and a note that was written can be read again.
#[test]
fn no_body_breaks_it() {
    let mut random = testkit::Random::new(7);
    let recorded = include_str!("../../../tests/externaldns/testdata/create.json");
    for _ in 0..3_000 {
        let mut bytes = recorded.replace("@PORT@", "443").into_bytes();
        testkit::bend(&mut random, &mut bytes, |random| *random.one_of(b"0{}[],:\"\\ atx-."));
        let Ok(changes) = serde_json::from_slice::<Changes>(&bytes) else { continue };
        for (name, change) in by_name(changes, |_| false).0 {
            let Ok(note) = Note::default().after(&change, &terms(), &regions()) else { continue };
            let comment = note.comment().unwrap();
            assert!(
                !comment.contains('\n') && Note::read(&comment).as_ref() == Some(&note),
                "{comment}"
            );
            let wanted = note.wanted(&terms(), &regions());
            next(&name, &There::default(), (&note, &wanted), "failover").unwrap();
        }
    }
}
