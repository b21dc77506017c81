//! A host: keeps its namespaces, runs its daemon and its web server, answers `systemctl`.
//!
//! - `daemon`: the product,
//! - `web_server`: what it balances.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::addresses::{self, HOST_INTERFACE};
use crate::files::{self, Layout};
use crate::supervisor;
use crate::sys::namespaces::{self, Mount};
use crate::sys::netlink::{self, Netlink};
use crate::sys::{packet, process};
use crate::topology::{Host, Role};

mod daemon;
use daemon::Daemon;

mod web_server;
use web_server::WebServer;

/// How often it is looked whether the daemon has ended.
const LOOK: Duration = Duration::from_millis(200);
/// A request to the host is one short line.
const REQUEST_BYTES: u64 = 256;
/// Whoever asks and then says nothing is hung up on.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// `lab __host DIRECTORY NAME`.
pub(crate) fn run(directory: &Path, name: &str) -> anyhow::Result<()> {
    process::die_with_parent()?;
    let topology = files::read_topology(directory)?;
    let layout = Layout::new(directory);
    let (index, host) = topology.host(name).context("no such host")?;
    let result = serve(&layout, index, host);
    if let Err(error) = &result {
        crate::say(&supervisor::one_line(error));
    }
    result
}

fn serve(layout: &Layout, index: usize, host: &Host) -> anyhow::Result<()> {
    namespaces::unshare(namespaces::NET | namespaces::UTS).context("a network namespace")?;
    namespaces::set_host_name(&host.name)?;
    for (kind, target) in [("net", layout.net(&host.name)), ("uts", layout.uts(&host.name))] {
        std::fs::File::create(&target)?;
        let source = Path::new("/proc/self/ns").join(kind);
        namespaces::mount(&Mount::Bind { source: &source, target: &target })
            .with_context(|| format!("keeping the {kind} namespace"))?;
    }
    crate::say("unshared");
    hear("cabled")?;
    configure_network(host).with_context(|| format!("the network of host {index}"))?;
    crate::say("networked");
    hear("start")?;
    let listener = UnixListener::bind(layout.control(&host.name))?;
    listener.set_nonblocking(true)?;
    let mut web = WebServer::new(layout);
    if host.role == Role::Backend {
        web.start()?;
    }
    let mut daemon = Daemon::new(layout, host);
    daemon.start()?;
    crate::say("started");
    loop {
        daemon.notice_end();
        process::wait_readable(&[listener.as_fd()], Some(LOOK))?;
        if let Ok((stream, _)) = listener.accept() {
            // A caller who hangs up early is no concern of the host.
            drop(answer(stream, &mut daemon, &mut web));
        }
    }
}

fn hear(word: &str) -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    if line.trim_end() != word {
        bail!("expected to hear {word:?}");
    }
    Ok(())
}

fn configure_network(host: &Host) -> anyhow::Result<()> {
    let mut netlink = Netlink::open()?;
    let (lo, eth) = (netlink::interface_index("lo")?, netlink::interface_index(HOST_INTERFACE)?);
    netlink.set_up(lo).context("switching lo on")?;
    packet::switch_offloads_off(HOST_INTERFACE).context("switching offloads off")?;
    netlink.set_up(eth).context("switching the interface on")?;
    for address in &host.addresses {
        netlink.add_address(eth, *address).with_context(|| format!("the address {address}"))?;
    }
    for network in &host.networks {
        netlink.add_local_network(lo, *network).with_context(|| format!("network {network}"))?;
    }
    let routes: [(Option<IpAddr>, IpAddr); 2] =
        [(host.ipv4(), addresses::GATEWAY_V4), (host.ipv6(), addresses::GATEWAY_V6)];
    for (source, gateway) in routes {
        if let Some(source) = source {
            netlink.add_default_route(eth, gateway, source).context("the default route")?;
        }
    }
    Ok(())
}

/// One request of `systemctl`, as [`ask`] sends it.
fn answer(
    stream: UnixStream,
    daemon: &mut Daemon<'_>,
    web: &mut WebServer<'_>,
) -> anyhow::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new((&stream).take(REQUEST_BYTES)).read_line(&mut line)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let done = match words.as_slice() {
        ["opengslb", "start"] => daemon.start(),
        ["opengslb", "stop"] => daemon.stop(),
        ["opengslb", "restart"] => daemon.stop().and_then(|()| daemon.start()),
        ["opengslb", "kill", name] => signal(name).and_then(|signal| daemon.signal(signal)),
        ["web", "start"] => web.start(),
        ["web", "kill", name] => signal(name).and_then(|signal| web.signal(signal)),
        ["opengslb" | "web", "status"] => Ok(()),
        _ => Err(anyhow::anyhow!("what is {:?}?", line.trim_end())),
    };
    let is_web = words.first() == Some(&"web");
    match done {
        Ok(()) if is_web => write!(&stream, "ok {}", web.describe())?,
        Ok(()) => write!(&stream, "ok {}", daemon.describe())?,
        Err(error) => write!(&stream, "failed {error:#}")?,
    }
    Ok(())
}

/// A signal by its name or number.
fn signal(name: &str) -> anyhow::Result<libc::c_int> {
    Ok(match name.strip_prefix("SIG").unwrap_or(name) {
        "KILL" | "9" => libc::SIGKILL,
        "TERM" | "15" => libc::SIGTERM,
        "HUP" | "1" => libc::SIGHUP,
        "STOP" | "19" => libc::SIGSTOP,
        "CONT" | "18" => libc::SIGCONT,
        _ => bail!("only KILL, TERM, HUP, STOP and CONT can be sent"),
    })
}

/// Asks the host called `name` from inside the lab; the unit's state is the answer.
pub(crate) fn ask(layout: &Layout, name: &str, request: &str) -> anyhow::Result<String> {
    let path = layout.control(name);
    let mut stream = UnixStream::connect(&path)
        .with_context(|| format!("reaching the host at {}", path.display()))?;
    writeln!(stream, "{request}")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    match text.split_once(' ') {
        Some(("ok", state)) => Ok(state.to_owned()),
        Some(("failed", why)) => bail!("{why}"),
        _ => bail!("the host gave no answer"),
    }
}
