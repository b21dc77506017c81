//! Zone files with what only BIND knows.

use super::*;

const ZONE: &str = "\
$TTL 1h
@ IN SOA ns1 hostmaster ( 2026112301 1d
   2h 1000h 5m ) ; times
@ 3600 RRSIG SOA 13 2 3600 20261223000000 20261123000000 1 example.com. AAAA
  NS ns1
  DNSKEY 257 3 13 AAAA
$INCLUDE hosts sub
  MX 10 mail
ns1 A 192.0.2.53
mail A 192.0.2.25
$GENERATE 1-2 dhcp${0,2} A 192.0.2.$
$ORIGIN deep
a A 192.0.2.7
";

fn import_with(text: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Made, Unread> {
    let file = Brought { name: "db".to_owned(), text: text.to_owned() };
    import(&file, &Terms { zone: "example.com.", read })
}

#[test]
fn one_file_without_signatures_is_left() {
    let read = |name: &str| {
        (name == "hosts").then(|| "h A 192.0.2.8\n".to_owned()).ok_or_else(String::new)
    };
    let made = import_with(ZONE, &read).unwrap();
    assert!(
        made.notes.iter().all(|note| note.kind != Kind::ToDo),
        "{:#?}\n{}",
        made.notes,
        made.text
    );
    let apex = "example.com".parse::<dns::NameBuf>().unwrap();
    let records = zone::zone_file::parse(&made.text, apex.as_name(), 60).unwrap();
    let records: Vec<String> =
        records.iter().map(|record| format!("{} {}", record.owner(), record.record_type)).collect();
    assert_eq!(
        records,
        [
            "example.com SOA",
            "example.com NS",
            "h.sub.example.com A",
            "example.com MX",
            "ns1.example.com A",
            "mail.example.com A",
            "dhcp01.example.com A",
            "dhcp02.example.com A",
            "a.deep.example.com A",
        ]
    );
    assert_eq!(made.notes[0].place, "2 records of a signed zone");
}

/// Old files have no `$TTL`.
#[test]
fn where_no_ttl_is_said_the_soa_record_says_it() {
    let none = |_: &str| Err("no such file".to_owned());
    let of = |text: &str| {
        let made = import_with(text, &none).unwrap();
        let apex = "example.com".parse::<dns::NameBuf>().unwrap();
        let records = zone::zone_file::parse(&made.text, apex.as_name(), 60).unwrap();
        let is_said = made.notes.iter().any(|note| note.what.contains("86400"));
        (records.iter().map(|record| record.ttl_s).collect::<Vec<_>>(), is_said)
    };
    let rest = "@ NS ns\nns 300 A 192.0.2.1\nx A 192.0.2.2\n";
    let soa = "IN SOA ns a ( 1 2 3\n 4 86400 ) ; old\n";
    assert_eq!(of(&format!("@ {soa}{rest}")), (vec![86_400, 86_400, 300, 300], true));
    assert_eq!(of(&format!("@ 7 {soa}{rest}")), (vec![7, 7, 300, 300], false));
    assert_eq!(of(&format!("$TTL 9\n@ {soa}{rest}")), (vec![9, 9, 300, 9], false));
}

#[test]
fn what_cannot_be_served_is_said() {
    let none = |_: &str| Err("no such file".to_owned());
    assert!(import_with("$INCLUDE x\n", &none).unwrap_err().what.contains("no such file"));
    let circle = |_: &str| Ok("$INCLUDE x\n".to_owned());
    assert!(import_with("$INCLUDE x\n", &circle).unwrap_err().what.contains("deeper"));
    let made =
        import_with("@ SOA a b 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nx DNAME y\n", &none).unwrap();
    assert!(
        made.notes.iter().any(|note| note.kind == Kind::ToDo && note.what.contains("DNAME")),
        "{made:?}"
    );
}
