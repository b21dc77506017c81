//! Records and steered names checked and put in order: a zone, or all its faults.
//!
//! First everything is gathered by name, then the rules are looked at (`check`), then the list of
//! names is made and its links are set. Must never repair what is wrong in a way that an operator
//! would not expect: two records that say the same are one, different TTLs in a set become the
//! lowest (RFC 2181, 5.2), and that is all.

mod check;

use std::collections::BTreeMap;

use dns::{Name, NameBuf, RecordType};

use crate::content::{
    NAMES_MAX, Node, RECORDS_PER_SET_MAX, RecordSet, SET_BYTES_MAX, SoaValues, Zone,
};
use crate::fault::{Rule, Told, Warning, ZoneFault, ZoneWarning};
use crate::key::Key;
use crate::names::Names;
use crate::record::{Kind, Record, StoredName, StoredSoa, is_same, is_well_formed, soa};
use crate::steering::{SteeredName, Steering};

/// What a record has in a message besides its data: a pointer to its owner, type, class, TTL, length.
const RECORD_HEAD_BYTES: usize = 12;

/// What a zone is made of.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of the zone.
    pub apex: NameBuf,
    /// What its SOA and NS records are made of; nothing where they are among its records.
    pub authority: Option<SoaValues>,
    /// Its records.
    pub records: Vec<Record>,
    /// The names in it that somebody else answers for.
    pub steered: Vec<SteeredName>,
}

impl Zone {
    /// Checks what is given and makes a zone of it.
    ///
    /// # Errors
    ///
    /// Every fault there is, up to a hundred.
    pub fn build(source: Source) -> Result<(Self, Vec<ZoneWarning>), Vec<ZoneFault>> {
        let mut draft = Draft::new(&source.apex);
        for record in source.records {
            draft.add_record(record);
        }
        if let Some(values) = &source.authority {
            draft.add_authority(values);
        }
        for steered in source.steered {
            draft.add_steered(steered);
        }
        if let Some(values) = &source.authority {
            draft.add_own_address(values);
        }
        draft.add_names_between();
        draft.check();
        draft.finish()
    }
}

/// A zone while it is put together.
struct Draft {
    apex: NameBuf,
    /// All names by key: in canonical order.
    names: BTreeMap<Box<[u8]>, DraftNode>,
    /// Whether there were too many: said once.
    is_full: bool,
    faults: Told<ZoneFault>,
    warnings: Told<ZoneWarning>,
}

/// What stands at a name so far.
struct DraftNode {
    owner: StoredName,
    sets: BTreeMap<RecordType, DraftSet>,
    steered: Option<(usize, Steering)>,
    is_own_address: bool,
}

/// The records of one owner and type so far.
struct DraftSet {
    ttl_s: u32,
    has_other_ttls: bool,
    records: Vec<Box<[u8]>>,
    bytes: usize,
}

impl Draft {
    fn new(apex: &NameBuf) -> Self {
        let mut draft = Self {
            apex: apex.clone(),
            names: BTreeMap::new(),
            is_full: false,
            faults: Told::new(),
            warnings: Told::new(),
        };
        draft.node(apex.as_name());
        draft
    }

    fn fault(&mut self, owner: Name<'_>, rule: Rule) {
        self.faults.add(ZoneFault { owner: owner.to_string(), rule });
    }

    /// What stands at a name of the zone; nothing where the name is none of it or one too many.
    fn node(&mut self, owner: Name<'_>) -> Option<&mut DraftNode> {
        if !owner.ends_with(self.apex.as_name()) {
            self.fault(owner, Rule::OutsideZone(self.apex.to_string()));
            return None;
        }
        let key = Key::of(owner);
        if self.names.len() >= NAMES_MAX && !self.names.contains_key(key.as_bytes()) {
            if !std::mem::replace(&mut self.is_full, true) {
                self.fault(owner, Rule::TooManyNames);
            }
            return None;
        }
        let node = || DraftNode {
            owner: StoredName::new(owner),
            sets: BTreeMap::new(),
            steered: None,
            is_own_address: false,
        };
        Some(self.names.entry(key.as_bytes().into()).or_insert_with(node))
    }

    fn add_record(&mut self, record: Record) {
        let record_type = record.record_type;
        let wrong = match Kind::of(record_type) {
            Kind::Data if is_well_formed(record_type, &record.rdata) => None,
            Kind::Data => Some(Rule::Data(record_type)),
            Kind::Dname => Some(Rule::Dname),
            Kind::Signing => Some(Rule::Signing(record_type)),
            Kind::Meta => Some(Rule::Meta(record_type)),
        };
        if let Some(rule) = wrong {
            return self.fault(record.owner(), rule);
        }
        let Some(node) = self.node(record.owner()) else {
            return;
        };
        let set = node.sets.entry(record_type).or_insert_with(|| DraftSet {
            ttl_s: record.ttl_s,
            has_other_ttls: false,
            records: Vec::new(),
            bytes: 0,
        });
        if let Err(rule) = set.add(&record) {
            self.fault(record.owner(), rule);
        }
    }

    /// Adds the SOA and NS records that are made.
    fn add_authority(&mut self, values: &SoaValues) {
        let apex = self.apex.clone();
        let nameservers = match &*values.nameservers {
            [] => below("ns1", &apex).map(|name| vec![name]).unwrap_or_default(),
            named => named.to_vec(),
        };
        let mailbox = values.mailbox.clone().or_else(|| below("hostmaster", &apex));
        let root = NameBuf::ROOT;
        let soa = StoredSoa::new(&dns::Soa {
            primary: nameservers.first().unwrap_or(&root).as_name(),
            mailbox: mailbox.as_ref().unwrap_or(&root).as_name(),
            serial: values.serial,
            refresh_s: values.refresh_s,
            retry_s: values.retry_s,
            expire_s: values.expire_s,
            minimum_s: values.minimum_s,
        });
        let record =
            |record_type, rdata| Record::new(apex.as_name(), values.ttl_s, record_type, rdata);
        self.add_record(record(RecordType::SOA, soa.to_bytes()));
        for nameserver in &nameservers {
            self.add_record(record(RecordType::NS, nameserver.as_name().as_bytes().into()));
        }
    }

    fn add_steered(&mut self, steered: SteeredName) {
        let SteeredName { name, index, steering } = steered;
        let Some(node) = self.node(name.as_name()) else {
            return;
        };
        if node.steered.is_some() {
            return self.fault(name.as_name(), Rule::SteeredTwice);
        }
        node.steered = Some((index, steering));
    }

    /// Lets the name server that nobody named answer with its own address, unless something else
    /// stands at its name.
    fn add_own_address(&mut self, values: &SoaValues) {
        let Some(name) = below("ns1", &self.apex).filter(|_| values.nameservers.is_empty()) else {
            return;
        };
        if let Some(node) = self.node(name.as_name()) {
            let others = [RecordType::A, RecordType::AAAA, RecordType::CNAME, RecordType::NS];
            let is_taken = others.iter().any(|other| node.sets.contains_key(other));
            node.is_own_address = !is_taken && node.steered.is_none();
        }
    }

    /// Makes every name between the apex and another one exist (RFC 4592, 2.2.2; RFC 8020, 2).
    fn add_names_between(&mut self) {
        let apex = self.apex.clone();
        let owners: Vec<StoredName> = self.names.values().map(|node| node.owner.clone()).collect();
        for owner in owners {
            let inside =
                owner.as_name().suffixes().take_while(|name| name.ends_with(apex.as_name()));
            for above in inside.skip(1) {
                let is_known = self.names.contains_key(Key::of(above).as_bytes());
                if is_known || self.node(above).is_none() {
                    break; // and all above it are known, or will be
                }
            }
        }
    }

    /// The zone, where nothing is wrong with it.
    fn finish(self) -> Result<(Zone, Vec<ZoneWarning>), Vec<ZoneFault>> {
        let apex = self.apex;
        let fault = |rule| ZoneFault { owner: apex.to_string(), rule };
        if !self.faults.is_empty() {
            return Err(self.faults.finish(|count| fault(Rule::More(count))));
        }
        let more = |count| ZoneWarning { owner: apex.to_string(), what: Warning::More(count) };
        let warnings = self.warnings.finish(more);
        let nodes = self.names.into_iter().map(|(key, node)| (key, node.finish()));
        let mut names = Names::new(nodes.collect());
        link(&mut names);
        let set = |record_type| names.get(0).and_then(|node| node.set(record_type));
        let missing = |rule| vec![fault(rule)];
        let soa_set = set(RecordType::SOA).ok_or_else(|| missing(Rule::NoSoa))?;
        let soa = soa_set.records.first().and_then(|bytes| soa(bytes));
        let soa = StoredSoa::new(&soa.ok_or_else(|| missing(Rule::NoSoa))?);
        let ns = set(RecordType::NS).ok_or_else(|| missing(Rule::NoNs))?.clone();
        let apex = StoredName::new(apex.as_name());
        Ok((Zone { apex, soa, soa_ttl_s: soa_set.ttl_s, ns, names }, warnings))
    }
}

impl DraftSet {
    /// Adds a record to its set; one that says the same as another is that one (RFC 2181, 5).
    fn add(&mut self, record: &Record) -> Result<(), Rule> {
        let record_type = record.record_type;
        self.has_other_ttls |= self.ttl_s != record.ttl_s;
        self.ttl_s = self.ttl_s.min(record.ttl_s);
        if self.records.len() > RECORDS_PER_SET_MAX || self.bytes > SET_BYTES_MAX {
            return Ok(()); // it was said
        }
        if self.records.iter().any(|other| is_same(record_type, other, &record.rdata)) {
            return Ok(());
        }
        self.bytes += RECORD_HEAD_BYTES + record.rdata.len();
        self.records.push(record.rdata.clone());
        if self.records.len() > RECORDS_PER_SET_MAX {
            return Err(Rule::TooManyRecords(record_type));
        }
        if self.bytes > SET_BYTES_MAX {
            return Err(Rule::SetTooLong(record_type));
        }
        Ok(())
    }
}

impl DraftNode {
    /// Whether somebody answers a question for an address here.
    fn has_address(&self) -> bool {
        let has = |record_type| self.sets.contains_key(&record_type);
        self.is_own_address || self.steered.is_some() || has(RecordType::A) || has(RecordType::AAAA)
    }

    /// The node without its links.
    fn finish(self) -> Node {
        let set = |(record_type, set): (RecordType, DraftSet)| RecordSet {
            record_type,
            ttl_s: set.ttl_s,
            records: set.records.into(),
        };
        let sets = self.sets.into_iter().map(set).collect();
        let (steered, is_own_address) = (self.steered, self.is_own_address);
        Node { steered, is_own_address, ..Node::new(self.owner, sets) }
    }
}

/// Tells every name the delegation and the wildcard that concern it, whatever it was told before.
pub(crate) fn link(names: &mut Names<Node>) {
    let count = names.iter().len();
    for index in 0..count {
        let parent = names.parent(index);
        let above = parent.and_then(|parent| names.get(parent)).and_then(|node| node.cut);
        let Some(node) = names.get_mut(index) else { continue };
        let is_delegated = parent.is_some() && node.set(RecordType::NS).is_some();
        node.cut = above.or(is_delegated.then_some(index));
        // Its wildcard comes later, for that lies below it.
        node.wildcard = None;
        if is_wildcard(node.owner.as_name())
            && let Some(parent) = parent.and_then(|parent| names.get_mut(parent))
        {
            parent.wildcard = Some(index);
        }
    }
}

/// Whether a name's leftmost label is the asterisk (RFC 4592, 2.1.1).
fn is_wildcard(name: Name<'_>) -> bool {
    name.labels().next() == Some(b"*")
}

/// A name right below another one; none where it would be too long.
fn below(label: &str, name: &NameBuf) -> Option<NameBuf> {
    format!("{label}.{name}").parse().ok()
}

#[cfg(test)]
mod tests;
