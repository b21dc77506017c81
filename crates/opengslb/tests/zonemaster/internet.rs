//! A small Internet in the lab: a root and a registry, below them our zones on two overwatches in two
//! networks, by IPv4 and IPv6. See `testdata/topology.yaml`.
//!
//! Root and registry are NSD. Knot would look for its host's own name when it starts, which takes ten
//! seconds where nobody answers.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};

use tempfile::TempDir;

use crate::harness::{Lab, PATIENCE, eventually, say, skip, text};

const TOPOLOGY: &str = include_str!("testdata/topology.yaml");

/// Files that programs read.
const FILES: &[(&str, &str)] = &[
    ("root.zone", include_str!("testdata/root.zone")),
    ("in-addr.arpa.zone", include_str!("testdata/in-addr.arpa.zone")),
    ("ip6.arpa.zone", include_str!("testdata/ip6.arpa.zone")),
    ("example.zone", include_str!("testdata/example.zone")),
    ("asn.zone", include_str!("testdata/asn.zone")),
    ("hints.zone", include_str!("testdata/hints.zone")),
    ("profile.json", include_str!("testdata/profile.json")),
];

/// The hosts that are no part of the product, their zones and the file of each.
const PARENTS: &[(&str, &[(&str, &str)])] = &[
    ("root", &[(".", "root"), ("in-addr.arpa", "in-addr.arpa"), ("ip6.arpa", "ip6.arpa")]),
    ("registry", &[("example", "example"), ("asn", "asn")]),
];

/// The program that operators speak to an overwatch with.
pub(crate) const CLI: &str = env!("CARGO_BIN_EXE_opengslb-cli");

/// What is asked until it is answered.
const SIGNS_OF_LIFE: &[&str] = &["@11.1.0.53 . SOA", "@11.2.0.53 example SOA"];

/// Servers that each overwatch has to see up before its answers are those of a settled mesh: for all
/// four steered names, in both sites, by both families.
const SERVERS: usize = 16;

/// The zone that is signed.
pub(crate) const SIGNED: &str = "signed.example";

/// The whole, up until it is dropped.
pub(crate) struct Internet {
    lab: Lab,
    files: TempDir,
    /// Servers that are not the product's, and the files that they log to; they end with the lab.
    servers: Vec<(String, Child)>,
}

impl Internet {
    /// `None`, loudly, where the system forbids namespaces.
    pub(crate) fn up(what: &str) -> Option<Self> {
        let lab = Lab::up(what, TOPOLOGY)?;
        let mut internet = Self { lab, files: tempfile::tempdir().unwrap(), servers: Vec::new() };
        for (name, text) in FILES {
            internet.write(name, text);
        }
        for (host, zones) in PARENTS {
            let config = internet.nsd(host, zones);
            let config = internet.write(&format!("{host}.conf"), &config);
            internet.serve(host, &format!("nsd -d -c {config}"));
        }
        for question in SIGNS_OF_LIFE {
            internet.await_answer(question);
        }
        for overwatch in ["overwatch-1", "overwatch-2"] {
            eventually("all servers are up", PATIENCE, || {
                let log = internet.lab.log_since_start(overwatch);
                // A server that starts late is found down first.
                let count = |words: [&str; 2]| -> usize {
                    words.iter().map(|word| log.matches(&format!(" is {word}, was ")).count()).sum()
                };
                let (ups, downs) = (count(["up", "healthy"]), count(["down", "unhealthy"]));
                (ups == SERVERS + downs).then_some(())
            });
        }
        Some(internet)
    }

    /// Gives both overwatches the same keys for the signed zone, and its DS record to the parent. The
    /// record.
    #[track_caller]
    pub(crate) fn vouch(&self) -> String {
        let keys = self.dnssec("overwatch-1", &format!("export {SIGNED}"));
        let file = self.write("signed.keys", &keys);
        // It has made some of its own, which nobody trusts.
        self.dnssec("overwatch-2", &format!("import --replace {SIGNED} {file}"));
        let ds = self.dnssec("overwatch-1", &format!("ds {SIGNED}")).trim().to_owned();
        assert_eq!(ds, self.dnssec("overwatch-2", &format!("ds {SIGNED}")).trim());
        let (_, zone) = FILES.iter().find(|(name, _)| *name == "example.zone").unwrap();
        let zone = zone.replace("hostmaster.registry 1 ", "hostmaster.registry 2 ");
        self.write("example.zone", &format!("{zone}{ds}\n"));
        let pid = self.files.path().join("registry/pid");
        let said = self.exec("registry", &format!("kill -HUP $(cat {})", pid.display()));
        assert!(said.status.success(), "{}", text(&said.stderr));
        self.await_answer(&format!("@11.2.0.53 {SIGNED} DS"));
        ds
    }

    /// `opengslb-cli dnssec` on an overwatch's host; what it says to programs.
    #[track_caller]
    fn dnssec(&self, host: &str, words: &str) -> String {
        let state =
            crate::harness::directory(&self.lab.name).join("hosts").join(host).join("state");
        let control = state.join("control.sock");
        let api = format!("--api unix:{}", control.display());
        let output = self.exec(host, &format!("{CLI} {api} dnssec {words}"));
        assert!(output.status.success(), "{words}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Writes a file that hosts can read; its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.files.path().join(name), text).unwrap();
        self.file(name)
    }

    /// The path of a file, as hosts see it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// Starts a server on a host. What it logs is shown if the test fails.
    pub(crate) fn serve(&mut self, host: &str, command: &str) {
        let name = format!("{host}-{}.log", self.servers.len());
        let log = File::create(self.files.path().join(&name)).unwrap();
        let mut child = self.lab.command(host, &format!("exec {command}"));
        child.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.servers.push((name, child.spawn().unwrap()));
    }

    pub(crate) fn exec(&self, host: &str, script: &str) -> Output {
        self.lab.exec(host, script)
    }

    /// What `dig` says outside, short; empty where there is no answer.
    pub(crate) fn dig(&self, question: &str) -> String {
        self.dig_all(&[question.to_owned()]).remove(0)
    }

    /// The same of several questions, one after another.
    pub(crate) fn dig_all(&self, questions: &[String]) -> Vec<String> {
        let digs =
            questions.iter().map(|words| format!("dig +short +time=5 +tries=1 {words}; echo --"));
        let output = self.exec("outside", &digs.collect::<Vec<_>>().join("; "));
        let said = text(&output.stdout);
        let each = said.split_terminator("--\n");
        // What goes wrong is said in lines that begin like comments.
        let lines = |said: &str| -> Vec<String> {
            said.lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect()
        };
        each.map(|said| lines(said).join(" ")).collect()
    }

    #[track_caller]
    pub(crate) fn await_answer(&self, question: &str) {
        eventually(question, PATIENCE, || (!self.dig(question).is_empty()).then_some(()));
    }

    fn nsd(&self, host: &str, zones: &[(&str, &str)]) -> String {
        let directory = self.files.path().join(host);
        fs::create_dir(&directory).unwrap();
        let directory = directory.display();
        let mut text = format!(
            "\
server:
  server-count: 1
  rrl-ratelimit: 0
  username: \"\"
  database: \"\"
  zonesdir: \"\"
  pidfile: \"{directory}/pid\"
  xfrdfile: \"{directory}/xfrd\"
  xfrdir: \"{directory}\"
  zonelistfile: \"{directory}/list\"
remote-control:
  control-enable: no
"
        );
        for (zone, file) in zones {
            let file = self.file(&format!("{file}.zone"));
            text += &format!("zone:\n  name: \"{zone}\"\n  zonefile: \"{file}\"\n");
        }
        text
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        for (name, child) in &mut self.servers {
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                let log = fs::read_to_string(self.files.path().join(&name)).unwrap_or_default();
                say(&format!("--- {name}\n{log}"));
            }
        }
    }
}

/// Whether a program is missing here, which is said loudly. A developer's machine may lack it; the
/// machine that judges must not.
pub(crate) fn lacks(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return false;
    }
    skip(&format!("{} is missing", missing.join(", ")));
    true
}

/// Debian keeps servers where not every user's path leads.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join(program)).any(|program| program.is_file())
}
