//! The contract as an OpenAPI 3.1 document, written from the table and from the documents' types.
//!
//! Deterministic: the same table gives the same bytes. Must say nothing that is not in the table or
//! in a type.

use std::collections::BTreeMap;

use model::Role;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::endpoint::{Access, Answer, Body, Endpoint, Form, Parameter, schema_of};
use crate::endpoints;
use crate::parameters::PATH_PARAMETERS;
use crate::problem::{Kind, MEDIA_TYPE, Problem};

/// What stands above all.
const ABOUT: &str = "What an overwatch knows and does. `read` is for those in `api.allowed_networks` \
                     without a token, for others with `Authorization: Bearer TOKEN`; changes need a \
                     token of role `operate` or `admin`, or the control socket. Every refusal is a \
                     problem document (RFC 9457). A change with `If-Match` is carried out only if \
                     nobody changed anything since that `ETag` was told.";

/// The document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints::all() {
        let methods = paths.entry(endpoint.path).or_default();
        let name = endpoint.method.as_str().to_ascii_lowercase();
        methods.insert(name, operation(endpoint, &mut generator));
    }
    let schemas = generator.take_definitions(true);
    let problems: Map<String, Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let content = json!({ MEDIA_TYPE: { "schema": problem } });
            let problem = json!({ "description": kind.title(), "content": content });
            (kind.as_str().to_owned(), problem)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "OpenGSLB",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems,
            "parameters": shared_parameters(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

/// The document as it is served and kept: a line for each operation and each schema.
#[must_use]
pub fn text() -> String {
    let mut text = String::new();
    write(&document(), 0, &mut text);
    text.push('\n');
    text
}

/// Down to here each field has a line of its own.
const DEPTH_OF_LINES: usize = 3;

fn write(value: &Value, depth: usize, out: &mut String) {
    let Some(fields) = value.as_object().filter(|_| depth < DEPTH_OF_LINES) else {
        *out += &value.to_string();
        return;
    };
    let indent = " ".repeat(depth + 1);
    for (at, (name, value)) in fields.iter().enumerate() {
        *out += if at == 0 { "{\n" } else { ",\n" };
        *out += &format!("{indent}{}: ", Value::from(name.as_str()));
        write(value, depth + 1, out);
    }
    *out += &format!("\n{}}}", " ".repeat(depth));
}

/// The name of the one header.
const IF_MATCH: &str = "If-Match";

/// What stands in braces, and the header.
fn shared_parameters() -> Map<String, Value> {
    let path = PATH_PARAMETERS.iter().map(|parameter| {
        let shown = json!({
            "name": parameter.name,
            "in": "path",
            "required": true,
            "description": parameter.about,
            "schema": parameter.schema(),
            "example": parameter.example,
        });
        (parameter.name.to_owned(), shown)
    });
    let header = json!({
        "name": IF_MATCH,
        "in": "header",
        "required": false,
        "description": "An `ETag` that was told before: refused where anything was changed since.",
        "schema": { "type": "string" },
    });
    path.chain([(IF_MATCH.to_owned(), header)]).collect()
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    let mut parameters: Vec<Value> = endpoint.path_parameters().map(reference).collect();
    parameters.extend(endpoint.query.iter().map(|one| query(one, generator)));
    if endpoint.is_change() {
        parameters.push(reference(IF_MATCH));
    }
    let mut operation = json!({
        "operationId": endpoint.operation.id(),
        "summary": endpoint.summary,
        "description": who_may(endpoint),
        "tags": [tag(endpoint.path)],
        "parameters": parameters,
        "security": security(endpoint.access),
        "responses": responses(endpoint, generator),
    });
    if let Some(body) = &endpoint.body
        && let Some(fields) = operation.as_object_mut()
    {
        fields.insert("requestBody".to_owned(), request(body, generator));
    }
    operation
}

/// The part of the path that says what it is about.
fn tag(path: &'static str) -> &'static str {
    let rest = path.strip_prefix(endpoints::ROOT).unwrap_or(path);
    rest.split('/').find(|part| !part.is_empty() && *part != "overwatch").unwrap_or(rest)
}

fn who_may(endpoint: &Endpoint) -> String {
    match endpoint.access {
        Access::Open => "Open to all.".to_owned(),
        Access::Role(Role::Read) => {
            "For `read`: without a token from `api.allowed_networks`.".to_owned()
        }
        Access::Role(role) => format!("For `{role}`."),
        Access::Source => "For the sources of `api.latency_sources`, each by its token.".to_owned(),
        Access::Secret(role) => {
            format!("For `{role}`, over TLS or the control socket only: there are secrets in it.")
        }
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Role(Role::Read) => json!([{}, { "token": [] }]),
        Access::Role(_) | Access::Source | Access::Secret(_) => json!([{ "token": [] }]),
    }
}

fn query(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.about,
        "schema": (parameter.schema)(generator),
    })
}

fn request(body: &Body, generator: &mut SchemaGenerator) -> Value {
    let schema = (body.schema)(generator);
    let about = format!("At most {} KiB.", body.bytes_max / 1024);
    let example = match body.form {
        Form::Json => serde_json::from_str(body.example).unwrap_or_default(),
        Form::Text => Value::String(body.example.to_owned()),
    };
    let content = json!({ body.form.media_type(): { "schema": schema, "example": example } });
    json!({ "description": about, "required": true, "content": content })
}

fn responses(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let mut content = |media_type: &str, of: &dyn Fn(&mut SchemaGenerator) -> schemars::Schema| json!({ media_type: { "schema": of(generator) } });
    let json_type = Form::Json.media_type();
    let (status, about, content) = match endpoint.answer {
        Answer::Document(schema) => ("200", "The document.", Some(content(json_type, &schema))),
        Answer::Created(schema) => ("201", "It was made.", Some(content(json_type, &schema))),
        Answer::Made(schema) => ("200", "It was changed.", Some(content(json_type, &schema))),
        Answer::Health(schema) => ("200", "Yes.", Some(content(json_type, &schema))),
        Answer::Text("application/json") => {
            ("200", "The document.", Some(json!({ json_type: { "schema": { "type": "object" } } })))
        }
        Answer::Text(media_type) => {
            ("200", "The text.", Some(content(media_type, &schema_of::<String>)))
        }
        Answer::Export(schema) => {
            let mut content = content(json_type, &schema);
            content["text/csv"] = json!({ "schema": { "type": "string" } });
            ("200", "The document.", Some(content))
        }
        Answer::Events(schema) => ("200", "Events.", Some(content("text/event-stream", &schema))),
        Answer::Done => ("204", "It was carried out.", None),
    };
    let mut answer = json!({ "description": about });
    if let Some(content) = &content {
        answer["content"] = content.clone();
    }
    responses.insert(status.to_owned(), answer);
    if let (Answer::Made(_), Some(content)) = (endpoint.answer, &content) {
        let made = json!({ "description": "It is new.", "content": content });
        responses.insert("201".to_owned(), made);
    }
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in endpoint.refusals() {
        by_status.entry(kind.status()).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        responses.insert(status.to_string(), refusal(&kinds));
    }
    if let (Answer::Health(_), Some(content)) = (endpoint.answer, content) {
        let about = "No; the document says what is missing. Or the process is going down.";
        let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        let mut both = content;
        both[MEDIA_TYPE] = problem;
        responses.insert("503".to_owned(), json!({ "description": about, "content": both }));
    }
    Value::Object(responses)
}

/// Of one kind a reference; of several that share a status, their titles.
fn refusal(kinds: &[Kind]) -> Value {
    if let [kind] = kinds {
        return json!({ "$ref": format!("#/components/responses/{}", kind.as_str()) });
    }
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
    let content = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    json!({ "description": titles.join("; or: "), "content": { MEDIA_TYPE: content } })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, text()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let hint = "run UPDATE_EXPECT=1 cargo test -p api";
        assert!(committed == text(), "docs/openapi.json is not what the table says: {hint}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
            match value {
                Value::Object(fields) => {
                    out.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, out));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, out)),
                _ => {}
            }
        }
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
