//! A `health_check` to its settings.

use health::{
    CheckKind, CheckSpec, CommandCheck, Dialogue, DnsCheck, GrpcCheck, HttpCheck, Rcode, StatusSet,
};

use crate::section::Section;

/// The check; `host` is what stands in for a host that it does not name.
pub(super) fn check_spec(section: &Section, host: Option<&str>) -> Option<CheckSpec> {
    Some(CheckSpec {
        kind: match section.text("type")? {
            "http" => CheckKind::Http(http(section, host)?),
            "https" => CheckKind::Https(http(section, host)?),
            "tcp" => tcp(section),
            "grpc" => CheckKind::Grpc(grpc(section, host)),
            "grpcs" => CheckKind::Grpcs(grpc(section, host)),
            "dns" => CheckKind::Dns(dns(section)?),
            "command" => CheckKind::Command(command(section)?),
            _ => return None,
        },
        interval_ms: section.ms("interval")?,
        timeout_ms: section.ms("timeout")?,
        failure_threshold: section.get("failure_threshold")?,
        success_threshold: section.get("success_threshold")?,
    })
}

fn http(section: &Section, host: Option<&str>) -> Option<HttpCheck> {
    let sets = section.list::<StatusSet>("status")?;
    Some(HttpCheck {
        path: section.get("path")?,
        host: section.text("host").or(host).map(str::to_owned),
        server_name: section.get("server_name"),
        status: sets.into_iter().fold(StatusSet::NONE, StatusSet::union),
        body: section.get("body"),
    })
}

fn tcp(section: &Section) -> CheckKind {
    let (send, expect) = (section.get("send"), section.get("expect"));
    match (&send, &expect) {
        (None, None) => CheckKind::Tcp,
        _ => CheckKind::Dialogue(Dialogue { send, expect }),
    }
}

fn grpc(section: &Section, host: Option<&str>) -> GrpcCheck {
    GrpcCheck {
        service: section.get("grpc_service"),
        host: section.text("host").or(host).map(str::to_owned),
        server_name: section.get("server_name"),
    }
}

fn dns(section: &Section) -> Option<DnsCheck> {
    Some(DnsCheck {
        name: section.get("query")?,
        record_type: section.get("query_type")?,
        rcode: match section.text("rcode")? {
            "noerror" => Rcode::NOERROR,
            "nxdomain" => Rcode::NXDOMAIN,
            "servfail" => Rcode::SERVFAIL,
            "refused" => Rcode::REFUSED,
            _ => return None,
        },
        answer: section.get("answer"),
    })
}

fn command(section: &Section) -> Option<CommandCheck> {
    let mut words = section.list::<String>("command")?.into_iter();
    Some(CommandCheck { program: words.next()?, arguments: words.collect() })
}
