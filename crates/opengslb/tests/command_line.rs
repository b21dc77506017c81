//! The command line as an operator meets it: the built binary, its words, its exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A faulty command line or configuration (sysexits.h, `EX_USAGE`).
const USAGE: i32 = 64;

fn opengslb(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_opengslb")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file that belongs to the repository.
fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A configuration in a directory of its own, as readable as `mode` says.
struct File {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl File {
    fn new(text: &str, mode: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("opengslb.yaml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        Self { path, _directory: directory }
    }

    fn copy_of(path: &str) -> Self {
        Self::new(&fs::read_to_string(in_repository(path)).unwrap(), 0o600)
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn check(&self) -> Output {
        opengslb(&["check-config", "--config", self.name()])
    }
}

/// Refused, with what was said about it.
#[track_caller]
fn refused(output: &Output) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(USAGE), "{said}");
    assert_eq!(text(&output.stdout), "", "faults go to standard error");
    said
}

#[track_caller]
fn accepted(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn version_and_help_are_told_and_are_no_fault() {
    let version = accepted(&opengslb(&["--version"]));
    assert_eq!(version, format!("opengslb {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(accepted(&opengslb(&["-V"])), version);
    let help = accepted(&opengslb(&["--help"]));
    for word in ["--config", "--mode", "--print-config", "check-config", "lab", "Examples"] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    let lab = accepted(&opengslb(&["lab", "--help"]));
    for word in ["lab demo6", "lab up", "lab exec", "lab list", "lab down"] {
        assert!(lab.contains(word), "{word} is not in\n{lab}");
    }
}

#[test]
fn a_wrong_command_line_exits_64_and_says_what_is_wrong() {
    for (args, part) in [
        (vec!["--confg", "x"], "--confg"),
        (vec!["--config"], "--config"),
        (vec!["--mode", "both"], "both"),
        (vec!["chek-config"], "chek-config"),
        (vec!["check-config", "--nothing"], "--nothing"),
        (vec!["lab", "demo7"], "lab demo6"),
    ] {
        let said = refused(&opengslb(&args));
        assert!(said.contains(part), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn ten_faults_are_ten_lines_each_with_its_place() {
    let file = File::copy_of("crates/config/testdata/ten-faults.yaml");
    let said = refused(&file.check());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 10, "{said}");
    let source = fs::read_to_string(&file.path).unwrap();
    let mut last = 0;
    for line in lines {
        let rest = line.strip_prefix(&format!("{}:", file.name())).unwrap();
        let mut fields = rest.splitn(3, ':');
        let mut number = || fields.next().unwrap().parse::<usize>().unwrap();
        let (row, column) = (number(), number());
        let what = fields.next().unwrap().trim();
        assert!(row > last, "sorted by line, each its own: {line}");
        assert!(column >= 1 && column <= source.lines().nth(row - 1).unwrap().len(), "{line}");
        assert!(what.len() > 10, "says what is wrong: {line}");
        last = row;
    }
    // Running it says the same and runs nothing.
    let ran = refused(&opengslb(&["--config", file.name()]));
    assert_eq!(ran, said);
}

#[test]
fn every_example_is_right() {
    for entry in fs::read_dir(in_repository("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let file = File::new(&fs::read_to_string(&path).unwrap(), 0o640);
        let said = accepted(&file.check());
        assert_eq!(said, format!("{} is right\n", file.name()), "{}", path.display());
    }
}

#[test]
fn an_unknown_key_is_a_fault_and_the_right_one_is_suggested() {
    let right = fs::read_to_string(in_repository("examples/agent.yaml")).unwrap();
    let wrong = right.replace("    enabled: true\n", "    enabld: true\n");
    assert_ne!(wrong, right);
    let file = File::new(&wrong, 0o600);
    let said = refused(&file.check());
    let row = 1 + wrong.lines().position(|line| line.contains("enabld")).unwrap();
    assert!(
        said.starts_with(&format!("{}:{row}:5: unknown key \"enabld\"", file.name())),
        "{said}"
    );
    assert!(said.contains("did you mean `enabled`?"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn nothing_runs_on_a_file_that_everybody_can_read_and_it_says_what_to_do() {
    let right = fs::read_to_string(in_repository("examples/agent.yaml")).unwrap();
    let file = File::new(&right, 0o644);
    let command = format!("chmod o-rwx {}", file.name());
    let said = refused(&opengslb(&["--config", file.name()]));
    assert!(said.contains(&command), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    // The check may be of a file that is not in its place yet.
    let checked = file.check();
    let warning = String::from_utf8(checked.stderr.clone()).unwrap();
    assert!(checked.status.success() && warning.contains(&command), "{checked:?}");
    // What it says works.
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    accepted(&file.check());
}

#[test]
fn files_that_a_file_includes_belong_to_it() {
    let whole = fs::read_to_string(in_repository("examples/overwatch.yaml")).unwrap();
    let at = whole.find("domains:").unwrap();
    let (rest, domains) = (whole[..at].to_owned(), &whole[at..]);
    let file = File::new(&format!("{rest}\ninclude: [conf.d/*.yaml]\n"), 0o600);
    let parts = file.path.parent().unwrap().join("conf.d");
    fs::create_dir(&parts).unwrap();
    let part = |name: &str, text: &str, mode: u32| {
        let path = parts.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    };
    let path = part("10-domains.yaml", domains, 0o600);
    accepted(&file.check());
    let shown = |path: &Path| {
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        accepted(&opengslb(&["--print-config", "--config", path.to_str().unwrap()]))
    };
    let as_one = File::new(&whole, 0o600);
    assert_eq!(shown(&file.path), shown(&as_one.path));
    // Each fault is in its own file.
    part("20-more.yaml", "\ndns: {listen_adress: x}\n", 0o600);
    let said = refused(&file.check());
    assert!(said.starts_with(&format!("{}/20-more.yaml:2:7: ", parts.display())), "{said}");
    part("20-more.yaml", "\ndns: {listen_address: \":54\"}\n", 0o600);
    let said = refused(&file.check());
    let place = format!("dns.listen_address\": {}:", file.name());
    assert!(said.contains(&place) && said.contains("sets it already"), "{said}");
    // Nothing runs on one that everybody can read.
    part("20-more.yaml", "", 0o644);
    let checked = file.check();
    assert!(checked.status.success() && text(&checked.stderr).contains("20-more.yaml"));
    let said = refused(&opengslb(&["--config", file.name()]));
    assert!(said.contains("chmod o-rwx") && said.contains("20-more.yaml"), "{said}");
    fs::remove_file(path).unwrap();
    fs::remove_file(parts.join("20-more.yaml")).unwrap();
    // A pattern that names nothing is none, and what is missing then is said.
    assert!(refused(&file.check()).contains("no domain \"app.example.com\""));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.yaml");
    let said = refused(&opengslb(&["--config", missing.to_str().unwrap()]));
    assert!(said.contains("missing.yaml") && said.contains("No such file"), "{said}");
    let said =
        refused(&opengslb(&["check-config", "--config", directory.path().to_str().unwrap()]));
    assert!(said.contains("cannot be read"), "{said}");
    let binary = directory.path().join("binary.yaml");
    fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    fs::set_permissions(&binary, Permissions::from_mode(0o600)).unwrap();
    let said = refused(&opengslb(&["--config", binary.to_str().unwrap()]));
    assert!(said.contains("binary.yaml") && said.contains("cannot be read"), "{said}");
}

#[test]
fn the_printed_settings_hide_every_secret_and_are_a_configuration() {
    for (path, hidden) in [
        ("crates/config/testdata/full-agent.yaml", 3),
        ("crates/config/testdata/full-overwatch.yaml", 9),
        ("examples/demo6-agent.yaml", 2),
        ("examples/demo6-overwatch.yaml", 2),
    ] {
        // The zone file that one of them names lies elsewhere here.
        let zone = File::new("www 300 A 192.0.2.1\n", 0o644);
        let source = fs::read_to_string(in_repository(path)).unwrap();
        let source = source.replace("/etc/opengslb/demo.zone", zone.name());
        let file = File::new(&source, 0o600);
        let shown = accepted(&opengslb(&["--print-config", "--config", file.name()]));
        assert_eq!(shown.matches("***").count(), hidden, "{path}\n{shown}");
        for secret in secrets(&source) {
            assert!(!shown.contains(&secret), "{path}: {secret} is shown");
        }
        // Defaults are shown too: nothing is left for the reader to know by heart.
        assert!(shown.lines().count() > source.lines().count() / 2, "{path}\n{shown}");
        assert!(shown.contains("level:") && shown.contains("mode:"), "{path}\n{shown}");
    }
}

/// The values of a configuration that must never be shown, found by their keys.
fn secrets(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_key_list = false;
    for line in source.lines() {
        let (key, value) = line.trim().split_once(": ").unwrap_or((line.trim(), ""));
        let key = key.trim_start_matches("- ");
        let is_secret = matches!(key, "service_token" | "token" | "encryption_key");
        if is_secret && !value.is_empty() {
            found.push(value.to_owned());
        }
        // A list of keys: one a line.
        let item = line.trim().strip_prefix("- ");
        found.extend(item.filter(|item| is_key_list && item.ends_with('=')).map(str::to_owned));
        is_key_list = key == "encryption_key:" || (is_key_list && item.is_some());
    }
    assert!(found.len() >= 2, "{found:?}");
    found
}

#[test]
fn the_mode_of_the_command_line_beats_the_files() {
    let file = File::copy_of("examples/demo6-agent.yaml");
    let print = ["--print-config", "--config", file.name()];
    assert!(accepted(&opengslb(&print)).contains("mode: agent"));
    // What the other mode needs is missing in this file, and that is said.
    let other = ["--print-config", "--config", file.name(), "--mode", "overwatch"];
    let said = refused(&opengslb(&other));
    assert!(said.contains("overwatch"), "{said}");

    let both = File::new(
        "mode: overwatch\nagent:\n  identity: {agent_id: a, region: here, service_token: \
         0123456789abcdef}\n  backends: [{service: app.test, address: 192.0.2.1, port: 80}]\n  \
         gossip:\n    encryption_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n    \
         overwatch_nodes: [\"192.0.2.9:7946\"]\n",
        0o600,
    );
    let as_agent = ["--print-config", "--config", both.name(), "--mode", "agent"];
    let shown = accepted(&opengslb(&as_agent));
    assert!(shown.contains("mode: agent"), "{shown}");
}
