//! `docs/guide/demo-6.md` against reality: `testdata/walk.txt` has every command of the walk-through in its order and
//! where it is run. The page has the same ones, and each is run here as it stands there, or needs Azure.
//!
//! With `OPENGSLB_WALK=whole` in the environment, clients are generated for the whole five minutes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::{read, report, root};

/// The first block of the page: the lab itself, which CI runs.
const LAB: &str = "cargo run --release -- lab demo6";

/// Words that begin what only Azure can run. All other commands have to run here.
const AZURE_ONLY: [&str; 4] = ["git clone ", "terraform ", "ssh azureuser@", "az "];

/// Where a command is not looked for in vain: a poll (10 s), a report (30 s), and as much again for a slow machine.
const PATIENCE: Duration = Duration::from_secs(80);

/// What stands for output that comes later: the command goes on while others run.
const GOES_ON: &str = "...";

/// One command.
struct Step<'a> {
    place: &'a str,
    command: &'a str,
    /// Every one of these has to be in its output.
    parts: Vec<&'a str>,
}

fn steps(text: &str) -> Vec<Step<'_>> {
    let step = |line| {
        let [place, command, parts] = str::split(line, '\t').collect::<Vec<_>>()[..] else {
            panic!("not three fields: {line}");
        };
        Step { place, command, parts: parts.split('|').filter(|part| !part.is_empty()).collect() }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(step).collect()
}

/// The commands of a page's blocks, and whether a block is PowerShell.
fn commands(page: &str) -> Vec<(String, bool)> {
    let mut block = "";
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            block = language;
        } else if ["sh", "powershell"].contains(&block) {
            let command = line.split("   #").next().unwrap().trim().to_owned();
            found.push((command, block == "powershell"));
        }
    }
    found
}

#[test]
fn the_page_has_every_command_in_its_order_and_no_other() {
    let (page, walk) =
        (read("docs/guide/demo-6.md"), read("crates/opengslb/tests/azure/testdata/walk.txt"));
    let steps = steps(&walk);
    let (words, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(|s| s.place == "word");
    for word in words {
        assert!(page.contains(&format!("`{}`", word.command)), "the page lacks {}", word.command);
    }
    let page = commands(&page);
    assert_eq!(page[0].0, LAB);
    assert!(read(".ci/run").contains(LAB));
    let page = &page[1..];
    let (on_page, in_walk): (Vec<_>, Vec<_>) =
        (page.iter().map(|(c, _)| &**c).collect(), steps.iter().map(|s| s.command).collect());
    assert_eq!(on_page, in_walk);
    for (step, (_, is_powershell)) in steps.iter().zip(page) {
        let needs_azure =
            *is_powershell || AZURE_ONLY.iter().any(|start| step.command.starts_with(start));
        assert_eq!(step.place == "azure", needs_azure, "{}: {}", step.place, step.command);
    }
}

/// The lab of the demo; taken down when dropped.
struct Lab(String);

impl Lab {
    /// `None`, loudly, where the system forbids it.
    fn up() -> Option<Self> {
        let topology = root().join("crates/lab/topologies/demo6.yaml").display().to_string();
        let lab = Self(format!("walk-{}", std::process::id()));
        let up = opengslb(&["lab", "up", &topology, "--name", &lab.0]).output().unwrap();
        let said = said(&up);
        if said.contains("does not let you make user namespaces") {
            report(&format!("SKIPPED: opengslb lab up: {said}"));
            return None;
        }
        assert!(up.status.success(), "{said}");
        Some(lab)
    }

    fn command(&self, host: &str, command: &str) -> Command {
        opengslb(&["lab", "exec", "--lab", &self.0, host, "--", "sh", "-c", command])
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = opengslb(&["lab", "down", &self.0]).output();
    }
}

fn opengslb(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
    command.args(words).env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

/// Who walks: where they are in a copy of the repository, and which machine they are logged in to.
struct Walker {
    lab: Lab,
    directory: PathBuf,
    host: Option<&'static str>,
    going_on: Vec<(String, Child)>,
    run: usize,
}

impl Walker {
    fn take(&mut self, step: &Step<'_>) {
        match step.place {
            "word" => {}
            "azure" => self.log_in(step.command),
            "copy" => self.in_the_copy(step),
            "host" => {
                let host = self.host.unwrap_or_else(|| panic!("nowhere: {}", step.command));
                self.in_the_lab(host, step);
            }
            host => self.in_the_lab(host, step),
        }
    }

    /// The output that a login names is a machine's address: that machine is where the next commands run.
    fn log_in(&mut self, command: &str) {
        if command.starts_with("ssh ") {
            let output = crate::facts::OUTPUTS.iter().find(|(output, _)| command.contains(output));
            self.host = Some(output.unwrap_or_else(|| panic!("nobody's output: {command}")).1);
        }
    }

    fn in_the_copy(&mut self, step: &Step<'_>) {
        // By the way that was taken there, links and all; whoever has logged out is back beside what they made.
        let stand = match step.command {
            "cd terraform" => self.directory.parent().unwrap().to_owned(),
            _ => self.directory.clone(),
        };
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{} && pwd", step.command)])
            .current_dir(&stand)
            .env("PWD", &stand);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}: {}", step.command, said(&output));
        self.directory = String::from_utf8(output.stdout).unwrap().trim().into();
        self.run += 1;
    }

    fn in_the_lab(&mut self, host: &str, step: &Step<'_>) {
        self.run += 1;
        let mut command = self.lab.command(host, step.command);
        if step.parts == [GOES_ON] {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            self.going_on.push((step.command.to_owned(), command.spawn().unwrap()));
            return;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let output = command.output().unwrap();
            let said = said(&output);
            if ["ss: not found", "getcap: not found"].iter().any(|tool| said.contains(tool)) {
                return report(&format!("SKIPPED: {}: {said}", step.command));
            }
            if output.status.success() && step.parts.iter().all(|part| said.contains(part)) {
                return;
            }
            assert!(Instant::now() < until, "{host}$ {}: {said}", step.command);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// What still runs is ended, or waited for where the whole of it is wanted.
    fn end(mut self) -> usize {
        for (command, mut child) in std::mem::take(&mut self.going_on) {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none_or(|status| status.success()), "{command}: {ended:?}");
            if std::env::var("OPENGSLB_WALK").as_deref() == Ok("whole") {
                assert!(child.wait().unwrap().success(), "{command}");
            } else {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        self.run
    }
}

/// The whole walk, in its order, on one lab and in one copy.
#[test]
fn every_command_is_run_or_needs_azure() {
    let Some(lab) = Lab::up() else { return };
    let copy = tempfile::tempdir().unwrap();
    let repository = copy.path().join("OpenGSLB");
    for folder in ["demos", "deploy"] {
        let copied = copy_of(&root().join(folder), &repository.join(folder));
        assert!(copied.success(), "{folder}");
    }
    let walk = read("crates/opengslb/tests/azure/testdata/walk.txt");
    let directory = copy.path().to_owned();
    let mut walker = Walker { lab, directory, host: None, going_on: Vec::new(), run: 0 };
    let steps = steps(&walk);
    steps.iter().for_each(|step| walker.take(step));
    assert!(repository.join("deploy/azure/terraform.tfvars").exists(), "the link leads there");
    let is_counted = |step: &&Step<'_>| !["azure", "word"].contains(&step.place);
    assert_eq!(walker.end(), steps.iter().filter(is_counted).count());
}

fn copy_of(from: &Path, to: &Path) -> std::process::ExitStatus {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    Command::new("cp").arg("-a").args([from, to]).status().unwrap()
}
