//! Keys of what is answered: DNS and regions.

use super::shared::{
    BOOL, COUNTRIES, DAY_MS, NAME, NETWORKS, PATH, PORT, REGION_NAMES_MAX, SECOND_MS, TTL, WEIGHT,
    duration, integer,
};
use super::{Key, Unset};
use crate::kind::{Kind, Scalar, Word};

pub(super) const NONE_HEALTHY: Kind = Kind::One(Scalar::Word(&[
    Word::plain("last_healthy"),
    Word::plain("servfail"),
    Word::plain("all"),
]));

/// The codes of the databases: Africa, Antarctica, Asia, Europe, North America, Oceania, South
/// America.
const CONTINENTS: Scalar = Scalar::Word(&[
    Word::plain("AF"),
    Word::plain("AN"),
    Word::plain("AS"),
    Word::plain("EU"),
    Word::plain("NA"),
    Word::plain("OC"),
    Word::plain("SA"),
]);

/// What secondaries do; all in whole seconds. A year is longer than any of it makes sense for.
const SOA_TIME: Kind = duration(SECOND_MS, 365 * DAY_MS);
/// A limit a second; the most is what no network has a use for.
const RATE: Kind = integer(1, 1_000_000);

/// As [`dnssec::Algorithm`] names them, and by their numbers.
const ALGORITHM: Kind = Kind::One(Scalar::Word(&[
    Word { name: "ecdsap256sha256", aliases: &["13"] },
    Word { name: "ed25519", aliases: &["15"] },
]));
const KEY_LAYOUT: Kind = Kind::One(Scalar::Word(&[Word::plain("csk"), Word::plain("ksk_zsk")]));
/// Keys of elliptic curves do not wear out; ten years is as good as never.
const LIFETIME: Kind = Kind::One(Scalar::Lifetime { min_ms: SECOND_MS, max_ms: 3_650 * DAY_MS });
/// Some zones above let theirs be cached for two days; a week is what caches keep at most (RFC 8767, 4).
const DS_TTL: Kind = integer(0, 604_800);
/// An import by hand takes minutes, by a person who is asked for it days.
const PROPAGATION: Kind = duration(0, 30 * DAY_MS);

pub(super) static KEYS: &[Key] = &[
    Key::section("dns", "The DNS server of an overwatch."),
    Key::new(
        "dns.listen_address",
        Kind::One(Scalar::Listen),
        Unset::Default("\":53\""),
        "Where questions are answered, on UDP and TCP.",
    ),
    Key::new(
        "dns.default_ttl",
        TTL,
        Unset::Default("60"),
        "Seconds that an answer may be cached, for domains without a `ttl`, for the zones' own \
         records and for names that do not exist.",
    ),
    Key::section(
        "dns.dnssec",
        "Signed answers (RFC 4033, RFC 9364), for every zone that does not say else.",
    ),
    Key::new("dns.dnssec.enabled", BOOL, Unset::Default("false"), "Whether answers are signed."),
    Key::new(
        "dns.dnssec.algorithm",
        ALGORITHM,
        Unset::Default("ecdsap256sha256"),
        "What new keys sign with.",
    ),
    Key::new(
        "dns.dnssec.key_layout",
        KEY_LAYOUT,
        Unset::Default("csk"),
        "`csk`: one key signs all. `ksk_zsk`: one signs the keys, another the rest, so that the second can change without the zone above. Changes nothing for a zone that has keys.",
    ),
    Key::new(
        "dns.dnssec.make_keys",
        BOOL,
        Unset::Default("true"),
        "Whether this overwatch makes keys: the first ones, and later ones by age. One overwatch of a zone does; the others import its keys, and answer nothing in the zone until they have them.",
    ),
    Key::new(
        "dns.dnssec.ksk_lifetime",
        LIFETIME,
        Unset::Default("never"),
        "After which time a KSK or CSK is followed by a new one. That still waits until an operator says that its DS record is seen.",
    ),
    Key::new(
        "dns.dnssec.zsk_lifetime",
        LIFETIME,
        Unset::Default("never"),
        "After which time a ZSK is followed by a new one.",
    ),
    Key::new(
        "dns.dnssec.dnskey_ttl",
        TTL,
        Unset::Default("3600"),
        "Seconds that the keys may be cached.",
    ),
    Key::new(
        "dns.dnssec.ds_ttl",
        DS_TTL,
        Unset::Default("86400"),
        "Seconds that the zone above lets its DS records be cached.",
    ),
    Key::new(
        "dns.dnssec.propagation",
        PROPAGATION,
        Unset::Default("1h"),
        "How long it takes at most until all overwatches of a zone have what one has: a change of keys waits for it.",
    ),
    Key::new(
        "dns.zones",
        Kind::Sections { min: 0, max: 10_000, old_map: None, bare: Some("name") },
        Unset::Default("[]"),
        "The zones that this server has authority over. Every domain must lie in one of them. None \
         named: each domain is a zone of its own. A zone's records are those of its file and of its \
         `records`; domains stand beside them.",
    ),
    Key::new(
        "dns.none_healthy",
        NONE_HEALTHY,
        Unset::Default("last_healthy"),
        "What is answered where no server is up, for domains without their own `none_healthy`: \
         `last_healthy` names the servers last seen up (all of them where none ever was), \
         `servfail` fails, `all` names all.",
    )
    .was("dns.return_last_healthy", &[("true", "last_healthy"), ("false", "servfail")]),
    Key::new(
        "dns.zones[].name",
        Kind::One(Scalar::DomainName),
        Unset::Required,
        "The name of the zone; no two the same.",
    ),
    Key::new(
        "dns.zones[].file",
        PATH,
        Unset::Nothing("no file"),
        "A zone file (RFC 1035, 5) without `$INCLUDE`. Where it has an SOA record, SOA and NS are the \
         file's, and `soa` and `nameservers` mean nothing.",
    ),
    Key::new(
        "dns.zones[].ttl",
        TTL,
        Unset::Same("dns.default_ttl"),
        "Seconds that records without a TTL of their own may be cached.",
    ),
    Key::new(
        "dns.zones[].nameservers",
        Kind::List { of: &Scalar::DomainName, min: 0, max: 100 },
        Unset::Default("[]"),
        "The zone's name servers, the primary first. None named: `ns1` in the zone, which answers \
         with the address that it was asked at.",
    ),
    Key::new(
        "dns.zones[].records",
        Kind::List { of: &Scalar::Record, min: 0, max: 100_000 },
        Unset::Default("[]"),
        "Records as in a zone file, one each; names without a final dot are in the zone.",
    ),
    Key::section("dns.zones[].soa", "The SOA record (RFC 1035, 3.3.13)."),
    Key::new(
        "dns.zones[].soa.mailbox",
        Kind::One(Scalar::DomainName),
        Unset::Nothing("`hostmaster` in the zone"),
        "Who to write to, with a dot for the `@`.",
    ),
    Key::new(
        "dns.zones[].soa.serial",
        integer(0, u32::MAX as u64),
        Unset::Default("1"),
        "The version of the zone.",
    ),
    Key::new(
        "dns.zones[].soa.refresh",
        SOA_TIME,
        Unset::Default("24h"),
        "How often a secondary asks for a new version.",
    ),
    Key::new(
        "dns.zones[].soa.retry",
        SOA_TIME,
        Unset::Default("2h"),
        "How long it waits after a failure.",
    ),
    Key::new(
        "dns.zones[].soa.expire",
        SOA_TIME,
        Unset::Default("1000h"),
        "After which time without a reply it gives the zone up.",
    ),
    Key::new(
        "dns.zones[].soa.minimum",
        TTL,
        Unset::Same("dns.zones[].ttl"),
        "Seconds that a negative answer may be cached (RFC 2308, 4).",
    ),
    Key::section("dns.zones[].dnssec", "Signed answers."),
    Key::new(
        "dns.zones[].dnssec.enabled",
        BOOL,
        Unset::Same("dns.dnssec.enabled"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.algorithm",
        ALGORITHM,
        Unset::Same("dns.dnssec.algorithm"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.key_layout",
        KEY_LAYOUT,
        Unset::Same("dns.dnssec.key_layout"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.make_keys",
        BOOL,
        Unset::Same("dns.dnssec.make_keys"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.ksk_lifetime",
        LIFETIME,
        Unset::Same("dns.dnssec.ksk_lifetime"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.zsk_lifetime",
        LIFETIME,
        Unset::Same("dns.dnssec.zsk_lifetime"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.dnskey_ttl",
        TTL,
        Unset::Same("dns.dnssec.dnskey_ttl"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.ds_ttl",
        DS_TTL,
        Unset::Same("dns.dnssec.ds_ttl"),
        "For this zone.",
    ),
    Key::new(
        "dns.zones[].dnssec.propagation",
        PROPAGATION,
        Unset::Same("dns.dnssec.propagation"),
        "For this zone.",
    ),
    Key::section("dns.ecs", "The client subnet that a resolver puts into its question (RFC 7871)."),
    Key::new("dns.ecs.enabled", BOOL, Unset::Default("true"), "Whether it is believed at all.")
        .was("overwatch.geolocation.ecs_enabled", &[]),
    Key::new(
        "dns.ecs.trusted",
        NETWORKS,
        Unset::Default("[0.0.0.0/0, \"::/0\"]"),
        "The resolvers that are believed, and no others: an empty list believes nobody.",
    ),
    Key::new(
        "dns.udp_size",
        integer(512, 4_096),
        Unset::Default("1232"),
        "The longest answer by UDP, in bytes, as far as the asker takes it; a longer one is cut, and \
         the asker comes back by TCP. Above 1232, answers can be broken into fragments, which many \
         networks drop.",
    ),
    Key::new(
        "dns.nsid",
        Kind::One(Scalar::Label),
        Unset::Nothing("not told"),
        "What this server calls itself to a question that asks for it (NSID, RFC 5001).",
    ),
    Key::new(
        "dns.identity",
        Kind::One(Scalar::Label),
        Unset::Nothing("refused"),
        "What `id.server` and `hostname.bind` say, in the class CH (RFC 4892).",
    ),
    Key::new(
        "dns.version",
        Kind::One(Scalar::Label),
        Unset::Nothing("refused"),
        "What `version.bind` and `version.server` say, in the class CH.",
    ),
    Key::section(
        "dns.cookies",
        "Cookies prove that an asker by UDP is where it says it is (RFC 7873, RFC 9018).",
    ),
    Key::new("dns.cookies.enabled", BOOL, Unset::Default("true"), "Whether they are issued."),
    Key::new(
        "dns.cookies.secret",
        Kind::OneOrList { of: &Scalar::CookieSecret, max: 2 },
        Unset::Nothing("a secret of its own with each start"),
        "What they are made with, in the form that other servers take too. Servers that answer behind one \
         address need the same; agents must not know it. Two while it is changed: the first one issues, \
         both are good.",
    ),
    Key::section(
        "dns.tcp",
        "Connections. At a limit a newcomer gets the place of the connection that asked nothing for \
         the longest time.",
    ),
    Key::new(
        "dns.tcp.max_connections",
        integer(1, 1_000_000),
        Unset::Default("4096"),
        "Connections at a time; half of what the process may have open (`LimitNOFILE` in a systemd \
         unit) is the most, whatever stands here.",
    ),
    Key::new(
        "dns.tcp.max_connections_per_address",
        integer(1, 10_000),
        Unset::Default("16"),
        "Connections of one address at a time; an IPv6 /64 counts as one address.",
    ),
    Key::new(
        "dns.tcp.idle_timeout",
        duration(SECOND_MS, 300 * SECOND_MS),
        Unset::Default("10s"),
        "How long a connection may be without a whole question, or leave its answers unread. A client \
         that asks is told (RFC 7828).",
    ),
    Key::section(
        "dns.rate_limit",
        "How many answers by UDP one client network gets: an IPv4 /24, an IPv6 /56. So nobody can use \
         this server to flood somebody else. Answers by TCP and to those with a good cookie are never \
         limited.",
    ),
    Key::new(
        "dns.rate_limit.enabled",
        BOOL,
        Unset::Default("true"),
        "Whether it is limited at all.",
    ),
    Key::new(
        "dns.rate_limit.answers_per_second",
        RATE,
        Unset::Default("1000"),
        "Answers about one name that exists, with records or without.",
    ),
    Key::new(
        "dns.rate_limit.nxdomain_per_second",
        RATE,
        Unset::Default("100"),
        "Answers that a name of one zone does not exist.",
    ),
    Key::new(
        "dns.rate_limit.errors_per_second",
        RATE,
        Unset::Default("100"),
        "Errors of any kind.",
    ),
    Key::new(
        "dns.rate_limit.window",
        Kind::One(Scalar::Duration { min_ms: 1_000, max_ms: 3_600_000 }),
        Unset::Default("5s"),
        "How long a network must be silent after a flood, at most, until it gets answers again; \
         counted in whole seconds.",
    ),
    Key::new(
        "dns.rate_limit.slip",
        integer(1, 100),
        Unset::Default("2"),
        "Every how many limited answers one is sent without records and with the word to come back by \
         TCP, so that an honest resolver whose address is forged still gets answers.",
    ),
    Key::new(
        "dns.rate_limit.exempt",
        NETWORKS,
        Unset::Default("[127.0.0.0/8, \"::1/128\"]"),
        "Networks that are not limited.",
    ),
    Key::section(
        "dns.query_log",
        "A sample of queries and their answers, as dnstap (https://dnstap.info) over a local socket.",
    ),
    Key::new(
        "dns.query_log.socket",
        PATH,
        Unset::Nothing("no query log"),
        "The socket that a reader of dnstap listens at (frame streams). While nobody does, samples \
         are lost, and counted.",
    ),
    Key::new(
        "dns.query_log.sample",
        integer(1, 1_000_000),
        Unset::Default("100"),
        "One query of so many is written.",
    ),
    Key::new(
        "regions",
        Kind::Sections { min: 0, max: REGION_NAMES_MAX, old_map: None, bare: None },
        Unset::Default("[]"),
        "Your sites. Every region that another key names stands here.",
    ),
    Key::new("regions[].name", NAME, Unset::Required, "The region's name; no two the same."),
    Key::new(
        "regions[].countries",
        COUNTRIES,
        Unset::Default("[]"),
        "The countries whose clients belong here, by geography.",
    ),
    Key::new(
        "regions[].continents",
        Kind::List { of: &CONTINENTS, min: 0, max: 7 },
        Unset::Default("[]"),
        "The continents whose clients belong here, where no region names their country.",
    ),
    Key::new(
        "regions[].latitude",
        Kind::One(Scalar::Degrees { max: 90.0 }),
        Unset::Nothing("unknown"),
        "Where the region stands, north positive. With it, and with a city database, clients that \
         no region lists go to the nearest one, and learning can expect a time from the distance.",
    ),
    Key::new(
        "regions[].longitude",
        Kind::One(Scalar::Degrees { max: 180.0 }),
        Unset::Nothing("unknown"),
        "The same, east positive. Both or neither.",
    ),
    Key::new(
        "regions[].capacity",
        integer(1, 1_000_000_000),
        Unset::Nothing("no limit"),
        "The most open connections that the region's servers are to have together, as their agents \
         count them. From nine tenths of it on, part of the new clients goes to the next region.",
    ),
    Key::new(
        "regions[].servers",
        Kind::Sections { min: 0, max: 10_000, old_map: None, bare: None },
        Unset::Default("[]"),
        "Servers without an agent. The overwatch checks them itself.",
    ),
    Key::new(
        "regions[].servers[].address",
        Kind::One(Scalar::Address),
        Unset::Required,
        "The address that DNS answers with.",
    ),
    Key::new(
        "regions[].servers[].port",
        PORT,
        Unset::Default("80"),
        "The port that clients connect to and that checks go to.",
    ),
    Key::new(
        "regions[].servers[].service",
        Kind::One(Scalar::DomainName),
        Unset::Nothing("every domain that names the region"),
        "What it serves: the `service` of a domain, which is its name unless it says else.",
    ),
    Key::new(
        "regions[].servers[].weight",
        WEIGHT,
        Unset::Default("100"),
        "Its share among the servers of its region; 0 takes it out of the answers.",
    ),
    Key::new(
        "regions[].servers[].host",
        Kind::One(Scalar::Host),
        Unset::Nothing("the server's address"),
        "The host name that its check asks for, where the check names none.",
    ),
    Key::new(
        "regions[].servers[].health_check",
        Kind::Like("<health_check>"),
        Unset::Nothing("its keys' defaults"),
        "How the overwatch checks it.",
    ),
];
