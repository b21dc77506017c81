//! Starting and ending a lab from outside.
//!
//! ```text
//! front (what the user runs)         may end at any time
//!   └ supervisor                     new user and process namespaces; removes the lab's directory
//!       └ init                       first process of the process namespace; see `init`
//! ```
//!
//! Each watches the pipe from its parent: its end is the parent's end. When init ends, the kernel
//! ends every process inside.

use std::fmt::Display;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use crate::files::{self, Lab, Record};
use crate::sys::{namespaces, process};
use crate::topology::Topology;

/// How often the pipes' ends and the stop flag are looked at when nothing happens.
const LOOK: Duration = Duration::from_millis(200);
/// Taking a lab down takes some 50 ms; after this the user hears that something is wrong.
const DOWN_MAX: Duration = Duration::from_secs(10);
/// Losing the race for the directory more often than this is no accident.
const MAKE_TRIES: usize = 10;
/// User ids that a root's lab maps: enough for 65534, "nobody".
const ID_RANGE: &str = "0 0 65536";

/// A lab whose life hangs on this process.
pub(crate) struct Attached {
    pub(crate) lab: Lab,
    supervisor: Child,
    /// Closing it takes the lab down.
    stdin: Option<ChildStdin>,
}

/// Builds a lab called `name` from the text of a topology.
pub(crate) fn start(name: &str, topology: &str) -> anyhow::Result<Attached> {
    topology.parse::<Topology>()?;
    // Also removes what was left behind, so it comes first.
    let labs = files::labs()?;
    if labs.iter().any(|lab| lab.record.name == name) {
        bail!("a lab called {name} is up already; `opengslb lab down {name}` ends it");
    }
    let directory = make_directory(name)?;
    let started = launch(name, &directory, topology);
    if started.is_err() {
        let _ = std::fs::remove_dir_all(&directory);
        tidy_base(&directory);
    }
    started
}

/// A directory for the lab. Another lab's end may remove the empty parent just before.
fn make_directory(name: &str) -> anyhow::Result<PathBuf> {
    for _ in 0..MAKE_TRIES {
        let directory = files::make_base()?.join(name);
        match std::fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| directory.display().to_string()),
        }
    }
    bail!("the directory for the lab is removed as often as it is made")
}

fn launch(name: &str, directory: &Path, topology: &str) -> anyhow::Result<Attached> {
    files::write_topology(directory, topology)?;
    let log = std::fs::File::create(directory.join(files::SUPERVISOR_LOG))?;
    let mut supervisor = Command::new(std::env::current_exe()?)
        .args(["lab", "__supervise"])
        .arg(directory)
        // No directory of the user's is held by what stays in the background.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .context("starting the supervisor")?;
    let pipes = (supervisor.stdin.take(), supervisor.stdout.take());
    let (Some(stdin), Some(stdout)) = pipes else { bail!("the supervisor has no pipes") };
    match converse(name, directory, (&mut supervisor, stdin, stdout)) {
        Ok((lab, stdin)) => Ok(Attached { lab, supervisor, stdin: Some(stdin) }),
        Err(error) => {
            let _ = supervisor.wait();
            let log = std::fs::read_to_string(directory.join(files::SUPERVISOR_LOG));
            match log.unwrap_or_default().trim() {
                "" => Err(error),
                log => Err(error.context(log.to_owned())),
            }
        }
    }
}

/// What front and supervisor say to each other until the lab is up.
fn converse(
    name: &str,
    directory: &Path,
    (supervisor, mut stdin, stdout): (&mut Child, ChildStdin, ChildStdout),
) -> anyhow::Result<(Lab, ChildStdin)> {
    let mut lines = BufReader::new(stdout).lines();
    let mut next = || lines.next().unwrap_or_else(|| Ok("failed the supervisor ended".into()));
    let mut init = None;
    loop {
        let line = next()?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("unshared", kind) => {
                if kind == "user" {
                    map_ids(supervisor.id())?;
                }
                writeln!(stdin, "mapped")?;
            }
            ("init", pid) => init = Some(pid.parse().context("the id of init")?),
            ("ready", _) => break,
            ("failed", why) => bail!("{}", why.replace('\t', "\n")),
            _ => bail!("the supervisor said {line:?}"),
        }
    }
    let record = Record {
        name: name.to_owned(),
        supervisor: supervisor.id(),
        supervisor_started: files::started_at(supervisor.id()).context("the supervisor ended")?,
        init: init.context("the supervisor did not say where init is")?,
    };
    let lab = Lab { directory: directory.to_owned(), record };
    lab.write_record()?;
    Ok((lab, stdin))
}

/// Gives the supervisor's user namespace its user ids: a range where the system lets us, else our
/// own as its root.
fn map_ids(supervisor: u32) -> anyhow::Result<()> {
    let write = |file: &str, text: &str| std::fs::write(format!("/proc/{supervisor}/{file}"), text);
    if process::user_id() == 0
        && write("uid_map", ID_RANGE).is_ok()
        && write("gid_map", ID_RANGE).is_ok()
    {
        return Ok(());
    }
    // Without this a user may not map groups (user_namespaces(7)).
    let _ = write("setgroups", "deny");
    let single = |id: u32| format!("0 {id} 1");
    // After a failed gid_map the uid_map stands already.
    let _ = write("uid_map", &single(process::user_id()));
    write("gid_map", &single(process::group_id())).map_err(|error| forbidden(&error))
}

impl Attached {
    /// Lets the lab outlive this process.
    pub(crate) fn detach(mut self) -> anyhow::Result<Lab> {
        if let Some(mut stdin) = self.stdin.take() {
            writeln!(stdin, "stay").context("the supervisor ended")?;
        }
        Ok(self.lab.clone())
    }

    /// Has the lab ended by itself?
    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.supervisor.try_wait(), Ok(None))
    }

    /// Takes the lab down and waits until nothing is left.
    pub(crate) fn down(mut self) {
        self.stdin = None;
        let _ = self.supervisor.wait();
    }
}

/// Takes a lab down that another process started.
pub(crate) fn down(lab: &Lab) -> anyhow::Result<()> {
    process::kill(lab.record.supervisor, libc::SIGTERM).context("stopping the supervisor")?;
    let until = Instant::now() + DOWN_MAX;
    while files::started_at(lab.record.supervisor) == Some(lab.record.supervisor_started) {
        if Instant::now() > until {
            bail!("the supervisor (process {}) does not end", lab.record.supervisor);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// What to do where the system forbids user namespaces.
const ADVICE: &str = "\
Allow them, as root, with whichever of these exists here:
  sysctl -w user.max_user_namespaces=15000
  sysctl -w kernel.unprivileged_userns_clone=1
  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
or run the lab as root. In a container: start it with --privileged or without its seccomp profile.";

/// The refusal `cause` as a user should read it.
pub(crate) fn forbidden(cause: &dyn Display) -> anyhow::Error {
    anyhow!(
        "this system does not let you make user namespaces, which the lab needs ({cause}).\n{ADVICE}"
    )
}

/// `lab __supervise DIRECTORY`.
pub(crate) fn supervise(directory: &Path) -> anyhow::Result<()> {
    process::new_session()?;
    process::catch_stop_signals()?;
    let result = keep(directory);
    if let Err(error) = &result {
        crate::say(&format!("failed {}", one_line(error)));
    }
    let _ = std::fs::remove_dir_all(directory);
    tidy_base(directory);
    // The reason was told through the pipe.
    Ok(())
}

/// An error as the processes of a lab pass it on: they read lines, so tabs stand for line ends.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").replace('\n', "\t")
}

/// Removes the directory of all labs if this was the last one.
fn tidy_base(directory: &Path) {
    if let Some(base) = directory.parent() {
        let _ = std::fs::remove_dir(base);
    }
}

fn keep(directory: &Path) -> anyhow::Result<()> {
    let inner = namespaces::PID | namespaces::NET | namespaces::UTS;
    match namespaces::unshare(namespaces::USER | inner) {
        Ok(()) => crate::say("unshared user"),
        // Root needs no user namespace.
        Err(error) if namespaces::unshare(inner).is_err() => return Err(forbidden(&error)),
        Err(_) => crate::say("unshared root"),
    }
    let mut stdin = std::io::stdin();
    let mut line = [0; 7];
    stdin.read_exact(&mut line).map_err(|_| anyhow!("the lab was stopped while it started"))?;
    let binary = std::env::current_exe()?;
    let mut init = Command::new(binary)
        .args(["lab", "__init"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the first process inside")?;
    crate::say(&format!("init {}", init.id()));
    let result = watch(&mut init);
    let _ = init.kill();
    let _ = init.wait();
    result
}

/// Passes on what init says, until it ends, or front ends, or someone stops us.
fn watch(init: &mut Child) -> anyhow::Result<()> {
    let (stdin, mut inside) = (std::io::stdin(), init.stdout.take());
    let (mut stays, mut buffer) = (false, [0; 4096]);
    while !process::stop_requested() {
        let fds: Vec<BorrowedFd<'_>> = match (&inside, stays) {
            (Some(inside), false) => vec![inside.as_fd(), stdin.as_fd()],
            (Some(inside), true) => vec![inside.as_fd()],
            (None, _) => bail!("the first process inside ended"),
        };
        let readable = process::wait_readable(&fds, Some(LOOK))?;
        if readable.first() == Some(&true) {
            let length = inside.as_mut().map_or(Ok(0), |inside| inside.read(&mut buffer))?;
            if length == 0 {
                inside = None;
            }
            crate::say_raw(buffer.get(..length).unwrap_or_default());
        }
        if readable.get(1) == Some(&true) {
            // "stay", or the end of front.
            if std::io::stdin().read(&mut buffer)? == 0 {
                return Ok(());
            }
            stays = true;
        }
    }
    Ok(())
}

/// The path of a directory that a hidden command was given.
pub(crate) fn directory_of(args: &[String]) -> anyhow::Result<PathBuf> {
    args.first().map(PathBuf::from).context("the directory of a lab is missing")
}
