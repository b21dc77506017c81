//! The geography of gdnsd: maps, datacenters and resources of its geoip plugin, as regions, mappings and
//! domains.
//!
//! - `vscf`: its language,
//! - `geography`: one map to regions, mappings and a default region,
//! - `resources`: datacenters' addresses and their checks to servers and domains.
//!
//! Our geography is one for all domains, so one map is taken. A list of datacenters is an order of
//! preference; here the first one is the region of those clients, and who follows it is the domain's to say.

mod geography;

mod resources;

mod vscf;

use crate::note::{Kind, Made, Notes};
use crate::yaml::{self, Map, Value};
use crate::{Brought, Unread};

/// What the caller knows and the file does not say.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// A new mesh key, 32 bytes in base64.
    pub mesh_key: &'a str,
    /// Which map, where there are several.
    pub map: Option<&'a str>,
    /// Domain names, each with the resource that answers: `www.example.com`, `prod_www`. gdnsd has
    /// them in its zone files.
    pub domains: &'a [(String, String)],
}

/// Makes an overwatch's file.
///
/// # Errors
///
/// The text is none of gdnsd's, or has no such map.
pub fn import(file: &Brought, terms: &Terms<'_>) -> Result<Made, Unread> {
    let unread = |what| Unread { file: file.name.clone(), what };
    let said = vscf::read(&file.text).map_err(unread)?;
    // The plugin's own file is its section alone.
    let geoip = said.get("plugins.geoip").and_then(Value::as_map).unwrap_or(&said);
    let (name, map) = chosen(geoip, terms.map).map_err(unread)?;
    let mut notes = Notes::default();
    let mut root = Map::of(&[("mode", "overwatch")]);
    root.set("overwatch.gossip.encryption_key", Value::text(terms.mesh_key));
    notes.add(
        Kind::Added,
        "overwatch.gossip.encryption_key",
        "a new mesh key, for agents that report",
    );
    geography::move_over(&mut root, map, &mut notes);
    resources::move_over(&mut root, &said, geoip, (name, terms.domains), &mut notes);
    let text = format!(
        "# Made by `opengslb-cli import gdnsd` from the map {name}.\n{}",
        yaml::write(&root)
    );
    crate::go::check(&text, &file.name, &mut notes);
    Ok(Made { name: file.name.clone(), text, notes: notes.finish() })
}

/// The map that is wanted, or the only one.
fn chosen<'m>(geoip: &'m Map, wanted: Option<&str>) -> Result<(&'m str, &'m Map), String> {
    let maps =
        geoip.get("maps").and_then(Value::as_map).ok_or("there is no plugins => geoip => maps")?;
    let names: Vec<&str> = maps.0.iter().map(|(name, _)| name.as_str()).collect();
    let found = maps.0.iter().find(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
    match (found, wanted, names.len()) {
        (Some((name, Value::Map(map))), Some(_), _) | (Some((name, Value::Map(map))), None, 1) => {
            Ok((name, map))
        }
        (_, Some(wanted), _) => {
            Err(format!("there is no map {wanted}; there are: {}", names.join(", ")))
        }
        _ => Err(format!("name one of the maps, as our geography is one: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests;
