//! `overwatch.store.etcd`: what belongs together, and every fault where it stands.

use super::*;

/// What is said of a file with these keys of etcd: its settings and warnings, or its faults.
fn said(keys: &str) -> Result<(Option<EtcdSettings>, Vec<String>), Vec<String>> {
    let rest = LEAST_OVERWATCH
        .replace("overwatch:\n", &format!("overwatch:\n  store: {{etcd: {{{keys}}}}}\n"));
    let lines = |faults: Vec<Fault>| faults.iter().map(ToString::to_string).collect();
    match load_as_is(&rest) {
        Ok(Checked {
            config: Config { mode: Mode::Overwatch(overwatch), .. }, warnings, ..
        }) => Ok((overwatch.etcd, lines(warnings))),
        Ok(_) => panic!("an overwatch's file"),
        Err(faults) => Err(lines(faults)),
    }
}

#[test]
fn endpoints_say_whether_anything_is_shared() {
    assert_eq!(said(""), Ok((None, Vec::new())));
    let (etcd, warnings) = said("endpoints: [\"http://127.0.0.1:2379/\"]").unwrap();
    let etcd = etcd.unwrap();
    assert_eq!(etcd.endpoints[0].to_string(), "http://127.0.0.1:2379");
    assert_eq!((etcd.prefix.as_str(), etcd.ca, etcd.login), ("/opengslb", None, None));
    assert_eq!(warnings, Vec::<String>::new());
    let (_, warnings) = said("endpoints: [\"http://10.0.0.1:2379\"]").unwrap();
    assert!(warnings[0].contains("http://10.0.0.1:2379 is spoken to in the clear"), "{warnings:?}");
    let (etcd, _) = said("endpoints: [\"https://[2001:db8::1]:2379\"], ca: /ca").unwrap();
    assert_eq!(etcd.unwrap().endpoints[0].at.host, "2001:db8::1");
}

#[test]
fn what_does_not_fit_together_is_a_fault() {
    let one = "endpoints: [\"https://10.0.0.1:2379\"]";
    let check = |keys: &str, expect: &str| {
        let faults = said(keys).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(expect), "{expect}: {faults:?}");
    };
    check(one, "overwatch.store.etcd.ca: missing");
    check("ca: /ca", "overwatch.store.etcd.ca: of no use without `endpoints`");
    check(
        "endpoints: [\"http://127.0.0.1:1\"], ca: /ca",
        "ca: of no use: the endpoints are `http`",
    );
    check("endpoints: [\"127.0.0.1:1\"]", "expected a URL with a port");
    check("endpoints: [\"ftp://127.0.0.1:1\"]", "expected a URL with a port");
    let two = "endpoints: [\"http://127.0.0.1:1\", \"https://127.0.0.1:2\"], ca: /ca";
    check(two, "expected all with `https` or all with `http`");
    check(&format!("{one}, ca: /ca, cert: /c"), "overwatch.store.etcd.key: missing");
    check(&format!("{one}, ca: /ca, key: /k"), "overwatch.store.etcd.cert: missing");
    check(&format!("{one}, ca: /ca, username: u"), "overwatch.store.etcd.password_file: missing");
    check(&format!("{one}, ca: /ca, password_file: /p"), "overwatch.store.etcd.username: missing");
    check(&format!("{one}, ca: /ca, prefix: /a/"), "expected no `/` at its end");
    check(&format!("{one}, ca: /ca, prefix: a"), "expected a path that begins with `/`");
}
