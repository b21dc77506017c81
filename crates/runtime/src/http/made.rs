//! What can be made through the API.

use std::net::IpAddr;

use api::Kind;
use api::problem::FieldFault;
use axum::http::StatusCode;
use axum::response::Response;
use config::{EntityKind, EntityName};
use model::{Region, Service, Subnet};

use super::call::Call;
use super::refusal::Refusal;
use super::{Document, NotMade, Question, Server, Told, Wish, json};

pub(super) async fn read(
    server: &Server,
    call: &Call,
    kind: EntityKind,
) -> Result<Response, Refusal> {
    server.document(call, Question::Entity(name(call, kind)?)).await
}

pub(super) async fn put(
    server: &Server,
    call: &Call,
    kind: EntityKind,
) -> Result<Response, Refusal> {
    let settings = serde_json::Value::Object(call.body()?);
    let (name, create) = (name(call, kind)?, call.query("create")?);
    match server.ask(call, Question::Make(Wish::Put { name, settings, create })).await? {
        Told::Made { is_new, document: Document { text, .. } } => {
            Ok(json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, text))
        }
        told => Err(refused(told)),
    }
}

pub(super) async fn remove(
    server: &Server,
    call: &Call,
    kind: EntityKind,
) -> Result<Response, Refusal> {
    let name = name(call, kind)?;
    server.done(server.ask(call, Question::Make(Wish::Remove(name))).await?)
}

/// All that survives a restart.
pub(super) async fn back_up(server: &Server, call: &Call) -> Result<Response, Refusal> {
    match server.ask(call, Question::BackUp).await? {
        Told::Keys(text) => Ok(json(StatusCode::OK, text.expose().to_owned())),
        told => Err(refused(told)),
    }
}

/// What is neither made nor taken back, and why.
pub(super) fn refused(told: Told) -> Refusal {
    let NotMade { why, faults } = match told {
        Told::NotMade(not) => not,
        Told::NotKept(why) => return Refusal::not_kept(&why),
        Told::StoreAway(why) => return Refusal::new(Kind::StoreAway, why),
        Told::TooMuch(why) => return Refusal::new(Kind::Conflict, why),
        Told::Lost => {
            let detail = "nothing was changed: another overwatch changed the same at the same moment: \
                          look, then say it again";
            return Refusal::new(Kind::Conflict, detail);
        }
        Told::Changed(last) => return changed(last),
        _ => return Refusal::going_down(),
    };
    match why {
        super::Why::Unknown => Refusal::new(Kind::Unknown, "there is none of that name"),
        super::Why::Exists => Refusal::new(Kind::Conflict, "there is one of that name"),
        super::Why::ReadOnly { file, line } => {
            let detail = format!("{file}:{line} defines it: change it there, then reload");
            Refusal::new(Kind::Conflict, detail)
        }
        super::Why::NotStored(why) => {
            let detail = format!("nothing was changed: it cannot be stored: {why}");
            Refusal::new(Kind::NotKept, detail)
        }
        super::Why::Faulty => {
            let fault =
                |(pointer, detail): (Option<String>, String)| FieldFault { pointer, detail };
            Refusal::faulty(faults.into_iter().map(fault).collect())
        }
    }
}

/// Somebody changed something since.
pub(super) fn changed(last: u64) -> Refusal {
    let detail = format!("the last change is \"{last}\": ask again, then change");
    Refusal::new(Kind::Changed, detail)
}

/// The thing that a path names.
fn name(call: &Call, kind: EntityKind) -> Result<EntityName, Refusal> {
    let parts: Vec<String> = match kind {
        EntityKind::Domain => vec![call.part("domain")?],
        EntityKind::Region => vec![call.part::<Region>("region")?.to_string()],
        EntityKind::Mapping => vec![call.part::<Subnet>("network")?.to_string()],
        EntityKind::Server => {
            let service = match call.text("service")? {
                // A server of the file that serves all domains of its region.
                "*" => "*".to_owned(),
                _ => call.part::<Service>("service")?.to_string(),
            };
            let (address, port): (IpAddr, u16) = (call.part("address")?, call.part("port")?);
            vec![service, address.to_string(), port.to_string()]
        }
    };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    EntityName::new(kind, &parts).map_err(Refusal::parameter)
}
