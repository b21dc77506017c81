//! The words behind `opengslb lab`, and the hidden ones with which the lab starts itself.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::topology::{self, Role, Topology};
use crate::{chaos, demo6, exec, files, host, init, learning, relay, supervisor, web};

const HELP: &str = "\
Three regions on one machine: real kernels, real distances, no root.

  opengslb lab demo6                       run the six steps of the demo, then leave nothing behind
  opengslb lab learning                    watch the learning correct a wrong map, likewise
  opengslb lab chaos [--minutes 2]         bad days under load: kills, pauses, partitions, slow ways;
                                           also --seed N, --faults kill,pause,partition,slow, --steps N,
                                           --etcd (operators change things, and etcd dies)
  opengslb lab up [TOPOLOGY] [--name NAME] build a lab and keep it (default: the demo's)
  opengslb lab exec HOST [-- COMMAND...]   run a command on a host (default: a shell)
  opengslb lab list                        show what is up
  opengslb lab down [NAME]                 take it down; --all for every lab
  opengslb lab topology [learning|chaos]   print the demo's topology, to start your own from

`exec` takes --lab NAME where several labs are up. On every host:

  test-cluster                             is everything connected and healthy?
  generate-traffic RATE SECONDS            connections per second to every backend
  make-connections HOST COUNT [AT_ONCE]    an exact number of connections to one backend
  follow-dns RATE SECONDS                  connections per second to where the overwatch says
  ask-dns RATE SECONDS                     questions per second, tried again at a second nameserver
  set-link HOSTS HOSTS cut                 cuts the way between hosts; also slow MILLISECONDS, mended
  journalctl -u opengslb                   the log of the host's daemon
  sudo systemctl restart opengslb          also start, stop, status, kill -s SIGNAL
";

/// Exit code for a command line that makes no sense (sysexits.h, `EX_USAGE`).
const USAGE: u8 = 64;

pub(crate) fn main(args: &[String]) -> ExitCode {
    match dispatch(args) {
        Ok(code) => code,
        Err(error) => {
            crate::complain(&format!("opengslb lab: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> anyhow::Result<ExitCode> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let rest = args.get(1..).unwrap_or_default();
    match words.as_slice() {
        ["demo6"] => return Ok(demo6::run()),
        ["learning"] => return Ok(learning::run()),
        ["chaos", ..] => return chaos::run(rest),
        ["up", ..] => up(rest)?,
        ["exec", ..] => return execute(rest),
        ["list"] => list()?,
        ["down"] => supervisor::down(&files::pick(None)?)?,
        ["down", "--all"] => files::labs()?.iter().try_for_each(supervisor::down)?,
        ["down", name] => supervisor::down(&files::pick(Some(name))?)?,
        ["topology"] => crate::say(topology::DEMO6.trim_end()),
        ["topology", "learning"] => crate::say(topology::LEARNING.trim_end()),
        ["topology", "chaos"] => crate::say(topology::CHAOS.trim_end()),
        ["help" | "--help" | "-h"] => crate::say(HELP.trim_end()),
        ["__supervise", ..] => supervisor::supervise(&supervisor::directory_of(rest)?)?,
        ["__init", ..] => init::run(&supervisor::directory_of(rest)?)?,
        ["__host", directory, name] => host::run(Path::new(directory), name)?,
        ["__relay", directory] => relay::run(Path::new(directory))?,
        ["__web"] => web::run()?,
        ["__command", ..] => return exec::become_command(rest),
        ["__unprivileged", ..] => return exec::become_unprivileged(rest),
        _ => {
            crate::complain(HELP.trim_end());
            return Ok(ExitCode::from(USAGE));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn up(args: &[String]) -> anyhow::Result<()> {
    let (mut file, mut name, mut words) = (None, None, args.iter());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--name" => name = Some(words.next().context("--name needs a name")?.clone()),
            option if option.starts_with('-') => bail!("lab up has no option {option}"),
            path => file = Some(path.to_owned()),
        }
    }
    let text = match &file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?,
        None => topology::DEMO6.to_owned(),
    };
    let origin = file.unwrap_or_else(|| "the demo's topology".into());
    let topology: Topology = text.parse().with_context(|| origin)?;
    let name = name.unwrap_or_else(|| topology.name.clone());
    if !topology::is_name(&name) {
        bail!("a lab's name has 1 to 32 characters of a-z, 0-9 and '-', not {name:?}");
    }
    let lab = supervisor::start(&name, &text)?.detach()?;
    crate::say(&format!("{} is up.\n", lab.record.name));
    show_hosts(&topology);
    let host = topology.with_role(Role::Traffic).chain(&topology.hosts).next();
    let host = host.map_or("HOST", |host| host.name.as_str());
    crate::say(&format!("\nTry:  opengslb lab exec {host} -- test-cluster"));
    crate::say(&format!("End:  opengslb lab down {}", lab.record.name));
    Ok(())
}

fn execute(args: &[String]) -> anyhow::Result<ExitCode> {
    let (lab, args) = match args {
        [option, name, rest @ ..] if option == "--lab" => (Some(name.as_str()), rest),
        _ => (None, args),
    };
    let Some((host, command)) = args.split_first() else {
        bail!("which host? `opengslb lab list` shows them")
    };
    let command = match command {
        [dashes, rest @ ..] if dashes == "--" => rest,
        command => command,
    };
    let shell = [std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into())];
    let command = if command.is_empty() { &shell } else { command };
    exec::run(&files::pick(lab)?, host, command)
}

fn list() -> anyhow::Result<()> {
    let labs = files::labs()?;
    if labs.is_empty() {
        crate::say("No lab is up. `opengslb lab up` builds the demo's.");
    }
    for (index, lab) in labs.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        crate::say(&format!("{gap}{} (process {})", lab.record.name, lab.record.supervisor));
        show_hosts(&lab.topology()?);
    }
    Ok(())
}

fn show_hosts(topology: &Topology) {
    let mut rows = vec![["HOST", "ROLE", "SITE", "REGION", "ADDRESSES"].map(str::to_owned)];
    for host in &topology.hosts {
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        let site = topology.sites.get(host.site).map_or("", |site| site.title.as_str());
        rows.push([
            host.name.clone(),
            format!("{:?}", host.role).to_lowercase(),
            site.to_owned(),
            topology.region_of(host).map_or_else(|| "-".into(), ToString::to_string),
            addresses.join(" "),
        ]);
    }
    for line in aligned(&rows) {
        crate::say(&format!("  {line}"));
    }
}

/// Rows as lines whose columns stand under one another.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(i, cell)| format!("{cell:<0$}", width(i)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["a    bb", "ccc  d"]);
    }
}
