//! What running processes have forbidden themselves, seen from outside and from a program that one of
//! them started; and what they can do all the same.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::daemon::{Daemon, eventually};
use crate::dns_client::{A, all_addresses, by_udp};
use crate::http;
use crate::world::{Ended, KEY, write};

/// A line of `/proc/PID/status`, behind its name.
#[track_caller]
fn status(pid: &str, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
}

#[track_caller]
fn assert_confined(pid: &str) {
    assert_eq!((status(pid, "NoNewPrivs"), status(pid, "Seccomp")), ("1".into(), "2".into()));
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(pid, set), "0000000000000000", "{set} of {pid}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).take(2).collect::<Vec<_>>()
    };
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    let files = limit("Max open files");
    assert_eq!(files[0], files[1], "as many as may be had");
}

/// An overwatch with files of its own, that can be told more.
struct Site {
    directory: TempDir,
}

impl Site {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Writes the configuration.
    fn write(&self, zones: &str, more: &str) -> PathBuf {
        let data = self.data();
        let data = data.display();
        let text = format!(
            "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
  gossip: {{bind_address: \"127.0.0.1:0\", encryption_key: {KEY}}}
dns: {{listen_address: \"127.0.0.1:0\", tcp: {{idle_timeout: 1s}}, zones: [{zones}]}}
regions: [{{name: here, servers: [{{address: 192.0.2.1, port: 80}}]}}]
domains: [{{name: app.test, regions: [here]}}]
api: {{enabled: true, address: \"127.0.0.1:0\"}}
metrics: {{enabled: true, address: \"127.0.0.1:0\"}}
logging: {{level: debug, format: text}}
{more}"
        );
        write(self.directory.path(), "overwatch", &text)
    }
}

/// One that answers.
#[track_caller]
fn started(config: &Path) -> Daemon {
    let overwatch = Daemon::start(config, &[]);
    overwatch.line("answering DNS on ");
    overwatch
}

/// Asks for a hand-over; the process that answers then.
#[track_caller]
fn handed_over(old: &mut Daemon) -> Ended {
    let before = old.count("answering DNS on ");
    old.signal("USR2");
    let next = Ended(old.word_after("started process "));
    assert!(old.end().success(), "{}", old.log());
    assert_eq!(old.lines("answering DNS on ", before + 1).len(), before + 1);
    next
}

#[test]
fn an_overwatch_is_confined_says_so_and_a_successor_starts_free() {
    let (site, elsewhere) = (Site::new(), tempfile::tempdir().unwrap());
    let zone = elsewhere.path().join("zone");
    fs::write(&zone, "@ SOA ns. root. 1 60 60 60 60\n@ NS ns.other.\nwww A 192.0.2.7\n").unwrap();
    let mut overwatch = started(&site.write("", ""));
    let at = |what: &str| -> SocketAddr { overwatch.word_after(what).parse().unwrap() };
    let (dns, api) = (at("answering DNS on "), at("serving the API on "));
    let (_, numbers) = http::get(at("serving metrics on "), "/metrics");
    assert_confined(&overwatch.pid());
    for layer in ["no_new_privs", "capabilities", "memory", "landlock", "seccomp"] {
        let line = format!("opengslb_sandbox{{layer=\"{layer}\"}} 1\n");
        assert!(numbers.contains(&line), "{line} in {numbers}\n{}", overwatch.log());
    }
    let version = http::document(api, "/api/v1/version");
    assert_eq!(version["sandbox"].as_array().unwrap().len(), 5, "{version}");
    // No core and no look at its memory: whose files these are says so (proc(5)).
    let memory = fs::metadata(format!("/proc/{}/mem", overwatch.pid())).unwrap();
    assert_eq!(memory.uid(), 0);

    // What was not named at the start cannot be read: all stays as it was.
    site.write(&format!("{{name: test}}, {{name: other, file: {}}}", zone.display()), "");
    overwatch.signal("HUP");
    let refused = overwatch.line("the configuration was not reloaded");
    assert!(refused.contains("Permission denied"), "{refused}");
    overwatch.line("sandbox.enabled");
    assert!(by_udp(dns, "www.other", A).addresses.is_empty());
    // A new process reads it: it is confined to what the configuration names now.
    let next = handed_over(&mut overwatch);
    eventually("the zone is served", || !all_addresses(dns, "www.other").is_empty());
    assert_confined(&next.0);
    // As often as one likes: nothing is piled up.
    let filters = if cfg!(target_arch = "x86_64") { "4" } else { "3" };
    assert_eq!(status(&next.0, "Seccomp_filters"), filters);
}

#[test]
fn without_a_sandbox_nothing_is_given_up_and_hand_overs_work_too() {
    let site = Site::new();
    let own = |name: &str| status("self", name);
    let mut overwatch = started(&site.write("", "sandbox: {enabled: false}\n"));
    for name in ["NoNewPrivs", "Seccomp", "CapEff"] {
        assert_eq!(status(&overwatch.pid(), name), own(name), "{name}");
    }
    assert_eq!(overwatch.count("sandbox"), 0, "{}", overwatch.log());
    // What was not given up cannot be given up later, and is told.
    site.write("", "");
    overwatch.signal("HUP");
    let line = overwatch.line("stays as it was until a restart");
    assert!(line.contains("sandbox.enabled"), "{line}");
    site.write("", "sandbox: {enabled: false}\n");
    drop(handed_over(&mut overwatch));
}

/// Root in a directory that is somebody else's is that somebody; unless that one could not go on.
#[test]
fn root_becomes_whose_the_data_is() {
    /// `nobody` nearly everywhere; here it is only a number.
    const NOBODY: u32 = 65_534;
    let site = Site::new();
    fs::create_dir(site.data()).unwrap();
    fs::set_permissions(site.directory.path(), Permissions::from_mode(0o755)).unwrap();
    if chown(site.data(), Some(NOBODY), Some(NOBODY)).is_err() {
        return eprintln!("SKIPPED: this user cannot give files to others");
    }
    // Its configuration is root's alone: so it stays root, and says why. Of its rights it keeps the one to
    // make files in another one's directory, and the one to read there.
    let config = site.write("", "");
    let mut overwatch = started(&config);
    let said = overwatch.line("this process stays root");
    assert!(said.contains("overwatch.yaml"), "{said}");
    assert_eq!(status(&overwatch.pid(), "Uid"), "0\t0\t0\t0");
    let capabilities = u64::from_str_radix(&status(&overwatch.pid(), "CapEff"), 16).unwrap();
    assert_eq!(capabilities & !0b110, 0, "{capabilities:b}");
    overwatch.signal("TERM");
    assert!(overwatch.end().success(), "{}", overwatch.log());

    // What it left is root's too.
    chown(&config, Some(NOBODY), None).unwrap();
    let mut overwatch = started(&config);
    let said = overwatch.line("this process stays root");
    assert!(said.contains("cannot use") && !said.contains("overwatch.yaml"), "{said}");
    overwatch.signal("TERM");
    assert!(overwatch.end().success(), "{}", overwatch.log());
    for entry in fs::read_dir(site.data()).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }

    let overwatch = started(&config);
    assert_confined(&overwatch.pid());
    for name in ["Uid", "Gid"] {
        let ids = status(&overwatch.pid(), name);
        assert!(ids.split_whitespace().all(|id| id == "65534"), "{name}: {ids}");
    }
    assert_eq!(status(&overwatch.pid(), "Groups"), "65534");
    assert_eq!(fs::metadata(site.data().join("overwatch.redb")).unwrap().uid(), NOBODY);
}

/// Where this test may write and a program of a check may not, wherever the project itself lies.
fn not_temporary() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_dir());
    let places = [Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR"))), home];
    let temporary = ["/tmp", "/var/tmp", "/dev/shm"];
    places.into_iter().flatten().find(|place| !temporary.iter().any(|at| place.starts_with(at)))
}

/// A program of a check sees the sandbox from inside.
#[test]
fn a_program_of_a_check_runs_inside() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let Some(outside) = not_temporary() else {
        return eprintln!(
            "SKIPPED: all places for files here are temporary ones, and writable inside"
        );
    };
    let outside = outside.join(format!("written-from-a-sandbox-{}", std::process::id()));
    let script = format!(
        "#!/bin/sh\n\
         exec >{said} 2>&1\n\
         grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status\n\
         echo x >{outside} && echo wrote outside\n\
         unshare --user true && echo has a namespace\n\
         cat /proc/{test}/environ >/dev/null && echo looked into another process\n\
         echo done\n",
        said = at("said").display(),
        outside = outside.display(),
        test = std::process::id(),
    );
    fs::write(at("check"), script).unwrap();
    fs::set_permissions(at("check"), Permissions::from_mode(0o700)).unwrap();
    let files = directory.path().display();
    let text = format!(
        "\
mode: agent
agent:
  identity:
    agent_id: a
    service_token: correct-horse-battery-staple
    region: here
    cert_path: {files}/state/agent.crt
    key_path: {files}/state/agent.key
  backends:
    - service: app.test
      address: 127.0.0.11
      port: 80
      health_check: {{type: command, command: [{files}/check], interval: 1s, timeout: 1s}}
  gossip: {{encryption_key: {KEY}, overwatch_nodes: [\"127.0.0.1:9\"]}}
logging: {{level: debug, format: text}}
"
    );
    fs::write(at("agent.yaml"), text).unwrap();
    fs::set_permissions(at("agent.yaml"), Permissions::from_mode(0o600)).unwrap();
    let agent = Daemon::start(&at("agent.yaml"), &[]);
    agent.line("is up");
    let said = fs::read_to_string(at("said")).unwrap();
    for part in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "done"] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    for part in ["wrote outside", "has a namespace", "looked into another process"] {
        assert!(!said.contains(part), "{part} in\n{said}");
    }
    assert!(!outside.exists());
    assert_eq!(status(&agent.pid(), "Seccomp"), "2");
}
