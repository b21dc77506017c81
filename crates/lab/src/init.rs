//! The first process inside a lab: builds everything, then waits for the end.
//!
//! It lives in the wan, the namespace where all cables meet. As process 1 it must collect what
//! orphans leave, and when it ends the kernel ends every other process of the lab.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::files::{self, Layout};
use crate::sys::namespaces::{self, Mount};
use crate::sys::netlink::{self, Netlink};
use crate::sys::{packet, process};
use crate::topology::Topology;
use crate::{addresses, plan, shim, supervisor};

/// How often ended children are collected.
const REAP: Duration = Duration::from_millis(100);

/// A child and the pipes to it.
struct Helper {
    id: u32,
    name: String,
    stdin: ChildStdin,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Helper {
    /// Starts the binary with a hidden subcommand.
    fn start(binary: &Path, name: &str, args: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .arg("lab")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("{name} has no pipes")
        };
        let lines = BufReader::new(stdout).lines();
        Ok(Self { id: child.id(), name: name.to_owned(), stdin, lines })
    }

    fn expect(&mut self, word: &str) -> anyhow::Result<()> {
        match self.lines.next() {
            Some(Ok(line)) if line == word => Ok(()),
            Some(Ok(line)) => bail!("{}: {}", self.name, line.replace('\t', "\n")),
            _ => bail!("{} ended before it was {word}", self.name),
        }
    }

    fn tell(&mut self, word: &str) -> anyhow::Result<()> {
        writeln!(self.stdin, "{word}").with_context(|| format!("{} ended", self.name))
    }
}

/// `lab __init DIRECTORY`.
pub(crate) fn run(directory: &Path) -> anyhow::Result<()> {
    process::die_with_parent()?;
    process::catch_stop_signals()?;
    let result = build(directory).map_err(explain).and_then(|helpers| {
        crate::say("ready");
        wait(&helpers)
    });
    if let Err(error) = &result {
        crate::say(&format!("failed {}", supervisor::one_line(error)));
    }
    Ok(())
}

/// Some systems let anyone make user namespaces and then grant nothing inside (AppArmor's
/// restriction): what to do is the same.
fn explain(error: anyhow::Error) -> anyhow::Error {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    match cause.map(std::io::Error::kind) {
        Some(ErrorKind::PermissionDenied) => supervisor::forbidden(&format!("{error:#}")),
        _ => error,
    }
}

fn build(directory: &Path) -> anyhow::Result<Vec<Helper>> {
    let topology = files::read_topology(directory)?;
    let layout = furnish(directory, &topology)?;
    namespaces::set_host_name("wan").context("naming the wan")?;
    let mut netlink = Netlink::open()?;
    netlink.set_up(netlink::interface_index("lo")?).context("switching lo on")?;
    let binary = layout.binary();
    let path = directory.to_str().context("the lab's directory is not UTF-8")?;
    let mut helpers = Vec::new();
    for host in &topology.hosts {
        helpers.push(Helper::start(&binary, &host.name, &["__host", path, &host.name])?);
    }
    for (index, helper) in helpers.iter_mut().enumerate() {
        helper.expect("unshared")?;
        lay_cable(&mut netlink, &layout, index, &helper.name)
            .with_context(|| format!("the cable to {} (has this kernel veth?)", helper.name))?;
        helper.tell("cabled")?;
        helper.expect("networked")?;
    }
    let mut relay = Helper::start(&binary, "the relay", &["__relay", path])?;
    relay.expect("ready")?;
    for helper in &mut helpers {
        helper.tell("start")?;
        helper.expect("started")?;
    }
    helpers.push(relay);
    Ok(helpers)
}

/// The file system: memory over the lab's directory, the binary and its names, configurations.
fn furnish(directory: &Path, topology: &Topology) -> anyhow::Result<Layout> {
    let text = std::fs::read_to_string(directory.join("topology.yaml"))?;
    namespaces::unshare(namespaces::MOUNT).context("a mount namespace")?;
    namespaces::mount(&Mount::AllPrivate).context("keeping mounts inside")?;
    // A container may hide parts of /proc; then only the outer one can be had, which will do.
    let _ = namespaces::mount(&Mount::Proc { target: Path::new("/proc") });
    namespaces::mount(&Mount::Tmpfs { target: directory, options: c"mode=0755,size=512m" })
        .context("a file system in memory")?;
    files::write_topology(directory, &text)?;
    let layout = Layout::new(directory);
    std::fs::create_dir(layout.bin())?;
    let binary = layout.binary();
    std::fs::File::create(&binary)?;
    let source = Path::new("/proc/self/exe").canonicalize()?;
    namespaces::mount(&Mount::Bind { source: &source, target: &binary })
        .with_context(|| format!("showing {} inside", source.display()))?;
    for name in shim::names_to_install() {
        symlink("opengslb", layout.bin().join(name))?;
    }
    plan::write_all(&layout, topology)?;
    Ok(layout)
}

fn lay_cable(
    netlink: &mut Netlink,
    layout: &Layout,
    index: usize,
    host: &str,
) -> anyhow::Result<()> {
    let near = addresses::wan_interface(index);
    let namespace = std::fs::File::open(layout.net(host))?;
    netlink.add_veth(
        (&near, addresses::wan_mac(index)),
        (addresses::HOST_INTERFACE, addresses::host_mac(index)),
        &namespace,
    )?;
    netlink.set_up(netlink::interface_index(&near)?)?;
    packet::switch_offloads_off(&near).context("switching offloads off")
}

/// Collects ended children until one that matters ends, or the supervisor does.
fn wait(helpers: &[Helper]) -> anyhow::Result<()> {
    let names: HashMap<u32, &str> = helpers.iter().map(|h| (h.id, h.name.as_str())).collect();
    let stdin = std::io::stdin();
    while !process::stop_requested() {
        if process::wait_readable(&[stdin.as_fd()], Some(REAP))? == [true] {
            return Ok(());
        }
        while let Some(id) = process::reap() {
            if let Some(name) = names.get(&id) {
                bail!("{name} ended, so the lab does too");
            }
        }
    }
    Ok(())
}
