//! What can go wrong for a while, and how it is brought about on the lab's hosts. Decides nothing.

use std::fmt;
use std::net::IpAddr;

use super::etcd;
use super::outages::Part;
use crate::topology::{Host, Role, Topology};

/// The kinds, as `--faults` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A process dies by SIGKILL and is started again.
    Kill,
    /// A process is stopped by SIGSTOP and goes on by SIGCONT.
    Pause,
    /// Hosts do not reach one another.
    Partition,
    /// Hosts reach one another slowly.
    Slow,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Kill, Self::Pause, Self::Partition, Self::Slow];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Partition => "partition",
            Self::Slow => "slow",
        }
    }
}

/// What becomes of whom; a line of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scene {
    /// The process that answers DNS dies.
    OverwatchKilled,
    /// It stands still; the kernel goes on taking its packets.
    OverwatchPaused,
    /// The agent beside a server dies; the server serves.
    AgentKilled,
    /// It stands still.
    AgentPaused,
    /// The server dies; its agent lives.
    ServerKilled,
    /// It stands still: it takes connections and says nothing.
    ServerPaused,
    /// Two overwatches do not reach one another.
    OverwatchesApart,
    /// One overwatch reaches clients alone: no other overwatch, no server, no agent, no etcd.
    OverwatchAlone,
    /// A server's host and one overwatch do not reach one another.
    AgentApart,
    /// A server's host reaches no overwatch, and clients all the same.
    AgentAlone,
    /// Two overwatches reach one another slowly.
    OverwatchesSlow,
    /// A server's host and one overwatch, likewise.
    AgentSlow,
    /// What holds the operators' words dies; only where there is one.
    EtcdKilled,
}

impl Scene {
    pub(super) const ALL: [Self; 13] = [
        Self::OverwatchKilled,
        Self::OverwatchPaused,
        Self::AgentKilled,
        Self::AgentPaused,
        Self::ServerKilled,
        Self::ServerPaused,
        Self::OverwatchesApart,
        Self::OverwatchAlone,
        Self::AgentApart,
        Self::AgentAlone,
        Self::OverwatchesSlow,
        Self::AgentSlow,
        Self::EtcdKilled,
    ];

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::OverwatchKilled | Self::AgentKilled | Self::ServerKilled | Self::EtcdKilled => {
                Kind::Kill
            }
            Self::OverwatchPaused | Self::AgentPaused | Self::ServerPaused => Kind::Pause,
            Self::OverwatchesApart | Self::OverwatchAlone | Self::AgentApart | Self::AgentAlone => {
                Kind::Partition
            }
            Self::OverwatchesSlow | Self::AgentSlow => Kind::Slow,
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::OverwatchKilled => "an overwatch killed",
            Self::OverwatchPaused => "an overwatch paused",
            Self::AgentKilled => "an agent killed",
            Self::AgentPaused => "an agent paused",
            Self::ServerKilled => "a server killed",
            Self::ServerPaused => "a server paused",
            Self::OverwatchesApart => "two overwatches apart",
            Self::OverwatchAlone => "an overwatch alone",
            Self::AgentApart => "an agent and an overwatch apart",
            Self::AgentAlone => "an agent and all overwatches apart",
            Self::OverwatchesSlow => "overwatches far from one another",
            Self::AgentSlow => "an agent far from an overwatch",
            Self::EtcdKilled => "etcd killed",
        }
    }
}

/// A process of a host, by its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) host: String,
    /// `opengslb` or `web`.
    pub(super) unit: &'static str,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Kill(Process),
    Pause(Process),
    /// Etcd dies, and is started again.
    KillEtcd,
    /// The ways between one host and others.
    Cut(String, Vec<String>),
    /// The same, with so many milliseconds more for a round trip.
    Slow(String, Vec<String>, u32),
}

impl Fault {
    /// The host and the command that begin it; `None` for etcd, which no host's `systemctl` knows.
    pub(super) fn begin(&self) -> Option<(&str, String)> {
        Some(match self {
            Self::KillEtcd => return None,
            Self::Kill(Process { host, unit }) => (host, format!("systemctl kill -s KILL {unit}")),
            Self::Pause(Process { host, unit }) => (host, format!("systemctl kill -s STOP {unit}")),
            Self::Cut(host, others) => (host, format!("set-link {host} {} cut", others.join(","))),
            Self::Slow(host, others, ms) => {
                (host, format!("set-link {host} {} slow {ms}", others.join(",")))
            }
        })
    }

    /// The host and the command that end it, likewise.
    pub(super) fn end(&self) -> Option<(&str, String)> {
        Some(match self {
            Self::KillEtcd => return None,
            Self::Kill(Process { host, unit }) => (host, format!("systemctl start {unit}")),
            Self::Pause(Process { host, unit }) => (host, format!("systemctl kill -s CONT {unit}")),
            Self::Cut(host, others) | Self::Slow(host, others, _) => {
                (host, format!("set-link {host} {} mended", others.join(",")))
            }
        })
    }

    /// The process that does not run meanwhile.
    pub(super) const fn stops(&self) -> Option<&Process> {
        match self {
            Self::Kill(process) | Self::Pause(process) => Some(process),
            Self::KillEtcd | Self::Cut(..) | Self::Slow(..) => None,
        }
    }

    /// What is missing meanwhile, as far as a judge has to know.
    pub(super) fn parts(&self, topology: &Topology) -> Vec<Part> {
        let host = |name: &String| topology.host(name).map(|(_, host)| host);
        let address = |name: &String| host(name).and_then(Host::ipv4);
        let ways = |name: &String, others: &[String], part: fn(IpAddr, IpAddr) -> Part| {
            let pair = |other| Some(part(address(name)?, address(other)?));
            others.iter().filter_map(pair).collect()
        };
        match self {
            Self::Kill(it) | Self::Pause(it) => {
                // Without its agent a server serves.
                let matters = it.unit == "web"
                    || host(&it.host).is_some_and(|host| host.role == Role::Overwatch);
                let address = address(&it.host).filter(|_| matters);
                address.map(Part::Process).into_iter().collect()
            }
            Self::KillEtcd => {
                address(&etcd::HOST.to_owned()).map(Part::Process).into_iter().collect()
            }
            Self::Cut(host, others) => ways(host, others, Part::way),
            Self::Slow(host, others, _) => ways(host, others, Part::slow),
        }
    }
}

/// One by its name, several by what they are.
fn whom(others: &[String]) -> &str {
    match others {
        [one] => one,
        all if all.iter().all(|name| name.starts_with("overwatch-")) => "all overwatches",
        _ => "anybody but clients",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A server and the agent beside it stand on one host.
        let who = |process: &Process| match (process.unit, process.host.strip_prefix("server-")) {
            ("opengslb", Some(place)) => format!("agent-{place}"),
            _ => process.host.clone(),
        };
        match self {
            Self::Kill(process) => write!(f, "{} killed", who(process)),
            Self::Pause(process) => write!(f, "{} paused", who(process)),
            Self::KillEtcd => f.write_str("etcd killed"),
            Self::Cut(host, others) => write!(f, "{host} without {}", whom(others)),
            Self::Slow(host, others, ms) => {
                write!(f, "{host} {ms} ms farther from {}", whom(others))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: &Fault, expect: &[Part]) {
        let topology: Topology = etcd::topology(true).parse().unwrap();
        assert_eq!(fault.parts(&topology), expect, "{fault}");
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_judge_learns_what_others_miss() {
        let names = |names: &[&str]| names.iter().copied().map(str::to_owned).collect();
        let process = |host: &str, unit| Process { host: host.to_owned(), unit };
        let overwatch = Part::Process(at("10.1.1.10"));
        check(&Fault::Kill(process("overwatch-us", "opengslb")), &[overwatch]);
        let server = Part::Process(at("10.1.2.10"));
        check(&Fault::Pause(process("server-us", "web")), &[server]);
        check(&Fault::Kill(process("server-us", "opengslb")), &[]);
        check(&Fault::KillEtcd, &[Part::Process(at("10.2.5.10"))]);
        let ways = [("10.1.1.10", "10.2.1.10"), ("10.1.1.10", "10.2.5.10")];
        let ways = ways.map(|(one, other)| Part::way(at(one), at(other)));
        let cut = Fault::Cut("overwatch-us".to_owned(), names(&["overwatch-eu", "etcd"]));
        check(&cut, &ways);
        let slow = Fault::Slow("server-us".to_owned(), names(&["overwatch-us"]), 300);
        check(&slow, &[Part::slow(at("10.1.1.10"), at("10.1.2.10"))]);
    }
}
