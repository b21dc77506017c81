//! The API of a running overwatch against its own document: what is not there is said to be not
//! there by every endpoint, and schemathesis finds no answer that the document does not know.
//!
//! - `server`: the overwatch.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::process::Command;

use api::parameters::PathParameter;
use api::{Endpoint, Kind, Operation, endpoints};
use server::{Server, TOKEN};

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
    let output = Command::new(&program)
        .args(["run", &format!("http://{}/api/v1/openapi.json", server.address)])
        .args(["-H", &format!("Authorization: Bearer {TOKEN}")])
        // It never ends.
        .args(["--exclude-operation-id", "WatchDecisions"])
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
