//! What must hold for any text whatever: it is read or refused, nothing panics, and what is written of the
//! former program's is YAML that can be read.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one.

use crate::{Brought, bind, gdnsd, go, yaml};

/// Takes `data` for each kind of file.
///
/// # Panics
///
/// Where a promise of the crate is broken.
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let file = Brought { name: "fuzz".to_owned(), text };
    let mesh_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let address = Some([192, 0, 2, 1].into());
    for is_part in [false, true] {
        let files = [file.clone(), file.clone()];
        for made in
            go::import(&files, &go::Terms { mesh_key, address, is_part }).unwrap_or_default()
        {
            assert!(yaml::read(&made.text).is_ok(), "{}", made.text);
            assert!(made.notes.is_sorted());
        }
    }
    let domains = [("www.example.com".to_owned(), "www".to_owned())];
    if let Ok(made) = gdnsd::import(&file, &gdnsd::Terms { mesh_key, map: None, domains: &domains })
    {
        assert!(made.text.starts_with('#'));
    }
    let read = |name: &str| {
        (name == "other").then(|| "a A 192.0.2.1\n".to_owned()).ok_or_else(|| "no".to_owned())
    };
    if let Ok(made) = bind::import(&file, &bind::Terms { zone: "example", read: &read }) {
        assert!(made.text.starts_with(';'));
    }
}

#[cfg(test)]
mod tests {
    use testkit::{Random, bend};

    const SEEDS: &[&str] = &[
        "mode: overwatch\nregions: [{name: a, servers: [{address: 192.0.2.1}], health_check: {type: tcp}}]\n\
         domains: [{name: www.a, regions: [a]}]\noverwatch: {agent_tokens: {a: correct-horse-battery}}\n",
        "mode: agent\nagent: {identity: {service_token: x, region: a}, backends: [{address: 127.0.0.1, service: s}]}\n",
        "plugins => { geoip => { maps => { m => { datacenters => [a, b], map => { EU => [a] } } }\n\
         resources => { www => { map => m, dcmap => { a => 192.0.2.1, b => [ 192.0.2.2, 192.0.2.3 ] } } } } }\n",
        "$TTL 1h\n@ SOA ns a ( 1 2 3 4 5 )\n NS ns\n$GENERATE 1-3 h${1,2,x} A 192.0.2.$\n$INCLUDE other sub\nns A 192.0.2.9\n",
    ];

    #[test]
    fn bent_files_are_read_or_refused() {
        let mut random = Random::new(57);
        for round in 0..400 {
            let mut bytes = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
            bend(&mut random, &mut bytes, |random| {
                *random.one_of(b" \t\n:{}[]()$\"'&*=>,-#;.0az\xff")
            });
            super::fuzz(&bytes);
        }
        SEEDS.iter().for_each(|seed| super::fuzz(seed.as_bytes()));
    }
}
