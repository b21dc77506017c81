//! Keys that only an overwatch reads: its identity, the mesh, health, geography, the API.

use super::shared::{
    BOOL, DAY_MS, MESH_KEYS, NAME, NETWORKS, PATH, REGION_NAMES_MAX, SECOND_MS, TOKEN, duration,
    integer,
};
use super::{Key, Unset};
use crate::kind::{Kind, Scalar, Word};

/// The roles of tokens ([`model::Role`]).
const ROLES: &[Word] = &[Word::plain("read"), Word::plain("operate"), Word::plain("admin")];
/// Ten thousand million bytes of rows: all of IPv4 as sixty agents know it.
const TABLE_ROWS_MAX: u64 = 1_000_000_000;
/// Of a SHA-256.
const SHA256_DIGITS: usize = 64;

const ENROLMENTS: &[Word] = &[Word::plain("auto"), Word::plain("approve")];

pub(super) static KEYS: &[Key] = &[
    Key::section("overwatch", "What an overwatch needs; read in mode `overwatch`."),
    Key::section("overwatch.identity", "Who the overwatch is."),
    Key::new(
        "overwatch.identity.node_id",
        NAME,
        Unset::HostName,
        "Its name, in its certificate, in logs and in the API.",
    ),
    Key::new(
        "overwatch.identity.region",
        NAME,
        Unset::Nothing("none"),
        "The site it stands in, as shown in the API. It steers nothing.",
    ),
    Key::new(
        "overwatch.identity.cert_path",
        PATH,
        Unset::Default("/var/lib/opengslb/overwatch.crt"),
        "Its certificate; made at the first start.",
    ),
    Key::new(
        "overwatch.identity.key_path",
        PATH,
        Unset::Default("/var/lib/opengslb/overwatch.key"),
        "Its private key; made at the first start, readable by its owner only.",
    ),
    Key::new(
        "overwatch.data_dir",
        PATH,
        Unset::Default("/var/lib/opengslb"),
        "Where the store lives: what must survive a restart.",
    ),
    Key::section("overwatch.latency_table", "What agents learned, as this overwatch keeps it."),
    Key::new(
        "overwatch.latency_table.persist",
        BOOL,
        Unset::Default("false"),
        "Whether it is kept on disk, in `data_dir`, so that a restart answers by it before any agent is \
         back. Otherwise it is cleared by a restart, and agents tell it again within seconds; so must \
         sources from outside.",
    ),
    Key::new(
        "overwatch.latency_table.max_rows",
        integer(1, TABLE_ROWS_MAX),
        Unset::Default("10000000"),
        "The most rows that are kept, of all agents together; one for each agent's port and client \
         network. At the limit new rows are refused, known ones are not. A row takes ten bytes, and \
         what is learned of its network more: see the guide on capacity. The same at every overwatch.",
    ),
    Key::new(
        "overwatch.latency_table.max_rows_per_agent",
        integer(1, TABLE_ROWS_MAX),
        Unset::Default("1000000"),
        "The most rows that are kept of one agent. At the limit its rows observed longest ago make \
         room. Below an agent's own `max_subnets` rows are lost that the agent still has. The same at \
         every overwatch.",
    ),
    Key::new(
        "overwatch.enrolment",
        Kind::One(Scalar::Word(ENROLMENTS)),
        Unset::Default("auto"),
        "What becomes of an agent that proves itself for the first time: `auto` pins its key, \
         `approve` waits for an operator.",
    ),
    Key::new(
        "overwatch.agent_tokens",
        Kind::Sections { min: 0, max: 10_000, old_map: Some(["service", "token"]), bare: None },
        Unset::Default("[]"),
        "What agents may speak for. A service may occur often, best with a token for each of its \
         regions. In one region at most two different tokens of a service are valid, as in \
         rotation; one for any region counts in each. The old form, a map of service to token, is \
         read with a warning.",
    ),
    Key::new(
        "overwatch.agent_tokens[].service",
        NAME,
        Unset::Required,
        "The service that the token is for.",
    ),
    Key::new(
        "overwatch.agent_tokens[].token",
        TOKEN,
        Unset::Required,
        "The secret that the agent has as its `service_token`.",
    ),
    Key::new(
        "overwatch.agent_tokens[].regions",
        Kind::List { of: &Scalar::Name, min: 0, max: REGION_NAMES_MAX },
        Unset::Default("[]"),
        "The regions that the token is valid in: an agent that stands elsewhere is refused with \
         it. None named: any.",
    ),
    Key::new(
        "overwatch.agent_tokens[].networks",
        NETWORKS,
        Unset::Default("[]"),
        "Where claimed backends may lie; none named: only at the address that the agent's session \
         comes from.",
    ),
    Key::section("overwatch.gossip", "The mesh of agents and overwatches."),
    Key::new(
        "overwatch.gossip.bind_address",
        Kind::One(Scalar::Listen),
        Unset::Default("\":7946\""),
        "Where agents' sessions are accepted (TCP).",
    ),
    Key::new(
        "overwatch.gossip.encryption_key",
        MESH_KEYS,
        Unset::Required,
        "The key that all members share. Two while it is changed: the new one first.",
    ),
    Key::new(
        "overwatch.gossip.overwatch_nodes",
        Kind::List { of: &Scalar::HostPort, min: 0, max: 64 },
        Unset::Default("[]"),
        "The other overwatches, as agents name them; its own address may be among them, so that the list \
         is the same everywhere. It believes what they say of agents, and learns of others from any of \
         them. Agents are told them all.",
    ),
    Key::section("overwatch.store", "What operators make, where several overwatches share it."),
    Key::section(
        "overwatch.store.etcd",
        "etcd, which holds it then: domains and servers made through the API, overrides, pins, drains, \
         tokens, zones' keys, the list of changes. Without endpoints all of it is this overwatch's own.",
    ),
    Key::new(
        "overwatch.store.etcd.endpoints",
        Kind::List { of: &Scalar::EtcdEndpoint, min: 0, max: 16 },
        Unset::Default("[]"),
        "Where etcd's members are reached: all with `https`, or all with `http`. The next one is asked \
         where one is not there.",
    ),
    Key::new(
        "overwatch.store.etcd.prefix",
        Kind::One(Scalar::UrlPath),
        Unset::Default("/opengslb"),
        "What the keys begin with: one installation has one. The same at all of its overwatches.",
    ),
    Key::new(
        "overwatch.store.etcd.ca",
        PATH,
        Unset::Nothing("endpoints are `http`"),
        "The certificates that the members' certificates must lead to, in PEM. Needed with `https`.",
    ),
    Key::new(
        "overwatch.store.etcd.cert",
        PATH,
        Unset::Nothing("none is shown"),
        "The certificate that this overwatch shows, in PEM, where etcd asks for one.",
    ),
    Key::new(
        "overwatch.store.etcd.key",
        PATH,
        Unset::Nothing("none"),
        "The private key of that certificate, in PEM.",
    ),
    Key::new(
        "overwatch.store.etcd.username",
        NAME,
        Unset::Nothing("nobody logs in"),
        "The user that may read and write below the prefix, where etcd knows users.",
    ),
    Key::new(
        "overwatch.store.etcd.password_file",
        PATH,
        Unset::Nothing("none"),
        "The file whose first line is that user's password. Read at each connection.",
    ),
    Key::section("overwatch.validation", "The overwatch's own checks of what agents announced."),
    Key::new(
        "overwatch.validation.enabled",
        BOOL,
        Unset::Default("true"),
        "Whether agents' backends are checked; the kind of check is the backend's own.",
    ),
    Key::new(
        "overwatch.validation.check_interval",
        duration(SECOND_MS, DAY_MS),
        Unset::Default("30s"),
        "From one check of a backend to the next.",
    ),
    Key::new(
        "overwatch.validation.check_timeout",
        duration(100, 60 * SECOND_MS),
        Unset::Default("5s"),
        "How long a check may take; not longer than the interval.",
    ),
    Key::section("overwatch.stale", "When backends that nobody vouches for are given up."),
    Key::new(
        "overwatch.stale.threshold",
        duration(SECOND_MS, DAY_MS),
        Unset::Default("30s"),
        "Without a sign of life for this long, a backend is stale, where its agent's own heartbeat \
         terms are not known, as after a restart.",
    ),
    Key::new(
        "overwatch.stale.remove_after",
        duration(SECOND_MS, 366 * DAY_MS),
        Unset::Default("5m"),
        "How long a stale backend is remembered.",
    ),
    Key::section("overwatch.geolocation", "Where clients are, before anything is learned."),
    Key::new(
        "overwatch.geolocation.database_path",
        PATH,
        Unset::Nothing("no country database"),
        "A country or city database in MaxMind's format (MMDB). A city database also tells how far \
         clients are from regions that have coordinates.",
    ),
    Key::new(
        "overwatch.geolocation.asn_database_path",
        PATH,
        Unset::Nothing("no AS database"),
        "An AS database in the same format.",
    ),
    Key::new(
        "overwatch.geolocation.default_region",
        NAME,
        Unset::Nothing("the domain's regions in their order"),
        "The region of clients that nothing else places.",
    ),
    Key::new(
        "overwatch.geolocation.custom_mappings",
        Kind::Sections { min: 0, max: 100_000, old_map: None, bare: None },
        Unset::Default("[]"),
        "Your own networks and the regions they belong to. The longest prefix wins, and wins over \
         the databases. They need no database.",
    ),
    Key::new(
        "overwatch.geolocation.custom_mappings[].cidr",
        Kind::One(Scalar::Network),
        Unset::Required,
        "The network; no two entries for the same.",
    ),
    Key::new(
        "overwatch.geolocation.custom_mappings[].region",
        NAME,
        Unset::Required,
        "The region of its clients; one of `regions`.",
    ),
    Key::new(
        "overwatch.geolocation.custom_mappings[].comment",
        Kind::One(Scalar::Comment),
        Unset::Nothing("none"),
        "What it is, for people; shown in the API.",
    ),
    Key::section("api", "The REST API of an overwatch."),
    Key::new("api.enabled", BOOL, Unset::Default("false"), "Whether the API is served."),
    Key::new(
        "api.address",
        Kind::One(Scalar::Listen),
        Unset::Default("127.0.0.1:8080"),
        "Where it listens.",
    ),
    Key::new(
        "api.allowed_networks",
        NETWORKS,
        Unset::Default("[127.0.0.1/32, \"::1/128\"]"),
        "Who may read without a token.",
    ),
    Key::new(
        "api.trust_proxy_headers",
        BOOL,
        Unset::Default("false"),
        "Whether `X-Forwarded-For` names the client; only behind a proxy that sets it.",
    ),
    Key::new(
        "api.tokens",
        Kind::Sections { min: 0, max: 1_000, old_map: None, bare: None },
        Unset::Default("[]"),
        "Who else may do what over TCP: whoever sends `Authorization: Bearer` with the secret. \
         `opengslb-cli tokens create` makes others, which are kept in the store.",
    ),
    Key::new(
        "api.tokens[].name",
        NAME,
        Unset::Required,
        "What the log of changes calls whoever has it.",
    ),
    Key::new(
        "api.tokens[].role",
        Kind::One(Scalar::Word(ROLES)),
        Unset::Required,
        "`read` sees everything but secrets, `operate` changes where clients go too, `admin` also \
         who is trusted.",
    ),
    Key::new(
        "api.tokens[].token",
        TOKEN,
        Unset::Nothing("`sha256` says it"),
        "The secret. Better is its hash.",
    ),
    Key::new(
        "api.tokens[].sha256",
        Kind::One(Scalar::Secret { min: SHA256_DIGITS }),
        Unset::Nothing("`token` says it"),
        "The SHA-256 of the secret in 64 hexadecimal digits, as `sha256sum` writes it; whoever \
         reads this file cannot use it.",
    ),
    Key::new(
        "api.latency_sources",
        Kind::Sections { min: 0, max: 1_000, old_map: None, bare: None },
        Unset::Default("[]"),
        "Who may report times that no agent measured (`POST /api/v1/latency-reports`), and for what. \
         Their rows count as an agent's do.",
    ),
    Key::new(
        "api.latency_sources[].name",
        NAME,
        Unset::Required,
        "What it is called, and what it calls itself; no token has this name.",
    ),
    Key::new(
        "api.latency_sources[].token",
        TOKEN,
        Unset::Nothing("`sha256` says it"),
        "The secret that it sends. Better is its hash.",
    ),
    Key::new(
        "api.latency_sources[].sha256",
        Kind::One(Scalar::Secret { min: SHA256_DIGITS }),
        Unset::Nothing("`token` says it"),
        "The SHA-256 of the secret in 64 hexadecimal digits.",
    ),
    Key::new(
        "api.latency_sources[].service",
        NAME,
        Unset::Required,
        "The service that its times are of: a domain's name, unless that says else.",
    ),
    Key::new(
        "api.latency_sources[].regions",
        Kind::List { of: &Scalar::Name, min: 1, max: REGION_NAMES_MAX },
        Unset::Required,
        "The regions that it may report.",
    ),
    Key::section("api.tls", "The API over TLS; without, whoever is on the way reads tokens."),
    Key::new(
        "api.tls.cert",
        PATH,
        Unset::Nothing("no TLS"),
        "The certificate and those that lead to a root, PEM. Read again at each reload.",
    ),
    Key::new(
        "api.tls.key",
        PATH,
        Unset::Nothing("no TLS"),
        "Its private key, PEM. Read again at each reload.",
    ),
];
