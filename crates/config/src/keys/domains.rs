//! Keys of the names that are steered.

use super::names::NONE_HEALTHY;
use super::shared::{COUNTRIES, NETWORKS, PORT, REGION_NAMES_MAX, TTL, integer};
use super::{Key, Unset};
use crate::kind::{Kind, Scalar, Word};

/// Each algorithm's own name, and what else it is called.
const ALGORITHMS: &[Word] = &[
    Word { name: "round-robin", aliases: &["roundrobin", "rr"] },
    Word { name: "weighted", aliases: &["weight"] },
    Word { name: "failover", aliases: &["active-standby"] },
    Word { name: "geolocation", aliases: &["geo"] },
    Word::plain("latency"),
    Word { name: "learned_latency", aliases: &["learned-latency"] },
];

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "domains",
        Kind::Sections { min: 0, max: 10_000, old_map: None, bare: None },
        Unset::Default("[]"),
        "The names that are steered.",
    ),
    Key::new(
        "domains[].name",
        Kind::One(Scalar::SteeredName),
        Unset::Required,
        "The domain name; no two the same. `*.NAME` stands for every name below `NAME` that does not \
         exist (RFC 4592).",
    ),
    Key::new(
        "domains[].service",
        Kind::One(Scalar::DomainName),
        Unset::Nothing("the domain's name, without `*.`"),
        "The service that answers, as agents, tokens and servers name it. Several domains may have \
         one service, and then what is learned for it steers all of them.",
    ),
    Key::new(
        "domains[].routing_algorithm",
        Kind::One(Scalar::Word(ALGORITHMS)),
        Unset::Default("round-robin"),
        "How a client's region is chosen. `learned_latency`: the lowest RTT that agents learned \
         for the client's network, by geography until its choice was measured.",
    ),
    Key::new(
        "domains[].shadow_algorithm",
        Kind::One(Scalar::Word(ALGORITHMS)),
        Unset::Nothing("no shadow"),
        "Another algorithm that decides each query, too, and is never answered: the metrics tell how \
         often it would have sent the client elsewhere, and how many milliseconds that would have \
         been worth, as far as they were learned.",
    ),
    Key::new(
        "domains[].comment",
        Kind::One(Scalar::Comment),
        Unset::Nothing("none"),
        "What it is, for people, or what whoever made it has to remember; shown in the API, and nothing \
         goes by it.",
    ),
    Key::new(
        "domains[].regions",
        Kind::List { of: &Scalar::Name, min: 1, max: REGION_NAMES_MAX },
        Unset::Required,
        "The regions that serve it; for `failover` in this order. Each is one of `regions`.",
    ),
    Key::new(
        "domains[].ttl",
        TTL,
        Unset::Same("dns.default_ttl"),
        "Seconds that an answer may be cached.",
    ),
    Key::new(
        "domains[].answers",
        integer(1, routing::ANSWERS_MAX as u64),
        Unset::Default("1"),
        "How many servers of the region an answer names, each by its address; fewer where there are \
         fewer. The most is what always fits into one packet.",
    ),
    Key::new(
        "domains[].targets",
        Kind::Sections { min: 1, max: REGION_NAMES_MAX, old_map: None, bare: None },
        Unset::Nothing("addresses of servers"),
        "Makes the domain an alias (CNAME): the answer is the name that stands for the client's \
         region. One for each of the domain's regions. A region for which nothing configured could \
         vouch, no server and no agent's token, is always up; any other is up while a server of it is.",
    ),
    Key::new(
        "domains[].targets[].region",
        Kind::One(Scalar::Name),
        Unset::Required,
        "The region; one of the domain's, no two the same.",
    ),
    Key::new(
        "domains[].targets[].name",
        Kind::One(Scalar::DomainName),
        Unset::Required,
        "The name that stands for it.",
    ),
    Key::section(
        "domains[].https",
        "The domain's HTTPS record (RFC 9460), with the addresses of the servers chosen as hints.",
    ),
    Key::new(
        "domains[].https.alpn",
        Kind::List { of: &Scalar::Protocol, min: 1, max: 8 },
        Unset::Nothing("no HTTPS record"),
        "The protocols besides HTTP/1.1, the best first, as in `[h2, h3]`.",
    ),
    Key::new(
        "domains[].https.port",
        PORT,
        Unset::Nothing("443"),
        "The port; it holds for all servers.",
    ),
    Key::new(
        "domains[].none_healthy",
        NONE_HEALTHY,
        Unset::Same("dns.none_healthy"),
        "What is answered where no server is up; the words of `dns.none_healthy`.",
    ),
    Key::section("domains[].latency_config", "The terms of `learned_latency` and `latency`."),
    Key::new(
        "domains[].latency_config.max_latency_ms",
        integer(1, 60_000),
        Unset::Nothing("no limit"),
        "A region above it is not chosen, unless all are.",
    ),
    Key::new(
        "domains[].latency_config.min_samples",
        integer(1, 1_000_000),
        Unset::Default("3"),
        "Connections that an RTT needs before it steers.",
    ),
    Key::new(
        "domains[].latency_config.smoothing_factor",
        Kind::One(Scalar::Number { above: 0.0, max: 1.0 }),
        Unset::Default("0.3"),
        "For `latency`: the weight of the newest connect time in the overwatch's average.",
    ),
    Key::new(
        "domains[].constraints",
        Kind::Sections { min: 0, max: 1_000, old_map: None, bare: None },
        Unset::Default("[]"),
        "Where clients must stay: the first entry that a client matches leaves only its regions. \
         It matches by network or by country.",
    ),
    Key::new(
        "domains[].constraints[].networks",
        NETWORKS,
        Unset::Default("[]"),
        "Clients of these networks.",
    ),
    Key::new(
        "domains[].constraints[].countries",
        COUNTRIES,
        Unset::Default("[]"),
        "Clients in these countries.",
    ),
    Key::new(
        "domains[].constraints[].regions",
        Kind::List { of: &Scalar::Name, min: 1, max: REGION_NAMES_MAX },
        Unset::Required,
        "The regions they may be sent to; each is one of the domain's.",
    ),
];
