//! Rows as they stand in files of format 1. These texts may never change: files hold them.

use std::collections::BTreeSet;

use health::{
    CheckKind, CheckSpec, CommandCheck, Dialogue, DnsCheck, GrpcCheck, HttpCheck, Rcode, Rtype,
};
use mesh::KeyHash;

use super::*;

fn key(service: &str, address: &str) -> BackendKey {
    BackendKey { service: service.parse().unwrap(), address: address.parse().unwrap(), port: 8080 }
}

fn text(bytes: Result<Vec<u8>, RowError>) -> String {
    String::from_utf8(bytes.unwrap()).unwrap()
}

#[test]
fn backends_keep_their_form() {
    let row = BackendRow {
        backend: Backend {
            key: key("app.demo.local", "10.2.1.10"),
            region: "eu-west".parse().unwrap(),
            weight: 100,
        },
        source: Source::Agent {
            id: "backend-eu-west".parse().unwrap(),
            heartbeat: HeartbeatTerms { interval_ms: 10_000, missed_threshold: 3 },
        },
        check: Some(CheckSpec {
            kind: CheckKind::Https(HttpCheck {
                path: "/health".to_owned(),
                host: Some("app.demo.local".to_owned()),
                server_name: None,
                status: "2xx,304".parse().unwrap(),
                body: None,
            }),
            interval_ms: 30_000,
            timeout_ms: 5_000,
            failure_threshold: 3,
            success_threshold: 2,
        }),
        override_: Some(false),
        is_draining: true,
    };
    let expect = concat!(
        r#"{"key":{"service":"app.demo.local","address":"10.2.1.10","port":8080},"#,
        r#""region":"eu-west","weight":100,"source":{"agent":{"id":"backend-eu-west","#,
        r#""heartbeat_interval_ms":10000,"missed_threshold":3}},"#,
        r#""check":{"kind":{"https":{"path":"/health","host":"app.demo.local","#,
        r#""status":"200-299,304"}},"interval_ms":30000,"timeout_ms":5000,"#,
        r#""failure_threshold":3,"success_threshold":2},"override":false,"draining":true}"#,
    );
    assert_eq!(text(write_backend(&row)), expect);
    assert_eq!(read_backend(expect.as_bytes()).unwrap(), row);

    let plain = BackendRow {
        source: Source::Config,
        check: None,
        override_: None,
        is_draining: false,
        ..row
    };
    assert_eq!(read_backend(text(write_backend(&plain)).as_bytes()).unwrap(), plain);
    let older = concat!(
        r#"{"key":{"service":"app.demo.local","address":"10.2.1.10","port":8080},"#,
        r#""region":"eu-west","weight":100,"source":"config","check":null}"#,
    );
    assert_eq!(read_backend(older.as_bytes()).unwrap(), plain);
}

/// A row with a check of this kind, as a file has it and as it is read.
fn check_kept(kind: CheckKind, early: &str, later: Option<&str>, read: Option<CheckKind>) {
    let spec = |kind| CheckSpec {
        kind,
        interval_ms: 30_000,
        timeout_ms: 5_000,
        failure_threshold: 3,
        success_threshold: 2,
    };
    let row = BackendRow {
        backend: Backend {
            key: key("app", "10.2.1.10"),
            region: "eu-west".parse().unwrap(),
            weight: 100,
        },
        source: Source::Config,
        check: Some(spec(kind)),
        override_: None,
        is_draining: false,
    };
    let times =
        r#""interval_ms":30000,"timeout_ms":5000,"failure_threshold":3,"success_threshold":2"#;
    let written = text(write_backend(&row));
    let of = |kind: &str| match kind {
        "" => "null".to_owned(),
        kind => format!(r#"{{"kind":{kind},{times}}}"#),
    };
    assert!(written.contains(&format!(r#""check":{},"#, of(early))), "{written}");
    let later =
        later.map(of).map(|later| serde_json::from_str::<serde_json::Value>(&later).unwrap());
    let whole: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(whole.get("later_check"), later.as_ref(), "{written}");
    let expect = BackendRow { check: read.map(spec), ..row };
    assert_eq!(read_backend(written.as_bytes()).unwrap(), expect);
}

#[test]
fn checks_that_the_first_release_did_not_know_stand_where_it_does_not_look() {
    let some = |text: &str| Some(text.to_owned());
    let kept = |kind: CheckKind, early, later| {
        check_kept(kind.clone(), early, Some(later), Some(kind));
    };
    kept(
        CheckKind::Dialogue(Dialogue { send: some("PING\r\n"), expect: None }),
        r#""tcp""#,
        r#"{"tcp":{"send":"PING\r\n","expect":null}}"#,
    );
    kept(
        CheckKind::Http(HttpCheck {
            path: "/".to_owned(),
            host: None,
            server_name: None,
            status: "200".parse().unwrap(),
            body: some("ready"),
        }),
        r#"{"http":{"path":"/","host":null,"status":"200"}}"#,
        r#"{"http":{"path":"/","host":null,"server_name":null,"status":"200","body":"ready"}}"#,
    );
    kept(
        CheckKind::Grpcs(GrpcCheck { service: some("a.B"), host: None, server_name: some("sni") }),
        "",
        r#"{"grpcs":{"service":"a.B","host":null,"server_name":"sni"}}"#,
    );
    kept(
        CheckKind::Dns(DnsCheck {
            name: "a.test".to_owned(),
            record_type: Rtype::A,
            rcode: Rcode::NXDOMAIN,
            answer: None,
        }),
        "",
        r#"{"dns":{"name":"a.test","record_type":1,"rcode":3,"answer":null}}"#,
    );
}

#[test]
fn a_command_is_not_kept() {
    let command = CommandCheck { program: "/bin/true".to_owned(), arguments: Vec::new() };
    check_kept(CheckKind::Command(command), "", None, None);
}

#[test]
fn a_check_of_a_newer_release_is_read_as_what_is_known_of_it() {
    let row = concat!(
        r#"{"key":{"service":"app","address":"10.2.1.10","port":8080},"region":"eu","weight":1,"#,
        r#""source":"config","check":{"kind":"tcp","interval_ms":30000,"timeout_ms":5000,"#,
        r#""failure_threshold":3,"success_threshold":2},"later_check":{"kind":{"telepathy":{}}}}"#,
    );
    assert_eq!(read_backend(row.as_bytes()).unwrap().check.unwrap().kind, CheckKind::Tcp);
}

#[test]
fn health_and_pins_keep_their_form() {
    let (key, blocked) = (key("app", "2001:db8::1"), key("web", "10.0.0.1"));
    for (standing, word) in [
        (Standing::Up, "up"),
        (Standing::Doubtful, "doubtful"),
        (Standing::Draining, "draining"),
        (Standing::Down, "down"),
    ] {
        let row = HealthRow { standing, since: Time::from_unix_ms(7), last_up: None };
        let expect = format!(
            r#"{{"key":{{"service":"app","address":"2001:db8::1","port":8080}},"standing":"{word}","since_ms":7,"last_up_ms":null}}"#
        );
        assert_eq!(text(write_health(&key, &row)), expect);
        assert_eq!(read_health(expect.as_bytes()).unwrap(), (key.clone(), row));
    }
    for (state, word) in [
        (PinState::Enrolled, "enrolled"),
        (PinState::Pending, "pending"),
        (PinState::Revoked, "revoked"),
    ] {
        let pin = Pin {
            key: KeyHash::from_bytes([0xa7; 32]),
            state,
            service: "app".parse().unwrap(),
            first_seen: Time::from_unix_ms(9),
            blocked: BTreeSet::from([blocked.clone()]),
            held: None,
        };
        let expect = format!(
            r#"{{"spki_sha256":"{}","state":"{word}","service":"app","first_seen_ms":9,"blocked":[{{"service":"web","address":"10.0.0.1","port":8080}}]}}"#,
            "a7".repeat(32)
        );
        assert_eq!(text(write_pin(&pin)), expect);
        assert_eq!(read_pin(expect.as_bytes()).unwrap(), pin);
        let held = Pin { held: Some(Time::from_unix_ms(8)), ..pin };
        let expect = expect.replace("}]}", r#"}],"held_since_ms":8}"#);
        assert_eq!(text(write_pin(&held)), expect);
        assert_eq!(read_pin(expect.as_bytes()).unwrap(), held);
    }
}

#[test]
fn a_row_that_means_nothing_is_refused() {
    let pin = |hash: &str| {
        let json = format!(
            r#"{{"spki_sha256":"{hash}","state":"enrolled","service":"app","first_seen_ms":9,"blocked":[]}}"#
        );
        read_pin(json.as_bytes())
    };
    assert!(pin(&"a7".repeat(32)).is_ok());
    for hash in ["", "a7", &"zz".repeat(32), &"é".repeat(32), &"a7".repeat(33)] {
        assert!(pin(hash).is_err(), "{hash}");
    }
    for json in ["", "{}", "[]", r#"{"key":{"service":"a b","address":"10.0.0.1","port":1}}"#] {
        assert!(read_backend(json.as_bytes()).is_err(), "{json}");
        assert!(read_health(json.as_bytes()).is_err(), "{json}");
    }
}
