//! The API of a running overwatch against its own document: what is not there is said to be not
//! there by every endpoint, and schemathesis finds no answer that the document does not know.
//!
//! - `server`: the overwatch.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::process::Command;

use api::parameters::PathParameter;
use api::{Endpoint, Kind, Operation, endpoints};
use server::{SOURCE, Server, TOKEN};

/// What no overwatch has, for a name in braces.
fn unknown(name: &str) -> &'static str {
    match name {
        "address" => "192.0.2.9",
        "port" => "9",
        "network" => "192.0.2.0%2F24",
        "zone" => "nowhere.example",
        _ => "nowhere",
    }
}

/// The path of something that is not there.
fn path(endpoint: &Endpoint) -> String {
    let mut path = endpoint.path.to_owned();
    for name in endpoint.path_parameters() {
        assert!(PathParameter::find(name).is_some());
        path = path.replace(&format!("{{{name}}}"), unknown(name));
    }
    match endpoint.operation {
        Operation::Explain => path + "?domain=nowhere&client=192.0.2.1",
        Operation::ListLatency | Operation::ExportLatency => path + "?domain=nowhere",
        _ => path,
    }
}

#[test]
fn what_is_not_there_is_said_so_by_every_endpoint() {
    let server = Server::start();
    let mut tried = 0;
    for endpoint in endpoints::all() {
        // What is made need not be there before; keys are read before it is looked whose they are.
        let makes = matches!(endpoint.answer, api::endpoint::Answer::Made(_));
        let is_import = endpoint.operation == Operation::ImportKeys;
        if !endpoint.refused.contains(&Kind::Unknown) || makes || is_import {
            continue;
        }
        tried += 1;
        let body = endpoint.body.map(|body| (body.example, body.form.media_type()));
        let (body, media_type) = body.unwrap_or(("", "application/json"));
        let line = format!("{} {}", endpoint.method.as_str(), path(endpoint));
        let (status, text) = server.control(&line, media_type, body);
        assert_eq!(status, 404, "{line}: {text}");
        assert!(text.contains("/api/docs#problem-unknown"), "{line}: {text}");
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn a_token_that_is_made_changes_things_in_its_name_until_it_is_revoked() {
    let server = Server::start();
    let (api, socket) = (format!("http://{}", server.address), server.socket());
    let (code, token) =
        cli(&["--api", &socket, "tokens", "create", "deploy", "--role", "operate"], "");
    let token = token.lines().find(|line| line.starts_with("opengslb_")).unwrap();
    assert_eq!(code, 0);
    let drain = ["--api", &api, "regions", "drain", "here", "--share", "0.25"];
    assert_eq!(cli(&drain, "").0, 77, "without a token");
    assert_eq!(cli(&drain, token).0, 0);
    let (code, said) = cli(&["--api", &api, "reload"], token);
    assert_eq!((code, said.contains("needs the role admin")), (77, true), "{said}");
    let (_, audit) = cli(&["--api", &socket, "audit"], "");
    let line = audit.lines().find(|line| line.contains("region here is drained")).unwrap();
    assert!(line.contains("  deploy  "), "{audit}");
    let (_, list) = cli(&["--api", &socket, "tokens", "list"], "");
    assert!(list.contains("deploy") && list.contains("api.tokens") && !list.contains(token));
    assert_eq!(cli(&["--api", &socket, "tokens", "revoke", "test"], "").0, 1, "the file's");
    assert_eq!(cli(&["--api", &socket, "tokens", "revoke", "deploy"], "").0, 0);
    assert_eq!(cli(&drain, token).0, 77, "revoked");
    assert_eq!(cli(&drain, TOKEN).0, 0);
}

#[test]
fn a_source_reports_times_and_may_do_nothing_else() {
    let server = Server::start();
    let report = |token: &str, agent: &str, entries: &str| {
        let body = format!(
            r#"{{"type": "latency_report", "agent_id": "{agent}", "entries": [{entries}]}}"#
        );
        server.tcp("POST /api/v1/latency-reports", token, &body)
    };
    let row = r#"{"subnet": "10.1.2.0/24", "rtt_ms": 85, "samples": 50}"#;
    let taken = (200, r#"{"rows":1,"waiting":0,"left_out":0,"held":false}"#.to_owned());
    assert_eq!(report(SOURCE, "probe", row), taken);
    let socket = server.socket();
    let (_, shown) = cli(&["--api", &socket, "latency", "show"], "");
    let is_it = |line: &str| {
        line.starts_with("10.1.2.0/24  app.demo.test  here")
            && ["84.9", "85.0", "85.1"].iter().any(|ms| line.contains(ms))
    };
    assert!(shown.lines().any(is_it), "{shown}");
    for (token, agent, entries, status, part) in [
        (TOKEN, "probe", row, 403, "api.latency_sources"),
        ("nonsense", "probe", row, 401, "not known here"),
        (SOURCE, "else", row, 400, "called probe"),
        (
            SOURCE,
            "probe",
            r#"{"subnet": "10.1.2.0/24", "rtt_ms": 5, "samples": 0}"#,
            400,
            "no samples",
        ),
        (SOURCE, "probe", r#"{"subnet": "0.0.0.0/0", "rtt_ms": 5, "samples": 1}"#, 400, "wider"),
        (
            SOURCE,
            "probe",
            r#"{"subnet": "10.1.3.0/24", "rtt_ms": 5, "samples": 1, "region": "there"}"#,
            403,
            "no region there",
        ),
        (SOURCE, "probe", &format!("{row}, {row}"), 400, "twice"),
    ] {
        let (found, said) = report(token, agent, entries);
        assert_eq!(found, status, "{entries}: {said}");
        assert!(said.contains(part), "{entries}: {said}");
    }
    assert_eq!(server.tcp("GET /api/v1/overwatch/latency", SOURCE, "").0, 403);
    assert_eq!(server.tcp("POST /api/v1/reload", SOURCE, "").0, 403);
    // Nothing of what was refused is there.
    let (_, shown) = cli(&["--api", &socket, "latency", "show", "--json"], "");
    assert_eq!(shown.matches("subnet").count(), 1, "{shown}");
    // Who reports is seen, and why not all of it was taken; what it said can be forgotten, and said anew.
    let (_, listed) = cli(&["--api", &socket, "sources", "list"], "");
    let line = listed.lines().find(|line| line.starts_with("probe ")).unwrap();
    assert!(
        line.contains("app.demo.test  here")
            && line.contains("refused: 10.1.2.0/24 is there twice for here"),
        "{listed}"
    );
    let (_, listed) = cli(&["--api", &socket, "sources", "list", "--json"], "");
    assert!(listed.contains(r#""latency_rows":1"#), "{listed}");
    let forget = ["sources", "forget", "probe", "--reason", "measured itself"];
    let forget = [&["--api", socket.as_str()][..], &forget].concat();
    assert_eq!(cli(&forget, ""), (0, "probe: forgotten\n".to_owned()));
    let (_, shown) = cli(&["--api", &socket, "latency", "show", "--json"], "");
    assert_eq!(shown.matches("subnet").count(), 0, "{shown}");
    let (_, audit) = cli(&["--api", &socket, "audit"], "");
    let line = audit.lines().find(|line| line.contains("what source probe reported was forgotten"));
    assert!(line.is_some_and(|line| line.contains("measured itself")), "{audit}");
    assert_eq!(report(SOURCE, "probe", row), taken, "it may go on");
}

#[test]
fn the_whole_is_on_one_screen_and_shells_complete_it() {
    let server = Server::start();
    let socket = server.socket();
    let (code, said) = cli(&["--api", &socket, "--json", "top"], "");
    let seen: serde_json::Value = serde_json::from_str(&said).unwrap();
    let healthy = seen["status"]["cluster_healthy"].as_bool().unwrap();
    assert_eq!(code, i32::from(!healthy), "{said}");
    for part in ["backends", "agents", "learning"] {
        assert!(seen[part].is_object(), "{part} {said}");
    }
    let (code, said) = cli(&["--api", &socket, "top"], "");
    assert_eq!((code, said.contains("needs a terminal")), (64, true), "{said}");
    let (code, said) = cli(&["completion", "bash"], "");
    assert_eq!((code, said.contains("complete -F ")), (0, true));
    let (code, said) = cli(&["--api", &socket, "geo", "test", "10.1.2.10"], "");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("app.demo.test  here    order"), "{said}");
    let watch = ["--api", &socket, "latency", "show", "--watch", "--every", "1s", "--times", "2"];
    let (code, said) = cli(&watch, "");
    assert_eq!((code, said.matches("NETWORK").count()), (0, 2), "{said}");
}

/// Every exit code that the guide names.
#[test]
fn exit_codes_say_what_went_wrong() {
    let server = Server::start();
    let (socket, api) = (server.socket(), format!("http://{}", server.address));
    for (words, token, expect) in [
        (&["--api", &socket, "domains"][..], "", 0),
        (&["--api", &socket, "domains", "get", "nowhere.test"], "", 1),
        (&["--api", &socket, "status", "--expected-agents", "3"], "", 1),
        (&["--api", &socket, "domain"], "", 64),
        (&["--api", "nowhere", "domains"], "", 64),
        (&["--api", &socket, "latency", "show", "--every", "5s"], "", 64),
        (&["--api", "http://127.0.0.1:1", "domains"], "", 69),
        (&["--api", "unix:/nowhere", "domains"], "", 69),
        (&["--api", &api, "reload"], "", 77),
        (&["--api", &api, "reload"], "nonsense", 77),
        (&["--api", &api, "reload"], TOKEN, 0),
    ] {
        let (code, said) = cli(words, token);
        assert_eq!(code, expect, "{words:?}: {said}");
    }
}

#[test]
fn decisions_are_watched_while_they_are_made() {
    let server = Server::start();
    let mut watched = server.watch("/api/v1/decisions?domain=app.demo.test&prefix=127.0.0.0/8");
    assert!(watched.contains("200 OK"), "{}", watched.seen());
    // A question for the address of app.demo.test (RFC 1035, 4.1).
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["app", "demo", "test", ""] {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.as_bytes());
    }
    question.extend([0, 1, 0, 1]);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&question, &server.dns).unwrap();
    for part in ["event: decision", r#""domain":"app.demo.test""#, r#""region":"here""#] {
        assert!(watched.contains(part), "{}", watched.seen());
    }
}

/// Runs the command line: its exit code and all it said.
fn cli(words: &[&str], token: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
    let output = command.args(words).env("OPENGSLB_TOKEN", token).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// How many requests for each endpoint, beside those that are derived from its limits.
const EXAMPLES: &str = "8";

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_know() {
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    if Command::new(&program).arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no {program} here (pip install schemathesis)");
        return;
    }
    let server = Server::start();
    // It never ends.
    let but_for = ["--exclude-operation-id", "WatchDecisions"];
    schemathesis(&program, &server, TOKEN, &but_for);
    let only = ["--include-operation-id", "ReportLatency"];
    schemathesis(&program, &server, SOURCE, &only);
}

/// Asks with a token; some endpoints only.
#[track_caller]
fn schemathesis(program: &str, server: &Server, token: &str, which: &[&str]) {
    let output = Command::new(program)
        .args(["run", &format!("http://{}/api/v1/openapi.json", server.address)])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(which)
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,\
             response_headers_conformance,response_schema_conformance,unsupported_method",
        ])
        .args(["--continue-on-failure", "--request-timeout", "10", "--seed", "1"])
        .current_dir(server.directory())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
