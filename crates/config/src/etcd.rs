//! Rules of `overwatch.store.etcd`: what belongs together is there together, and nothing secret goes over
//! the network in the clear unnoticed.

use crate::fault::Faults;
use crate::section::Section;
use crate::values::EtcdEndpoint;

/// Tries them.
pub(crate) fn check(section: &Section, faults: &mut Faults) {
    let shown = |key: &str| format!("overwatch.store.etcd.{key}");
    let endpoints: Vec<EtcdEndpoint> =
        section.texts("endpoints").filter_map(|(text, _)| text.parse().ok()).collect();
    let rest = ["ca", "cert", "key", "username", "password_file"];
    if let Some(key) = rest.into_iter().find(|key| section.has(key) && endpoints.is_empty()) {
        let message = format!("{}: of no use without `endpoints`", shown(key));
        faults.fault(section.at(key), message);
        return;
    }
    for (there, missing) in [
        ("cert", "key"),
        ("key", "cert"),
        ("username", "password_file"),
        ("password_file", "username"),
    ] {
        if section.has(there) && !section.has(missing) {
            let message =
                format!("{}: missing; {} is of no use alone", shown(missing), shown(there));
            faults.fault(section.at(there), message);
        }
    }
    if section.text("prefix").is_some_and(|prefix| prefix.ends_with('/')) {
        let message = format!("{}: expected no `/` at its end", shown("prefix"));
        faults.fault(section.at("prefix"), message);
    }
    ways(section, &endpoints, faults);
}

/// All endpoints are spoken to in one way, with what that needs.
fn ways(section: &Section, endpoints: &[EtcdEndpoint], faults: &mut Faults) {
    let at = section.at("endpoints");
    let (secure, clear): (Vec<_>, Vec<_>) = endpoints.iter().partition(|endpoint| endpoint.is_tls);
    match (secure.first(), clear.first()) {
        (Some(_), Some(_)) => {
            let message =
                "overwatch.store.etcd.endpoints: expected all with `https` or all with `http`";
            faults.fault(at, message.to_owned());
        }
        (Some(_), None) if !section.has("ca") => {
            let message = "overwatch.store.etcd.ca: missing; `https` needs to know whom to trust";
            faults.fault(at, message.to_owned());
        }
        (None, Some(_)) => {
            if let Some(key) = ["ca", "cert"].into_iter().find(|key| section.has(key)) {
                let message =
                    format!("overwatch.store.etcd.{key}: of no use: the endpoints are `http`");
                faults.fault(section.at(key), message);
            }
            let is_near = |endpoint: &&EtcdEndpoint| {
                let host = &endpoint.at.host;
                let address = host.parse::<std::net::IpAddr>();
                host == "localhost" || address.is_ok_and(|address| address.is_loopback())
            };
            if let Some(far) = clear.iter().find(|endpoint| !is_near(endpoint)) {
                let message = format!(
                    "overwatch.store.etcd.endpoints: {far} is spoken to in the clear: zones' keys and \
                     whatever logs in can be read on the way"
                );
                faults.warn(at, message);
            }
        }
        _ => {}
    }
}
