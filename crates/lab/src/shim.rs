//! The commands that the lab's hosts have under the binary's own name.
//!
//! Some are the lab's own; `journalctl`, `systemctl` and `sudo` always take the place of the
//! machine's, which know nothing of a lab; look-alikes stand in only where the real tool is
//! missing, and do as much of it as one needs here.

mod cluster;

mod traffic;

mod connections;

mod follow;

mod ask;

mod set_link;

mod journal;

mod systemctl;

mod dig;

mod curl;

mod jq;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::files::{self, Layout};
use crate::sys::namespaces;
use crate::topology::{Host, Topology};

/// Commands that are always the lab's.
const OWN: [&str; 9] = [
    "test-cluster",
    "generate-traffic",
    "make-connections",
    "follow-dns",
    "ask-dns",
    "set-link",
    "journalctl",
    "systemctl",
    "sudo",
];
/// Look-alikes.
const STAND_INS: [&str; 3] = ["dig", "curl", "jq"];

/// The look-alikes that are needed on this machine.
pub(crate) fn stand_ins() -> Vec<&'static str> {
    STAND_INS.into_iter().filter(|name| !is_on_path(name)).collect()
}

/// All names to put on the hosts' path.
pub(crate) fn names_to_install() -> Vec<&'static str> {
    OWN.into_iter().chain(stand_ins()).collect()
}

/// Whether the machine has a program.
pub(crate) fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&path).chain(sbin).any(|directory| directory.join(name).is_file())
}

/// Runs the command called `name`, if it is one of ours.
pub(crate) fn run(name: &str, args: &[String]) -> Option<ExitCode> {
    let result = match name {
        "test-cluster" => cluster::run(),
        "generate-traffic" => traffic::run(args),
        "make-connections" => connections::run(args),
        "follow-dns" => follow::run(args),
        "ask-dns" => ask::run(args),
        "set-link" => set_link::run(args),
        "journalctl" => journal::run(args),
        "systemctl" => systemctl::run(args),
        "sudo" => sudo(args),
        "dig" => dig::run(args),
        "curl" => curl::run(args),
        "jq" => jq::run(args),
        _ => return None,
    };
    Some(result.unwrap_or_else(|error| {
        crate::complain(&format!("{name}: {error:#}"));
        ExitCode::FAILURE
    }))
}

/// The lab around a command, and the host it runs on.
struct Here {
    layout: Layout,
    topology: Topology,
    host: String,
}

impl Here {
    fn find() -> anyhow::Result<Self> {
        let directory = std::env::var_os("OPENGSLB_LAB")
            .context("this only runs on a host of a lab: opengslb lab exec HOST -- COMMAND")?;
        let directory = Path::new(&directory);
        let topology = files::read_topology(directory)?;
        Ok(Self { layout: Layout::new(directory), topology, host: namespaces::host_name()? })
    }

    fn host(&self) -> anyhow::Result<&Host> {
        let (_, host) = self.topology.host(&self.host).context("this is no host of the lab")?;
        Ok(host)
    }
}

/// On a lab's host everybody is root already.
fn sudo(args: &[String]) -> anyhow::Result<ExitCode> {
    let mut args = args;
    while let Some((option, rest)) = args.split_first().filter(|(word, _)| word.starts_with('-')) {
        // `-u USER` and the like would need other users.
        if !matches!(option.as_str(), "-n" | "-E" | "-H" | "--") {
            bail!("the lab's sudo has no option {option}");
        }
        args = rest;
    }
    let (program, args) = args.split_first().context("usage: sudo COMMAND...")?;
    let status = Command::new(program).args(args).status().with_context(|| program.clone())?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
