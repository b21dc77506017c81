//! The addresses that belong beside an answer (RFC 1034, 4.3.2, step 6).
//!
//! Name servers, mail exchanges and services are named by their names; whoever asks for them asks
//! for their addresses next. Those in our zones are given at once: for NS (RFC 1035, 3.3.11), MX
//! (3.3.9), SRV (RFC 2782), SVCB and HTTPS (RFC 9460, 4.1: with what the target says of the service
//! itself). For a delegation the addresses below it
//! are more than a kindness: without them nobody gets there (RFC 9471, 2.1).
//!
//! They are the answers that a question for them would get, also where a wildcard gives them; aliases
//! are not followed (RFC 2181, 10.3). Nothing allocates.

use dns::{Name, RecordType};

use crate::content::{RecordSet, Zone};
use crate::key::Key;
use crate::lookup::{End, Lookup};
use crate::record::target;
use crate::zones::Zones;

/// How many records of a set are followed: a message of 1232 bytes holds fewer names with their
/// addresses. What points further is found by asking for it.
const TARGETS_MAX: usize = 64;

/// Addresses of one name.
#[derive(Clone, Copy, Debug)]
pub struct Extra<'a> {
    /// The zone that is the authority for them; none for glue, which nobody signs (RFC 4035, 2.2).
    pub zone: Option<&'a Zone>,
    /// Whose addresses.
    pub owner: Name<'a>,
    /// The addresses.
    pub addresses: Addresses<'a>,
    /// Whether the answer is of no use without them: the glue of a delegation's own name servers.
    /// If they do not fit, the answer is truncated (RFC 9471, 3.1).
    pub is_required: bool,
}

/// What the addresses are.
#[derive(Clone, Copy, Debug)]
pub enum Addresses<'a> {
    /// These records, of type A or AAAA; or SVCB or HTTPS, if the answer is of that type.
    Records(&'a RecordSet),
    /// The address that was asked.
    Own(&'a Zone),
    /// What somebody else answers; it may be left out.
    Steered(usize),
}

impl<'a> Lookup<'a> {
    /// Finds the addresses for the additional section, the required ones first.
    pub fn additional(&self, zones: &'a Zones, mut found: impl FnMut(Extra<'a>)) {
        let (zone, owner, set, cut) = match self.end {
            End::Records { zone, owner, set } => (zone, owner, set, None),
            End::Referral { zone, cut, ns, .. } => (zone, cut, ns, Some(cut)),
            _ => return,
        };
        for is_required in [true, false] {
            let is_now =
                |target: &Name<'_>| cut.is_some_and(|cut| target.ends_with(cut)) == is_required;
            for target in targets(set, owner).filter(is_now) {
                // What stands at the owner is the answer.
                let service = Some(set.record_type).filter(|_| is_service(set) && target != owner);
                for (zone, owner, addresses) in
                    addresses(zones, (zone, target), cut.is_some(), service)
                {
                    found(Extra { zone, owner, addresses, is_required });
                }
            }
        }
    }
}

/// The names that the records of a set point at, each once.
fn targets<'a>(set: &'a RecordSet, owner: Name<'a>) -> impl Iterator<Item = Name<'a>> {
    let all = move || {
        let records = set.bytes().take(TARGETS_MAX);
        records.filter_map(move |bytes| target(set.record_type, bytes, owner))
    };
    let is_new = move |(at, name): &(usize, Name<'a>)| !all().take(*at).any(|other| other == *name);
    all().enumerate().filter(is_new).map(|(_, name)| name)
}

/// Whether records say how to reach a service.
const fn is_service(set: &RecordSet) -> bool {
    matches!(set.record_type, RecordType::SVCB | RecordType::HTTPS)
}

/// The addresses of a name: those that we are the authority for, and in a referral the glue in the
/// zone that delegates. Beside them the records of type `service`.
fn addresses<'a>(
    zones: &'a Zones,
    (zone, name): (&'a Zone, Name<'a>),
    is_glue: bool,
    service: Option<RecordType>,
) -> impl Iterator<Item = (Option<&'a Zone>, Name<'a>, Addresses<'a>)> {
    let key = Key::of(name);
    let own = zones.find(&key).and_then(|(zone, _)| Some((zone, zone.answering(&key)?)));
    let glue = || Some((zone, zone.exact(&key)?));
    let authority = own.map(|(zone, _)| zone);
    let found = if is_glue { own.or_else(glue) } else { own };
    let special = found.and_then(|(zone, node)| match &node.steered {
        Some((index, _)) => Some(Addresses::Steered(*index)),
        None => node.is_own_address.then_some(Addresses::Own(zone)),
    });
    let types = [Some(RecordType::A), Some(RecordType::AAAA), service].into_iter().flatten();
    let sets = types.filter_map(move |record_type| {
        found.and_then(|(_, node)| node.set(record_type)).map(Addresses::Records)
    });
    special.into_iter().chain(sets).map(move |addresses| (authority, name, addresses))
}
