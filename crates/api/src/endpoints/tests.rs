//! What must hold for the table as a whole.

use std::collections::BTreeSet;

use super::*;
use crate::endpoint::{Access, Method};
use crate::parameters::{PATH_PARAMETERS, PathParameter};

#[test]
fn each_endpoint_stands_once_and_under_one_root() {
    let mut seen = BTreeSet::new();
    let mut operations = BTreeSet::new();
    for endpoint in all() {
        assert!(endpoint.path.starts_with(ROOT), "{}", endpoint.path);
        assert!(seen.insert((endpoint.path, endpoint.method)), "{}", endpoint.path);
        assert!(operations.insert(endpoint.operation), "{:?}", endpoint.operation);
        assert!(endpoint.summary.ends_with('.'), "{}", endpoint.summary);
    }
}

#[test]
fn whoever_changes_something_has_more_than_read() {
    let changes = all().filter(|endpoint| endpoint.is_change());
    for endpoint in changes.filter(|endpoint| endpoint.access != Access::Source) {
        let role = endpoint.access.role();
        assert!(role > Some(model::Role::Read), "{} {role:?}", endpoint.path);
    }
    let reads = all().filter(|endpoint| endpoint.method == Method::Get);
    assert!(reads.clone().any(|endpoint| endpoint.access == Access::Open));
    assert!(reads.clone().all(|endpoint| endpoint.body.is_none()));
}

#[test]
fn every_name_in_braces_is_explained_and_none_is_for_nothing() {
    let used: BTreeSet<&str> = all().flat_map(Endpoint::path_parameters).collect();
    for name in &used {
        assert!(PathParameter::find(name).is_some(), "{name}");
    }
    let known = PATH_PARAMETERS.iter().map(|parameter| parameter.name);
    assert!(known.clone().is_sorted());
    let unused: Vec<&str> = known.filter(|name| !used.contains(name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}
