//! What each domain answers with: addresses, HTTPS records or aliases; which service stands behind
//! it; and the rules for all of that.
//!
//! Tried on a faulty file too, on what is left of it.

use std::collections::BTreeSet;

use dns::NameBuf;
use model::Region;
use routing::Names;
use zone::{AliasTargets, HttpsTerms, Steering};

use crate::fault::Faults;
use crate::relations::{among, once};
use crate::section::Section;

/// The service that stands behind a domain: for a wildcard, that of the name above it.
pub(crate) fn service(domain: &Section) -> Option<&str> {
    let name = || domain.text("name").map(|name| name.strip_prefix("*.").unwrap_or(name));
    domain.text("service").or_else(name)
}

/// What a domain answers with.
pub(crate) fn steering(domain: &Section) -> Option<Steering> {
    if domain.sections("targets").next().is_none() {
        let protocols: Vec<&str> =
            domain.section("https").texts("alpn").map(|(protocol, _)| protocol).collect();
        let https = HttpsTerms::new(&protocols, domain.section("https").get("port"));
        return Some(Steering::Addresses { answers: domain.get("answers")?, https });
    }
    let target = |region: &str| -> Option<NameBuf> {
        let mut targets = domain.sections("targets");
        targets.find(|target| target.text("region") == Some(region))?.get("name")
    };
    let targets = domain.texts("regions").map(|(region, _)| target(region));
    let targets: Vec<NameBuf> = targets.collect::<Option<_>>()?;
    Some(Steering::Alias(AliasTargets::new(&targets, domain.get("ttl")?)))
}

/// What an answer of a domain names, and for an alias the regions that nothing watches.
pub(crate) fn names(root: &Section, domain: &Section) -> Option<Names> {
    if domain.sections("targets").next().is_none() {
        return Some(Names::Servers);
    }
    let service = service(domain)?;
    let unwatched = domain.texts("regions").map(|(region, _)| region);
    let unwatched = unwatched.filter(|region| !is_watched(root, service, region));
    let unwatched: Option<Vec<Region>> = unwatched.map(|region| region.parse().ok()).collect();
    Some(Names::Regions { unwatched: unwatched? })
}

/// Whether something could vouch for a service in a region: a server of ours, or an agent.
fn is_watched(root: &Section, service: &str, region: &str) -> bool {
    let here = root.sections("regions").filter(|section| section.text("name") == Some(region));
    let serves = |server: &Section| server.text("service").is_none_or(|of| of == service);
    let mut tokens = root.section("overwatch").sections("agent_tokens");
    here.flat_map(|section| section.sections("servers")).any(serves)
        || tokens.any(|token| {
            let mut regions = token.texts("regions").map(|(of, _)| of).peekable();
            let is_for_any = regions.peek().is_none();
            token.text("service") == Some(service) && (is_for_any || regions.any(|of| of == region))
        })
}

/// Tries the rules of every domain.
pub(crate) fn check(root: &Section, faults: &mut Faults) {
    let zones = root.section("dns").sections("zones").filter_map(|zone| zone.text("name"));
    let zones: BTreeSet<&str> = zones.collect();
    for domain in root.sections("domains") {
        let https = domain.section("https");
        if https.text("port").is_some() && https.texts("alpn").next().is_none() {
            let message = "domains[].https.port: means nothing without `alpn`: expected \
                           `alpn: [h2]` or the like beside it";
            faults.fault(https.at("port"), message.to_owned());
        }
        if domain.sections("targets").next().is_some() {
            once(domain.sections("targets"), &["region"], "domains[].targets[]", faults);
            alias_alone(domain, faults);
            alias_at_apex(&zones, domain, faults);
            targets(domain, faults);
        }
    }
}

/// Nothing stands beside an alias (RFC 1034, 3.6.2).
fn alias_alone(domain: &Section, faults: &mut Faults) {
    let has_https = domain.section("https").texts("alpn").next().is_some();
    let is_several = domain.text("answers").is_some_and(|answers| answers != "1");
    for (key, is_given) in [("answers", is_several), ("https", has_https)] {
        if is_given {
            let message = format!(
                "domains[].{key}: means nothing beside `targets`: an alias is all that a name has \
                 (RFC 1034, 3.6.2)"
            );
            faults.fault(domain.at(key), message);
        }
    }
}

/// At an apex an alias would hide SOA and NS. Without `dns.zones` each name is an apex, unless a
/// wildcard.
fn alias_at_apex(zones: &BTreeSet<&str>, domain: &Section, faults: &mut Faults) {
    let Some(name) = domain.text("name") else { return };
    let advice = if zones.contains(name) {
        "steer a name below it, or answer with addresses"
    } else if zones.is_empty() && !name.starts_with("*.") {
        "name the zone around it in `dns.zones`"
    } else {
        return;
    };
    let message = format!(
        "domains[].targets: {name} is the apex of a zone, where no alias may stand (RFC 1034, \
         3.6.2): {advice}"
    );
    faults.fault(domain.at("targets"), message);
}

/// Each region of the domain has its target, and no target means the domain itself.
fn targets(domain: &Section, faults: &mut Faults) {
    let regions: Vec<&str> = domain.texts("regions").map(|(region, _)| region).collect();
    if regions.is_empty() {
        return; // which is a fault of its own
    }
    let mut missing: BTreeSet<&str> = regions.iter().copied().collect();
    for target in domain.sections("targets") {
        if let Some(region) = target.text("region").filter(|region| !missing.remove(region))
            && !regions.contains(&region)
        {
            let hint = among(region, regions.iter().copied());
            let message =
                format!("domains[].targets[].region: {region:?} is no region of the domain{hint}");
            faults.fault(target.at("region"), message);
        }
        if target.text("name").is_some() && target.text("name") == domain.text("name") {
            let message = "domains[].targets[].name: a name cannot be an alias of itself";
            faults.fault(target.at("name"), message.to_owned());
        }
    }
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.into_iter().collect();
        let message = format!("domains[].targets: no target for {}", missing.join(", "));
        faults.fault(domain.at("targets"), message);
    }
}
