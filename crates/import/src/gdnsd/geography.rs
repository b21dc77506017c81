//! One map of gdnsd to regions, mappings and a default region.

use crate::note::{Kind, Notes};
use crate::yaml::{Map, Value};

/// The continents, as both programs write them.
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/// A region that is being made.
#[derive(Default)]
struct Region {
    countries: Vec<String>,
    continents: Vec<String>,
}

/// Writes `regions` and `overwatch.geolocation`.
pub(super) fn move_over(root: &mut Map, map: &Map, notes: &mut Notes) {
    let places = first_level(map.get("datacenters")).unwrap_or_default();
    let mut regions: Vec<(String, Region)> =
        places.into_iter().map(|name| (name, Region::default())).collect();
    let mut default = regions.first().map(|(name, _)| name.clone());
    if let Some(Value::Map(map)) = map.get("map") {
        for (place, value) in &map.0 {
            if place == "default" {
                default = nearest(value, notes, "map => default").or(default);
            } else {
                settle(place, value, &mut regions, notes);
            }
        }
    }
    let coordinates = map.get("auto_dc_coords");
    let list = regions
        .iter()
        .map(|(name, region)| Value::Map(written(name, region, coordinates)))
        .collect();
    root.set("regions", Value::List(list));
    if let Some(default) = default {
        root.set("overwatch.geolocation.default_region", Value::Text(default));
    }
    database(root, map, notes);
    mappings(root, map, notes);
}

/// The datacenters of a list, or the one that a word names.
fn first_level(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::Text(name) => Some(vec![name.clone()]),
        Value::List(items) => {
            Some(items.iter().filter_map(Value::as_text).map(str::to_owned).collect())
        }
        Value::Map(_) | Value::Null => None,
    }
}

/// The first of a list; what follows it has no place here.
fn nearest(value: &Value, notes: &mut Notes, place: &str) -> Option<String> {
    let list = first_level(Some(value))?;
    if list.len() > 1 {
        let what = format!(
            "{} in this order: the first is their region, and while it is down the domain's own order or \
             distance says who follows",
            list.join(", ")
        );
        notes.add(Kind::Changed, place, what);
    }
    if list.is_empty() {
        notes.add(
            Kind::Dropped,
            place,
            "an empty list goes by distance, which is what happens without one",
        );
    }
    list.into_iter().next()
}

/// Gives a continent or a country to its first datacenter.
fn settle(place: &str, value: &Value, regions: &mut [(String, Region)], notes: &mut Notes) {
    let code = place.to_ascii_uppercase();
    let path = format!("map => {place}");
    if let Value::Map(inside) = value {
        for (name, value) in &inside.0 {
            if name == "default" {
                settle(place, value, regions, notes);
            } else if CONTINENTS.contains(&&*code) && name.len() == 2 {
                country(name, value, regions, notes);
            } else {
                notes.add(
                    Kind::Dropped,
                    format!("{path} => {name}"),
                    "no part of a country is told apart",
                );
            }
        }
        return;
    }
    let Some(name) = nearest(value, notes, &path) else { return };
    let Some((_, region)) = regions.iter_mut().find(|(known, _)| *known == name) else {
        return notes.add(Kind::ToDo, path, format!("{name} is none of the datacenters"));
    };
    if CONTINENTS.contains(&&*code) {
        region.continents.push(code);
    } else {
        region.countries.push(code);
    }
}

/// A country of a continent. One that is named like a continent (`NA`, Namibia; `AS`, American Samoa) is one here.
fn country(name: &str, value: &Value, regions: &mut [(String, Region)], notes: &mut Notes) {
    let path = format!("map => {name}");
    if let Value::Map(inside) = value {
        for (below, _) in inside.0.iter().filter(|(below, _)| below != "default") {
            notes.add(
                Kind::Dropped,
                format!("{path} => {below}"),
                "no part of a country is told apart",
            );
        }
        if let Some(value) = inside.get("default") {
            country(name, value, regions, notes);
        }
        return;
    }
    let Some(place) = nearest(value, notes, &path) else { return };
    match regions.iter_mut().find(|(known, _)| *known == place) {
        Some((_, region)) => region.countries.push(name.to_ascii_uppercase()),
        None => notes.add(Kind::ToDo, path, format!("{place} is none of the datacenters")),
    }
}

fn written(name: &str, region: &Region, coordinates: Option<&Value>) -> Map {
    let mut map = Map::of(&[("name", name)]);
    for (key, list) in [("countries", &region.countries), ("continents", &region.continents)] {
        if !list.is_empty() {
            map.set(key, Value::texts(list));
        }
    }
    let place = coordinates
        .and_then(Value::as_map)
        .and_then(|map| map.at(name))
        .map_or(&[][..], Value::items);
    if let [latitude, longitude] = place {
        map.set("latitude", latitude.clone());
        map.set("longitude", longitude.clone());
    }
    map
}

fn database(root: &mut Map, map: &Map, notes: &mut Notes) {
    if let Some(path) = map.text("geoip2_db") {
        root.set("overwatch.geolocation.database_path", Value::text(path));
        if !path.starts_with('/') {
            let what = format!("{path} lies below gdnsd's own directory: write the whole path");
            notes.add(Kind::ToDo, "overwatch.geolocation.database_path", what);
        }
    }
    for gone in [
        "geoip_db",
        "geoip_db_v4_overlay",
        "city_region_names",
        "city_no_region",
        "geoip2_db_v4_overlay",
    ] {
        if map.get(gone).is_some() {
            notes.add(
                Kind::Dropped,
                gone,
                "one database in MaxMind's present format is read (geoip2_db)",
            );
        }
    }
    if map.get("auto_dc_limit").is_some() {
        notes.add(Kind::Dropped, "auto_dc_limit", "any region of a domain may follow");
    }
}

fn mappings(root: &mut Map, map: &Map, notes: &mut Notes) {
    let Some(nets) = map.get("nets") else { return };
    let Value::Map(nets) = nets else {
        return notes.add(Kind::ToDo, "nets", "stands in another file: put it in its place first");
    };
    let mut list = Vec::new();
    for (net, value) in &nets.0 {
        if let Some(place) = nearest(value, notes, &format!("nets => {net}")) {
            list.push(Value::Map(Map::of(&[("cidr", net), ("region", &place)])));
        }
    }
    root.set("overwatch.geolocation.custom_mappings", Value::List(list));
}
