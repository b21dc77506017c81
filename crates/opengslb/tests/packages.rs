//! What the .deb holds, made from the binaries that were built here. Whether it installs, runs and leaves nothing
//! is `deploy/check-package.sh`, nightly: it needs a Debian root.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Mode, owner and path of everything that matters.
const FILES: [&str; 11] = [
    "-rw------- root/root ./etc/opengslb/config.yaml",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/opengslb.service",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/CHANGELOG.md",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/copyright",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/examples/agent.yaml",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/examples/net-admin.conf",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/examples/opengslb.sysusers.conf",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/examples/overwatch.conf",
    "-rw-r--r-- root/root ./usr/share/doc/opengslb/examples/overwatch.yaml",
    "-rwxr-xr-x root/root ./usr/bin/opengslb",
    "-rwxr-xr-x root/root ./usr/bin/opengslb-cli",
];

/// What a command prints; `None` where the tool is missing, which is said.
fn printed(program: &str, words: &[&str]) -> Option<String> {
    match Command::new(program).args(words).env("COMPRESSION", "none").output() {
        Ok(output) => {
            assert!(output.status.success(), "{program} {words:?}: {output:?}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {program} {words:?}: {error}");
            None
        }
    }
}

#[test]
fn the_package_holds_what_it_should() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let binaries = Path::new(env!("CARGO_BIN_EXE_opengslb")).parent().unwrap();
    let (binaries, out) = (binaries.display().to_string(), tempfile::tempdir().unwrap());
    let out = out.path().display().to_string();
    if printed("dpkg-deb", &["--version"]).is_none() {
        return;
    }
    let build = root.join("deploy/deb/build.sh").display().to_string();
    let file = printed(&build, &[&binaries, &out]).unwrap();
    let file = file.trim();
    let version = env!("CARGO_PKG_VERSION");
    assert!(file.contains(&format!("/opengslb_{version}_")), "{file}");
    let listed = printed("dpkg-deb", &["--contents", file]).unwrap();
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[1], words[5])
    };
    let mut found: Vec<String> =
        listed.lines().filter(|line| !line.starts_with('d')).map(line).collect();
    found.sort();
    assert_eq!(found, FILES);
    let field = |name| printed("dpkg-deb", &["--field", file, name]).unwrap().trim().to_owned();
    assert_eq!((field("Package"), field("Version")), ("opengslb".to_owned(), version.to_owned()));
    let conffiles = printed("dpkg-deb", &["--info", file, "conffiles"]).unwrap();
    assert_eq!(conffiles, "/etc/opengslb/config.yaml\n");
}
