//! The lab as its users see it: real namespaces, real kernels' round-trip times, nothing left.
//!
//! Needs no root. Where the system forbids user namespaces the tests say so and prove nothing.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud what it could not prove"
)]

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Everything here is quick; a loaded machine may not be.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lab's binary with a daemon that only listens; cargo builds it beside the tests.
fn bench() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let bench = target.join("examples/lab_bench");
    assert!(bench.exists(), "build it first: cargo build -p lab --example lab_bench");
    bench
}

fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A lab that is up until it is dropped.
struct Lab {
    name: String,
    user: Option<u32>,
}

impl Lab {
    /// `None`, loudly, where the system forbids user namespaces.
    fn up(what: &str, args: &[&str], user: Option<u32>) -> Option<Self> {
        let lab = Self { name: unique(what), user };
        let mut command = lab.command();
        let output = command.arg("up").args(args).args(["--name", &lab.name]).output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        if said.contains("does not let you make user namespaces") {
            eprintln!("SKIPPED, nothing is proven: {said}");
            return None;
        }
        assert!(output.status.success(), "{said}");
        Some(lab)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(bench());
        command.arg("lab").env_remove("XDG_RUNTIME_DIR").current_dir("/tmp");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    fn exec(&self, host: &str, command: &str) -> Output {
        let mut exec = self.command();
        exec.args(["exec", "--lab", &self.name, host, "--", "sh", "-c", command]);
        exec.output().unwrap()
    }

    #[track_caller]
    fn stdout(&self, host: &str, command: &str) -> String {
        let output = self.exec(host, command);
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The supervisor's process.
    fn supervisor(&self) -> u32 {
        let list = text(&self.command().arg("list").output().unwrap().stdout);
        let line = list.lines().find(|line| line.starts_with(&self.name)).unwrap();
        line.split("process ").nth(1).unwrap().trim_end_matches(')').parse().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.command().args(["down", &self.name]).output();
    }
}

/// The processes that have `name` on their command line, zombies aside.
fn processes(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = text(&line).replace('\0', " ");
        if line.contains(name) && !line.contains(" up ") {
            found.push(line);
        }
    }
    found
}

#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// No process, no directory, and so (its processes held them) no namespace and no interface.
#[track_caller]
fn assert_nothing_left(name: &str) {
    eventually("all processes end", || processes(name).is_empty());
    let left = std::fs::read_dir("/tmp").unwrap().flatten().any(|base| {
        base.file_name().to_string_lossy().starts_with("opengslb-lab-")
            && base.path().join(name).exists()
    });
    assert!(!left, "the directory of {name} is left");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(name), "a mount of {name} is left");
}

/// The round-trip times in the summary of `generate-traffic`, by address.
fn rtts(summary: &str) -> Vec<(String, f64)> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let rtt = words.get(4).filter(|_| line.ends_with(" ms"))?.parse().ok()?;
        assert_eq!(words[3], "0", "failed connections: {summary}");
        Some((words[1].to_owned(), rtt))
    };
    summary.lines().filter_map(row).collect()
}

#[track_caller]
fn check_rtts(lab: &Lab, host: &str, expect: &[(&str, f64)]) {
    let summary = lab.stdout(host, "generate-traffic 20 3");
    let measured = rtts(&summary);
    assert_eq!(measured.len(), 6, "{summary}");
    for (network, expected) in expect {
        for (_, rtt) in measured.iter().filter(|(address, _)| address.starts_with(network)) {
            let error = rtt - expected;
            // Never less than asked; the kernel's clock ticks in microseconds.
            assert!(error > -0.1 && error < (expected * 0.03f64).max(2.0), "{summary}");
        }
    }
}

#[test]
fn kernels_measure_the_distances_of_the_topology() {
    let Some(lab) = Lab::up("rtt", &[], None) else { return };
    let east = [("10.2.", 85.0), ("fd00:2:", 85.0), ("10.3.", 220.0), ("fd00:3:", 220.0)];
    check_rtts(&lab, "traffic-eastus", &east);
    let singapore = [("10.2.", 165.0), ("fd00:2:", 165.0), ("10.3.", 1.0), ("fd00:3:", 1.0)];
    check_rtts(&lab, "traffic-singapore", &singapore);
}

#[test]
fn an_unprivileged_user_needs_nothing() {
    // Only root can become someone else; others prove this by running the tests at all.
    let readable = Command::new(bench()).uid(4711).gid(4711).current_dir("/tmp").output();
    if readable.is_err() {
        eprintln!("SKIPPED: cannot run the binary as another user");
        return;
    }
    let Some(lab) = Lab::up("user", &[], Some(4711)) else { return };
    assert_eq!(lab.stdout("traffic-singapore", "hostname; id -u"), "traffic-singapore\n0\n");
    let status = lab.stdout("backend-eu-west", "systemctl status opengslb");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    let name = lab.name.clone();
    drop(lab);
    assert_nothing_left(&name);
}

#[test]
fn a_system_that_forbids_namespaces_says_what_to_do() {
    // A user namespace whose own limit is 0, and in it a user without capabilities.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && \
                  exec setpriv --bounding-set -all --inh-caps -all $0 lab up --name forbidden";
    let mut command = Command::new("unshare");
    command.args(["-Ur", "sh", "-c", script]).arg(bench());
    let said = command.output().map(|output| text(&output.stderr)).unwrap_or_default();
    if !said.contains("opengslb lab:") {
        eprintln!("SKIPPED, cannot make such a system here: {said}");
        return;
    }
    assert!(said.contains("sysctl -w user.max_user_namespaces=15000"), "{said}");
    assert!(said.contains("or run the lab as root"), "{said}");
}

#[test]
fn connections_are_made_exactly() {
    let Some(lab) = Lab::up("count", &[], None) else { return };
    let said = lab.stdout("traffic-singapore", "make-connections backend-ap-southeast 200 50");
    assert!(said.starts_with("200 connections, 0 failed"), "{said}");
}

#[test]
fn agents_have_no_capability_and_no_way_to_one() {
    let Some(lab) = Lab::up("caps", &[], None) else { return };
    let status = lab.stdout("backend-eu-west", "systemctl status opengslb");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{status}");
    }
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let log = lab.stdout("backend-eu-west", "journalctl -u opengslb");
    assert!(log.contains("configuration readable: true"), "{log}");
    let map = lab.stdout("backend-eu-west", "cat /proc/self/uid_map");
    if map.contains("65536") {
        assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
    }
}

#[test]
fn daemons_are_stopped_started_killed_and_logged() {
    let Some(lab) = Lab::up("daemon", &[], None) else { return };
    let starts =
        || lab.stdout("overwatch", "journalctl -u opengslb").matches("port 53: true").count();
    eventually("the daemon logs", || starts() == 1);
    lab.stdout("overwatch", "sudo systemctl restart opengslb");
    eventually("the daemon logs again", || starts() == 2);
    lab.stdout("overwatch", "sudo systemctl kill -s SIGKILL opengslb");
    let dead = lab.exec("overwatch", "systemctl is-active opengslb");
    assert_eq!((dead.status.code(), text(&dead.stdout).as_str()), (Some(3), "inactive\n"));
    lab.stdout("overwatch", "sudo systemctl start opengslb");
    assert_eq!(lab.stdout("overwatch", "systemctl is-active opengslb"), "active\n");
    let last = || lab.stdout("overwatch", "journalctl -u opengslb -n 1");
    eventually("the last line", || last() == "port 53: true\n");
    assert!(!lab.exec("overwatch", "systemctl restart nginx").status.success());
}

#[test]
fn commands_run_where_and_as_they_are_told() {
    let Some(lab) = Lab::up("exec", &[], None) else { return };
    assert_eq!(lab.stdout("backend-eu-west", "hostname; pwd"), "backend-eu-west\n/tmp\n");
    assert_eq!(lab.exec("overwatch", "exit 7").status.code(), Some(7));
    let page = lab.stdout("traffic-eastus", "curl -s http://10.2.1.11/health");
    assert_eq!(page, "hello from backend-eu-west-2\n");
    let wrong = lab.exec("mars", "true");
    assert!(text(&wrong.stderr).contains("it has overwatch, traffic-eastus"));
    let twice = lab.command().args(["up", "--name", &lab.name]).output().unwrap();
    assert!(text(&twice.stderr).contains("is up already"), "{}", text(&twice.stderr));
    // No daemon answers here: three honest crosses.
    let cluster = lab.exec("traffic-eastus", "test-cluster");
    assert_eq!(cluster.status.code(), Some(1));
    assert_eq!(text(&cluster.stdout).matches('✗').count(), 3);
}

#[test]
fn another_topology_can_be_given() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two.yaml");
    let topology = "\
name: two
domain: www.example.org
zone: example.org
sites:
  - name: here
  - {name: there, region: far}
rtt_ms:
  - [here, there, 30]
jitter_ms: 4
loss_percent: 1
hosts:
  - {name: client, site: here, role: traffic, addresses: [192.0.2.1], networks: [198.51.100.0/24]}
  - {name: server, site: there, role: backend, addresses: [203.0.113.1]}
";
    std::fs::write(&file, topology).unwrap();
    let Some(lab) = Lab::up("two", &[file.to_str().unwrap()], None) else { return };
    let summary = lab.stdout("client", "generate-traffic 50 2");
    let (address, rtt) = rtts(&summary).pop().unwrap();
    assert_eq!(address, "203.0.113.1");
    assert!((30.0..38.5).contains(&rtt), "{summary}");
    std::fs::write(&file, topology.replace("role: backend", "role: backand")).unwrap();
    let output = lab.command().args(["up", file.to_str().unwrap()]).output().unwrap();
    let said = text(&output.stderr);
    assert!(
        said.contains("two.yaml: line 13: role must be overwatch, backend or traffic"),
        "{said}"
    );
}

#[test]
fn down_leaves_nothing() {
    let Some(lab) = Lab::up("down", &[], None) else { return };
    let name = lab.name.clone();
    let mut shell = lab.command();
    let forever = (1_000_000_000 + u64::from(std::process::id())).to_string();
    shell.args(["exec", "--lab", &name, "overwatch", "--", "sleep", &forever]);
    let mut shell = shell.spawn().unwrap();
    let sleeps = || processes(&forever).iter().any(|line| line.starts_with("sleep"));
    eventually("the command runs", sleeps);
    drop(lab);
    // Its process namespace is gone, so it was killed.
    shell.wait().unwrap();
    assert_nothing_left(&name);
}

#[test]
fn a_killed_supervisor_takes_everything_along() {
    let Some(lab) = Lab::up("killed", &[], None) else { return };
    let pid = lab.supervisor().to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    eventually("all processes end", || processes(&lab.name).is_empty());
    // The next command sweeps up the note that only the supervisor could have removed.
    let list = lab.command().arg("list").output().unwrap();
    assert!(!text(&list.stdout).contains(&lab.name));
    assert_nothing_left(&lab.name);
}

/// The demo, in front, until its lab is up; the stand-in daemon keeps it waiting in step 1.
fn demo() -> Option<(Child, String)> {
    let mut command = Command::new(bench());
    command.args(["lab", "demo6"]).env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
    let mut front = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let name = format!("demo6-{}", front.id());
    let began = Instant::now();
    while processes(&name).len() < 10 {
        if front.try_wait().unwrap().is_some() || began.elapsed() > PATIENCE {
            let output = front.wait_with_output().unwrap();
            let said = text(&output.stdout);
            assert!(said.contains("user namespaces"), "{said}");
            eprintln!("SKIPPED, nothing is proven: {said}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Some((front, name))
}

#[test]
fn a_killed_demo_leaves_nothing() {
    let Some((mut front, name)) = demo() else { return };
    front.kill().unwrap();
    front.wait().unwrap();
    assert_nothing_left(&name);
}

#[test]
fn an_interrupted_demo_says_so_and_leaves_nothing() {
    let Some((front, name)) = demo() else { return };
    let pid = front.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = front.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(text(&output.stdout).contains("Stopped; the lab is taken down"));
    // The front waits for the end of the rest: nothing may be left now.
    assert!(processes(&name).is_empty());
    assert_nothing_left(&name);
}
