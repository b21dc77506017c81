//! The overwatch goes away and comes back; the agents are not touched, and no client sees an error.

use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Lab, PATIENCE, eventually, say};
use crate::learning;
use crate::table::{self, Rows};

/// The promise.
const RELEARNED_MAX: Duration = Duration::from_secs(10);

/// One client that asks all the while, ten times a second and more, and writes down what it hears.
struct Client {
    asking: Child,
    heard: File,
}

impl Client {
    fn start(lab: &Lab) -> Self {
        let heard = tempfile::tempfile().unwrap();
        let script =
            "while :; do dig @10.1.1.10 app.demo.local A +time=1 +tries=1; sleep 0.05; done";
        let mut command = lab.command("traffic-eastus", script);
        let asking = command.stdout(heard.try_clone().unwrap()).stderr(Stdio::null());
        Self { asking: asking.spawn().unwrap(), heard }
    }

    /// How many answers were good, and everything that was heard.
    fn stop(mut self) -> (usize, String) {
        let _ = self.asking.kill();
        let _ = self.asking.wait();
        let mut heard = String::new();
        std::io::Seek::rewind(&mut self.heard).unwrap();
        self.heard.read_to_string(&mut heard).unwrap();
        (heard.matches("NOERROR").count(), heard)
    }
}

/// Ends the overwatch by `signal` for `away` and starts it again.
#[track_caller]
pub(crate) fn assert_survived(lab: &Lab, signal: &str, away: Duration) {
    let (agents, before) = (lab.agents(), learning::settled(lab));
    assert_eq!(agents.len(), 3, "{agents:?}");
    lab.stdout("overwatch", &format!("sudo systemctl kill -s {signal} opengslb"));
    eventually("the overwatch ends", PATIENCE, || {
        (!lab.exec("overwatch", "systemctl is-active opengslb").status.success()).then_some(())
    });
    assert_eq!(table::rows_if_any(lab), Rows::new());
    // The outage itself, not a wait for something.
    std::thread::sleep(away);
    assert_eq!(lab.agents(), agents, "nobody touched the agents");

    let client = Client::start(lab);
    let began = Instant::now();
    lab.stdout("overwatch", "sudo systemctl start opengslb");
    eventually("answers are learned again", RELEARNED_MAX, || {
        let log = lab.log_since_start("overwatch");
        // What the first agent to come back says is learned too, but not yet all that there is.
        let learned = |line: &&str| line.contains(" region=eu-west ") && is_learned(line);
        decisions(&log).find(learned).map(drop)
    });
    let took = began.elapsed();
    learning::assert_digs(lab);
    let (answers, heard) = client.stop();
    say(&format!("{signal}, {away:?} away: learned again after {took:?}, {answers} answers"));
    assert!(took <= RELEARNED_MAX, "{took:?}");

    assert!(answers > 5, "{heard}");
    for error in ["SERVFAIL", "NXDOMAIN", "REFUSED"] {
        assert!(!heard.contains(error), "{heard}");
    }
    assert_reasons(&lab.log_since_start("overwatch"));
    assert_eq!(lab.agents(), agents, "nobody touched the agents");
    // The agents told all they know, and nothing twice.
    eventually("the whole table is back", PATIENCE, || (table::rows(lab) == before).then_some(()));
}

/// First geography, for this client the wrong region; then what was learned, and no way back.
#[track_caller]
fn assert_reasons(log: &str) {
    let reason = |line: &str| {
        let rest = line.split_once(" reason=").unwrap().1;
        rest.split(' ').next().unwrap().to_owned()
    };
    let mut reasons: Vec<String> = decisions(log).map(reason).collect();
    reasons.dedup();
    assert_eq!(reasons, ["geo_fallback", "learned_latency"], "{log}");
}

fn is_learned(line: &str) -> bool {
    line.contains(" reason=learned_latency ")
}

/// The decisions about the clients in East US.
fn decisions(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| line.contains("routing decision client=10.1.2."))
}
