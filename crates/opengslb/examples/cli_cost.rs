//! What each command of `opengslb-cli` takes on a table of a million entries, beside the goal: 50 ms.
//!
//! `cargo build --release -p opengslb && cargo run --release -p opengslb --example cli_cost [ENTRIES] [RUNS]`:
//! starts an overwatch on loopback, has two sources report so many entries, and runs each command so
//! often, by the control socket. Prints the median and the worst; ends with 1 where a median misses
//! the goal. `preflight` asks other machines, `top` is a screen, `restore` and `import` ask nobody:
//! they are left out.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "printing is what it is for, and it ends where it is surprised"
)]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const GOAL: Duration = Duration::from_millis(50);
/// Rows of one report, as many as are taken.
const REPORT_ROWS: usize = 10_000;
const REGIONS: [&str; 3] = ["eu-west", "us-east", "ap-southeast"];
const SOURCES: [&str; 2] = ["odd", "even"];

/// The commands; `DIRECTORY` is the overwatch's. Those that change something are undone by the next.
const COMMANDS: [&str; 46] = [
    "status",
    "domains",
    "domains get app.demo.test",
    "servers",
    "agents list",
    "sources list",
    "peers",
    "latency show",
    "latency show --limit 1000",
    "latency show --limit 10000 --json",
    "latency show --prefix 20.1.2.0/24",
    "latency show --region us-east --domain app.demo.test",
    "latency show --after 20.80.0.0/24,app.demo.test,us-east",
    "latency show --sort=rtt",
    "latency show --sort=-rtt",
    "latency show --sort=samples",
    "latency show --sort=-samples",
    "latency show --sort=last_updated",
    "latency show --sort=-last_updated",
    "latency show --sort=-rtt --region us-east",
    "latency show --sort=-rtt --prefix 20.0.0.0/10",
    "latency show --sort=-rtt --limit 1000",
    "latency show --sort=-rtt --limit 10000 --json",
    "explain app.demo.test 20.1.2.7",
    "geo test 20.1.2.7",
    "overrides set app.demo.test 127.0.0.1 --healthy true",
    "overrides list",
    "overrides clear app.demo.test 127.0.0.1",
    "pins set app.demo.test 30.0.0.0/24 us-east",
    "pins list",
    "pins clear app.demo.test 30.0.0.0/24",
    "regions drain us-east --share 0.1",
    "regions list",
    "regions undrain us-east",
    "learning status",
    "learning freeze app.demo.test",
    "learning thaw app.demo.test",
    "mappings list",
    "resolvers list",
    "dnssec status",
    "tokens list",
    "audit",
    "reload",
    "backup DIRECTORY/backup-RUN.json",
    "top --json",
    "completion bash",
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<usize>().ok());
    let (entries, runs) =
        (words.next().unwrap_or(Some(1_000_000)), words.next().unwrap_or(Some(20)));
    let (Some(entries), Some(runs)) = (entries, runs) else {
        println!("usage: cli_cost [ENTRIES] [RUNS]");
        return ExitCode::from(64);
    };
    let overwatch = Overwatch::start();
    let began = Instant::now();
    let told = overwatch.fill(entries);
    println!("{told} entries, told in {:.1} s; {runs} runs of each", began.elapsed().as_secs_f64());
    println!("{:>9} {:>9}  opengslb-cli", "median ms", "worst ms");
    let mut is_met = true;
    for words in COMMANDS {
        let mut took: Vec<Duration> =
            (0..runs.max(1)).map(|run| overwatch.run(words, run)).collect();
        took.sort();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        let mark = if median < GOAL { "" } else { "  over the goal" };
        is_met &= median < GOAL;
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        println!("{:>9.1} {:>9.1}  {words}{mark}", ms(median), ms(worst));
    }
    println!(
        "goal: a median under {} ms: {}",
        GOAL.as_millis(),
        if is_met { "met" } else { "MISSED" }
    );
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A running overwatch; it ends with the value.
struct Overwatch {
    directory: tempfile::TempDir,
    child: Child,
    /// Where its API is.
    api: String,
}

impl Overwatch {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("overwatch.yaml");
        fs::write(&file, config(directory.path())).expect("the configuration");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
        let mut command = Command::new(beside("opengslb"));
        let child = command.arg("--config").arg(&file).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("cargo build --release -p opengslb");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let (mut api, mut is_up) = (None, false);
        while !is_up {
            let line = lines.next().and_then(Result::ok);
            let line = line.expect("that it starts: once more, a port may have been taken");
            let said = line.split_once("serving the API on ");
            api = said.map(|(_, address)| address.to_owned()).or(api);
            is_up = line.contains("answering DNS on ");
        }
        // Whatever it says later is read, so that it can go on.
        std::thread::spawn(move || lines.for_each(drop));
        Self { directory, child, api: api.expect("the API's address") }
    }

    /// Has the sources report; says how many entries.
    fn fill(&self, entries: usize) -> usize {
        let networks = entries.div_ceil(REGIONS.len());
        let mut told = 0;
        for (number, source) in SOURCES.into_iter().enumerate() {
            let own = (0..networks).filter(|network| network % SOURCES.len() == number);
            let rows: Vec<String> =
                own.flat_map(|network| REGIONS.map(|at| row(network, at))).collect();
            for chunk in rows.chunks(REPORT_ROWS) {
                report(&self.api, source, &chunk.join(","));
                told += chunk.len();
            }
        }
        told
    }

    /// How long a command took; it must say yes.
    fn run(&self, words: &str, run: usize) -> Duration {
        let directory = self.directory.path().display().to_string();
        let words = words.replace("DIRECTORY", &directory).replace("RUN", &run.to_string());
        let mut command = Command::new(beside("opengslb-cli"));
        let socket = self.directory.path().join("control.sock");
        command.arg("--api").arg(format!("unix:{}", socket.display()));
        command.args(words.split(' '));
        let began = Instant::now();
        let output = command.output().expect("opengslb-cli");
        let took = began.elapsed();
        // A no is an answer too: nobody checks the servers of this overwatch.
        let is_answered = output.status.code().is_some_and(|code| code <= 1);
        assert!(is_answered, "{words}: {}", String::from_utf8_lossy(&output.stderr));
        took
    }
}

impl Drop for Overwatch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An entry of a report, made up and the same in every run: times from 5 to 205 ms, and as it is in life
/// many networks with few connections and few with many.
fn row(network: usize, region: &str) -> String {
    let number = network * REGIONS.len() + region.len();
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 31).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let us = 5_000 + (mixed >> 40) % 200_000;
    let samples = 1_000_000 / (1 + (mixed >> 8) % 100_000);
    let (high, middle, low) = (20 + network / 65_536, network / 256 % 256, network % 256);
    let ms = us as f64 / 1e3;
    format!(
        r#"{{"subnet": "{high}.{middle}.{low}.0/24", "region": "{region}", "rtt_ms": {ms}, "samples": {samples}}}"#
    )
}

/// Sends a report; it must be taken.
fn report(api: &str, source: &str, entries: &str) {
    let body =
        format!(r#"{{"type": "latency_report", "agent_id": "{source}", "entries": [{entries}]}}"#);
    let mut stream = TcpStream::connect(api).expect("the API");
    let head = format!(
        "POST /api/v1/latency-reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        token_of(source),
        body.len(),
    );
    stream.write_all((head + &body).as_bytes()).expect("a report that is heard");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""held":false"#), "{answer}");
}

fn token_of(source: &str) -> String {
    format!("reports-times-for-a-bench-{source}")
}

/// A program that was built beside this one.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this program's place");
    let folder = own.parent().and_then(Path::parent).expect("target/release/examples");
    folder.join(name)
}

fn config(directory: &Path) -> String {
    let directory = directory.display();
    let regions = REGIONS.join(", ");
    let source = |name: &str| {
        let token = token_of(name);
        format!("{{name: {name}, token: {token}, service: app.demo.test, regions: [{regions}]}}")
    };
    let sources = SOURCES.map(source).join(", ");
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {directory}/a.crt, key_path: {directory}/a.key}}
  data_dir: {directory}
  gossip:
    bind_address: 127.0.0.1:0
    encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=
dns: {{listen_address: \"127.0.0.1:0\", zones: [demo.test]}}
regions:
  - {{name: eu-west, servers: [{{address: 127.0.0.1, service: app.demo.test, port: 9, health_check: {{type: tcp}}}}]}}
  - {{name: us-east, servers: [{{address: 127.0.0.2, service: app.demo.test, port: 9, health_check: {{type: tcp}}}}]}}
  - {{name: ap-southeast, servers: [{{address: 127.0.0.3, service: app.demo.test, port: 9, health_check: {{type: tcp}}}}]}}
domains:
  - {{name: app.demo.test, routing_algorithm: learned_latency, regions: [{regions}]}}
api: {{enabled: true, address: \"127.0.0.1:0\", latency_sources: [{sources}]}}
logging: {{level: info, format: text}}
"
    )
}
