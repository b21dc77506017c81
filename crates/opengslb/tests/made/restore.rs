//! Backup and restore: a store in another form, taken back whole or not at all.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::process::Command;

use crate::site::Site;

fn restore(site: &Site, file: &str) -> (i32, String) {
    let config = site.config();
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
    let command = command.args(["restore", file, "--config"]).arg(config);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn a_backup_is_restored_whole_or_not_at_all() {
    let mut site = Site::start();
    let mapping = |comment: &str| format!(r#"{{"region": "one", "comment": "{comment}"}}"#);
    assert_eq!(site.cli(&["mappings", "create", "10.1.0.0/16", &mapping("before")]).0, 0);
    let second = site.second().to_string();
    assert_eq!(site.cli(&["overrides", "set", "app.test", &second, "--healthy", "false"]).0, 0);
    let file = site.directory.path().join("backup.json");
    let name = file.display().to_string();
    let (code, said) = site.cli(&["backup", &name]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(site.cli(&["backup", &name]).0, 1, "none is written over");
    assert_eq!(site.cli(&["mappings", "update", "10.1.0.0/16", &mapping("after")]).0, 0);
    assert_eq!(site.cli(&["overrides", "clear", "app.test", &second]).0, 0);
    // Not while a process runs on it.
    let (code, said) = restore(&site, &name);
    assert!(code == 1 && said.contains("in use by another process"), "{said}");
    site.overwatch.signal("TERM");
    assert!(site.overwatch.end().success());
    // What does not fit is refused, whatever it is.
    let good = fs::read_to_string(&file).unwrap();
    for (from, to, why) in [
        ("\"region\": \"one\"", "\"region\": \"nowhere\"", "no region \"nowhere\""),
        ("\"format\": 1", "\"format\": 7", "format 7"),
        ("opengslb store", "something", "no backup"),
    ] {
        let bad = if good.contains(from) {
            good.replace(from, to)
        } else {
            good.replace(&from.replace(": ", ":"), &to.replace(": ", ":"))
        };
        let other = site.directory.path().join("bad.json");
        fs::write(
            &other,
            bad.replace("\\\"region\\\":\\\"one\\\"", "\\\"region\\\":\\\"nowhere\\\""),
        )
        .unwrap();
        let (code, said) = restore(&site, &other.display().to_string());
        assert!(code == 1 && said.contains(why), "{from}: {said}");
    }
    let (code, said) = restore(&site, &name);
    assert_eq!(code, 0, "{said}");
    site.start_again();
    let (_, said) = site.cli(&["mappings", "get", "10.1.0.0/16"]);
    assert!(said.contains("\"before\""), "{said}");
    let (_, said) = site.cli(&["overrides", "list"]);
    assert!(said.contains(&second) && said.contains("override"), "{said}");
}

/// A backup is for the day on which the store cannot be read.
#[test]
fn a_backup_takes_the_place_of_a_store_that_is_damaged() {
    let mut site = Site::start();
    let mapping = r#"{"region": "one", "comment": "kept"}"#;
    assert_eq!(site.cli(&["mappings", "create", "10.1.0.0/16", mapping]).0, 0);
    let name = site.directory.path().join("backup.json").display().to_string();
    assert_eq!(site.cli(&["backup", &name]).0, 0);
    site.overwatch.signal("TERM");
    assert!(site.overwatch.end().success());
    let data = site.directory.path().join("data");
    let (store, aside) = (data.join("overwatch.redb"), data.join("overwatch.redb.aside"));
    let whole = fs::read(&store).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"this is no store at all"] {
        fs::write(&store, damaged).unwrap();
        let (code, said) = restore(&site, &name);
        assert!(code == 0 && said.contains("is damaged: it is kept as"), "{code}: {said}");
        assert_eq!(fs::read(&aside).unwrap().len(), damaged.len());
    }
    assert!(!data.join("overwatch.redb.new").exists());
    site.start_again();
    assert!(site.cli(&["mappings", "get", "10.1.0.0/16"]).1.contains("\"kept\""));
    // Whoever restores it, it belongs to whom the directory belongs.
    site.overwatch.signal("TERM");
    assert!(site.overwatch.end().success());
    if fs::metadata(&data).unwrap().uid() != 0 || chown(&data, Some(65_534), Some(65_534)).is_err()
    {
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root restores for somebody else");
        return;
    }
    assert_eq!(restore(&site, &name).0, 0);
    let of = fs::metadata(&store).unwrap();
    assert_eq!((of.uid(), of.mode() & 0o777), (65_534, 0o600));
}
