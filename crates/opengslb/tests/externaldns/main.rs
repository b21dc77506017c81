//! `opengslb-cli externaldns` between ExternalDNS and an overwatch: requests as ExternalDNS sends them, and what DNS answers then.
//!
//! The bodies in `testdata` are in the form that ExternalDNS 0.21 gives them; ports are put in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../process/daemon.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod daemon;

#[path = "../made/site.rs"]
#[expect(dead_code, reason = "of other tests")]
mod site;

mod webhook;

use std::net::IpAddr;

use daemon::eventually;
use serde_json::{Value, json};
use site::{Server, Site};
use webhook::Webhook;

const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";

const ADJUST: &str = include_str!("testdata/adjust.json");
const CREATE: &str = include_str!("testdata/create.json");
const OTHER_CLUSTER: &str = include_str!("testdata/other-cluster.json");

fn with_port(text: &str, server: &Server) -> String {
    text.replace("@PORT@", &server.address.port().to_string())
}

/// Name, type and set of each record.
fn keys(records: &Value) -> Vec<String> {
    let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let key =
        |record| ["dnsName", "recordType", "setIdentifier"].map(|key| text(record, key)).join(" ");
    records.as_array().unwrap().iter().map(key).collect()
}

#[test]
fn negotiation_says_what_is_spoken_and_for_which_names() {
    let site = Site::start();
    let webhook = Webhook::start(&site);
    let (status, head, body) = webhook.get("/");
    assert_eq!((status, body), (200, json!({"include": ["test"]})));
    assert!(head.contains(&format!("content-type: {MEDIA_TYPE}\r\n")), "{head}");
    assert!(
        head.contains("vary: content-type\r\n") || head.contains("vary: Content-Type\r\n"),
        "{head}"
    );
    let other = "application/external.dns.webhook+json;version=2";
    assert_eq!(webhook.say("GET", "/", other, "").0, 406);
    assert_eq!(webhook.get("/healthz").0, 200);
    assert_eq!(webhook.get("/elsewhere").0, 404);
    assert_eq!(webhook.say("PUT", "/records", MEDIA_TYPE, "").0, 405);
    assert_eq!(webhook.say("POST", "/records", MEDIA_TYPE, "{").0, 400);
    // Where a kubelet asks nothing else is told.
    assert_eq!(webhook.healthy("/healthz"), 200);
    assert_eq!(webhook.healthy("/records"), 404);
}

#[test]
fn records_become_answers_and_go_again() {
    let mut site = Site::start();
    let shop = Server::start(43);
    let webhook = Webhook::start(&site);
    let wanted = with_port(ADJUST, &shop);
    let (status, _, kept) = webhook.say("POST", "/adjustendpoints", MEDIA_TYPE, &wanted);
    assert_eq!(
        (status, keys(&kept)),
        (200, vec!["shop.test A one".into(), "www.test CNAME two".into()])
    );
    for refused in [
        "app.test A of one: ",
        "mail.test MX: records of type MX are not steered",
        "shop.elsewhere A of one: it is in none of the zones test",
        "far.test A of three: no region",
    ] {
        eventually("it says what it refuses", || webhook.has_said(&format!("refused: {refused}")));
    }
    let port = json!([{"name": "webhook/opengslb-port", "value": shop.address.port().to_string()}]);
    assert_eq!(kept[0]["providerSpecific"], port);

    let (status, _, _) = webhook.say("POST", "/records", MEDIA_TYPE, &with_port(CREATE, &shop));
    assert_eq!(status, 204);
    let address: IpAddr = shop.address.ip();
    eventually("its server is answered with", || site.ask("shop.test") == Some(address));
    let (_, _, records) = webhook.get("/records");
    let all =
        ["shop.test A one", "a-shop.test TXT one", "www.test CNAME two", "cname-www.test TXT two"];
    assert_eq!(keys(&records), all);
    assert_eq!((&records[0]["recordTTL"], &records[0]["providerSpecific"]), (&json!(20), &port));
    let text = records[1]["targets"][0].as_str().unwrap();
    assert!(text.starts_with("\"heritage=external-dns,external-dns/owner=cluster-one,"), "{text}");

    // It keeps nothing: another one tells the same, of an overwatch that was started anew.
    drop(webhook);
    site.restart();
    let webhook = Webhook::start(&site);
    assert_eq!(webhook.get("/records").2, records);
    let (_, _, adjusted) = webhook.say("POST", "/adjustendpoints", MEDIA_TYPE, &wanted);
    assert_eq!(keys(&adjusted), keys(&kept));

    let delete = with_port(CREATE, &shop).replacen("create", "delete", 1);
    assert_eq!(webhook.say("POST", "/records", MEDIA_TYPE, &delete).0, 204);
    assert_eq!((webhook.get("/records").2, site.ask("shop.test")), (json!([]), None));
    assert!(!site.api("GET /api/v1/servers").contains("shop.test"));
    assert!(!site.api("GET /api/v1/domains").contains("www.test"));
    // What is asked for twice is done once.
    assert_eq!(webhook.say("POST", "/records", MEDIA_TYPE, &delete).0, 204);
}

#[test]
fn two_clusters_share_a_name() {
    let site = Site::start();
    let (one, two) = (Server::start(43), Server::start(44));
    let (first, second) = (Webhook::start(&site), Webhook::start(&site));
    let (of_one, of_two) = (with_port(CREATE, &one), with_port(OTHER_CLUSTER, &two));
    // At once, and again and again: neither undoes the other.
    std::thread::scope(|scope| {
        for (webhook, create) in [(&first, &of_one), (&second, &of_two)] {
            scope.spawn(move || {
                for _ in 0..5 {
                    let status = webhook.say("POST", "/records", MEDIA_TYPE, create).0;
                    // One that lost every race is tried again by ExternalDNS.
                    assert!([204, 500].contains(&status), "{status}");
                }
                assert_eq!(webhook.say("POST", "/records", MEDIA_TYPE, create).0, 204);
            });
        }
    });
    let (_, _, records) = second.get("/records");
    let of_shop =
        ["shop.test A one", "shop.test A two", "a-shop.test TXT one", "a-shop.test TXT two"];
    assert_eq!(keys(&records)[..4], of_shop);
    let (_, said) = site.cli(&["domains", "get", "shop.test"]);
    let domain: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(domain["settings"]["regions"], json!(["one", "two"]));
    assert_eq!(domain["settings"]["ttl"], json!(20));
    // One leaves, the other stays.
    let delete = of_one.replacen("create", "delete", 1);
    assert_eq!(first.say("POST", "/records", MEDIA_TYPE, &delete).0, 204);
    let (_, _, records) = first.get("/records");
    assert_eq!(keys(&records), ["shop.test A two", "a-shop.test TXT two"]);
    eventually("the other cluster answers", || site.ask("shop.test") == Some(two.address.ip()));
}

/// What is there already is neither shown nor touched, whoever made it.
#[test]
fn what_is_somebody_elses_stays_so() {
    let site = Site::start();
    let made = ["domains", "create", "mine.test", r#"{"regions": ["one"], "comment": "the shop"}"#];
    assert_eq!(site.cli(&made).0, 0);
    let webhook = Webhook::start(&site);
    assert_eq!(webhook.get("/records").2, json!([]));
    for name in ["mine.test", "app.test"] {
        let record = json!({"dnsName": name, "recordType": "A", "setIdentifier": "one", "targets": ["192.0.2.1"]});
        let (_, _, kept) =
            webhook.say("POST", "/adjustendpoints", MEDIA_TYPE, &json!([record]).to_string());
        assert_eq!(kept, json!([]));
        for word in ["create", "delete"] {
            let changes = json!({ word: [record] }).to_string();
            assert_eq!(
                webhook.say("POST", "/records", MEDIA_TYPE, &changes).0,
                500,
                "{word} {name}"
            );
        }
    }
    let (_, said) = site.cli(&["domains", "get", "mine.test"]);
    assert!(said.contains("the shop"), "{said}");
}

fn record(name: &str, target: &str) -> Value {
    json!({"dnsName": name, "recordType": "A", "targets": [target]})
}

/// The servers of a service: address, port and region.
fn servers(site: &Site, service: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(&site.api("GET /api/v1/servers")).unwrap();
    let of_service = |item: &Value| {
        let name = item["name"].as_str()?.strip_prefix(service)?.trim().to_owned();
        (item["source"] == "api").then(|| format!("{name} {}", item["settings"]["region"]))
    };
    list["items"].as_array().unwrap().iter().filter_map(of_service).collect()
}

/// Two webhooks with other defaults: each one's servers stay where it put them, and go with other defaults too.
#[test]
fn defaults_are_those_of_who_gave_the_record() {
    let site = Site::start();
    let first = Webhook::start_with(&site, &["--region", "one", "--port", "443"]);
    let second = Webhook::start_with(&site, &["--region", "two", "--port", "8443"]);
    let set = |set: &str, target| {
        let mut record = record("shared.test", target);
        record["setIdentifier"] = json!(set);
        record
    };
    let (of_first, of_second) = (set("a", "192.0.2.1"), set("b", "192.0.2.2"));
    assert_eq!(second.change(&json!({"create": [of_second]})).0, 204);
    assert_eq!(first.change(&json!({"create": [of_first]})).0, 204);
    let both = ["192.0.2.1 443 \"one\"", "192.0.2.2 8443 \"two\""];
    assert_eq!(servers(&site, "shared.test"), both);
    drop(first);
    let moved = Webhook::start_with(&site, &["--region", "one", "--port", "80"]);
    let (status, why) = moved.change(&json!({"delete": [of_first, of_second]}));
    assert_eq!((status, why.as_str()), (204, ""));
    assert_eq!(servers(&site, "shared.test"), Vec::<String>::new());
    assert!(!site.api("GET /api/v1/domains").contains("shared.test"));
}

/// A name that fails is named, with the server in its way where there is one; all others are done.
#[test]
fn one_name_that_fails_stops_no_other() {
    let site = Site::start();
    let webhook = Webhook::start_with(&site, &["--region", "one"]);
    assert_eq!(webhook.change(&json!({"create": [record("kept.test", "192.0.2.1")]})).0, 204);
    let by_hand = r#"{"region": "one"}"#;
    let (code, said) = site.cli(&["servers", "create", "kept.test", "192.0.2.9:80", by_hand]);
    assert_eq!(code, 0, "{said}");
    let (status, why) = webhook.change(&json!({
        "create": [
            {"dnsName": "a-stray.test", "recordType": "TXT", "targets": ["x"]},
            record("app.test", "192.0.2.1"),
            record("last.test", "192.0.2.1"),
        ],
        "delete": [record("kept.test", "192.0.2.1")],
    }));
    assert_eq!(status, 500);
    for part in [
        "a-stray.test TXT: it marks no record",
        "app.test: ",
        "kept.test: ",
        "not ExternalDNS': 192.0.2.9:80",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert_eq!(servers(&site, "last.test").len(), 1, "{why}");
    assert_eq!(servers(&site, "kept.test"), ["192.0.2.9 80 \"one\""]);
    // Once it is gone the name is gone too.
    assert_eq!(site.cli(&["servers", "delete", "kept.test", "192.0.2.9:80"]).0, 0);
    assert_eq!(webhook.change(&json!({"delete": [record("kept.test", "192.0.2.1")]})).0, 204);
    assert!(!site.api("GET /api/v1/domains").contains("kept.test"));
}

/// Without the overwatch nothing is said to be well, and nothing to be there: no record is deleted for its absence.
#[test]
fn without_the_overwatch_it_fails() {
    let mut site = Site::start();
    let webhook = Webhook::start(&site);
    site.overwatch.signal("TERM");
    site.overwatch.end();
    for path in ["/records", "/healthz"] {
        assert_eq!(webhook.get(path).0, 500);
    }
    assert_eq!(webhook.get("/").0, 200);
    site.start_again();
    assert_eq!(webhook.get("/records").0, 200);
}
