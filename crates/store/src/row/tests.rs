//! Rows as they stand in files of format 1. These texts may never change: files hold them.

use std::collections::BTreeSet;

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
                status: "2xx,304".parse().unwrap(),
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
