//! Every key of the table reaches the settings: leaving it out, or turning it round, changes them.

use super::*;
use crate::keys::{self, Key};
use crate::kind::{Kind, Scalar};
use crate::tree::{Node, Value};

/// What to do to each value of a key.
#[derive(Clone, Copy)]
enum Change {
    LeaveOut,
    Negate,
}

/// Changes every value at `path`, and says how many there were.
fn change(node: &mut Node, path: &str, how: Change) -> usize {
    if let Value::List(items) = &mut node.value {
        let path = path.strip_prefix("[].").unwrap_or(path);
        return items.iter_mut().map(|item| change(item, path, how)).sum();
    }
    let Value::Map(entries) = &mut node.value else { return 0 };
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let Some(index) = entries.iter().position(|entry| entry.key == name) else { return 0 };
    if !rest.is_empty() {
        return change(&mut entries[index].node, rest.strip_prefix('.').unwrap_or(rest), how);
    }
    match how {
        Change::LeaveOut => {
            entries.remove(index);
        }
        Change::Negate => {
            let value = &mut entries[index].node.value;
            let is_true = *value == Value::Text("true".to_owned());
            *value = Value::Text((!is_true).to_string());
        }
    }
    1
}

/// The settings of a file after a change; `None` if the file no longer has the key.
fn changed(text: &str, path: &str, how: Change) -> Option<Result<Config, Vec<Fault>>> {
    let mut faults = Faults::new("full.yaml");
    let mut root = tree::parse(text, 0, &mut faults).unwrap();
    (change(&mut root, path, how) > 0).then(|| {
        load_tree(root, &Made::none(), &given("full.yaml", None), faults)
            .map(|checked| checked.config)
    })
}

/// The paths at which a key can stand: a shape's keys stand wherever the shape does.
fn paths(key: &Key) -> Vec<String> {
    let holders = keys::all().filter_map(|holder| match holder.kind {
        Kind::Like(shape) if shape == key.parent() => {
            Some(format!("{}.{}", holder.path, key.name()))
        }
        _ => None,
    });
    if key.path.starts_with('<') { holders.collect() } else { vec![key.path.to_owned()] }
}

fn counts(text: &str, path: &str, kind: &Kind) -> bool {
    let whole = Ok(load_as_is(text).unwrap().config);
    let left_out = changed(text, path, Change::LeaveOut).is_some_and(|now| now != whole);
    let is_bool = *kind == Kind::One(Scalar::Bool);
    left_out || is_bool && changed(text, path, Change::Negate).is_some_and(|now| now != whole)
}

#[test]
fn every_key_reaches_the_settings() {
    let mut idle = Vec::new();
    for key in keys::all() {
        for path in paths(key) {
            let counts = [FULL_AGENT, FULL_OVERWATCH].iter().any(|t| counts(t, &path, &key.kind));
            if !counts {
                idle.push(path);
            }
        }
    }
    assert!(idle.is_empty(), "not in a full file, or read by nobody: {idle:?}");
}

#[test]
fn the_full_files_have_no_fault_and_no_warning() {
    for text in [FULL_AGENT, FULL_OVERWATCH] {
        assert_eq!(load_as_is(text).unwrap().warnings, []);
    }
}

#[test]
fn what_is_printed_can_be_read_back() {
    for text in [FULL_AGENT, FULL_OVERWATCH, LEAST_AGENT, LEAST_OVERWATCH] {
        let first = load_as_is(text).unwrap();
        let mut printed = first.effective.clone();
        for secret in secrets(text) {
            printed = printed.replacen("\"***\"", &secret, 1);
        }
        let second = load_as_is(&printed).unwrap_or_else(|faults| panic!("{faults:?}\n{printed}"));
        assert_eq!(first.config, second.config, "{printed}");
        assert_eq!(first.effective, second.effective);
    }
}

/// The secrets of a test's file, in the order of the table.
fn secrets(text: &str) -> Vec<String> {
    let words = text.split([' ', '\n', ',', '{', '}']);
    let is_secret = |word: &&str| {
        word.starts_with("0123456789abcdef") || word.len() == 44 && word.ends_with('=')
    };
    words.filter(is_secret).map(str::to_owned).collect()
}

#[test]
fn no_secret_is_ever_shown() {
    for text in [FULL_AGENT, FULL_OVERWATCH] {
        let checked = load_as_is(text).unwrap();
        let shown = format!("{checked:?}{}", checked.effective);
        for secret in secrets(text) {
            assert!(!shown.contains(&secret), "{secret}");
        }
    }
    for wrong in ["tooshort-secret", "[a-list-of-secret]", "{a-map: of-secret}"] {
        let text = LEAST_AGENT.replace("0123456789abcdef", wrong);
        let shown = format!("{:?}", load_as_is(&text).unwrap_err());
        assert!(shown.contains("service_token") && !shown.contains("secret]"), "{shown}");
        assert!(!shown.contains("tooshort") && !shown.contains("of-secret"), "{shown}");
    }
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for wrong in ["c2hvcnQ=", "!!notbase64!!", "[c2hvcnQ=, 2, 3]"] {
        let shown = format!("{:?}", load_as_is(&LEAST_AGENT.replace(key, wrong)).unwrap_err());
        assert!(!shown.contains("c2hvcnQ") && !shown.contains("notbase64"), "{shown}");
    }
}

#[test]
fn a_file_may_leave_the_mode_to_the_table() {
    let mode = keys::all().find(|key| key.path == "mode").unwrap();
    assert_eq!(mode.unset, keys::Unset::Default(DEFAULT_MODE.as_str()));
    assert!(matches!(load_as_is(LEAST_OVERWATCH).unwrap().config.mode, Mode::Overwatch(_)));
}
