//! Overwatches as real processes that share what operators make in a real etcd: what is made at one is at the
//! other, and with etcd gone both answer and neither changes anything.
//!
//! - `daemon`: one process, what it says, how it ends,
//! - `site`: an overwatch with what it needs,
//! - `server`: etcd, one member or three,
//! - `wire`: a way to etcd that can be cut,
//! - `guarded`: an etcd that lets in whoever shows a certificate, or has a password.
//!
//! Needs `etcd` (Debian: etcd-server); without it the tests say that they are skipped.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../process/daemon.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod daemon;

mod guarded;

mod server;

mod site;

mod wire;

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use daemon::eventually;
use serde_json::Value;
use server::{Etcd, is_installed};
use site::{Overwatch, SERVICE, first, second};
use wire::Wire;

/// What is made at one is at the others after this long. Mostly it is some milliseconds; a loaded machine may need
/// longer.
const SHARED_AFTER: Duration = Duration::from_secs(3);

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether nothing is tried: said so that nobody takes it for a success.
fn is_skipped() -> bool {
    let is_skipped = !is_installed();
    if is_skipped {
        say("SKIPPED: there is no etcd on this machine (Debian: apt-get install etcd-server)");
    }
    is_skipped
}

#[track_caller]
fn soon(what: &str, is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    eventually(what, is_so);
    let took = began.elapsed();
    say(&format!("{what}: after {} ms", took.as_millis()));
    assert!(took < SHARED_AFTER, "{what}: {took:?}");
}

fn is_in_step(overwatch: &Overwatch) -> bool {
    overwatch.api("ready")["etcd"]["in_step"] == true
}

/// Two that share this one.
#[track_caller]
fn in_step(etcd: &Etcd) -> [Overwatch; 2] {
    let both = ["one", "two"].map(|name| Overwatch::start(name, &etcd.endpoints()));
    both.iter().for_each(|overwatch| eventually("it is in step", || is_in_step(overwatch)));
    both
}

/// What both have to say alike, whoever was told.
fn told(overwatch: &Overwatch) -> [Value; 4] {
    let paths = ["tokens", "overwatch/audit", "servers", "domains"];
    paths.map(|path| {
        let mut document = overwatch.api(path);
        document.as_object_mut().unwrap().remove("generated_at");
        // Each has files of its own.
        for item in
            document.as_object_mut().unwrap().values_mut().filter_map(Value::as_array_mut).flatten()
        {
            let fields = item.as_object_mut().unwrap();
            ["file", "line", "learning"].iter().for_each(|field| drop(fields.remove(*field)));
        }
        document
    })
}

#[test]
fn what_is_made_at_one_is_at_the_other() {
    if is_skipped() {
        return;
    }
    let etcd = Etcd::start();
    let [one, two] = in_step(&etcd);
    for overwatch in [&one, &two] {
        eventually("it checks its server", || {
            overwatch.api("overwatch/backends")["backends"][0]["validation_last_check"].is_string()
        });
    }
    // One of them made the zone's key, and both sign with it.
    let ds = |overwatch: &Overwatch| overwatch.api("overwatch/dnssec/signed.test/ds");
    eventually("the zone has keys", || ds(&one)["ds"].as_array().is_some_and(|ds| !ds.is_empty()));
    soon("both have the same keys", || ds(&one) == ds(&two));
    let holders = [&one, &two].map(|o| o.api("ready")["etcd"]["holder"] == true);
    assert_ne!(holders[0], holders[1], "one holds the lease");

    let (code, said) = one.cli(&["tokens", "create", "deploy", "--role", "read"]);
    assert_eq!(code, 0, "{said}");
    soon("a token", || two.api("tokens").to_string().contains("\"deploy\""));
    let (first, second) = (first(), second());
    let settings = r#"{"region": "eu", "health_check": {"type": "tcp"}}"#;
    let server = ["servers", "create", SERVICE, &second, settings];
    let (code, said) = two.cli(&server);
    assert_eq!(code, 0, "{said}");
    soon("a server", || one.api("servers").to_string().contains("127.0.0.12"));
    assert!(one.cli(&["overrides", "set", SERVICE, &second, "--healthy", "true"]).0 == 0);
    assert!(
        two.cli(&["overrides", "set", SERVICE, &first, "--healthy", "false", "--reason", "tried"])
            .0
            == 0
    );
    for overwatch in [&one, &two] {
        soon("an override", || overwatch.sends_to([127, 0, 0, 12]));
    }
    let (code, said) = two.cli(&["dnssec", "roll", "signed.test"]);
    assert_eq!(code, 0, "{said}");
    let keys = |overwatch: &Overwatch| {
        overwatch.api("overwatch/dnssec")["zones"][0]["keys"].as_array().unwrap().len()
    };
    soon("a key", || [keys(&one), keys(&two)] == [2, 2]);
    soon("all is told alike", || told(&one) == told(&two));
    assert!(one.process.has("is overridden to down, by"), "{}", one.process.log());
    assert!(one.process.has("tried"), "{}", one.process.log());

    // A word that ends by itself does so everywhere, and is said once.
    assert!(
        one.cli(&["overrides", "set", SERVICE, &first, "--healthy", "true", "--for", "1"]).0 == 0
    );
    let over = |overwatch: &Overwatch| {
        overwatch.api("overwatch/audit").to_string().matches("its time is over").count()
    };
    eventually("it is over", || [over(&one), over(&two)] == [1, 1]);
    assert_eq!(told(&one), told(&two));
    eventually("it is over in etcd", || {
        !etcd.rows().to_string().contains(&format!("{SERVICE} 127.0.0.11"))
    });
}

#[test]
fn two_that_say_something_at_once_are_told_who_was_first() {
    if is_skipped() {
        return;
    }
    let etcd = Etcd::start();
    let both = in_step(&etcd);
    const ROUNDS: usize = 12;
    let said = std::thread::scope(|scope| {
        let speakers = both.each_ref().map(|overwatch| {
            scope.spawn(move || {
                let word = |round: usize| {
                    let is_up = if round.is_multiple_of(2) { "true" } else { "false" };
                    let body = format!(r#"{{"healthy": {is_up}}}"#);
                    let path = site::override_path();
                    overwatch.request("POST", &path, &body).0
                };
                (0..ROUNDS).map(word).collect::<Vec<u16>>()
            })
        });
        speakers.map(|speaker| speaker.join().unwrap())
    });
    let all: Vec<u16> = said.concat();
    assert!(all.iter().all(|status| [204, 409].contains(status)), "{said:?}");
    let done = all.iter().filter(|status| **status == 204).count();
    say(&format!("{done} of {} words were first", all.len()));
    assert!(done >= ROUNDS / 2, "{said:?}");
    soon("all is told alike", || told(&both[0]) == told(&both[1]));
    // Whoever was told yes has a line, and nobody else has.
    let lines = both[0].api("overwatch/audit").to_string().matches("is overridden to").count();
    assert_eq!(lines, done);
    // Who goes by what is not so any more is told as ever.
    let (status, body) = both[1].request_if("\"0\"", &site::override_path());
    assert!(status == 412 && body.contains("problem-changed"), "{status}: {body}");
}

#[test]
fn without_etcd_both_answer_and_neither_changes_anything() {
    if is_skipped() {
        return;
    }
    let mut etcd = Etcd::start();
    let [mut one, two] = in_step(&etcd);
    for overwatch in [&one, &two] {
        eventually("it is ready", || overwatch.api("ready")["ready"] == true);
    }
    assert_eq!(one.cli(&["tokens", "create", "kept", "--role", "read"]).0, 0);
    soon("a token", || two.api("tokens").to_string().contains("\"kept\""));
    etcd.kill();
    for overwatch in [&one, &two] {
        eventually("it misses etcd", || !is_in_step(overwatch));
        assert!(overwatch.sends_to([127, 0, 0, 11]));
        let (status, body) =
            overwatch.request("POST", "tokens", r#"{"name": "no", "role": "read"}"#);
        assert!(
            status == 503 && body.contains("problem-store-away") && body.contains("etcd"),
            "{body}"
        );
        let domain = r#"{"regions": ["eu"], "routing_algorithm": "failover"}"#;
        let (status, body) = overwatch.request("PUT", "domains/no.test", domain);
        assert!(status == 503 && body.contains("problem-store-away"), "{status}: {body}");
        let ready = overwatch.api("ready");
        assert_eq!(ready["ready"], true, "{ready}");
        assert!(ready["message"].as_str().unwrap().contains("etcd: unreachable since "), "{ready}");
        let (_, said) = overwatch.cli(&["status"]);
        assert!(said.contains("etcd           unreachable since "), "{said}");
    }
    // A start without etcd knows what was known.
    one.kill();
    one.revive();
    assert!(one.sends_to([127, 0, 0, 11]));
    assert!(one.api("tokens").to_string().contains("\"kept\""));
    etcd.start_again();
    for overwatch in [&one, &two] {
        eventually("it is in step again", || is_in_step(overwatch));
    }
    let (code, said) = one.cli(&["tokens", "create", "later", "--role", "read"]);
    assert_eq!(code, 0, "{said}");
    soon("all is told alike", || {
        told(&one) == told(&two) && told(&two)[0].to_string().contains("later")
    });
    assert!(!two.api("tokens").to_string().contains("\"no\""), "what was refused was not done");
    let (_, said) = two.cli(&["status"]);
    assert!(said.contains("etcd           in step"), "{said}");
}

#[test]
fn one_that_was_away_catches_up_though_etcd_forgot_the_changes() {
    if is_skipped() {
        return;
    }
    let etcd = Etcd::start();
    let wire = Wire::to(etcd.port());
    let one = Overwatch::start("one", &etcd.endpoints());
    eventually("it is in step", || is_in_step(&one));
    let two = Overwatch::start("two", &[format!("http://127.0.0.1:{}", wire.port)]);
    eventually("it is in step", || is_in_step(&two));
    assert_eq!(one.cli(&["tokens", "create", "old", "--role", "read"]).0, 0);
    soon("a token", || two.api("tokens").to_string().contains("\"old\""));
    wire.cut();
    eventually("it misses etcd", || !is_in_step(&two));
    assert_eq!(one.cli(&["tokens", "revoke", "old"]).0, 0);
    assert_eq!(one.cli(&["tokens", "create", "new", "--role", "read"]).0, 0);
    let domain = r#"{"regions": ["eu"], "routing_algorithm": "failover"}"#;
    let (status, body) = one.request("PUT", "domains/new.test", domain);
    assert_eq!(status, 201, "{body}");
    etcd.compact();
    wire.mend();
    eventually("it is in step again", || is_in_step(&two));
    soon("all is told alike", || told(&one) == told(&two));
    let tokens = two.api("tokens").to_string();
    assert!(tokens.contains("\"new\"") && !tokens.contains("\"old\""), "{tokens}");
    soon("what was made runs", || two.api("domains").to_string().contains("new.test"));
    assert!(two.process.has("etcd differs: token old is no more"), "{}", two.process.log());
}

#[test]
fn a_majority_of_three_is_enough_and_less_is_none() {
    if is_skipped() {
        return;
    }
    let mut members = Etcd::three();
    let endpoints: Vec<String> = members.iter().flat_map(Etcd::endpoints).collect();
    // The first that anybody asks hangs.
    members[0].hang();
    let one = Overwatch::start("one", &endpoints);
    eventually("it is in step", || is_in_step(&one));
    let (code, said) = one.cli(&["tokens", "create", "two-of-three", "--role", "read"]);
    assert_eq!(code, 0, "{said}");
    members[1].kill();
    eventually("it misses the majority", || !is_in_step(&one));
    assert!(one.sends_to([127, 0, 0, 11]));
    let (status, body) = one.request("POST", "tokens", r#"{"name": "no", "role": "read"}"#);
    assert!(status == 503 && body.contains("problem-store-away"), "{status}: {body}");
    members[1].start_again();
    eventually("it is in step again", || is_in_step(&one));
    assert_eq!(one.cli(&["tokens", "create", "again", "--role", "read"]).0, 0);
}

#[test]
fn the_first_brings_its_rows_and_a_backup_goes_to_all() {
    if is_skipped() {
        return;
    }
    let mut one = Overwatch::start("one", &[]);
    assert_eq!(one.cli(&["tokens", "create", "of-one", "--role", "read"]).0, 0);
    let domain = r#"{"regions": ["eu"], "routing_algorithm": "failover"}"#;
    assert_eq!(one.request("PUT", "domains/of-one.test", domain).0, 201);
    let mut two = Overwatch::start("two", &[]);
    assert_eq!(two.cli(&["tokens", "create", "of-two", "--role", "read"]).0, 0);
    let etcd = Etcd::start();
    // What the first one made is brought in; what the second one had gives way, and is named.
    one.kill();
    one.share(&etcd.endpoints());
    one.revive();
    eventually("it is in step", || is_in_step(&one));
    two.kill();
    two.share(&etcd.endpoints());
    two.revive();
    eventually("it is in step", || is_in_step(&two));
    soon("all is told alike", || told(&one) == told(&two));
    assert!(one.api("tokens").to_string().contains("of-one"));
    soon("what was made runs", || two.api("domains").to_string().contains("of-one.test"));
    two.process.line("etcd differs: token of-two is no more");

    let file = one.path("backup.json");
    assert_eq!(one.cli(&["backup", &file]).0, 0);
    assert_eq!(one.cli(&["tokens", "revoke", "of-one"]).0, 0);
    assert_eq!(one.request("DELETE", "domains/of-one.test", "").0, 204);
    soon("it is gone", || !two.api("domains").to_string().contains("of-one.test"));
    one.process.signal("TERM");
    assert!(one.process.end().success());
    let (code, said) = one.restore(&file);
    assert!(code == 0 && said.contains("rows to etcd"), "{code}: {said}");
    soon("the other one follows", || two.api("tokens").to_string().contains("of-one"));
    soon("what was made runs", || two.api("domains").to_string().contains("of-one.test"));
    one.revive();
    eventually("it is in step", || is_in_step(&one));
    soon("all is told alike", || told(&one) == told(&two));
}

/// How often the list of changes says something of an agent.
fn said_of_agent(overwatch: &Overwatch, what: &str) -> usize {
    overwatch
        .api("overwatch/audit")
        .to_string()
        .matches(&format!("agent a was {what}, at one"))
        .count()
}

#[test]
fn lines_about_agents_wait_for_etcd_over_restarts_and_are_said_once() {
    if is_skipped() {
        return;
    }
    let mut etcd = Etcd::start();
    let [mut one, two] = in_step(&etcd);
    // One that was there once.
    let file = one.path("backup.json");
    assert_eq!(one.cli(&["backup", &file]).0, 0);
    let mut backup: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    backup["tables"]["pins"]["a"] = serde_json::json!({
        "spki_sha256": "07".repeat(32), "state": "enrolled", "service": SERVICE,
        "first_seen_ms": 7, "blocked": [],
    });
    fs::write(&file, backup.to_string()).unwrap();
    one.process.signal("TERM");
    assert!(one.process.end().success());
    let (code, said) = one.restore(&file);
    assert_eq!(code, 0, "{said}");
    one.revive();
    eventually("it is in step", || is_in_step(&one));
    etcd.kill();
    eventually("it misses etcd", || !is_in_step(&one));
    // Said without etcd, before a death without a word and behind it.
    assert_eq!(one.cli(&["agents", "revoke", "a", "--reason", "moved"]).0, 0);
    one.kill();
    one.revive();
    assert_eq!(one.cli(&["agents", "approve", "a"]).0, 0);
    etcd.start_again();
    for overwatch in [&one, &two] {
        eventually("it is in step again", || is_in_step(overwatch));
    }
    soon("both lines", || ["revoked", "approved"].iter().all(|w| said_of_agent(&two, w) == 1));
    soon("all is told alike", || told(&one) == told(&two));
    one.kill();
    one.revive();
    eventually("it is in step again", || is_in_step(&one));
    // What waited does so no more: a change of later is shared behind it.
    assert_eq!(one.cli(&["tokens", "create", "last", "--role", "read"]).0, 0);
    soon("the last change", || two.api("tokens").to_string().contains("\"last\""));
    for (overwatch, what) in
        [(&one, "revoked"), (&one, "approved"), (&two, "revoked"), (&two, "approved")]
    {
        assert_eq!(said_of_agent(overwatch, what), 1, "{what}");
    }
}
