//! The YAML of the former program of the same name: an overwatch's file and those of its agents.
//!
//! ```text
//! each file: sections moved -> what is not read dropped -> what changed meaning noted
//! all:       one mesh key -> the overwatch's tokens from the agents' -> checked as ours
//! ```
//!
//! - `overwatch`, `agent`: what is particular in each,
//! - `meaning`: the tables of what changed,
//! - `known`: what our configuration knows; the check at the end.
//!
//! A file is taken at its word: where the former program did not do what it said, ours does, and the
//! report says so.

mod agent;

mod known;

mod meaning;

mod overwatch;

use std::net::IpAddr;

use crate::note::{Kind, Made, Notes};
use crate::yaml::{self, Map, Value};
use crate::{Brought, Unread};

pub(crate) use known::check;

/// The most files at a time: an overwatch's, and an agent's for each server of a large site.
pub const FILES_MAX: usize = 1_000;
/// The most tokens of a service in a region that are valid: the present one and the next.
const TOKENS_MAX: usize = 2;

/// What the caller knows and the files do not say.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// A new mesh key, 32 bytes in base64: taken where no file has one.
    pub mesh_key: &'a str,
    /// What stands in the place of 127.0.0.1, where that is a backend's address.
    pub address: Option<IpAddr>,
    /// The files are parts, included by others: nothing is added to them and they are not checked alone.
    pub is_part: bool,
}

/// One file while it is changed.
pub(crate) struct Draft {
    name: String,
    is_agent: bool,
    root: Map,
    notes: Notes,
}

/// Makes files of ours from those of the former program, in the same order.
///
/// # Errors
///
/// The first text that is no YAML, or too many files.
pub fn import(files: &[Brought], terms: &Terms<'_>) -> Result<Vec<Made>, Unread> {
    if files.len() > FILES_MAX {
        let what = format!("more than {FILES_MAX} files at a time");
        return Err(Unread { file: "import".to_owned(), what });
    }
    let mut drafts = Vec::new();
    for file in files {
        let unread = |what| Unread { file: file.name.clone(), what };
        let root = yaml::read(&file.text).map_err(unread)?;
        drafts.push(draft(&file.name, root, terms));
    }
    if !terms.is_part {
        one_key(&mut drafts, terms.mesh_key);
        tokens(&mut drafts);
    }
    Ok(drafts.into_iter().map(|draft| finish(draft, terms)).collect())
}

/// Whatever one file alone needs.
fn draft(name: &str, mut root: Map, terms: &Terms<'_>) -> Draft {
    let mut notes = Notes::default();
    let is_agent = root.text("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("agent"));
    meaning::of_what_stands(&root, is_agent, &mut notes);
    if !terms.is_part {
        meaning::of_what_is_missing(&root, is_agent, &mut notes);
    }
    if let Some(includes) = root.take("includes") {
        root.set("include", includes);
        let what = "was `includes`; each of those files wants `import go --part`, and a scalar in it \
                    counts now, where it was dropped in silence";
        notes.add(Kind::ToDo, "include", what);
    }
    overwatch::move_over(&mut root, &mut notes);
    agent::move_over(&mut root, terms.address, &mut notes);
    meaning::drop_gone(&mut root, &mut notes);
    known::drop_unknown(&mut root, &mut notes);
    Draft { name: name.to_owned(), is_agent, root, notes }
}

impl Draft {
    const fn key_path(&self) -> &'static str {
        if self.is_agent {
            "agent.gossip.encryption_key"
        } else {
            "overwatch.gossip.encryption_key"
        }
    }
}

/// All members of a mesh have one key.
fn one_key(drafts: &mut [Draft], new: &str) {
    let found = |draft: &Draft| {
        draft.root.text(draft.key_path()).filter(|key| !key.is_empty()).map(str::to_owned)
    };
    let known = drafts.iter().find_map(found);
    let is_new = known.is_none();
    let key = known.unwrap_or_else(|| new.to_owned());
    for draft in drafts {
        let path = draft.key_path();
        match found(draft) {
            Some(own) if own != key => {
                draft.notes.add(
                    Kind::ToDo,
                    path,
                    "another file of the set has another key: all need one",
                );
            }
            Some(_) => {}
            None => {
                draft.root.set(path, Value::text(&*key));
                let what = if is_new {
                    "a new mesh key: every agent and overwatch needs this same one"
                } else {
                    "the mesh key of the other files"
                };
                draft.notes.add(Kind::Added, path, what);
            }
        }
    }
}

/// What an agent proves itself with.
struct Claim {
    service: String,
    token: String,
    region: String,
    address: String,
}

fn claims(draft: &Draft) -> Vec<Claim> {
    let identity = |key: &str| draft.root.text(&format!("agent.identity.{key}")).map(str::to_owned);
    let (Some(token), Some(region)) = (identity("service_token"), identity("region")) else {
        return Vec::new();
    };
    let backends = draft.root.get("agent.backends").map_or(&[][..], Value::items);
    let claim = |backend: &Value| {
        let text = |key| backend.as_map().and_then(|map| map.text(key)).map(str::to_owned);
        let (service, address) = (text("service")?, text("address")?);
        Some(Claim { service, address, token: token.clone(), region: region.clone() })
    };
    backends.iter().filter_map(claim).collect()
}

/// The overwatches expect what the agents have.
fn tokens(drafts: &mut [Draft]) {
    let is_ours = |draft: &&Draft| draft.is_agent;
    let claims: Vec<Claim> = drafts.iter().filter(is_ours).flat_map(claims).collect();
    for draft in drafts.iter_mut().filter(|draft| !draft.is_agent) {
        for claim in &claims {
            grant(draft, claim);
        }
    }
}

/// Adds a token that is missing, and the address that it may speak for.
fn grant(draft: &mut Draft, claim: &Claim) {
    const PATH: &str = "overwatch.agent_tokens";
    let Claim { service, token, region, address } = claim;
    if !matches!(draft.root.get(PATH), Some(Value::List(_))) {
        draft.root.set(PATH, Value::List(Vec::new()));
    }
    let of_service = |map: &&mut Map| map.text("service") == Some(service);
    let counts_here = |map: &Map| {
        map.get("regions").is_none_or(|list| list.items().contains(&Value::text(region)))
    };
    let mut present: Vec<&mut Map> = draft.root.maps(PATH).filter(of_service).collect();
    let others =
        present.iter().filter(|map| counts_here(map) && map.text("token") != Some(token)).count();
    if let Some(map) =
        present.iter_mut().find(|map| map.text("token") == Some(token) && counts_here(map))
    {
        if let Some(Value::List(networks)) = map.get_mut("networks")
            && !networks.contains(&Value::text(address))
        {
            networks.push(Value::text(address));
        }
        return;
    }
    if others >= TOKENS_MAX {
        let what =
            format!("{service} has {others} other tokens in {region}; an agent's is one more");
        draft.notes.add(Kind::ToDo, PATH, what);
        return;
    }
    let mut map = Map::of(&[("service", service), ("token", token)]);
    map.set("regions", Value::texts([&**region]));
    map.set("networks", Value::texts([&**address]));
    if let Some(Value::List(list)) = draft.root.get_mut(PATH) {
        list.push(Value::Map(map));
    }
    let what = format!(
        "the token that the agents of {service} in {region} have, for the addresses they name"
    );
    draft.notes.add(Kind::Added, PATH, what);
}

fn finish(mut draft: Draft, terms: &Terms<'_>) -> Made {
    let text = format!("# Made by `opengslb-cli import go`.\n{}", yaml::write(&draft.root));
    if !terms.is_part && draft.root.get("include").is_none() {
        check(&text, &draft.name, &mut draft.notes);
    }
    Made { name: draft.name, text, notes: draft.notes.finish() }
}

#[cfg(test)]
mod tests;
