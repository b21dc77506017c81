//! One zone as it is served: its names in canonical order and what stands at them.
//!
//! A zone is built once and never changes. Everything that depends on the zone alone (which
//! delegation a name lies under, which wildcard answers below it) is settled then. Must not know
//! which answer a question gets: that is `lookup`'s.

use dns::{Name, NameBuf, Rdata, RecordType, Soa};

use crate::key::Key;
use crate::names::Names;
use crate::record::{StoredName, StoredSoa, rdata};
use crate::steering::Steering;

/// The most names of a zone, empty non-terminals included: more than any zone of sites has. As many
/// take a gigabyte while the zone is built; what a zone has beyond is a fault.
pub const NAMES_MAX: usize = 1_000_000;
/// The most records of one owner and type: as many addresses as a message holds.
pub const RECORDS_PER_SET_MAX: usize = 4_000;
/// The most bytes that one set may have, counted with 12 bytes before the data of each record: a
/// message of 65,535 bytes holds it with its head and some names.
pub const SET_BYTES_MAX: usize = 64_000;

/// Where the apex stands among a zone's names: it is the first, for all others lie below it.
pub(crate) const APEX: usize = 0;

/// What SOA and NS records are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoaValues {
    /// The zone's name servers, the primary first. Where there is none, it is `ns1` in the zone;
    /// unless the zone has data for that name, it answers with the address that it was asked at,
    /// which is where the name server is.
    pub nameservers: Vec<NameBuf>,
    /// Who to write to; `hostmaster` in the zone where nobody is named.
    pub mailbox: Option<NameBuf>,
    /// The version of the zone.
    pub serial: u32,
    /// How often a secondary asks for a new version.
    pub refresh_s: u32,
    /// How long it waits after a failure.
    pub retry_s: u32,
    /// After which time without a reply it gives the zone up.
    pub expire_s: u32,
    /// How long a negative answer may be kept (RFC 2308, 4).
    pub minimum_s: u32,
    /// The TTL of both records, and of the name server's own address, in seconds.
    pub ttl_s: u32,
}

/// The records of one owner and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Their type.
    pub record_type: RecordType,
    /// How long they may be kept, in seconds.
    pub ttl_s: u32,
    /// The data of each in wire form, in the order they were given.
    pub(crate) records: Box<[Box<[u8]>]>,
}

impl RecordSet {
    /// The data of each record, in the form that the answer writer takes.
    pub fn rdata(&self) -> impl ExactSizeIterator<Item = Rdata<'_>> + Clone {
        self.records.iter().map(|bytes| rdata(self.record_type, bytes))
    }

    /// What an alias means: nothing where these are no CNAME records.
    pub(crate) fn target(&self) -> Option<Name<'_>> {
        match self.rdata().next() {
            Some(Rdata::Cname(target)) => Some(target),
            _ => None,
        }
    }

    /// The data of each record in wire form.
    pub fn bytes(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.records.iter().map(|bytes| &**bytes)
    }
}

/// What stands at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The name, in the case it was written in.
    pub(crate) owner: StoredName,
    /// Its records, by type. Empty at an empty non-terminal (RFC 4592, 2.2.2).
    pub(crate) sets: Box<[RecordSet]>,
    /// Whether somebody else answers for it.
    pub(crate) steered: Option<(usize, Steering)>,
    /// Whether it answers with the address that it was asked at.
    pub(crate) is_own_address: bool,
    /// The delegation that it is, or lies below: the entry where that stands.
    pub(crate) cut: Option<usize>,
    /// The wildcard that answers for names below it which do not exist: the entry where that
    /// stands (RFC 4592, 3.3.1).
    pub(crate) wildcard: Option<usize>,
}

impl Node {
    /// A name with its records, by type; its links are not set yet.
    pub(crate) const fn new(owner: StoredName, sets: Box<[RecordSet]>) -> Self {
        Self { owner, sets, steered: None, is_own_address: false, cut: None, wildcard: None }
    }

    /// The records of a type.
    pub(crate) fn set(&self, record_type: RecordType) -> Option<&RecordSet> {
        let at = self.sets.binary_search_by_key(&record_type, |set| set.record_type).ok()?;
        self.sets.get(at)
    }

    /// Whether anything at all is answered from here; else it is an empty non-terminal.
    pub(crate) fn has_data(&self) -> bool {
        !self.sets.is_empty() || self.steered.is_some() || self.is_own_address
    }
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The apex: the name of the zone.
    pub(crate) apex: StoredName,
    /// The data of the SOA record, and its TTL.
    pub(crate) soa: StoredSoa,
    pub(crate) soa_ttl_s: u32,
    /// The NS records at the apex.
    pub(crate) ns: RecordSet,
    /// All names, the apex first.
    pub(crate) names: Names<Node>,
}

impl Zone {
    /// The name of the zone.
    #[must_use]
    pub fn apex(&self) -> Name<'_> {
        self.apex.as_name()
    }

    /// The SOA record's data. Negative answers carry it with [`Zone::negative_ttl_s`]; a question
    /// for it gets it as any other set.
    #[must_use]
    pub fn soa(&self) -> Soa<'_> {
        self.soa.as_soa()
    }

    /// How long a negative answer may be kept, in seconds: the smaller of the SOA record's TTL and
    /// its minimum (RFC 2308, 5).
    #[must_use]
    pub fn negative_ttl_s(&self) -> u32 {
        self.soa.minimum_s().min(self.soa_ttl_s)
    }

    /// The NS records at the apex.
    #[must_use]
    pub const fn ns(&self) -> &RecordSet {
        &self.ns
    }

    /// The TTL of a name server's address that is the one a question came to, in seconds: that of
    /// the NS records, which are made together with it.
    #[must_use]
    pub const fn own_address_ttl_s(&self) -> u32 {
        self.ns.ttl_s
    }

    /// What stands at a name.
    pub(crate) fn exact(&self, key: &Key) -> Option<&Node> {
        let place = self.names.find(key.as_bytes()).filter(|place| place.is_exact)?;
        self.names.get(place.index)
    }

    /// What answers for a name, unless that is somebody else's: what stands at it or the wildcard
    /// below its closest encloser.
    pub(crate) fn answering(&self, key: &Key) -> Option<&Node> {
        let place = self.names.find(key.as_bytes())?;
        let node = self.names.get(place.index).filter(|node| node.cut.is_none())?;
        if place.is_exact { Some(node) } else { self.names.get(node.wildcard?) }
    }

    /// All record sets in canonical order of their owners, those below delegations too.
    pub fn record_sets(&self) -> impl Iterator<Item = (Name<'_>, &RecordSet)> {
        let nodes = self.names.iter().map(|(_, node)| node);
        nodes.flat_map(|node| node.sets.iter().map(|set| (node.owner.as_name(), set)))
    }
}
