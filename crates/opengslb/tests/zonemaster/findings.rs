//! What Zonemaster said about one zone.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::text;
use crate::internet::Internet;

/// Everything of one run, in its order.
pub(crate) struct Findings {
    messages: Vec<Value>,
    /// The test cases that ran to their end.
    pub(crate) test_cases: BTreeSet<String>,
}

impl Findings {
    /// Runs it, from outside.
    #[track_caller]
    pub(crate) fn of(internet: &Internet, zone: &str) -> Self {
        let script = format!(
            "zonemaster-cli --hints {} --profile {} --level DEBUG --json --no-progress {zone}",
            internet.file("hints.zone"),
            internet.file("profile.json"),
        );
        let output = internet.exec("outside", &script);
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{said}{complained}");
        let messages: Vec<Value> = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{error}: {said}{complained}"));
        let ended = messages.iter().filter(|message| message["tag"] == "TEST_CASE_END");
        let test_cases = ended.map(|message| field(message, "testcase").to_owned()).collect();
        Self { messages, test_cases }
    }

    /// Whatever is worse than a note, a line each; nothing where all is well.
    pub(crate) fn faults(&self) -> String {
        let mut lines = String::new();
        for message in &self.messages {
            let level = field(message, "level");
            if ["WARNING", "ERROR", "CRITICAL"].contains(&level) {
                let (module, tag) = (field(message, "module"), field(message, "tag"));
                let _ = writeln!(lines, "{level} {module} {tag} {}", message["args"]);
            }
        }
        lines
    }

    /// The kinds of notes.
    pub(crate) fn notices(&self) -> BTreeSet<&str> {
        let notices = self.messages.iter().filter(|message| message["level"] == "NOTICE");
        notices.map(|message| field(message, "tag")).collect()
    }
}

fn field<'a>(message: &'a Value, name: &str) -> &'a str {
    message[name].as_str().unwrap_or_else(|| panic!("no {name} in {message}"))
}
