//! The algorithm: what answers a question (RFC 1034, 4.3.2, with RFC 4592, 3.3).
//!
//! The steps, in this order:
//!
//! 1. the deepest zone that holds the name; a question for DS at its apex is for the zone around it,
//!    if that is ours (RFC 4035, 3.1.4.1);
//! 2. at or below a delegation: a referral, also for the names of its name servers; but DS at the
//!    delegation is ours to answer;
//! 3. the name itself, if it exists, be it as an empty non-terminal; else the wildcard below its
//!    closest encloser; else the name does not exist (RFC 2308, 2; RFC 8020, 2);
//! 4. at that name: who steers it, the records of the type, or an alias. An alias is followed from
//!    step 1 with the name that it means;
//! 5. nothing of the type: no data (RFC 2308, 2.2).
//!
//! A question for ANY gets one set of records (RFC 8482, 4.1), and an alias is one.
//!
//! The look-up allocates nothing; what it returns is borrowed from the zones and from the question.
//! Names keep their case: the owner of a first link or record is the question's own name. The aliases
//! are put where the caller has room for them: most names are none, and the room is large.

use dns::{Name, Rcode, RecordType};

use crate::content::{APEX, Node, RecordSet, Zone};
use crate::key::Key;
use crate::steering::Steering;
use crate::zones::{Located, Zones};

/// How many aliases are followed. Real chains have one to four links; resolvers give up between 8
/// and 16. Beyond it the answer ends with an alias, and the resolver asks for what it means.
pub const CHAIN_LINKS_MAX: usize = 16;

/// What answers a question, behind the aliases that are in its [`Chain`].
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// What stands at the end of the aliases.
    pub end: End<'a>,
    /// The first wildcard that had a part in it: all names that it answers for get the same.
    pub wildcard: Option<Name<'a>>,
    /// Whether the question's name was an alias.
    pub is_aliased: bool,
}

impl Lookup<'_> {
    /// The response code. What a steered name answers may change it.
    #[must_use]
    pub const fn rcode(&self) -> Rcode {
        match self.end {
            End::Outside => Rcode::REFUSED,
            End::NoName { .. } => Rcode::NXDOMAIN,
            _ => Rcode::NOERROR,
        }
    }

    /// Whether we are the authority for the question's name (AA): not where we only delegate it
    /// (RFC 1034, 4.3.2, step 3b), unless the name was an alias of ours (RFC 1035, 4.1.1).
    #[must_use]
    pub const fn is_authoritative(&self) -> bool {
        match self.end {
            End::Outside => false,
            End::Referral { .. } => self.is_aliased,
            _ => true,
        }
    }
}

/// What stands at the end of a look-up.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// The question's name lies in none of our zones: there is nothing to say (REFUSED).
    Outside,
    /// The last alias means a name that is not ours, or one that was there before, or the chain is
    /// too long: the aliases are the answer (NOERROR).
    Elsewhere,
    /// The records that were asked for.
    Records {
        /// The zone they stand in.
        zone: &'a Zone,
        /// Whose they are: the name asked for, also where a wildcard answers (RFC 4592, 3.3.3).
        owner: Name<'a>,
        /// The records.
        set: &'a RecordSet,
    },
    /// Somebody else answers.
    Steered {
        /// The zone of the name.
        zone: &'a Zone,
        /// The name asked for.
        owner: Name<'a>,
        /// What the caller knows the steered name by.
        index: usize,
        /// What it answers with.
        steering: &'a Steering,
    },
    /// The answer is the address that was asked, if its type is the one asked for, and no data
    /// else.
    OwnAddress {
        /// The zone of the name.
        zone: &'a Zone,
        /// The name asked for.
        owner: Name<'a>,
    },
    /// Somebody else's name: these servers know (NOERROR, and AA only if an alias of ours led
    /// here).
    Referral {
        /// The zone that delegates.
        zone: &'a Zone,
        /// The name that is delegated: the owner of the NS records.
        cut: Name<'a>,
        /// The NS records, for the authority section.
        ns: &'a RecordSet,
        /// The DS records, if the delegation has some: then they belong beside the NS records of
        /// an answer to a DO query (RFC 4035, 3.1.4).
        ds: Option<&'a RecordSet>,
    },
    /// The name exists and has no such record (NOERROR with the SOA).
    NoData {
        /// Whose SOA says so.
        zone: &'a Zone,
        /// The name.
        owner: Name<'a>,
    },
    /// The name does not exist (NXDOMAIN with the SOA; also at the end of a chain: RFC 6604, 2.1).
    NoName {
        /// Whose SOA says so.
        zone: &'a Zone,
        /// The name.
        owner: Name<'a>,
    },
}

impl<'a> End<'a> {
    /// The zone that says so; `None` where none of ours does.
    #[must_use]
    pub const fn zone(&self) -> Option<&'a Zone> {
        match self {
            Self::Outside | Self::Elsewhere => None,
            Self::Records { zone, .. }
            | Self::Steered { zone, .. }
            | Self::OwnAddress { zone, .. }
            | Self::Referral { zone, .. }
            | Self::NoData { zone, .. }
            | Self::NoName { zone, .. } => Some(zone),
        }
    }
}

/// One alias.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The zone it stands in.
    pub zone: &'a Zone,
    /// The name that is an alias.
    pub owner: Name<'a>,
    /// Its CNAME record, as a set of one.
    pub set: &'a RecordSet,
}

/// The aliases that led from the question's name to the name at the end. They come first in the
/// answer.
#[derive(Debug, Default)]
pub struct Chain<'a> {
    links: [Option<Link<'a>>; CHAIN_LINKS_MAX],
}

impl<'a> Chain<'a> {
    /// The aliases in their order.
    pub fn iter(&self) -> impl Iterator<Item = Link<'a>> + '_ {
        self.links.iter().map_while(|link| *link)
    }

    /// Whether the question's name was no alias.
    const fn is_empty(&self) -> bool {
        matches!(self.links, [None, ..])
    }

    /// Adds an alias that means `target`; says whether to follow it.
    fn push(&mut self, link: Link<'a>, target: Name<'_>) -> bool {
        let Some(free) = self.links.iter_mut().find(|place| place.is_none()) else {
            return false;
        };
        *free = Some(link);
        self.iter().all(|link| link.owner != target)
    }
}

/// What one name says.
enum Step<'a> {
    End(End<'a>),
    Alias { zone: &'a Zone, set: &'a RecordSet, target: Name<'a> },
}

impl Zones {
    /// Finds what answers a question for `name` and `qtype` in class IN. Zone transfers and the
    /// like are the caller's. The aliases on the way go into `chain`, which must be empty.
    #[must_use]
    pub fn lookup<'a>(
        &'a self,
        name: Name<'a>,
        qtype: RecordType,
        chain: &mut Chain<'a>,
    ) -> Lookup<'a> {
        debug_assert!(chain.is_empty(), "a chain begins with the question's name");
        self.walk((name, None), qtype, chain)
    }

    /// Goes on where `lookup` ended at a steered name and the caller chose this alias for it: to what
    /// the alias means, or no further where it is the alias that was asked for. `chain` is that of
    /// `lookup`.
    ///
    /// A second steered name is not decided here: the chain ends before it, and whoever asks for it
    /// gets its own decision, with its own scope.
    #[must_use]
    pub fn follow<'a>(
        &'a self,
        lookup: Lookup<'a>,
        alias: &'a RecordSet,
        qtype: RecordType,
        chain: &mut Chain<'a>,
    ) -> Lookup<'a> {
        let (Lookup { end: End::Steered { zone, owner, .. }, wildcard, .. }, Some(target)) =
            (lookup, alias.target())
        else {
            return lookup;
        };
        if matches!(qtype, RecordType::CNAME | RecordType::ANY) {
            return Lookup { end: End::Records { zone, owner, set: alias }, ..lookup };
        }
        if !chain.push(Link { zone, owner, set: alias }, target) {
            return Lookup { end: End::Elsewhere, wildcard, is_aliased: true };
        }
        let mut lookup = self.walk((target, wildcard), qtype, chain);
        if matches!(lookup.end, End::Steered { .. }) {
            lookup.end = End::Elsewhere;
        }
        lookup
    }

    /// Follows aliases from a name on, after those of `chain` and a wildcard among them.
    fn walk<'a>(
        &'a self,
        (mut owner, mut wildcard): (Name<'a>, Option<Name<'a>>),
        qtype: RecordType,
        chain: &mut Chain<'a>,
    ) -> Lookup<'a> {
        let end = loop {
            let (step, by) = self.step(owner, qtype);
            wildcard = wildcard.or(by);
            match step {
                Step::End(End::Outside) if !chain.is_empty() => break End::Elsewhere,
                Step::End(end) => break end,
                Step::Alias { zone, set, target } => {
                    if !chain.push(Link { zone, owner, set }, target) {
                        break End::Elsewhere;
                    }
                    owner = target;
                }
            }
        };
        Lookup { end, wildcard, is_aliased: !chain.is_empty() }
    }

    /// What a name says, without following it, and the wildcard that says it: steps 1 to 3.
    fn step<'a>(&'a self, name: Name<'a>, qtype: RecordType) -> (Step<'a>, Option<Name<'a>>) {
        let Some(Located { zone, index, place }) = self.locate(name) else {
            return (Step::End(End::Outside), None);
        };
        if qtype == RecordType::DS
            && place.is_exact
            && place.index == APEX
            && let Some(around) = self.around(index)
        {
            return (Step::End(delegation_signer(around, &Key::of(name), name)), None);
        }
        let nothing = (Step::End(End::NoName { zone, owner: name }), None);
        let Some(node) = zone.names.get(place.index) else {
            return nothing;
        };
        match node.cut {
            Some(cut) if !place.is_exact || cut != place.index || qtype != RecordType::DS => {
                (Step::End(referral(zone, name, cut)), None)
            }
            _ if place.is_exact => (at(zone, node, name, qtype), None),
            _ => match node.wildcard.and_then(|wildcard| zone.names.get(wildcard)) {
                Some(wildcard) => (at(zone, wildcard, name, qtype), Some(wildcard.owner.as_name())),
                None => nothing,
            },
        }
    }
}

/// What stands at a name that is ours: steps 4 and 5. `owner` is the name asked for.
fn at<'a>(zone: &'a Zone, node: &'a Node, owner: Name<'a>, qtype: RecordType) -> Step<'a> {
    if let Some((index, steering)) = &node.steered
        && steering.takes(qtype)
    {
        return Step::End(End::Steered { zone, owner, index: *index, steering });
    }
    let is_address = matches!(qtype, RecordType::A | RecordType::AAAA | RecordType::ANY);
    if node.is_own_address && is_address {
        return Step::End(End::OwnAddress { zone, owner });
    }
    let set = match qtype {
        // The SOA is what an apex has for certain; elsewhere any set will do.
        RecordType::ANY => node.set(RecordType::SOA).or_else(|| node.sets.first()),
        qtype => node.set(qtype),
    };
    if let Some(set) = set {
        return Step::End(End::Records { zone, owner, set });
    }
    if let Some(set) = node.set(RecordType::CNAME)
        && let Some(target) = set.target()
    {
        return Step::Alias { zone, set, target };
    }
    Step::End(End::NoData { zone, owner })
}

/// The referral to a delegation.
fn referral<'a>(zone: &'a Zone, owner: Name<'a>, cut: usize) -> End<'a> {
    let node = zone.names.get(cut);
    let ns = node.and_then(|node| Some((node, node.set(RecordType::NS)?)));
    match ns {
        Some((node, ns)) => {
            let (cut, ds) = (node.owner.as_name(), node.set(RecordType::DS));
            End::Referral { zone, cut, ns, ds }
        }
        // A delegation is where NS records are, so this does not happen.
        None => End::NoData { zone, owner },
    }
}

/// The answer to a question for DS at the apex of an inner zone, out of the one around it, which
/// delegates it.
fn delegation_signer<'a>(zone: &'a Zone, key: &Key, owner: Name<'a>) -> End<'a> {
    let nothing = End::NoData { zone, owner };
    let Some(place) = zone.names.find(key.as_bytes()) else {
        return nothing;
    };
    let node = zone.names.get(place.index);
    match node.and_then(|node| Some((node, node.cut?))) {
        None => nothing,
        Some((node, cut)) if cut == place.index && place.is_exact => {
            let set = node.set(RecordType::DS);
            set.map_or(nothing, |set| End::Records { zone, owner, set })
        }
        // Delegated further up, to somebody else.
        Some((_, cut)) => referral(zone, owner, cut),
    }
}
