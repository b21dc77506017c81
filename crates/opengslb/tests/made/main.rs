//! What is made through the API of a running overwatch: it counts at once, survives whatever ends the
//! process, and everybody tells the same of it.
//!
//! With `OPENGSLB_MADE=whole` in the environment the process is killed 200 times, as in the nightly run;
//! without it 20 times.
//!
//! - `daemon`: one process, what it says, how it ends,
//! - `site`: an overwatch, and servers that can be told to be ill,
//! - `kill`: killed in the middle of writing,
//! - `story`: what is told of an override, a drain, a failed check and a revoked agent,
//! - `restore`: backup and restore.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../process/daemon.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod daemon;

mod kill;

mod restore;

mod site;

mod story;

use daemon::eventually;
use site::{Site, address};

#[test]
fn what_is_made_counts_at_once_and_survives_a_restart() {
    let mut site = Site::start();
    assert_eq!(site.ask("new.test"), None);
    let region = ["regions", "create", "us-east", r#"{"continents": ["NA"]}"#];
    assert_eq!(site.cli(&region).1.trim(), "region us-east: made");
    let refused = site.cli(&["domains", "create", "new.test", r#"{"regions": ["us-est"]}"#]);
    assert_eq!(refused.0, 1, "{}", refused.1);
    let said = r#"/regions/0: domains[].regions[]: no region "us-est" in `regions`: did you mean "us-east"?"#;
    assert!(refused.1.contains(said), "{}", refused.1);
    let domain = r#"{"regions": ["us-east"], "routing_algorithm": "failover", "ttl": 5}"#;
    let (code, said) = site.cli(&["domains", "create", "new.test", domain, "--reason", "launch"]);
    assert_eq!((code, said.trim()), (0, "domain new.test: made"));
    let server = ["servers", "create", "new.test", "192.0.2.7:443", r#"{"region": "us-east"}"#];
    assert_eq!(site.cli(&server).0, 0);
    // Answered means that it counts.
    assert_eq!(site.ask("new.test"), Some(address(7)));
    assert_eq!(site.cli(&server).0, 1, "there is one");
    let (code, said) = site.cli(&["domains", "update", "new.test", r#"{"ttl": 6}"#]);
    assert_eq!(code, 0, "{said}");
    let (_, said) = site.cli(&["domains", "get", "new.test"]);
    assert!(said.contains("\"ttl\": 6") && said.contains("failover"), "{said}");
    let (_, said) = site.cli(&["domains", "list"]);
    let defined = |name: &str, by: &str| {
        let mut lines = said.lines();
        lines.any(|line| {
            line.starts_with(name) && line.split_whitespace().last().unwrap().contains(by)
        })
    };
    assert!(defined("new.test", "api") && defined("app.test", "config.yaml:"), "{said}");
    let (_, said) = site.cli(&["audit"]);
    let is_it = |line: &str| line.contains("domain new.test was made ") && line.ends_with("launch");
    assert!(said.lines().any(is_it), "{said}");
    assert!(said.contains("domain new.test was made anew"), "{said}");
    // A region that is in use cannot be taken back; nothing changed.
    let (code, said) = site.cli(&["regions", "delete", "us-east"]);
    assert!(code == 1 && said.contains("domain new.test, made through the API: "), "{said}");
    site.restart();
    assert_eq!(site.ask("new.test"), Some(address(7)));
    assert_eq!(site.cli(&["servers", "delete", "new.test", "192.0.2.7:443"]).0, 0);
    assert_eq!(site.cli(&["domains", "delete", "new.test"]).0, 0);
    assert_eq!(site.ask("new.test"), None);
    assert_eq!(site.cli(&["regions", "delete", "us-east"]).0, 0);
    assert_eq!(site.cli(&["regions", "delete", "us-east"]).0, 1);
}

#[test]
fn what_a_file_defines_is_changed_there() {
    let mut site = Site::start();
    let (code, said) = site.cli(&["domains", "update", "app.test", r#"{"ttl": 6}"#]);
    assert!(
        code == 1 && said.contains("config.yaml:") && said.contains("change it there"),
        "{said}"
    );
    assert_eq!(site.cli(&["regions", "delete", "one"]).0, 1);
    // A file that comes to define what was made counts, and says so; the other one waits.
    let domain = r#"{"regions": ["two"], "routing_algorithm": "failover", "ttl": 5}"#;
    assert_eq!(site.cli(&["domains", "create", "new.test", domain]).0, 0);
    let text = site.text();
    let more =
        "domains:\n  - {name: new.test, routing_algorithm: failover, regions: [one], ttl: 9}\n";
    site.write(&text.replace("domains:\n", more));
    let (code, said) = site.cli(&["reload"]);
    assert!(code == 0 && said.contains("domain new.test, made through the API"), "{said}");
    assert!(said.contains("waits until the file leaves it out"), "{said}");
    site.restart();
    let (_, said) = site.cli(&["domains", "get", "new.test"]);
    assert!(said.contains("\"source\": \"file\""), "{said}");
    site.write(&text);
    assert_eq!(site.cli(&["reload"]).0, 0);
    let (_, said) = site.cli(&["domains", "get", "new.test"]);
    assert!(said.contains("\"source\": \"api\"") && said.contains("\"ttl\": 5"), "{said}");
    // A file that breaks what was made is refused; at a start it counts, and what does not fit waits.
    let broken = text.replace("name: two", "name: three").replace("[one, two]", "[one, three]");
    site.write(&broken);
    let (code, said) = site.cli(&["reload"]);
    assert!(code == 1 && said.contains("domain new.test, made through the API"), "{said}");
    site.restart();
    site.overwatch.line("left out, until it is put right or taken back: domain new.test");
    assert_eq!(site.ask("new.test"), None);
    assert!(site.ask("app.test").is_some());
    let (_, said) = site.cli(&["domains", "get", "new.test"]);
    assert!(said.contains("\"waiting\": true"), "{said}");
    let domain = r#"{"regions": ["three"]}"#;
    let (code, said) = site.cli(&["domains", "update", "new.test", domain]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn of_two_tokens_of_one_name_that_of_the_file_counts() {
    let site = Site::start();
    let (code, secret) = site.cli(&["tokens", "create", "deploy", "--role", "admin"]);
    assert_eq!(code, 0, "{secret}");
    let secret = secret.lines().find(|line| line.starts_with("opengslb_")).unwrap().to_owned();
    let api = format!("http://{}", site.overwatch.word_after("serving the API on "));
    let reads = |secret: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
        let command = command.args(["--api", &api, "tokens", "list"]).env("OPENGSLB_TOKEN", secret);
        command.output().unwrap().status.code()
    };
    assert_eq!(reads(&secret), Some(0));
    let own = "tokens: [{name: deploy, role: read, token: of-the-file-0123456789}]";
    site.write(
        &site.text().replace("api: {enabled: true", &format!("api: {{{own}, enabled: true")),
    );
    assert_eq!(site.cli(&["reload"]).0, 0);
    site.overwatch.line("token deploy: the configuration has one too");
    assert_eq!(reads(&secret), Some(77), "it lets nobody in");
    assert!(site.cli(&["tokens", "list"]).1.contains("lets nobody in"));
    // It can be taken back, and only it; the name stays the file's.
    assert_eq!(site.cli(&["tokens", "revoke", "deploy"]).0, 0);
    assert!(!site.cli(&["tokens", "list"]).1.contains("lets nobody in"));
    assert_eq!(site.cli(&["tokens", "revoke", "deploy"]).0, 1);
    assert_eq!(site.cli(&["tokens", "create", "deploy", "--role", "read"]).0, 1);
}

#[test]
fn a_reload_reads_the_files_that_a_file_includes() {
    let site = Site::start();
    let part = site.directory.path().join("more.yaml");
    site.write(&(site.text() + "include: [more.*]\n"));
    let write = |text: &str| {
        std::fs::write(&part, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&part, mode).unwrap();
        site.cli(&["reload"])
    };
    let domain = "domains:\n  - {name: new.test, routing_algorithm: failover, regions: [one]}\n";
    let (code, said) = write(domain);
    assert!(code == 0 && said.contains("new.test added"), "{said}");
    assert!(site.cli(&["domains", "list"]).1.contains("more.yaml:2"));
    let (code, said) = write(&domain.replace("[one]", "[none]"));
    assert!(code == 1 && said.contains("more.yaml:2:"), "{said}");
    assert!(site.cli(&["domains", "list"]).1.contains("more.yaml:2"), "nothing changed");
    // What is defined there is changed there.
    let (code, said) = site.cli(&["domains", "update", "new.test", r#"{"ttl": 6}"#]);
    assert!(code == 1 && said.contains("more.yaml:2"), "{said}");
    let (code, said) = write("");
    assert!(code == 0 && said.contains("new.test removed"), "{said}");
}

#[test]
fn an_override_ends_by_itself() {
    let site = Site::start();
    assert_eq!(site.ask("app.test"), Some(site.first()));
    let server = site.first().to_string();
    let words = ["overrides", "set", "app.test", &server, "--healthy", "false", "--for", "2s"];
    let (code, said) = site.cli(&[&words[..], &["--reason", "disk is full"]].concat());
    assert!(code == 0 && said.contains("forced down, for 2 s"), "{said}");
    assert_eq!(site.ask("app.test"), Some(site.second()));
    let (_, said) = site.cli(&["overrides", "list"]);
    assert!(said.contains("disk is full, by ") && said.contains("until "), "{said}");
    eventually("it is over", || site.ask("app.test") == Some(site.first()));
    site.overwatch.line("is no longer overridden: its time is over");
    assert_eq!(site.cli(&["overrides", "list"]).1.lines().count(), 1);
}
