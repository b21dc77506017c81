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
    let answered = world.tcp(asked).await;
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
        let needed = endpoint.access.role().unwrap();
        refused(&stranger, endpoint, &asked, Kind::Unauthenticated).await;
        let wrong = asked.clone().with("Authorization", "Basic YTpi");
        // A world of its own: mistakes are counted.
        refused(&world("127.0.0.1/32").await, endpoint, &wrong, Kind::Unauthenticated).await;
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
        if matches!(endpoint.access, Access::Secret(_)) {
            continue;
        }
        let asked = good(endpoint).token("admin");
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
        if endpoint.is_change() {
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
