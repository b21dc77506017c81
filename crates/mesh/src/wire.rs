//! The protobuf twins of the frames: what stands in the bytes.
//!
//! Fields are only ever added, a number is never used again, and nobody relies on a field being
//! there: those who do not know a field skip it. What a field may hold is checked where a twin
//! becomes a frame ([`from_wire`]), never here.

mod checks;
pub(crate) mod from_wire;
mod peers;
pub(crate) mod to_wire;

use prost::{Message, Oneof};

/// A frame.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Envelope {
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17")]
    pub(crate) body: Option<Body>,
}

/// What kind of frame.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Body {
    #[prost(message, tag = "1")]
    Hello(Hello),
    #[prost(message, tag = "2")]
    Challenge(Challenge),
    #[prost(message, tag = "3")]
    Proof(Proof),
    #[prost(message, tag = "4")]
    Welcome(Welcome),
    #[prost(message, tag = "5")]
    Refused(Refused),
    #[prost(message, tag = "6")]
    Registration(Registration),
    #[prost(message, tag = "7")]
    Heartbeat(Empty),
    #[prost(message, tag = "8")]
    Report(Report),
    #[prost(message, tag = "9")]
    Ack(Position),
    #[prost(message, tag = "10")]
    Goodbye(Empty),
    #[prost(message, tag = "11")]
    Load(Load),
    #[prost(message, tag = "12")]
    Condition(Condition),
    #[prost(message, tag = "13")]
    PeerHello(PeerHello),
    #[prost(message, tag = "14")]
    Have(Have),
    #[prost(message, tag = "15")]
    Vouched(Vouched),
    #[prost(message, tag = "16")]
    Relayed(Relayed),
    #[prost(message, tag = "17")]
    Told(Told),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hello {
    #[prost(uint32, tag = "1")]
    pub(crate) protocol: u32,
    #[prost(string, tag = "2")]
    pub(crate) agent_id: String,
    #[prost(uint64, tag = "3")]
    pub(crate) epoch: u64,
    #[prost(string, tag = "4")]
    pub(crate) service: String,
    #[prost(string, optional, tag = "5")]
    pub(crate) region: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Challenge {
    #[prost(uint32, tag = "1")]
    pub(crate) protocol: u32,
    #[prost(string, tag = "2")]
    pub(crate) overwatch_id: String,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) memberships: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(crate) proofs: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Proof {
    #[prost(uint32, tag = "1")]
    pub(crate) index: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) mac: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Welcome {
    #[prost(message, optional, tag = "1")]
    pub(crate) resume: Option<Position>,
    /// 4 or 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) exclude: Vec<Vec<u8>>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) peers: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Position {
    #[prost(uint64, tag = "1")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Refused {
    #[prost(uint32, tag = "1")]
    pub(crate) reason: u32,
    #[prost(string, tag = "2")]
    pub(crate) detail: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Registration {
    #[prost(string, tag = "1")]
    pub(crate) region: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) backends: Vec<BackendOffer>,
    #[prost(uint64, tag = "3")]
    pub(crate) heartbeat_ms: u64,
    #[prost(uint32, tag = "4")]
    pub(crate) missed_threshold: u32,
    #[prost(uint64, tag = "5")]
    pub(crate) subnet_ttl_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BackendOffer {
    #[prost(string, tag = "1")]
    pub(crate) service: String,
    /// 4 or 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) address: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(crate) port: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) listen_port: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) weight: u32,
    #[prost(message, optional, tag = "6")]
    pub(crate) check: Option<CheckSpec>,
    #[prost(bool, tag = "7")]
    pub(crate) healthy: bool,
    /// A check of a kind above 3, which the first release would refuse in `check`.
    #[prost(message, optional, tag = "8")]
    pub(crate) later_check: Option<CheckSpec>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CheckSpec {
    /// In `check`: 1 tcp, 2 http, 3 https. In `later_check`: 4 grpc, 5 grpcs, 6 dns.
    #[prost(uint32, tag = "1")]
    pub(crate) kind: u32,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
    #[prost(string, optional, tag = "3")]
    pub(crate) host: Option<String>,
    /// As an operator writes it, as in `200-299,304`.
    #[prost(string, tag = "4")]
    pub(crate) status: String,
    #[prost(uint64, tag = "5")]
    pub(crate) interval_ms: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) timeout_ms: u64,
    #[prost(uint32, tag = "7")]
    pub(crate) failure_threshold: u32,
    #[prost(uint32, tag = "8")]
    pub(crate) success_threshold: u32,
    #[prost(string, optional, tag = "9")]
    pub(crate) server_name: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub(crate) body: Option<String>,
    #[prost(string, optional, tag = "11")]
    pub(crate) send: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub(crate) expect: Option<String>,
    #[prost(string, optional, tag = "13")]
    pub(crate) grpc_service: Option<String>,
    #[prost(message, optional, tag = "14")]
    pub(crate) dns: Option<DnsCheck>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct DnsCheck {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint32, tag = "2")]
    pub(crate) record_type: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) rcode: u32,
    #[prost(string, optional, tag = "4")]
    pub(crate) answer: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Condition {
    #[prost(message, repeated, tag = "1")]
    pub(crate) backends: Vec<BackendCondition>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BackendCondition {
    #[prost(string, tag = "1")]
    pub(crate) service: String,
    /// 4 or 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) address: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(crate) port: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) share_permille: u32,
    /// 1 cpu, 2 memory, 3 load, 4 error rate.
    #[prost(uint32, tag = "5")]
    pub(crate) signal: u32,
    #[prost(double, tag = "6")]
    pub(crate) value: f64,
    #[prost(double, tag = "7")]
    pub(crate) threshold: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Load {
    #[prost(uint64, tag = "1")]
    pub(crate) period_ms: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) ports: Vec<PortLoad>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct PortLoad {
    #[prost(uint32, tag = "1")]
    pub(crate) port: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) open: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) closed: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PeerHello {
    #[prost(uint32, tag = "1")]
    pub(crate) protocol: u32,
    #[prost(string, tag = "2")]
    pub(crate) overwatch_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Have {
    #[prost(message, repeated, tag = "1")]
    pub(crate) agents: Vec<AgentHave>,
    #[prost(bool, tag = "2")]
    pub(crate) asks: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AgentHave {
    #[prost(string, tag = "1")]
    pub(crate) agent_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) position: Option<Position>,
    #[prost(fixed64, tag = "3")]
    pub(crate) digest: u64,
    /// 32 bytes, or none.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Vouched {
    #[prost(string, tag = "1")]
    pub(crate) agent_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(crate) service: String,
    #[prost(uint64, tag = "4")]
    pub(crate) epoch: u64,
    /// 4 or 16 bytes.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) address: Vec<u8>,
    /// Service, regions, networks, as in `app eu-west,us-east 10.2.0.0/16`; `-` for an empty list.
    #[prost(string, repeated, tag = "6")]
    pub(crate) grants: Vec<String>,
    /// 1 away, 2 there, 3 gone.
    #[prost(uint32, tag = "7")]
    pub(crate) presence: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Relayed {
    #[prost(string, tag = "1")]
    pub(crate) agent_id: String,
    /// An [`Envelope`]. As bytes, so that its fields are counted before they are built.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) said: Vec<u8>,
    /// 32 bytes, or none.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) key: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Told {
    #[prost(bool, tag = "1")]
    pub(crate) has_more: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Report {
    #[prost(uint64, tag = "1")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) after: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) through: u64,
    /// The newest observation of any row, in whole seconds since the epoch of time.
    #[prost(uint64, tag = "4")]
    pub(crate) newest_s: u64,
    /// Ascending by port, refreshed, ipv6, prefix_length; none twice.
    #[prost(message, repeated, tag = "5")]
    pub(crate) groups: Vec<Group>,
}

/// Rows of one port, kind, family and prefix length; each `Vec<u8>` is a column of `count` numbers.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Group {
    #[prost(uint32, tag = "1")]
    pub(crate) port: u32,
    /// Refreshed rows have no times.
    #[prost(bool, tag = "2")]
    pub(crate) refreshed: bool,
    #[prost(bool, tag = "3")]
    pub(crate) ipv6: bool,
    #[prost(uint32, tag = "4")]
    pub(crate) prefix_length: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) count: u32,
    /// The first prefix as a number of `prefix_length` bits, then how many lie between each and
    /// the next.
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) subnets: Vec<u8>,
    /// Connections counted.
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) samples: Vec<u8>,
    /// Whole seconds from the observation to `newest_s`.
    #[prost(bytes = "vec", tag = "8")]
    pub(crate) ages_s: Vec<u8>,
    /// Codes of the round-trip times.
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) rtts: Vec<u8>,
    /// Codes of the deviations.
    #[prost(bytes = "vec", tag = "10")]
    pub(crate) deviations: Vec<u8>,
    /// The round-trip time's code less the minimum's, zigzag: 0, -1, 1, -2, ...
    #[prost(bytes = "vec", tag = "11")]
    pub(crate) minima: Vec<u8>,
}
