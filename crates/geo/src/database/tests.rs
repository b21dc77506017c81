//! Whole files in, networks out; damaged files in, errors out.

use std::error::Error;

use testkit::Random;

use super::*;
use crate::fuzz::fuzz;
use crate::mmdb_writer::{Layout, Value, asn, city, flat, maxmind, write};

fn subnet(text: &str) -> Subnet {
    text.parse().unwrap()
}

/// The networks read, as `network country continent`, sorted and without repeats.
fn countries_of(file: &[u8]) -> Vec<String> {
    let mut read: Vec<_> =
        countries(file).unwrap().into_iter().map(|n| (n.subnet, n.value)).collect();
    read.sort_by_key(|(subnet, _)| *subnet);
    read.dedup();
    let code = |continent: Continent| continent.code();
    let line = |(subnet, place): (Subnet, Whereabouts)| {
        let country = place.country.map_or("-".into(), |c| c.to_string());
        format!("{subnet} {country} {}", place.continent.map_or("-", code))
    };
    read.into_iter().map(line).collect()
}

#[test]
fn both_schemas_are_read_in_every_layout() {
    for layout in Layout::ALL {
        let file =
            write(layout, &[("10.1.0.0/16", maxmind("DE", "EU")), ("10.2.0.0/15", flat("sg"))]);
        assert_eq!(countries_of(&file), ["10.1.0.0/16 DE EU", "10.2.0.0/15 SG AS"]);
    }
}

#[test]
fn a_city_database_tells_places_it_trusts() {
    let networks = [
        ("10.1.0.0/16", city("NL", 52.3759, 4.8975, 20)),
        ("10.2.0.0/16", city("NL", 52.30, 4.95, 500)),
        ("10.3.0.0/16", city("US", 37.751, -97.822, 1000)),
        ("10.4.0.0/16", city("US", 137.751, -97.822, 5)),
        ("10.5.0.0/16", maxmind("DE", "EU")),
    ];
    let read = countries(&write(Layout::ALL[2], &networks)).unwrap();
    let place_of = |network: &str| {
        let found = read.iter().find(|n| n.subnet == subnet(network)).unwrap();
        (found.value.country.unwrap().to_string(), found.value.place.map(|place| place.to_string()))
    };
    assert_eq!(place_of("10.1.0.0/16"), ("NL".to_owned(), Some("52.5,5".to_owned())));
    assert_eq!(place_of("10.2.0.0/16").1, Some("52.25,5".to_owned()));
    // The middle of a country is no place, and what is off the globe is none either.
    assert_eq!(place_of("10.3.0.0/16"), ("US".to_owned(), None));
    assert_eq!(place_of("10.4.0.0/16").1, None);
    assert_eq!(place_of("10.5.0.0/16").1, None);
    let wrong = Value::Map(vec![("location", Value::Map(vec![("latitude", Value::Number(5))]))]);
    check_refused(&write(Layout::ALL[1], &[("10.1.0.0/16", wrong)]), "damaged");
}

#[test]
fn ipv6_networks_stand_beside_ipv4_ones() {
    let networks = [("10.1.0.0/16", flat("DE")), ("2001:db8::/32", flat("US"))];
    let file = write(Layout::ALL[2], &networks);
    assert_eq!(countries_of(&file), ["10.1.0.0/16 DE EU", "2001:db8::/32 US NA"]);
}

#[test]
fn mapped_addresses_are_ipv4_and_what_tunnels_is_left_out() {
    let networks = [
        ("::ffff:10.1.0.0/112", flat("DE")),
        ("2002:a01::/32", flat("FR")),
        ("2001:0:a01::/48", flat("FR")),
    ];
    let file = write(Layout::ALL[1], &networks);
    assert_eq!(countries_of(&file), ["10.1.0.0/16 DE EU"]);
}

#[test]
fn a_record_wider_than_all_of_ipv4_speaks_for_ipv4() {
    let file = write(Layout::ALL[1], &[("::/8", flat("DE")), ("2000::/3", flat("US"))]);
    assert_eq!(countries_of(&file), ["0.0.0.0/0 DE EU", "::/8 DE EU", "2000::/3 US NA"]);
}

#[test]
fn the_continent_comes_from_the_record_or_else_from_the_country() {
    let text = |key, value| (key, Value::Text(value));
    let networks = [
        ("10.0.0.0/16", maxmind("CY", "AS")),
        ("10.1.0.0/16", maxmind("CY", "")),
        ("10.2.0.0/16", maxmind("", "EU")),
        ("10.3.0.0/16", Value::Map(vec![text("country_code", "ZZ")])),
        ("10.4.0.0/16", Value::Map(vec![text("country_code", "None")])),
        (
            "10.5.0.0/16",
            Value::Map(vec![
                text("country", "Australia"),
                text("country_code", "AU"),
                text("continent_code", "OC"),
            ]),
        ),
    ];
    let expect = [
        "10.0.0.0/16 CY AS",
        "10.1.0.0/16 CY EU",
        "10.2.0.0/16 - EU",
        "10.3.0.0/16 ZZ -",
        "10.5.0.0/16 AU OC",
    ];
    assert_eq!(countries_of(&write(Layout::ALL[0], &networks)), expect);
}

#[test]
fn systems_are_read_and_nobodys_is_none() {
    let networks =
        [("10.1.0.0/16", asn(64500)), ("10.2.0.0/16", asn(0)), ("10.3.0.0/16", asn(u32::MAX))];
    let read = systems(&write(Layout::ALL[3], &networks)).unwrap();
    let mut read: Vec<_> = read.into_iter().map(|n| (n.subnet, n.value.get())).collect();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, [(subnet("10.1.0.0/16"), 64500), (subnet("10.3.0.0/16"), u32::MAX)]);
}

/// The error and its causes, joined by ": ".
fn chain(error: &DatabaseError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn check_refused(file: &[u8], expect: &str) {
    let text = chain(&countries(file).unwrap_err());
    assert!(text.contains(expect), "{text:?} should tell {expect:?}");
}

#[test]
fn what_cannot_be_used_says_why() {
    let good = write(Layout::ALL[1], &[("10.1.0.0/16", flat("DE"))]);
    check_refused(b"", "the file is damaged or no MMDB file: ");
    check_refused(b"country,network\nDE,10.1.0.0/16\n", "could not find MaxMind DB metadata");
    check_refused(&good[..good.len() / 2], "could not find MaxMind DB metadata");
    check_refused(&good[100..], "extends beyond");
    let systems_file = write(Layout::ALL[1], &[("10.1.0.0/16", asn(64500))]);
    check_refused(
        &systems_file,
        "no record of this \"Test\" database has country.iso_code or country_code",
    );
    let number = Value::Map(vec![("country_code", Value::Number(49))]);
    check_refused(&write(Layout::ALL[1], &[("10.1.0.0/16", number)]), "damaged");
    assert!(matches!(systems(&good), Err(DatabaseError::WrongKind { .. })));
}

#[test]
fn a_tree_that_leads_in_circles_is_given_up() {
    let mut file = write(Layout::ALL[1], &[("10.1.0.0/16", flat("DE"))]);
    // Both records of every node but the last lead to the next: 2^100 ways down.
    let nodes = 112u32;
    for node in 0..nodes - 1 {
        let next = (node + 1).to_be_bytes();
        let at = node as usize * 6;
        file[at..at + 3].copy_from_slice(&next[1..]);
        file[at + 3..at + 6].copy_from_slice(&next[1..]);
    }
    assert!(matches!(countries(&file), Err(DatabaseError::Tangled { nodes: 112, .. })));
    // A node that leads to itself.
    file[..6].fill(0);
    check_refused(&file, "cycle");
}

#[test]
fn no_bytes_make_it_panic() {
    let short = || vec![("128.0.0.0/2", maxmind("DE", "EU")), ("192.0.0.0/3", flat("SG"))];
    let seeds: Vec<Vec<u8>> = vec![
        write(Layout::ALL[0], &short()),
        write(Layout::ALL[0], &[("0.0.0.0/1", asn(64500))]),
        write(Layout::ALL[1], &[("::/2", flat("DE")), ("8000::/1", asn(1))]),
        write(Layout::ALL[2], &short()),
        write(Layout::ALL[0], &[("128.0.0.0/2", city("DE", 52.5, 13.4, 20))]),
    ];
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    for round in 0..60_000 {
        let mut file = seeds[round % seeds.len()].clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(file.len());
            match random.below(4) {
                0 => file[at] = random.byte(),
                1 => file[at] ^= 1 << random.below(8),
                2 => file.truncate(at.max(1)),
                _ => {
                    let to = random.below(file.len());
                    file.swap(at, to);
                }
            }
        }
        fuzz(&file);
    }
    for length in 0..2_000 {
        let mut noise: Vec<u8> = (0..length % 200).map(|_| random.byte()).collect();
        if length % 2 == 0 {
            noise.extend(b"\xab\xcd\xefMaxMind.com");
            noise.extend((0..random.below(60)).map(|_| random.byte()));
        }
        fuzz(&noise);
    }
}
