//! An etcd that does not let in everybody: by certificates, or by a user's password.

use std::fs;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose as Usage, IsCa, KeyPair,
};
use tempfile::TempDir;

use crate::daemon::eventually;
use crate::server::Etcd;
use crate::site::Overwatch;
use crate::{is_in_step, is_skipped, say, soon};

/// How long a log-in lasts, in seconds: some are over within a test.
const LOGIN_S: u64 = 2;
const USER: &str = "gslb";
const PASSWORD: &str = "open sesame";

/// Who signs certificates, and the files of those.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut terms = CertificateParams::new(Vec::new()).unwrap();
        terms.distinguished_name = DistinguishedName::new();
        terms.distinguished_name.push(DnType::CommonName, name);
        terms.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(terms, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, directory: tempfile::tempdir().unwrap() };
        fs::write(authority.path("ca"), authority.issuer.pem()).unwrap();
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file, as a configuration names it.
    fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A certificate for these hosts that is good for this: `NAME.crt` and `NAME.key`.
    fn sign(&self, name: &str, hosts: &[&str], usages: &[Usage]) {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut terms = CertificateParams::new(hosts).unwrap();
        terms.distinguished_name = DistinguishedName::new();
        terms.distinguished_name.push(DnType::OrganizationName, "test");
        terms.extended_key_usages = usages.to_vec();
        let key = KeyPair::generate().unwrap();
        let certificate = terms.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{name}.crt")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// An etcd with this certificate, which takes clients that show one of this authority.
    fn etcd(&self, name: &str) -> Etcd {
        let file = |name: &str| self.file(name);
        let words = [
            format!("--cert-file={}", file(&format!("{name}.crt"))),
            format!("--key-file={}", file(&format!("{name}.key"))),
            format!("--trusted-ca-file={}", file("ca")),
            "--client-cert-auth".to_owned(),
        ];
        Etcd::start_with("https", &words)
    }
}

/// The settings of one that trusts whom `of` signs; with the files of a certificate to show.
fn by_certificates(etcd: &Etcd, of: &Authority, own: Option<(&Authority, &str)>) -> String {
    let own = own.map(|(by, name)| {
        let (cert, key) = (by.file(&format!("{name}.crt")), by.file(&format!("{name}.key")));
        format!(", cert: {cert}, key: {key}")
    });
    let (own, endpoint) = (own.unwrap_or_default(), etcd.endpoints().remove(0));
    format!("endpoints: [\"{endpoint}\"], ca: {}{own}", of.file("ca"))
}

/// Waits until an overwatch says why it is not in step; it answers all the same.
#[track_caller]
fn says(overwatch: &Overwatch, expect: &str) {
    let why = || overwatch.api("ready")["etcd"]["why"].as_str().map(ToOwned::to_owned);
    let mut last = None;
    eventually(&format!("it says {expect:?}"), || {
        let now = why();
        if now != last {
            say(&format!("it says {now:?}"));
            last = now;
        }
        last.as_ref().is_some_and(|why| why.contains(expect))
    });
    assert!(!is_in_step(overwatch) && overwatch.sends_to([127, 0, 0, 11]));
}

#[test]
fn etcd_by_certificates_and_what_is_said_where_one_is_wrong() {
    if is_skipped() {
        return;
    }
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    // etcd's gateway shows the server's own certificate to etcd.
    ours.sign("etcd", &["127.0.0.1"], &[Usage::ServerAuth, Usage::ClientAuth]);
    ours.sign("elsewhere", &["127.0.0.9"], &[Usage::ServerAuth, Usage::ClientAuth]);
    [&ours, &theirs].iter().for_each(|by| by.sign("one", &["one"], &[Usage::ClientAuth]));
    let etcd = ours.etcd("etcd");
    let right = by_certificates(&etcd, &ours, Some((&ours, "one")));
    let one = Overwatch::start_by("one", &right);
    eventually("it is in step", || is_in_step(&one));
    assert_eq!(one.cli(&["tokens", "create", "deploy", "--role", "read"]).0, 0);

    let mut two =
        Overwatch::start_by("two", &by_certificates(&etcd, &theirs, Some((&ours, "one"))));
    says(&two, "`ca` of `overwatch.store.etcd` does not lead to the certificate that it shows");
    let elsewhere = ours.etcd("elsewhere");
    for (settings, expect) in [
        (by_certificates(&etcd, &ours, None), "it wants a certificate for clients"),
        (
            by_certificates(&etcd, &ours, Some((&theirs, "one"))),
            "to which its --trusted-ca-file leads: `cert` and `key` of `overwatch.store.etcd`",
        ),
        (
            by_certificates(&elsewhere, &ours, Some((&ours, "one"))),
            "the certificate that it shows does not name the host of the endpoint",
        ),
    ] {
        two.kill();
        two.share_by(&settings);
        two.revive();
        says(&two, expect);
    }
    let (status, body) = two.request("POST", "tokens", r#"{"name": "no", "role": "read"}"#);
    assert!(status == 503 && body.contains("does not name the host"), "{status}: {body}");
    two.kill();
    two.share_by(&right);
    two.revive();
    eventually("it is in step", || is_in_step(&two));
    soon("a token", || two.api("tokens").to_string().contains("\"deploy\""));
}

#[test]
fn etcd_by_a_password_and_log_ins_that_end() {
    if is_skipped() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // Signed tokens end at their time, however often they are shown; the others do once nobody does.
    let secret = file("secret", "of nobody's");
    let words = format!("--auth-token=jwt,priv-key={secret},sign-method=HS256,ttl={LOGIN_S}s");
    let mut etcd = Etcd::start_with("http", &[words]);
    let password = file("password", PASSWORD);
    let plain = format!("endpoints: [\"{}\"]", etcd.endpoints().remove(0));
    let login = format!("{plain}, username: {USER}, password_file: {password}");

    let mut one = Overwatch::start_by("one", &login);
    says(&one, "authentication is not enabled; it knows no users: take `username` out");
    etcd.let_in(USER, PASSWORD);
    eventually("it is in step", || is_in_step(&one));
    // However often its log-in ends, it is followed without a break, and takes changes.
    let missed = || one.process.count("etcd is not reached");
    let (before, mut number) = (missed(), 0);
    eventually("log-ins end, and nobody notices", || {
        number += 1;
        let words = ["tokens", "create", &format!("deploy-{number}"), "--role", "read"];
        let (code, said) = one.cli(&words);
        assert_eq!(code, 0, "{said}");
        assert!(is_in_step(&one), "{}", one.process.log());
        etcd.log().matches("Token is expired").count() >= 2
    });
    assert_eq!(missed(), before, "{}", one.process.log());

    // Without one, with a wrong one, and once it is put right: nobody has to be restarted.
    let two = Overwatch::start_by("two", &plain);
    says(&two, "user name is empty; it lets users in alone: set `username` and `password_file`");
    fs::write(&password, "wrong").unwrap();
    one.kill();
    one.revive();
    says(&one, "is the first line of `password_file` the password of `username`?");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    eventually("it is in step", || is_in_step(&one));
    // An etcd that starts again knows nobody's log-in.
    etcd.kill();
    eventually("it misses etcd", || !is_in_step(&one));
    etcd.start_again();
    eventually("it is in step again", || is_in_step(&one));
    assert_eq!(one.cli(&["tokens", "create", "again", "--role", "read"]).0, 0);
}
