//! A wall clock that a test sets: `libfaketime` tells it to one process. Its monotonic clock goes as ever,
//! as it does when a machine's clock is set.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::world::{Overwatch, delv, eventually, lacks};

/// The clock of one process.
pub(crate) struct Clock {
    library: String,
    directory: TempDir,
}

impl Clock {
    /// One that is off by so much, as in `-9d`.
    pub(crate) fn new(offset: &str) -> Self {
        let mut command = Command::new("faketime");
        let output = command.args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
        let library = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let clock = Self { library, directory: tempfile::tempdir().unwrap() };
        clock.set(offset);
        clock
    }

    /// Sets it; whole or not at all, since it is being read.
    pub(crate) fn set(&self, offset: &str) {
        let (beside, file) =
            (self.directory.path().join("new"), self.directory.path().join("time"));
        fs::write(&beside, format!("{offset}\n")).unwrap();
        fs::rename(beside, file).unwrap();
    }

    /// What a process has to find in its environment.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        let file = self.directory.path().join("time");
        let words = [
            ("LD_PRELOAD", OsString::from(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", file.into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ];
        words.map(|(name, value)| (name.into(), value)).into()
    }
}

/// Waits until a validator with the right time believes an answer, or does not.
#[track_caller]
fn await_believed(overwatch: &Overwatch, is_believed: bool) {
    let anchor = overwatch.ds();
    eventually(&format!("believed: {is_believed}"), || {
        let said = delv(overwatch.port, &anchor, "www.demo.test", crate::A);
        (said.contains("fully validated") == is_believed).then_some(())
    });
}

/// Waits until health says this of signing, by all the ways there are; nothing: all is well.
#[track_caller]
fn await_fault(overwatch: &Overwatch, fault: Option<&str>) {
    eventually(&format!("{fault:?}"), || {
        let (code, said) = overwatch.try_cli(&["status"]);
        let (is_ready, told) = overwatch.ready();
        match fault {
            None => (code == 0 && is_ready).then_some(()),
            Some(fault) => {
                let is_told = said.contains(fault) && told.contains("\"signing_ready\":false");
                (code == 1 && !is_ready && is_told).then_some(())
            }
        }
    });
}

#[test]
fn a_clock_that_is_set_while_the_process_runs_is_followed_and_a_fault() {
    if lacks(&["faketime", "delv"]) {
        return;
    }
    // As a machine that has not heard from NTP yet.
    let clock = Clock::new("-9d");
    let one = Overwatch::start_by("csk", true, &clock);
    one.await_signing();
    await_believed(&one, false);
    clock.set("+0");
    await_believed(&one, true);
    await_fault(&one, Some("signatures_invalid"));
    // Set wrong, and right again.
    clock.set("+40d");
    await_believed(&one, false);
    await_fault(&one, Some("signatures_invalid"));
    clock.set("+0");
    await_believed(&one, true);
}

#[test]
fn a_clock_behind_its_keys_is_a_fault_until_it_is_set() {
    if lacks(&["faketime", "delv"]) {
        return;
    }
    let clock = Clock::new("+0");
    let one = Overwatch::start_by("csk", true, &clock);
    one.await_signing();
    await_believed(&one, true);
    await_fault(&one, None);
    clock.set("-40d");
    let one = one.restart();
    await_fault(&one, Some("clock_behind"));
    let (code, said) = one.try_cli(&["roll", "demo.test"]);
    assert!(code == 1 && said.contains("clock"), "{said}");
    await_believed(&one, false);
    // The keys themselves speak for the new time: no doubt is left.
    clock.set("+0");
    await_fault(&one, None);
    await_believed(&one, true);
    one.cli(&["roll", "demo.test"]);
}
