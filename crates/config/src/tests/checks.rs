//! Health checks of every type: what they become, and what they may not say.

use health::{CheckKind, CommandCheck, Dialogue, DnsCheck, GrpcCheck, Rcode, Rtype};

use super::*;
use crate::made::{EntityKind, EntityName};

fn file(check: &str) -> String {
    format!(
        "{LEAST_OVERWATCH}regions: [{{name: a, servers: [{{address: 10.0.0.1, health_check: {check}}}]}}]\n\
         domains: [{{name: app.test, regions: [a]}}]\n"
    )
}

fn check(text: &str, expect: &CheckKind) {
    let servers = overwatch(&file(text)).servers;
    assert_eq!(servers[0].check.kind, *expect, "{text}");
    assert_eq!(servers[0].check.validate(), Ok(()));
}

fn refused(text: &str, expect: &str) {
    let faults = load_as_is(&file(text)).unwrap_err();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!(fault.message, format!("regions[].servers[].health_check.{expect}"));
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn every_type_becomes_what_it_says() {
    check("{type: tcp}", &CheckKind::Tcp);
    let talk = Dialogue { send: some("PING\r\n"), expect: some("+PONG") };
    check(r#"{type: tcp, send: "PING\r\n", expect: "+PONG"}"#, &CheckKind::Dialogue(talk));
    let grpc = GrpcCheck { service: some("demo.App"), host: some("app"), server_name: None };
    check("{type: grpc, grpc_service: demo.App, host: app}", &CheckKind::Grpc(grpc));
    let grpcs = GrpcCheck { service: None, host: None, server_name: some("sni.test") };
    check("{type: grpcs, server_name: sni.test}", &CheckKind::Grpcs(grpcs));
    let dns = DnsCheck {
        name: "www.test".to_owned(),
        record_type: Rtype::AAAA,
        rcode: Rcode::NOERROR,
        answer: some("2001:db8::1"),
    };
    let text = r#"{type: dns, query: www.test, query_type: aaaa, answer: "2001:db8::1"}"#;
    check(text, &CheckKind::Dns(dns));
    let arguments = ["-v", "-v", "a b"].map(str::to_owned).to_vec();
    let command = CommandCheck { program: "/bin/check".to_owned(), arguments };
    check("{type: command, command: [/bin/check, -v, -v, a b]}", &CheckKind::Command(command));
}

#[test]
fn a_type_needs_its_keys_and_refuses_those_of_others() {
    refused("{type: dns}", "query is missing: type `dns` needs it");
    refused("{type: command}", "command is missing: type `command` needs it");
    refused("{type: tcp, body: x}", "body: only type `http` and `https` reads it, this is tcp");
    refused("{expect: x}", "expect: only type `tcp` reads it, this is http");
    refused(
        "{server_name: x}",
        "server_name: only type `https` and `grpcs` reads it, this is http",
    );
    refused(
        "{type: command, command: [check]}",
        "command: expected an absolute path first, found \"check\"",
    );
    refused(
        "{type: dns, query: a.test, query_type: B}",
        "query_type: expected a type of DNS records, as in `A` or `TYPE65`, found \"B\"",
    );
}

#[test]
fn only_a_file_may_name_a_program() {
    let name = EntityName::from_text(EntityKind::Server, "app.test 192.0.2.3 80").unwrap();
    let check = serde_json::json!({"type": "command", "command": ["/bin/true"]});
    let settings = serde_json::json!({"region": "a", "health_check": check});
    let made = Made::none().with(&name, settings).unwrap();
    let faults = load_with(&file("{}"), &made, &given("opengslb.yaml", None)).unwrap_err();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert!(
        fault.message.ends_with("command: only the configuration file may name a program"),
        "{fault}"
    );
}
