//! The overwatch as the webhook sees it: notes, servers and regions read, names brought to what was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use api::domains::Domains;
use api::made::{Entities, Entity, Settings as Sent};
use hyper::{Method, StatusCode};

use super::note::{Change, Note};
use super::record::{Terms, without_others_properties};
use super::steps::{self, Settings, Step, There};
use super::wire::{Changes, Endpoint};
use crate::cli::client::{Client, escaped};
use crate::cli::failure::Failure;

/// Passes over one name until nothing is left to do. Three do where nobody else changes it.
const PASSES_MAX: usize = 12;

/// An overwatch, and the terms of who runs the webhook.
pub(super) struct Site {
    pub(super) client: Client,
    pub(super) terms: Terms,
    /// Of domains that are made.
    pub(super) algorithm: String,
}

/// What became of a batch, in lines for people.
pub(super) struct Applied {
    pub(super) done: Vec<String>,
    /// Names, and why they are not as was asked for.
    pub(super) failed: Vec<String>,
}

impl Site {
    /// `GET /records`: what is ours, as far as it is there.
    pub(super) fn records(&self) -> Result<Vec<Endpoint>, Failure> {
        let (notes, servers) = (self.notes()?, self.servers()?);
        let mut all = Vec::new();
        for (name, note) in notes {
            let of_name = servers.get(&steps::service_of(&name));
            let there: BTreeSet<IpAddr> =
                of_name.into_iter().flat_map(BTreeMap::keys).map(SocketAddr::ip).collect();
            all.extend(steps::listed(&note, &there));
        }
        Ok(all)
    }

    /// `POST /adjustendpoints`: those that can be represented, and why the others cannot.
    pub(super) fn adjust(
        &self,
        endpoints: Vec<Endpoint>,
    ) -> Result<(Vec<Endpoint>, BTreeSet<String>), Failure> {
        let (regions, notes, others) = (self.regions()?, self.notes()?, self.others()?);
        let (mut kept, mut refused) = (Vec::new(), BTreeSet::new());
        let mut names: BTreeMap<String, Note> = BTreeMap::new();
        for endpoint in endpoints {
            let name = endpoint.name();
            let note = names.entry(name.clone()).or_insert_with(|| {
                let mut note = notes.get(&name).cloned().unwrap_or_default();
                note.gone.clear();
                note
            });
            let change = Change { take: Vec::new(), give: vec![endpoint.clone()] };
            let fits = match others.get(&name) {
                Some(who) => Err(format!("{}: {who} defines that name", endpoint.shown())),
                // A text marks a record and is none; here there are records only.
                None if endpoint.record_type == "TXT" => {
                    Err(format!("{}: records of type TXT are not steered", endpoint.shown()))
                }
                None => note.after(&change, &self.terms, &regions),
            };
            match fits {
                Ok(next) => {
                    *note = next;
                    kept.push(without_others_properties(endpoint));
                }
                Err(why) => drop(refused.insert(why)),
            }
        }
        Ok((kept, refused))
    }

    /// `POST /records`: each name by itself. One that fails keeps no other from what was asked for; only where nobody answers any
    /// more are the rest left.
    pub(super) fn apply(&self, changes: Changes) -> Result<Applied, Failure> {
        let (notes, others) = (self.notes()?, self.others()?);
        let (changes, strays) = steps::by_name(changes, |name| notes.contains_key(name));
        let mut applied = Applied { done: Vec::new(), failed: strays };
        for (name, change) in changes {
            let settled = match others.get(&name) {
                Some(who) => Err(Failure::Refused(format!("{who} defines that name"))),
                None => self.settle(&name, &change),
            };
            let (given, taken) = (change.give.len(), change.take.len());
            match settled {
                Ok(()) => {
                    applied.done.push(format!("{name}: {given} records given, {taken} taken"));
                }
                Err(why) => {
                    let text = why.to_string().replace('\n', "; ");
                    applied.failed.push(format!("{name}: {text}"));
                    if matches!(why, Failure::Unavailable(_)) {
                        break;
                    }
                }
            }
        }
        Ok(applied)
    }

    /// Brings one name to where a change leads.
    fn settle(&self, name: &str, change: &Change) -> Result<(), Failure> {
        let regions = self.regions()?;
        for _ in 0..PASSES_MAX {
            let (there, tag) = self.there(name)?;
            let before = there.domain.as_ref().map(|(_, note)| note.clone()).unwrap_or_default();
            let note = before.after(change, &self.terms, &regions).map_err(Failure::Refused)?;
            let wanted = note.wanted(&self.terms, &regions);
            let next = steps::next(name, &there, (&note, &wanted), &self.algorithm);
            let next = next.map_err(Failure::Refused)?;
            if next.is_empty() {
                return Ok(());
            }
            for step in next {
                // Somebody was faster: look again.
                let taken = self.take(name, step, tag.as_deref());
                if !taken.map_err(|why| with(why, &steps::foreign(&there, &note, &wanted)))? {
                    break;
                }
            }
        }
        Err(Failure::Refused(format!("it is still not as it should be after {PASSES_MAX} passes")))
    }

    /// One request; `false` where something was changed since `tag`.
    fn take(&self, name: &str, step: Step, tag: Option<&str>) -> Result<bool, Failure> {
        let domain = format!("/api/v1/domains/{}", escaped(name));
        let server = |at: &SocketAddr| {
            let (service, ip) = (escaped(&steps::service_of(name)), escaped(&at.ip().to_string()));
            format!("/api/v1/servers/{service}/{ip}/{}", at.port())
        };
        let reason = "?reason=ExternalDNS";
        let told = match step {
            Step::PutDomain(settings) => {
                // Where there was none, there still has to be none.
                let create = if tag.is_none() { "&create=true" } else { "" };
                let path = format!("{domain}{reason}{create}");
                self.client.change(Method::PUT, &path, steps::body(&settings), tag)?
            }
            Step::RemoveDomain => self.client.change(
                Method::DELETE,
                &format!("{domain}{reason}"),
                String::new(),
                tag,
            )?,
            Step::PutServer(at, settings) => {
                let path = server(&at) + reason;
                self.client.change(Method::PUT, &path, steps::body(&settings), None)?
            }
            Step::RemoveServer(at) => {
                self.client.change(Method::DELETE, &(server(&at) + reason), String::new(), None)?
            }
        };
        match told.status {
            status if status.is_success() => Ok(true),
            // Taken back by somebody else, or made.
            StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND => Ok(false),
            StatusCode::CONFLICT if tag.is_none() => Ok(false),
            _ => Err(self.client.refused(told.status, &told.body)),
        }
    }

    /// What there is of a name, and the number of the last change.
    fn there(&self, name: &str) -> Result<(There, Option<String>), Failure> {
        let servers = self.servers()?.remove(&steps::service_of(name)).unwrap_or_default();
        let path = format!("/api/v1/domains/{}", escaped(name));
        let told = self.client.change(Method::GET, &path, String::new(), None)?;
        if told.status == StatusCode::NOT_FOUND {
            return Ok((There { domain: None, servers }, None));
        }
        if !told.status.is_success() {
            return Err(self.client.refused(told.status, &told.body));
        }
        let Entity { settings: Sent(settings), .. } = self.client.read(&told.body)?;
        let comment = settings.get("comment").and_then(|comment| comment.as_str());
        let Some(note) = comment.and_then(Note::read) else {
            return Err(Failure::Refused("somebody else defines that name".to_owned()));
        };
        Ok((There { domain: Some((settings, note)), servers }, told.tag))
    }

    /// Our notes, by name.
    fn notes(&self) -> Result<BTreeMap<String, Note>, Failure> {
        let list: Domains = self.client.read(&self.client.text("/api/v1/domains")?)?;
        let note =
            |domain: api::domains::Domain| Some((domain.name, Note::read(&domain.comment?)?));
        Ok(list.domains.into_iter().filter_map(note).collect())
    }

    /// The names that are somebody else's, and whose.
    fn others(&self) -> Result<BTreeMap<String, String>, Failure> {
        let list: Domains = self.client.read(&self.client.text("/api/v1/domains")?)?;
        let others = list.domains.into_iter().filter_map(|domain| {
            let is_ours = domain.source.as_deref() == Some("api")
                && domain.comment.as_deref().and_then(Note::read).is_some();
            let who = domain.file.unwrap_or_else(|| "somebody else".to_owned());
            (!is_ours).then_some((domain.name, who))
        });
        Ok(others.collect())
    }

    fn regions(&self) -> Result<BTreeSet<String>, Failure> {
        let list: Entities = self.client.read(&self.client.text("/api/v1/regions")?)?;
        Ok(list.items.into_iter().map(|entity| entity.name).collect())
    }

    /// The servers that were made through the API, by service.
    fn servers(&self) -> Result<BTreeMap<String, BTreeMap<SocketAddr, Settings>>, Failure> {
        let list: Entities = self.client.read(&self.client.text("/api/v1/servers")?)?;
        let mut servers: BTreeMap<String, BTreeMap<SocketAddr, Settings>> = BTreeMap::new();
        for Entity { name, settings: Sent(settings), waiting, source, .. } in list.items {
            let parts: Vec<&str> = name.split(' ').collect();
            let [service, ip, port] = parts.as_slice() else { continue };
            let (Ok(ip), Ok(port)) = (ip.parse(), port.parse()) else { continue };
            if source == "api" && !waiting {
                let of_service = servers.entry((*service).to_owned()).or_default();
                of_service.insert(SocketAddr::new(ip, port), settings);
            }
        }
        Ok(servers)
    }
}

/// A refusal, with the servers that may be the reason.
fn with(why: Failure, foreign: &[String]) -> Failure {
    match why {
        Failure::Refused(why) if !foreign.is_empty() => {
            let foreign = foreign.join(", ");
            Failure::Refused(format!("{why}\nservers of it that are not ExternalDNS': {foreign}"))
        }
        why => why,
    }
}
