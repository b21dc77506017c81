//! The rules of a zone, looked at when all its names are known.
//!
//! In this order: the apex has its records; each name's records agree with each other and with
//! who steers it; nothing stands below a delegation but the addresses of name servers. Then what
//! is merely odd.

use std::collections::BTreeSet;

use dns::{Name, RecordType};

use super::{Draft, DraftNode, is_wildcard};
use crate::fault::{Rule, Told, Warning, ZoneFault, ZoneWarning};
use crate::key::Key;
use crate::record::target;
use crate::steering::Steering;

/// A key of a name.
type KeyBytes = Box<[u8]>;

impl Draft {
    /// Looks at all rules.
    pub(super) fn check(&mut self) {
        self.check_apex();
        self.check_names();
        self.check_delegations();
        self.warn_of_targets();
        self.warn_of_ttls();
    }

    fn check_apex(&mut self) {
        let apex = self.apex.clone();
        for (record_type, rule) in [(RecordType::SOA, Rule::NoSoa), (RecordType::NS, Rule::NoNs)] {
            let node = self.names.get(Key::of(apex.as_name()).as_bytes());
            if !node.is_some_and(|node| node.sets.contains_key(&record_type)) {
                self.fault(apex.as_name(), rule);
            }
        }
    }

    fn check_names(&mut self) {
        for node in self.names.values() {
            let owner = node.owner.as_name();
            let is_apex = owner == self.apex.as_name();
            for rule in alone(node, is_apex).into_iter().chain(steered(node, is_apex)) {
                self.faults.add(ZoneFault { owner: owner.to_string(), rule });
            }
        }
    }

    fn check_delegations(&mut self) {
        let servers = self.nameservers();
        let mut cut: Option<(&KeyBytes, Name<'_>)> = None;
        for (key, node) in &self.names {
            let owner = node.owner.as_name();
            cut = cut.filter(|(above, _)| key.starts_with(above));
            let is_delegated = owner != self.apex.as_name() && has(node, RecordType::NS);
            if cut.is_none() && is_delegated {
                cut = Some((key, owner));
            }
            let Some((cut_key, cut)) = cut else { continue };
            let (is_cut, is_server) = (key == cut_key, servers.contains(key));
            for rule in below_cut(node, cut, is_cut, is_server) {
                self.faults.add(ZoneFault { owner: owner.to_string(), rule });
            }
        }
    }

    /// The keys of all names that an NS record points at.
    fn nameservers(&self) -> BTreeSet<KeyBytes> {
        let targets = self.targets().filter(|(_, record_type, _)| *record_type == RecordType::NS);
        targets.map(|(_, _, target)| Key::of(target).as_bytes().into()).collect()
    }

    /// Every record that points at a name: its owner, its type, the name.
    fn targets(&self) -> impl Iterator<Item = (Name<'_>, RecordType, Name<'_>)> {
        self.names.values().flat_map(|node| {
            let owner = node.owner.as_name();
            node.sets.iter().flat_map(move |(record_type, set)| {
                let targets =
                    set.records.iter().filter_map(move |bytes| target(*record_type, bytes, owner));
                targets.map(move |target| (owner, *record_type, target))
            })
        })
    }

    fn warn_of_targets(&mut self) {
        let mut warnings = Told::new();
        for (owner, record_type, target) in self.targets() {
            let node = self.names.get(Key::of(target).as_bytes());
            let is_apex = owner == self.apex.as_name();
            let what = if node.is_some_and(|node| has(node, RecordType::CNAME)) {
                Warning::TargetIsAlias { record_type, target: target.to_string() }
            } else if record_type == RecordType::NS
                && target.ends_with(owner)
                && !node.is_some_and(DraftNode::has_address)
                && !(is_apex && self.is_covered(target))
            {
                Warning::NoGlue(target.to_string())
            } else {
                continue;
            };
            warnings.add(ZoneWarning { owner: owner.to_string(), what });
        }
        self.warnings = warnings;
    }

    /// Whether some wildcard of the zone may answer for a name.
    fn is_covered(&self, name: Name<'_>) -> bool {
        let wildcards = name.suffixes().filter_map(Name::wildcard);
        let mut inside = wildcards.take_while(|name| name.as_name().ends_with(self.apex.as_name()));
        inside.any(|name| self.names.contains_key(Key::of(name.as_name()).as_bytes()))
    }

    fn warn_of_ttls(&mut self) {
        for node in self.names.values() {
            for (record_type, set) in node.sets.iter().filter(|(_, set)| set.has_other_ttls) {
                let what = Warning::Ttls { record_type: *record_type, ttl_s: set.ttl_s };
                self.warnings.add(ZoneWarning { owner: node.owner.as_name().to_string(), what });
            }
        }
    }
}

fn has(node: &DraftNode, record_type: RecordType) -> bool {
    node.sets.contains_key(&record_type)
}

/// What is wrong with a name's own records.
fn alone(node: &DraftNode, is_apex: bool) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (record_type, set) in &node.sets {
        let is_single = matches!(*record_type, RecordType::SOA | RecordType::CNAME);
        if is_single && set.records.len() > 1 {
            let count = set.records.len();
            rules.push(Rule::Several { record_type: *record_type, count });
        }
        if *record_type != RecordType::CNAME && has(node, RecordType::CNAME) {
            rules.push(Rule::CnameAndOther(*record_type));
        }
    }
    if has(node, RecordType::SOA) && !is_apex {
        rules.push(Rule::SoaBelowApex);
    }
    if has(node, RecordType::DS) && (is_apex || !has(node, RecordType::NS)) {
        rules.push(Rule::DsWithoutNs);
    }
    if has(node, RecordType::NS) && is_wildcard(node.owner.as_name()) && !is_apex {
        rules.push(Rule::WildcardNs);
    }
    rules
}

/// What is wrong between a name's records and who steers it.
fn steered(node: &DraftNode, is_apex: bool) -> Vec<Rule> {
    let Some((_, steering)) = &node.steered else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    if is_apex && matches!(steering, Steering::Alias(_)) {
        rules.push(Rule::AliasAtApex);
        return rules;
    }
    // An alias of somebody else would answer what the steered name answers.
    let clashes = |record_type| record_type == RecordType::CNAME || steering.takes(record_type);
    let clashing = node.sets.keys().copied().filter(|record_type| clashes(*record_type));
    rules.extend(clashing.map(Rule::SteeredAndStatic));
    rules
}

/// What is wrong with a name at or below the delegation of `cut`.
fn below_cut(node: &DraftNode, cut: Name<'_>, is_cut: bool, is_server: bool) -> Vec<Rule> {
    let may_stand = |record_type| match record_type {
        RecordType::NS | RecordType::DS => is_cut,
        RecordType::A | RecordType::AAAA => is_server,
        _ => false,
    };
    let hidden = node.sets.keys().copied().filter(|record_type| !may_stand(*record_type));
    let below = |record_type| Rule::BelowCut { cut: cut.to_string(), record_type };
    let mut rules: Vec<Rule> = hidden.map(below).collect();
    if node.steered.is_some() {
        rules.push(Rule::SteeredBelowCut(cut.to_string()));
    }
    rules
}
