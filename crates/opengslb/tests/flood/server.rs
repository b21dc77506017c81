//! The process under test, and what an operator sees of it: memory, log, metrics.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Everything here takes milliseconds to a few seconds; a loaded machine may need longer.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
/// Decision lines a second: 50 of each worker, of which there are the processors and one for TCP, and
/// as many again for a second that was not yet over.
const LINES_OF_WORKER: usize = 50;

/// A running overwatch.
pub(crate) struct Server {
    pub(crate) dns: SocketAddr,
    metrics: SocketAddr,
    child: Child,
    directory: TempDir,
}

impl Server {
    /// With these lines in the section `dns`.
    pub(crate) fn start(dns: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_opengslb");
        Self::started(dns, |config| {
            let mut command = Command::new(program);
            command.arg("--config").arg(config);
            command
        })
    }

    /// With so many file descriptors at most.
    pub(crate) fn start_with_descriptors(count: usize) -> Self {
        Self::started("", |config| {
            let mut command = Command::new("sh");
            let script = format!("ulimit -n {count} && exec \"$0\" --config \"$1\"");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_opengslb")]).arg(config);
            command
        })
    }

    fn started(dns: &str, command: impl Fn(&Path) -> Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = write(directory.path(), dns);
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = command(&config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { dns: nowhere, metrics: nowhere, child, directory };
        eventually("it serves", || server.log().contains("answering DNS on "));
        server.dns = server.address_after("answering DNS on ");
        server.metrics = server.address_after("serving metrics on ");
        server
    }

    fn address_after(&self, part: &str) -> SocketAddr {
        let log = self.log();
        let rest = log.split_once(part).unwrap().1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// The page at `/metrics`.
    pub(crate) fn page(&self) -> String {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "GET /metrics HTTP/1.1\r\nHost: opengslb\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// One number of that page.
    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let page = self.page();
        let of = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
        page.lines().find_map(of).unwrap_or_else(|| panic!("no {series} in\n{page}"))
    }

    /// Files and sockets that it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Milliseconds of processor that it has used.
    pub(crate) fn processor_ms(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).unwrap();
        // User and system, the 14th and 15th word, in hundredths (proc(5)); the second is in brackets.
        let words = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
        words.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }

    fn series(&self) -> BTreeSet<String> {
        let page = self.page();
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let end = log.lines().rev().take(20).collect::<Vec<_>>().join("\n");
            crate::report(&format!("--- the process's last lines, backwards\n{end}"));
        }
    }
}

/// Looks at a process while it is flooded.
pub(crate) struct Watch {
    begun: Instant,
    before: Memory,
    series: BTreeSet<String>,
    page_bytes: usize,
    log_lines: usize,
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Memory>,
}

/// KiB of a process.
#[derive(Clone, Copy, Debug)]
struct Memory {
    resident_kib: u64,
    anonymous_kib: u64,
}

/// What a flood has left.
pub(crate) struct Growth {
    before: Memory,
    most: Memory,
    new_series: Vec<String>,
    page_bytes: [usize; 2],
    log_lines: usize,
    log_lines_max: usize,
}

impl Watch {
    pub(crate) fn start(server: &Server) -> Self {
        // The first page is the one that makes the buffers for pages.
        let (page_bytes, series) = (server.page().len(), server.series());
        let rollup = server.proc("smaps_rollup");
        let before = Memory::of(&rollup);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let looking = std::thread::spawn(move || {
            let mut most = before;
            while !stopped.load(Ordering::Relaxed) {
                most = most.max(Memory::of(&rollup));
                std::thread::sleep(LOOK);
            }
            most.max(Memory::of(&rollup))
        });
        let log_lines = server.log().lines().count();
        Self { begun: Instant::now(), before, series, page_bytes, log_lines, stop, looking }
    }

    pub(crate) fn stop(self, server: &Server) -> Growth {
        self.stop.store(true, Ordering::Relaxed);
        let most = self.looking.join().unwrap();
        let seconds = usize::try_from(self.begun.elapsed().as_secs()).unwrap() + 2;
        let workers = std::thread::available_parallelism().unwrap().get() + 1;
        Growth {
            before: self.before,
            most,
            new_series: server.series().symmetric_difference(&self.series).cloned().collect(),
            page_bytes: [self.page_bytes, server.page().len()],
            log_lines: server.log().lines().count() - self.log_lines,
            log_lines_max: seconds * workers * LINES_OF_WORKER,
        }
    }
}

impl Memory {
    fn of(rollup: &Path) -> Self {
        let text = fs::read_to_string(rollup).unwrap();
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        Self { resident_kib: of("Rss:"), anonymous_kib: of("Anonymous:") }
    }

    fn max(self, other: Self) -> Self {
        Self {
            resident_kib: self.resident_kib.max(other.resident_kib),
            anonymous_kib: self.anonymous_kib.max(other.anonymous_kib),
        }
    }
}

impl Growth {
    #[track_caller]
    pub(crate) fn assert_bounded(&self, kib_max: u64) {
        assert!(self.most.resident_kib <= self.before.resident_kib + kib_max, "{self}");
        assert!(self.most.anonymous_kib <= self.before.anonymous_kib + kib_max, "{self}");
        assert!(self.new_series.is_empty(), "{:?}", self.new_series);
        // Only digits may be more.
        assert!(self.page_bytes[1] < self.page_bytes[0] + 1024, "{self}");
        assert!(self.log_lines <= self.log_lines_max, "{self}");
    }
}

impl Display for Growth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { before, most, page_bytes, log_lines, log_lines_max, .. } = self;
        write!(
            f,
            "resident {} -> {} KiB at most, anonymous {} -> {} KiB, metrics {} -> {} bytes, {log_lines} \
             log lines of {log_lines_max}",
            before.resident_kib,
            most.resident_kib,
            before.anonymous_kib,
            most.anonymous_kib,
            page_bytes[0],
            page_bytes[1],
        )
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(LOOK);
    }
}

fn write(directory: &Path, dns: &str) -> PathBuf {
    let files = directory.display();
    let text = format!(
        "\
mode: overwatch
overwatch:
  identity:
    node_id: overwatch-1
    cert_path: {files}/overwatch.crt
    key_path: {files}/overwatch.key
  data_dir: {files}
  gossip:
    bind_address: 127.0.0.1:0
    encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=
  geolocation: {{default_region: here}}
dns:
  listen_address: 127.0.0.1:0
  none_healthy: all
  zones:
    - name: flood.test
      records:
        - \"static A 192.0.2.1\"
        - \"*.wild A 192.0.2.2\"
        - \"big TXT {big}\"
{dns}regions:
  - name: here
    servers: [{{address: 127.0.0.9, port: 9, service: app.flood.test}}]
domains:
  - name: app.flood.test
    routing_algorithm: learned_latency
    regions: [here]
metrics: {{enabled: true, address: \"127.0.0.1:0\"}}
logging: {{format: text}}
",
        big = format!("{} ", "x".repeat(250)).repeat(8).trim_end(),
    );
    let path = directory.join("overwatch.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}
