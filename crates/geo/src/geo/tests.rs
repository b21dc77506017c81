//! Layers over one another, and look-ups that tell how far they hold.

use proptest::prelude::*;

use super::*;
use crate::mmdb_writer::{Layout, asn, flat, write};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn mapping(subnet: &str, region: &str) -> CustomMapping {
    CustomMapping {
        subnet: subnet.parse().unwrap(),
        region: region.parse().unwrap(),
        comment: None,
    }
}

/// As `region country continent prefix`.
fn check(geo: &Geo, client: &str, expect: &str) {
    let fix = geo.locate(address(client));
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let class = fix.class_of;
    let found = [
        text(class.custom_region.as_ref().map(Region::to_string)),
        text(class.country.as_ref().map(Country::to_string)),
        text(class.continent.as_ref().map(Continent::to_string)),
        fix.prefix.to_string(),
    ];
    assert_eq!(found.join(" "), expect, "{client}");
}

#[test]
fn custom_networks_beat_the_database_and_the_longest_wins() {
    let networks =
        [("10.0.0.0/8", flat("DE")), ("11.0.0.0/8", flat("US")), ("2001:db8::/32", flat("SG"))];
    let file = write(Layout::ALL[2], &networks);
    let custom = [
        mapping("10.0.0.0/9", "eu-west"),
        mapping("10.1.2.0/24", "us-east"),
        mapping("12.0.0.0/8", "us-east"),
        mapping("2001:db8:1::/48", "us-east"),
    ];
    let geo = Geo::build(Some(&file), None, &custom).unwrap();
    check(&geo, "10.1.2.3", "us-east DE EU 10.1.2.0/24");
    check(&geo, "10.1.3.3", "eu-west DE EU 10.1.3.0/24");
    check(&geo, "10.200.0.1", "- DE EU 10.128.0.0/9");
    check(&geo, "11.0.0.1", "- US NA 11.0.0.0/8");
    check(&geo, "12.0.0.1", "us-east - - 12.0.0.0/8");
    check(&geo, "200.0.0.1", "- - - 128.0.0.0/1");
    check(&geo, "2001:db8:1::1", "us-east SG AS 2001:db8:1::/48");
    check(&geo, "2001:db8::1", "- SG AS 2001:db8::/48");
    assert!(geo.classes().len() <= 8);
}

#[test]
fn without_a_database_only_custom_networks_are_known() {
    let geo = Geo::build(None, None, &[mapping("10.1.0.0/16", "us-east")]).unwrap();
    check(&geo, "10.1.2.3", "us-east - - 10.1.0.0/16");
    check(&geo, "::1", "- - - ::/0");
    assert_eq!(geo.locate(address("10.1.2.3")).class_of.asn, None);
}

#[test]
fn the_as_is_part_of_the_class() {
    let countries = write(Layout::ALL[2], &[("10.0.0.0/8", flat("DE"))]);
    let systems = write(Layout::ALL[1], &[("10.1.0.0/16", asn(64500))]);
    let geo = Geo::build(Some(&countries), Some(&systems), &[]).unwrap();
    let asn = |client| geo.locate(address(client)).class_of.asn.map(NonZeroU32::get);
    check(&geo, "10.1.2.3", "- DE EU 10.1.0.0/16");
    check(&geo, "10.2.0.1", "- DE EU 10.2.0.0/15");
    assert_eq!((asn("10.1.2.3"), asn("10.2.0.1")), (Some(64500), None));
    assert_eq!(geo.classes().len(), 3);
}

#[test]
fn places_stand_beside_countries_and_under_custom_networks() {
    let placed = |subnet: &str, asn, place| Placed {
        subnet: subnet.parse().unwrap(),
        country: "DE".parse().ok(),
        asn: NonZeroU32::new(asn),
        place,
    };
    let berlin = Place::new(52.5, 13.4).ok();
    let list = [placed("10.0.0.0/8", 1, None), placed("10.1.0.0/16", 0, berlin)];
    let geo = Geo::from_placed(&list, &[mapping("10.1.2.0/24", "eu-west")]).unwrap();
    check(&geo, "10.1.2.3", "eu-west DE EU 10.1.2.0/24");
    let class = |client| geo.locate(address(client)).class_of;
    assert_eq!((class("10.1.2.3").place, class("10.1.3.3").place), (berlin, berlin));
    assert_eq!(class("10.2.0.1").place, None);
    // The longer network says nothing of its AS, so the wider one's counts.
    assert_eq!(class("10.1.3.3").asn, NonZeroU32::new(1));
}

#[test]
fn a_list_does_as_well_as_a_database() {
    let list = [("10.0.0.0/8", "DE"), ("10.1.0.0/16", "SG")]
        .map(|(subnet, country)| (subnet.parse().unwrap(), country.parse().unwrap()));
    let geo = Geo::from_countries(&list, &[]).unwrap();
    check(&geo, "10.2.0.1", "- DE EU 10.2.0.0/15");
    check(&geo, "10.1.0.1", "- SG AS 10.1.0.0/16");
}

#[test]
fn a_bad_database_is_named() {
    let message = |built: Result<Geo, GeoError>| built.unwrap_err().to_string();
    assert_eq!(message(Geo::build(Some(b"no"), None, &[])), "the country database cannot be used");
    assert_eq!(message(Geo::build(None, Some(b"no"), &[])), "the ASN database cannot be used");
}

#[test]
fn too_many_classes_are_refused() {
    const MAX: usize = 100;
    let custom: Vec<CustomMapping> =
        (0..MAX).map(|i| mapping(&format!("10.0.{}.0/24", i * 2), &format!("r{i}"))).collect();
    assert!(Geo::flatten(Vec::new(), &custom[1..], MAX).is_ok());
    let refused = Geo::flatten(Vec::new(), &custom, MAX);
    assert!(matches!(refused, Err(GeoError::TooManyClasses)));
}

/// Few distinct bits, so that networks nest, touch and repeat often.
fn networks() -> impl Strategy<Value = Vec<(Subnet, u8)>> {
    let one = (0u32..64, 24u8..=32, 0u8..3).prop_map(|(low, length, value)| {
        (Subnet::of(IpAddr::V4((0x0a00_0000 | low << 2).into()), length), value)
    });
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn look_ups_agree_with_the_naive_model(countries in networks(), custom in networks()) {
        let country = |value: u8| ["DE", "US", "SG"][usize::from(value)].parse::<Country>();
        let region = |value: u8| ["eu-west", "us-east", "ap"][usize::from(value)].parse::<Region>();
        let list: Vec<_> = countries.iter().map(|(s, v)| (*s, country(*v).unwrap())).collect();
        let mappings: Vec<_> = custom
            .iter()
            .map(|(s, v)| CustomMapping { subnet: *s, region: region(*v).unwrap(), comment: None })
            .collect();
        let geo = Geo::from_countries(&list, &mappings).unwrap();
        let longest = |entries: &[(Subnet, u8)], client: IpAddr| {
            let covering = entries.iter().filter(|(subnet, _)| subnet.contains(client));
            covering.max_by_key(|(subnet, _)| subnet.length()).map(|(_, value)| *value)
        };
        let clients = (0..300u32).map(|low| IpAddr::V4((0x0a00_0000 + low).into()));
        for client in clients.clone() {
            let fix = geo.locate(client);
            let known = longest(&countries, client).and_then(|v| country(v).ok());
            prop_assert_eq!(fix.class_of.country, known);
            let assigned = longest(&custom, client).and_then(|v| region(v).ok());
            prop_assert_eq!(&fix.class_of.custom_region, &assigned);
            for other in clients.clone().filter(|other| fix.prefix.contains(*other)) {
                prop_assert_eq!(geo.locate(other), fix);
            }
        }
    }
}
