//! Every endpoint of the table, and every way to be refused by it that needs no node: who may not,
//! what is not valid, what is too long. What the node refuses is tried against a real one.

use api::endpoint::Form;
use api::parameters::PathParameter;
use api::{Access, Endpoint, endpoints};
use model::Role;

use super::*;

/// The path with something in its braces.
fn filled(endpoint: &Endpoint, value: impl Fn(&PathParameter) -> &'static str) -> String {
    let part = |part: &'static str| match part.strip_prefix('{') {
        None => part.to_owned(),
        Some(name) => {
            let parameter = PathParameter::find(name.trim_end_matches('}')).unwrap();
            value(parameter).replace('/', "%2F").replace(' ', "%20")
        }
    };
    endpoint.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A request that would be carried out.
fn good(endpoint: &Endpoint) -> Asked {
    let mut path = filled(endpoint, |parameter| parameter.example);
    let required = endpoint.query.iter().filter(|parameter| parameter.is_required);
    for (at, parameter) in required.enumerate() {
        let example =
            PathParameter::find(parameter.name).map_or("10.1.2.0/24", |known| known.example);
        path += &format!("{}{}={example}", if at == 0 { "?" } else { "&" }, parameter.name);
    }
    let asked = Asked::new(&format!("{} {path}", endpoint.method.as_str()));
    match &endpoint.body {
        None => asked,
        Some(body) => Asked { body: body.example.to_owned(), ..asked }
            .with("Content-Type", body.form.media_type()),
    }
}

/// Sends it; it must be refused, as the table says, with a document that says so.
async fn refused(world: &World, endpoint: &Endpoint, asked: &Asked, kind: Kind) -> Answered {
    // What carries secrets is refused over a line that is not private before it is looked at.
    let by_socket = matches!(endpoint.access, Access::Secret(_))
        && !matches!(kind, Kind::Unauthenticated | Kind::Forbidden);
    let answered = if by_socket { world.unix(asked).await } else { world.tcp(asked).await };
    let problem: api::Problem = serde_json::from_str(&answered.body)
        .unwrap_or_else(|why| panic!("{asked:?}: {why}: {}", answered.body));
    assert_eq!(
        problem.kind,
        format!("/api/docs#problem-{}", kind.as_str()),
        "{asked:?} {problem:?}"
    );
    assert_eq!((answered.status, problem.status), (kind.status(), kind.status()), "{asked:?}");
    assert_eq!(answered.field("content-type"), Some("application/problem+json"));
    assert!(!problem.detail.is_empty());
    let is_listed = endpoint.refusals().contains(&kind) || kind == Kind::Method;
    assert!(is_listed, "{} does not list {kind:?}", endpoint.path);
    answered
}

#[tokio::test]
async fn who_may_not_is_told_so_by_every_endpoint() {
    let (stranger, neighbour) = (world("192.0.2.0/24").await, world("127.0.0.1/32").await);
    for endpoint in endpoints::all().filter(|endpoint| endpoint.access != Access::Open) {
        let asked = good(endpoint);
        refused(&stranger, endpoint, &asked, Kind::Unauthenticated).await;
        let wrong = asked.clone().with("Authorization", "Basic YTpi");
        // A world of its own: mistakes are counted.
        refused(&world("127.0.0.1/32").await, endpoint, &wrong, Kind::Unauthenticated).await;
        let Some(needed) = endpoint.access.role() else {
            refused(&neighbour, endpoint, &asked, Kind::Unauthenticated).await;
            for role in Role::ALL {
                let asked = asked.clone().token(role.as_str());
                refused(&stranger, endpoint, &asked, Kind::Forbidden).await;
            }
            assert_eq!(world("192.0.2.0/24").await.unix(&asked).await.status, 403);
            continue;
        };
        // A source of times may do nothing else, not even read.
        let source = asked.clone().token("probe");
        let answered = stranger.tcp(&source).await;
        assert_eq!(answered.status, Kind::Forbidden.status(), "{}", endpoint.path);
        if needed > Role::Read {
            refused(&neighbour, endpoint, &asked, Kind::Unauthenticated).await;
        }
        for less in Role::ALL.into_iter().filter(|role| *role < needed) {
            let asked = asked.clone().token(less.as_str());
            refused(&stranger, endpoint, &asked, Kind::Forbidden).await;
        }
        if let Access::Secret(role) = endpoint.access {
            let asked = asked.token(role.as_str());
            refused(&stranger, endpoint, &asked, Kind::Forbidden).await;
        }
    }
}

#[tokio::test]
async fn what_is_not_valid_is_refused_by_every_endpoint() {
    let world = world("127.0.0.1/32").await;
    for endpoint in endpoints::all() {
        let who = if endpoint.access == Access::Source { "probe" } else { "admin" };
        let asked = good(endpoint).token(who);
        let unknown = if asked.line.contains('?') { "&unknown=1" } else { "?unknown=1" };
        let line = asked.line.clone() + unknown;
        refused(&world, endpoint, &Asked { line, ..asked.clone() }, Kind::Parameter).await;
        let line = format!("TRACE {}", asked.line.split_once(' ').unwrap().1);
        let answered =
            refused(&world, endpoint, &Asked { line, ..asked.clone() }, Kind::Method).await;
        assert!(answered.field("allow").unwrap().contains(endpoint.method.as_str()));
        for name in endpoint.path_parameters() {
            let Some(invalid) = PathParameter::find(name).unwrap().invalid else { continue };
            let path =
                filled(
                    endpoint,
                    |parameter| {
                        if parameter.name == name { invalid } else { parameter.example }
                    },
                );
            let line = format!("{} {path}", endpoint.method.as_str());
            refused(&world, endpoint, &Asked { line, ..asked.clone() }, Kind::Parameter).await;
        }
        // Keys are read before it is looked for whose they are.
        if endpoint.is_change() && endpoint.operation != api::Operation::ImportKeys {
            let changed = asked.clone().with("If-Match", "\"0\"");
            refused(&world, endpoint, &changed, Kind::Changed).await;
        }
        bodies(&world, endpoint, asked).await;
    }
}

async fn bodies(world: &World, endpoint: &Endpoint, asked: Asked) {
    let Some(body) = endpoint.body else {
        if endpoint.is_change() {
            let asked = Asked { body: "{}".to_owned(), ..asked };
            refused(world, endpoint, &asked, Kind::Body).await;
        }
        return;
    };
    let other = asked.fields.replace(body.form.media_type(), "application/x-www-form-urlencoded");
    let none = asked.fields.replace("Content-Type", "X-Type");
    for fields in [other, none] {
        refused(world, endpoint, &Asked { fields, ..asked.clone() }, Kind::MediaType).await;
    }
    let long = Asked { body: " ".repeat(body.bytes_max + 1), ..asked.clone() };
    refused(world, endpoint, &long, Kind::TooLong).await;
    if body.form == Form::Json {
        let mut bodies = ["", "{", "[]", "\"\""].map(str::to_owned).to_vec();
        // What is made has the configuration's keys: the node knows them.
        if !endpoint.refused.contains(&Kind::Configuration) {
            bodies.push(asked.body.replacen('{', r#"{"unknown": 1, "#, 1));
        }
        for body in bodies {
            refused(world, endpoint, &Asked { body, ..asked.clone() }, Kind::Body).await;
        }
    }
}

/// What a source may send and what not, before the node is asked.
#[tokio::test]
async fn a_report_is_refused_with_what_is_wrong_in_it() {
    let world = world("192.0.2.0/24").await;
    let report = async |agent: &str, entries: &str| {
        let body = format!(
            r#"{{"type": "latency_report", "agent_id": "{agent}", "entries": [{entries}]}}"#
        );
        let asked = Asked::new("POST /api/v1/latency-reports").token("probe");
        let asked = asked.with("Content-Type", "application/json");
        let answered = world.tcp(&Asked { body, ..asked }).await;
        (answered.status, answered.body)
    };
    let row = r#"{"subnet": "10.1.2.0/24", "rtt_ms": 85, "samples": 50}"#;
    let (status, said) = report("probe", row).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("85000") && said.contains("10.1.2.0/24"), "{said}");
    for (agent, entries, part) in [
        ("backend-eu-west", row, "called probe"),
        ("probe", r#"{"subnet": "10.1.2.0/33", "rtt_ms": 85, "samples": 50}"#, "entries[0].subnet"),
        ("probe", r#"{"subnet": "10.1.2.0/24", "rtt_ms": -1, "samples": 50}"#, "rtt_ms: -1"),
        ("probe", r#"{"subnet": "10.1.2.0/24", "rtt_ms": 70000, "samples": 5}"#, "rtt_ms: 70000"),
        ("probe", r#"{"subnet": "10.1.2.0/24", "rtt_ms": 1e400, "samples": 5}"#, "out of range"),
        ("probe", r#"{"subnet": "10.1.2.0/24", "rtt_ms": 5, "samples": -1}"#, "u32"),
        ("probe", r#"{"subnet": "10.1.2.0/24", "rtt_ms": 5}"#, "samples"),
        (
            "probe",
            r#"{"subnet": "10.1.2.0/24", "rtt_ms": 5, "samples": 1, "region": "eu west"}"#,
            "entries[0].region",
        ),
    ] {
        let (status, said) = report(agent, entries).await;
        assert_eq!(status, 400, "{entries}: {said}");
        assert!(said.contains(part), "{entries}: {said}");
    }
    let (status, said) = report("probe", &vec![row; 10_001].join(",")).await;
    assert_eq!(status, 400, "{said}");
    assert!(said.contains("at most 10000"), "{said}");
}
