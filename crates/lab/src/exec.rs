//! Running a command on a host of a lab, from outside.
//!
//! The process enters the lab's namespaces in the order user, process, mount, then the host's
//! network and name, and starts the command from there. It must have one thread.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::files::{Lab, Layout};
use crate::sys::{caps, namespaces, process};

/// What a shell says where a command cannot be run.
const CANNOT_RUN: u8 = 127;

/// Enters `host` of `lab`. From here on this process sees what the host sees.
fn enter(lab: &Lab, host: &str) -> anyhow::Result<()> {
    let before = std::env::current_dir();
    let namespaces = Path::new("/proc").join(lab.record.init.to_string()).join("ns");
    // All are opened first: once inside, the outer /proc is out of sight.
    let kinds = [("user", namespaces::USER), ("pid", namespaces::PID), ("mnt", namespaces::MOUNT)];
    let mut files = Vec::new();
    for (name, kind) in kinds {
        let path = namespaces.join(name);
        // Root's lab may be without a user namespace of its own; one's own cannot be entered.
        let own = std::fs::metadata(Path::new("/proc/self/ns").join(name))?.ino();
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        if name != "user" || file.metadata()?.ino() != own {
            files.push((file, kind));
        }
    }
    for (file, kind) in files {
        namespaces::enter_file(&file, kind).context("entering the lab")?;
    }
    let layout = Layout::new(&lab.directory);
    namespaces::enter(&layout.net(host), namespaces::NET).context("entering the host")?;
    namespaces::enter(&layout.uts(host), namespaces::UTS).context("entering the host")?;
    // The files are the same inside; where they are not, "/" will do.
    let _ = before.and_then(std::env::set_current_dir);
    Ok(())
}

/// Runs a command on a host and waits for its end.
pub(crate) fn run(lab: &Lab, host: &str, command: &[String]) -> anyhow::Result<ExitCode> {
    let topology = lab.topology()?;
    if topology.host(host).is_none() {
        let names: Vec<&str> = topology.hosts.iter().map(|host| host.name.as_str()).collect();
        bail!("{} has no host {host:?}; it has {}", lab.record.name, names.join(", "));
    }
    enter(lab, host)?;
    process::ignore_keyboard_signals();
    let layout = Layout::new(&lab.directory);
    let mut child = Command::new(layout.binary());
    child.args(["lab", "__command"]).args(command).env("PATH", search_path(&layout));
    child.env("OPENGSLB_LAB", &lab.directory).env("OPENGSLB_LAB_NAME", &lab.record.name);
    let status = child.status().context("starting the command")?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Ours first, then the caller's; `sbin` is missing from many users' paths.
fn search_path(layout: &Layout) -> OsString {
    let mut path = layout.bin().into_os_string();
    if let Some(outer) = std::env::var_os("PATH") {
        path.push(":");
        path.push(outer);
    }
    path.push(":/usr/sbin:/sbin");
    path
}

/// `lab __command COMMAND...`: becomes the command; dies with whoever asked for it.
pub(crate) fn become_command(command: &[String]) -> anyhow::Result<ExitCode> {
    process::die_with_parent()?;
    process::default_keyboard_signals();
    Ok(replace(command))
}

/// `lab __unprivileged USER COMMAND...`: becomes the command, without any capability.
pub(crate) fn become_unprivileged(args: &[String]) -> anyhow::Result<ExitCode> {
    let Some((user, command)) = args.split_first() else { bail!("no command") };
    let user = if user == "same" { None } else { Some(user.parse().context("a user id")?) };
    caps::drop_all(user).context("giving up capabilities")?;
    // Changing the user cleared it.
    process::die_with_parent()?;
    Ok(replace(command))
}

fn replace(command: &[String]) -> ExitCode {
    let Some((program, args)) = command.split_first() else { return ExitCode::from(CANNOT_RUN) };
    let error = Command::new(program).args(args).exec();
    crate::complain(&format!("{program}: {error}"));
    ExitCode::from(CANNOT_RUN)
}
