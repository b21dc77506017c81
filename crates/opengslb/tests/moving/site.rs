//! Files of the former program's shape, imported by the command, and the processes that run on what came out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::question::{Answer, Question};

/// The mesh key of the files that have one.
const KEY: &str = "uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=";
const ANY: &str = "127.0.0.1:0";

/// A web server at one loopback address: `/` is always well, every other page as it was told.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    is_well: Arc<AtomicBool>,
}

impl Web {
    pub(crate) fn start(last: u8) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let is_well = Arc::new(AtomicBool::new(true));
        let told = Arc::clone(&is_well);
        // Ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
                let mut head = [0; 1024];
                let length = stream.read(&mut head).unwrap_or(0);
                let is_good = head[..length].starts_with(b"GET / ") || told.load(Ordering::Relaxed);
                let status = if is_good { "200 OK" } else { "503 Service Unavailable" };
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, is_well }
    }

    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// What pages other than `/` say from now on.
    pub(crate) fn set(&self, is_well: bool) {
        self.is_well.store(is_well, Ordering::Relaxed);
    }

    pub(crate) fn is_well(&self) -> bool {
        self.is_well.load(Ordering::Relaxed)
    }
}

/// Files and processes of one demo.
pub(crate) struct Site {
    directory: TempDir,
    files: Vec<PathBuf>,
    report: String,
    daemons: Vec<Daemon>,
    dns: Option<SocketAddr>,
}

impl Site {
    /// Fills in the files, imports them with the words, and keeps what came out.
    #[track_caller]
    pub(crate) fn import(files: &[(&str, &[(&str, &str)])], webs: &[Web], words: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let former = directory.path().join("former");
        let mut brought = Vec::new();
        for (at, (name, fill)) in files.iter().enumerate() {
            let state = directory.path().join(format!("state-{at}"));
            fs::create_dir(&state).unwrap();
            fs::create_dir_all(&former).unwrap();
            let path = former.join(format!("{at}-{name}"));
            let text = filled(name, fill, webs, &state);
            fs::write(&path, text).unwrap();
            brought.push(path);
        }
        let to = directory.path().join("imported");
        let output = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"))
            .args(["import", "go"])
            .args(&brought)
            .args(words)
            .arg("--to")
            .arg(&to)
            .output()
            .unwrap();
        let report = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{report}");
        let files = brought.iter().map(|path| to.join(path.file_name().unwrap())).collect();
        Self { directory, files, report, daemons: Vec::new(), dns: None }
    }

    /// Starts the first file.
    #[track_caller]
    pub(crate) fn overwatch(&mut self) {
        // The former program's overwatch has no certificate; ours lies where a package puts it, but for here.
        let state = self.directory.path().join("state-0").display().to_string();
        let text = fs::read_to_string(&self.files[0]).unwrap();
        let paths =
            format!("    cert_path: {state}/overwatch.crt\n    key_path: {state}/overwatch.key\n");
        let section = "overwatch:\n  identity:\n";
        assert!(text.contains(section), "{text}");
        fs::write(&self.files[0], text.replacen(section, &format!("{section}{paths}"), 1)).unwrap();
        let daemon = Daemon::start(&self.files[0], &[]);
        self.dns = Some(daemon.word_after("answering DNS on ").parse().unwrap());
        self.daemons.push(daemon);
    }

    /// Starts the others, once it is known where the overwatch hears them.
    #[track_caller]
    pub(crate) fn agents(&mut self) {
        let mesh = self.daemons[0].word_after("hearing agents on ");
        for (at, file) in self.files[1..].iter().enumerate() {
            let text = fs::read_to_string(file).unwrap().replace("192.0.2.1:7946", &mesh);
            // An agent is called as its machine is; here all are on one.
            let text =
                text.replace("  identity:\n", &format!("  identity:\n    agent_id: agent-{at}\n"));
            fs::write(file, text).unwrap();
            let agent = Daemon::start(file, &[]);
            agent.line("joined overwatch");
            self.daemons.push(agent);
        }
    }

    pub(crate) fn ask(&self, question: &Question<'_>) -> Answer {
        question.ask(self.dns.unwrap())
    }

    /// Every address that is answered in turn, sorted.
    pub(crate) fn answers(&self, question: &Question<'_>) -> Vec<IpAddr> {
        let all = (0..24).flat_map(|_| self.ask(question).addresses);
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a process said both in one line.
    pub(crate) fn says(&self, one: &str, other: &str) -> bool {
        self.log().lines().any(|line| line.contains(one) && line.contains(other))
    }

    pub(crate) fn log(&self) -> String {
        self.daemons.iter().map(Daemon::log).collect::<Vec<_>>().join("\n")
    }

    /// The report has a line about this place that says so.
    #[track_caller]
    pub(crate) fn assert_report(&self, place: &str, what: &str) {
        let is_it = |line: &str| line.contains(place) && line.contains(what);
        assert!(self.report.lines().any(is_it), "{place}: {what} is not in\n{}", self.report);
    }
}

/// A file with the words in capitals put in.
fn filled(name: &str, fill: &[(&str, &str)], webs: &[Web], state: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moving/testdata").join(name);
    let mut text = fs::read_to_string(path).unwrap();
    for (word, value) in fill {
        text = text.replace(word, value);
    }
    for (at, web) in webs.iter().enumerate() {
        text = text.replace(&format!("WEB{}", at + 1), &web.address.ip().to_string());
        text = text.replace(&format!("PORT{}", at + 1), &web.port());
    }
    let state = state.display().to_string();
    // Where the overwatch hears agents is known when it runs.
    let words =
        [("STATE", &*state), ("KEY", KEY), ("DNS", ANY), ("ANY", ANY), ("MESH", "192.0.2.1:7946")];
    words.iter().fold(text, |text, (word, value)| text.replace(word, value))
}
