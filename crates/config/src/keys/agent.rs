//! Keys that only an agent reads.

use super::shared::{
    BOOL, DAY_MS, HOUR_MS, MESH_KEYS, NAME, NETWORKS, PATH, PORT, SECOND_MS, TOKEN, WEIGHT,
    duration, integer,
};
use super::{Key, Unset};
use crate::kind::{Kind, Scalar, Word};

const RTT_SOURCES: &[Word] = &[Word::plain("min"), Word::plain("smoothed")];
/// How an interval changes the average.
const AVERAGES: &[Word] = &[Word::plain("ewma"), Word::plain("robust")];

/// Something that cannot be more than all.
const PERCENT: Kind = Kind::One(Scalar::Number { above: 0.0, max: 100.0 });
/// A machine with a thousand tasks waiting for each processor answers nobody.
const LOAD: Kind = Kind::One(Scalar::Number { above: 0.0, max: 1_000.0 });

const fn threshold(path: &'static str, kind: Kind, default: &'static str) -> Key {
    let doc = "From here on the share goes down; below nine tenths of it the share comes back.";
    Key::new(path, kind, Unset::Default(default), doc)
}

const fn bleed_duration(path: &'static str) -> Key {
    let doc = "From the whole share to none, in ten steps; and back.";
    Key::new(path, duration(SECOND_MS, HOUR_MS), Unset::Default("30s"), doc)
}

pub(super) static KEYS: &[Key] = &[
    Key::section("agent", "What an agent needs; read in mode `agent`."),
    Key::section("agent.identity", "Who the agent is."),
    Key::new(
        "agent.identity.agent_id",
        NAME,
        Unset::HostName,
        "The agent's name, in its certificate, in logs and in the API.",
    ),
    Key::new(
        "agent.identity.service_token",
        TOKEN,
        Unset::Required,
        "Proves that the agent may speak for its services: one of the overwatch's \
         `overwatch.agent_tokens`. It never crosses the wire.",
    ),
    Key::new("agent.identity.region", NAME, Unset::Required, "The site the agent stands in."),
    Key::new(
        "agent.identity.cert_path",
        PATH,
        Unset::Default("/var/lib/opengslb/agent.crt"),
        "Its certificate; made at the first start.",
    ),
    Key::new(
        "agent.identity.key_path",
        PATH,
        Unset::Default("/var/lib/opengslb/agent.key"),
        "Its private key; made at the first start, readable by its owner only.",
    ),
    Key::new(
        "agent.backends",
        Kind::Sections { min: 1, max: 1_000, old_map: None, bare: None },
        Unset::Required,
        "The servers that the agent speaks for, on this machine or behind this proxy; at least \
         one. A port may carry several services: one entry each.",
    ),
    Key::new(
        "agent.backends[].service",
        NAME,
        Unset::Required,
        "What it serves: the name of a domain of the overwatch.",
    ),
    Key::new(
        "agent.backends[].address",
        Kind::One(Scalar::Address),
        Unset::Required,
        "The address that DNS answers with.",
    ),
    Key::new(
        "agent.backends[].port",
        PORT,
        Unset::Required,
        "The port that clients connect to and that checks go to.",
    ),
    Key::new(
        "agent.backends[].listen_port",
        PORT,
        Unset::Same("port"),
        "The local port on which the clients' connections end, where the agent stands on a proxy \
         that listens on another port than the server.",
    ),
    Key::new(
        "agent.backends[].weight",
        WEIGHT,
        Unset::Default("100"),
        "Its share among the servers of its region; 0 takes it out of the answers.",
    ),
    Key::new(
        "agent.backends[].health_check",
        Kind::Like("<health_check>"),
        Unset::Nothing("its keys' defaults"),
        "How the agent checks it, and how the overwatches check it again.",
    ),
    Key::section("agent.gossip", "The mesh of agents and overwatches."),
    Key::new(
        "agent.gossip.encryption_key",
        MESH_KEYS,
        Unset::Required,
        "The key that all members share. Two while it is changed: the new one first.",
    ),
    Key::new(
        "agent.gossip.overwatch_nodes",
        Kind::List { of: &Scalar::HostPort, min: 1, max: 64 },
        Unset::Required,
        "The overwatches to report to. The agent learns of others from any of them.",
    ),
    Key::section("agent.heartbeat", "How the overwatches know that the agent is there."),
    Key::new(
        "agent.heartbeat.interval",
        duration(SECOND_MS, HOUR_MS),
        Unset::Default("10s"),
        "From one heartbeat to the next.",
    ),
    Key::new(
        "agent.heartbeat.missed_threshold",
        integer(1, 100),
        Unset::Default("3"),
        "Heartbeats that may be missed before the agent's backends are stale.",
    ),
    Key::section("agent.latency_learning", "How RTTs are learned from the kernel's connections."),
    Key::new("agent.latency_learning.enabled", BOOL, Unset::Default("true"), "Whether to learn."),
    Key::new(
        "agent.latency_learning.poll_interval",
        duration(100, HOUR_MS),
        Unset::Default("10s"),
        "How often open connections are read, and one step of each average is taken.",
    ),
    Key::new(
        "agent.latency_learning.min_connection_age",
        duration(0, HOUR_MS),
        Unset::Default("5s"),
        "Open connections younger than this are not counted yet; closed ones always are.",
    ),
    Key::new(
        "agent.latency_learning.ipv4_prefix",
        integer(8, 32),
        Unset::Default("24"),
        "The width of the client networks that are learned, for IPv4.",
    ),
    Key::new(
        "agent.latency_learning.ipv6_prefix",
        integer(16, 128),
        Unset::Default("48"),
        "The width of the client networks that are learned, for IPv6.",
    ),
    Key::new(
        "agent.latency_learning.ewma_alpha",
        Kind::One(Scalar::Number { above: 0.0, max: 1.0 }),
        Unset::Default("0.3"),
        "The weight of the newest interval in the average; 1 forgets all before it.",
    ),
    Key::new(
        "agent.latency_learning.average",
        Kind::One(Scalar::Word(AVERAGES)),
        Unset::Default("ewma"),
        "`ewma` takes every interval as it is; `robust` counts one far above the average as a \
         little above it, so that a spike passes and a path that became longer is followed some \
         intervals later.",
    ),
    Key::new(
        "agent.latency_learning.max_subnets",
        integer(1, 10_000_000),
        Unset::Default("100000"),
        "The most rows that are kept, one for each port and client network; at the limit the one \
         seen longest ago leaves.",
    ),
    Key::new(
        "agent.latency_learning.subnet_ttl",
        duration(SECOND_MS, 7 * DAY_MS),
        Unset::Default("168h"),
        "How long a network is kept after its last connection, here and by overwatches, which keep none for \
         longer than a week.",
    ),
    Key::new(
        "agent.latency_learning.min_samples",
        integer(1, 1_000_000),
        Unset::Default("1"),
        "Connections that a network needs before it is reported. One already tells something about \
         its neighbours; how many a network needs to be steered by is the domain's to say.",
    ),
    Key::new(
        "agent.latency_learning.report_interval",
        duration(100, HOUR_MS),
        Unset::Default("30s"),
        "How often the overwatches are told.",
    ),
    Key::new(
        "agent.latency_learning.rtt_source",
        Kind::One(Scalar::Word(RTT_SOURCES)),
        Unset::Default("min"),
        "Which of the kernel's numbers is taken: the minimum, which is the path, or the smoothed \
         one, which delayed acknowledgements inflate.",
    ),
    Key::new(
        "agent.latency_learning.exclude",
        NETWORKS,
        Unset::Default("[]"),
        "Clients that are not clients: load balancers, monitors. The overwatches' own checks are \
         left out without being named.",
    ),
    Key::new(
        "agent.latency_learning.all_network_namespaces",
        BOOL,
        Unset::Default("false"),
        "Whether connections that end in other network namespaces count too: in all that the agent's own \
         has an id for, as a node's has for its containers'. Open ones are seen in its own alone. Needs \
         `CAP_NET_BROADCAST`. Means nothing on Windows.",
    ),
    Key::section(
        "agent.predictive",
        "Taking load off a server before it fails: while one of its signals is over its threshold \
         it loses its share of the clients step by step, and gets it back step by step.",
    ),
    Key::new(
        "agent.predictive.enabled",
        BOOL,
        Unset::Default("false"),
        "Whether to. The signals are those of the whole machine, but for `error_rate`.",
    ),
    Key::new(
        "agent.predictive.check_interval",
        duration(SECOND_MS, HOUR_MS),
        Unset::Default("10s"),
        "How often the machine is looked at.",
    ),
    Key::section("agent.predictive.cpu", "Processor time, in percent of all processors."),
    threshold("agent.predictive.cpu.threshold", PERCENT, "90"),
    bleed_duration("agent.predictive.cpu.bleed_duration"),
    Key::section(
        "agent.predictive.memory",
        "Memory that could not be had without swapping, in percent.",
    ),
    threshold("agent.predictive.memory.threshold", PERCENT, "85"),
    bleed_duration("agent.predictive.memory.bleed_duration"),
    Key::section("agent.predictive.load", "The load average of a minute for each processor."),
    threshold("agent.predictive.load.threshold", LOAD, "4"),
    bleed_duration("agent.predictive.load.bleed_duration"),
    Key::section(
        "agent.predictive.error_rate",
        "The agent's own checks of one backend that failed, in percent; concerns that one only.",
    ),
    threshold("agent.predictive.error_rate.threshold", PERCENT, "10"),
    bleed_duration("agent.predictive.error_rate.bleed_duration"),
    Key::new(
        "agent.predictive.error_rate.window",
        duration(10 * SECOND_MS, HOUR_MS),
        Unset::Default("5m"),
        "How long a check counts. Below five checks in it nothing is concluded.",
    ),
];
