//! A file of gdnsd's shape, and what becomes of it.

use super::*;

const CONFIG: &str = r#"
options => { listen => 127.0.0.1 }
service_types => {
  web => { plugin => http_status, url_path => /alive, vhost => www.example.com, port => 8080
           ok_codes => [ 200, 204 ], interval => 8, timeout => 3, down_thresh => 4 }
}
plugins => { geoip => {
  maps => {
    world => {   # two sites
      geoip2_db => /usr/share/GeoIP/country.mmdb,
      datacenters => [dc.us, dc-eu],
      map => {
        EU => [dc-eu, dc.us],
        NA => { US => { TX => [dc-eu], default => [dc.us] }, CA => [dc.us] },
        default => [dc.us, dc-eu],
      },
      nets => { 10.0.0.0/8 => [ dc-eu ], 2001:db8::/32 => dc.us },
      auto_dc_coords => { dc.us => [ 38.9, -77.0 ], dc-eu => [ 52.4, 4.9 ] },
    },
    other => { datacenters => [x] }
  }
  resources => {
    www => { map => world, service_types => web, dcmap => {
      dc.us => { addrs_v4 => [ 192.0.2.1, 192.0.2.2 ], addrs_v6 => 2001:db8::1 },
      dc-eu => { a => [ 198.51.100.1, 30 ] },
    } }
    cdn => { map => world, dcmap => { dc.us => "us.cdn.example.net.", dc-eu => eu.cdn.example.net. } }
    spare => { map => world, dcmap => { dc-eu => 198.51.100.9 } }
  }
} }
"#;

fn file(text: &str) -> Brought {
    Brought { name: "config".to_owned(), text: text.to_owned() }
}

fn terms<'a>(map: Option<&'a str>, domains: &'a [(String, String)]) -> Terms<'a> {
    Terms { mesh_key: "uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=", map, domains }
}

#[test]
fn a_map_and_its_resources_become_regions_and_domains() {
    let domains = [("www.example.com", "www"), ("cdn.example.com", "cdn")];
    let domains = domains.map(|(name, resource)| (name.to_owned(), resource.to_owned()));
    let made = import(&file(CONFIG), &terms(Some("world"), &domains)).unwrap();
    let text = &made.text;
    for part in [
        "- name: dc.us\n    countries:\n      - US\n      - CA\n    latitude: 38.9\n    longitude: \"-77.0\"\n",
        "- name: dc-eu\n    continents:\n      - EU\n",
        "default_region: dc.us",
        "- cidr: 2001:db8::/32\n        region: dc.us\n",
        "database_path: /usr/share/GeoIP/country.mmdb",
        "- address: 198.51.100.1\n        port: 8080\n        service: www.example.com\n        weight: 30\n",
        "path: /alive",
        "interval: 8s",
        "failure_threshold: 4",
        "- name: cdn.example.com\n    routing_algorithm: geolocation\n",
        "name: eu.cdn.example.net\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(text.matches("- address: ").count(), 4, "{text}");
    let todo: Vec<&str> = made
        .notes
        .iter()
        .filter(|note| note.kind == Kind::ToDo)
        .map(|note| note.place.as_str())
        .collect();
    assert_eq!(
        todo,
        ["domains: cdn.example.com", "line 93 of the new file", "resources => spare"],
        "{:#?}",
        made.notes
    );
    assert!(
        made.notes.iter().any(|note| note.place == "map => US => TX" && note.kind == Kind::Dropped)
    );
    assert!(
        made.notes
            .iter()
            .any(|note| note.place == "map => EU" && note.what.contains("dc-eu, dc.us"))
    );
}

#[test]
fn what_is_no_map_is_refused() {
    let check = |text: &str, map, part: &str| {
        let said = import(&file(text), &terms(map, &[])).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    };
    check(CONFIG, None, "world, other");
    check(CONFIG, Some("moon"), "there is no map moon");
    check("a => b", None, "there is no plugins");
    check("a => {\n b => c", None, "line 2");
    check("a => $include{x}", None, "$include");
    check("a => \"b", None, "quote");
}
