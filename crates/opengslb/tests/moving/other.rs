//! The commands for gdnsd's and BIND's files: what they write, and that they write nothing twice.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const ZONE: &str = "@ 300 SOA ns1 hostmaster 1 1d 2h 1000h 5m\n@ NS ns1\nns1 A 192.0.2.53\n\
                    $GENERATE 1-3 h$ A 192.0.2.$\n$INCLUDE more\n";
const MAP: &str =
    "plugins => { geoip => { maps => { world => { datacenters => [us, eu], map => { EU => eu } } }
  resources => { prod => { map => world, dcmap => { us => 192.0.2.1, eu => 192.0.2.2 } } } } }";

/// The exit code, and what was said.
fn import(directory: &Path, words: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
    let output =
        command.arg("import").args(words.split(' ')).current_dir(directory).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn a_zone_file_of_bind() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("db.example.com"), ZONE).unwrap();
    fs::write(directory.path().join("more"), "www A 192.0.2.80\n").unwrap();
    let words = "bind example.com db.example.com --to imported";
    let (code, said) = import(directory.path(), words);
    assert_eq!(code, Some(0), "{said}");
    let path = directory.path().join("imported/db.example.com");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("h3 A 192.0.2.3") && text.contains("www A 192.0.2.80"), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, said) = import(directory.path(), words);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("exists"), "{said}");
}

#[test]
fn a_map_of_gdnsd() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("config"), MAP).unwrap();
    let words = "gdnsd config --map world --domain www.example.com=prod --to imported";
    let (code, said) = import(directory.path(), words);
    // That gdnsd checked nothing is to be looked at.
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("was not checked"), "{said}");
    let checked = Command::new(env!("CARGO_BIN_EXE_opengslb"))
        .args(["check-config", "--config", "imported/config"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
