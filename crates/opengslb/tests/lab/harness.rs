//! A lab that is up until it is dropped, driven as an operator drives it: through the binary.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any promise checked here; each promise has its own limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often a condition is looked at; one look starts a process or two.
const LOOK: Duration = Duration::from_millis(100);

/// One lab at a time: connections are timed here.
pub(crate) fn machine() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line of the test's own, which cargo shows only with `--nocapture` or after a failure.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(crate) fn opengslb() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
    // All labs of this user in one place, whoever runs the tests.
    command.env_remove("XDG_RUNTIME_DIR").current_dir("/").stdin(Stdio::null());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the lab could not be built because the system forbids it. A developer's machine may;
/// the machine that judges must not.
pub(crate) fn is_forbidden(said: &str) -> bool {
    if !said.contains("does not let you make user namespaces") {
        return false;
    }
    skip(said);
    true
}

/// Says that a test proves nothing here, and why; where CI runs, it fails.
pub(crate) fn skip(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run this: {why}");
    // Past the capture of the test's own output, so that nobody takes this for a proof.
    if let Ok(mut terminal) = fs::OpenOptions::new().append(true).open("/dev/stderr") {
        let _ = writeln!(terminal, "SKIPPED, nothing is proven: {why}");
    }
}

#[track_caller]
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not in {limit:?}: {what}");
        std::thread::sleep(LOOK);
    }
}

/// A lab.
pub(crate) struct Lab {
    pub(crate) name: String,
    /// The hosts that run the product.
    daemons: Vec<String>,
}

impl Lab {
    /// `None`, loudly, where the system forbids it.
    pub(crate) fn up(what: &str, topology: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("topology.yaml");
        fs::write(&file, topology).unwrap();
        let name = format!("{what}-{}", std::process::id());
        let mut command = opengslb();
        command.args(["lab", "up"]).arg(&file).args(["--name", &name]);
        let output = command.output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        if is_forbidden(&said) {
            return None;
        }
        assert!(output.status.success(), "{said}");
        Some(Self { name, daemons: daemons(&said) })
    }

    /// A command on a host, not yet started.
    pub(crate) fn command(&self, host: &str, script: &str) -> Command {
        let mut command = opengslb();
        command.args(["lab", "exec", "--lab", &self.name, host, "--", "sh", "-c", script]);
        command
    }

    pub(crate) fn exec(&self, host: &str, script: &str) -> Output {
        self.command(host, script).output().unwrap()
    }

    /// What a command prints; it has to succeed.
    #[track_caller]
    pub(crate) fn stdout(&self, host: &str, script: &str) -> String {
        let output = self.exec(host, script);
        let said = text(&output.stdout);
        assert!(output.status.success(), "{host}$ {script}: {said}{}", text(&output.stderr));
        said
    }

    /// The daemon's log since it was last started.
    #[track_caller]
    pub(crate) fn log_since_start(&self, host: &str) -> String {
        let log = self.stdout(host, "journalctl -u opengslb");
        log.rsplit("lab: starting opengslb").next().unwrap().to_owned()
    }

    pub(crate) fn supervisor(&self) -> u32 {
        let list = text(&opengslb().args(["lab", "list"]).output().unwrap().stdout);
        let line = list.lines().find(|line| line.starts_with(&self.name)).unwrap();
        line.split("process ").nth(1).unwrap().trim_end_matches(')').parse().unwrap()
    }

    /// The agents as this machine sees them: process id and host.
    pub(crate) fn agents(&self) -> BTreeSet<(u32, String)> {
        let is_agent = |line: &String| line.ends_with("--mode agent");
        let agents = processes(&self.name).into_iter().filter(|(_, line)| is_agent(line));
        agents.map(|(pid, line)| (pid, host_of(&line))).collect()
    }

    pub(crate) fn down(self) {
        let output = opengslb().args(["lab", "down", &self.name]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for host in &self.daemons {
                let log = self.exec(host, "journalctl -u opengslb -n 40");
                say(&format!("--- {host}\n{}", text(&log.stdout)));
            }
        }
        // Already down is as good.
        let _ = opengslb().args(["lab", "down", &self.name]).output();
    }
}

/// The hosts in the table that a lab shows when it is up.
fn daemons(table: &str) -> Vec<String> {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let runs = |row: &Vec<&str>| matches!(row.get(1), Some(&"overwatch" | &"backend"));
    rows.filter(runs).map(|row| row[0].to_owned()).collect()
}

/// The host in `--config …/hosts/HOST/opengslb.yaml`.
fn host_of(line: &str) -> String {
    line.split("/hosts/").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

/// The processes that name a lab, alone or in a path, on their command line; zombies have none.
pub(crate) fn processes(lab: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = text(&line).replace('\0', " ").trim_end().to_owned();
        if line.split(['/', ' ']).any(|word| word == lab) {
            found.push((pid, line));
        }
    }
    found
}

/// What a machine could be left with.
pub(crate) struct Traces {
    interfaces: BTreeSet<String>,
    /// The namespaces that only the lab has, as `kind:[number]`.
    namespaces: BTreeSet<PathBuf>,
    name: String,
}

impl Traces {
    /// Before a lab comes up.
    pub(crate) fn before(what: &str) -> Self {
        let name = format!("{what}-{}", std::process::id());
        Self { interfaces: interfaces(), namespaces: BTreeSet::new(), name }
    }

    /// While it is up.
    pub(crate) fn note_namespaces(&mut self) {
        let own = namespaces_of(Path::new("/proc/self"));
        for (pid, _) in processes(&self.name) {
            self.namespaces.extend(namespaces_of(&Path::new("/proc").join(pid.to_string())));
        }
        self.namespaces.retain(|namespace| !own.contains(namespace));
        assert!(self.namespaces.len() >= 8, "six hosts have six networks: {:?}", self.namespaces);
    }

    /// After it is down.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        // A process loses its command line first, while the kernel still ends those inside.
        eventually("every process and namespace ends", PATIENCE, || {
            let holds = |process: PathBuf| !namespaces_of(&process).is_disjoint(&self.namespaces);
            let held = fs::read_dir("/proc").unwrap().flatten().any(|entry| holds(entry.path()));
            (!held && processes(&self.name).is_empty()).then_some(())
        });
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&self.name), "{mounts}");
        assert_eq!(interfaces(), self.interfaces);
        let directory = directory(&self.name);
        assert!(!directory.exists(), "{} is left", directory.display());
    }
}

/// Where a lab keeps its files.
pub(crate) fn directory(name: &str) -> PathBuf {
    let base = format!("/tmp/opengslb-lab-{}", fs::metadata("/proc/self").unwrap().uid());
    Path::new(&base).join(name)
}

fn interfaces() -> BTreeSet<String> {
    let entries = fs::read_dir("/sys/class/net").unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The namespaces of a process; none where it is gone, or has ended and waits for its parent.
fn namespaces_of(process: &Path) -> BTreeSet<PathBuf> {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    if stat.rsplit(") ").next().is_none_or(|state| state.starts_with('Z')) {
        return BTreeSet::new();
    }
    let entries = fs::read_dir(process.join("ns")).into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}
