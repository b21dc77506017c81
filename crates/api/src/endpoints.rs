//! Every endpoint there is, as one table. Whoever adds one adds a line here, and the compiler asks
//! for its handler.
//!
//! - `status`: whether the overwatch lives, and what it is,
//! - `known`: what it knows,
//! - `made`: what is made and changed through it,
//! - `servers`: what operators do about servers and agents,
//! - `routing`: what they do about routing,
//! - `keys`: signed zones,
//! - `tokens`: who may speak to the API.

mod keys;

mod known;

mod made;

mod routing;

mod servers;

mod status;

mod tokens;

use crate::endpoint::Endpoint;

/// Under which every path stands.
pub const ROOT: &str = "/api/v1";

/// The table.
pub fn all() -> impl Iterator<Item = &'static Endpoint> + Clone {
    let areas = [
        status::LIST,
        known::LIST,
        made::LIST,
        servers::LIST,
        routing::LIST,
        keys::LIST,
        tokens::LIST,
    ];
    areas.into_iter().flatten()
}

#[cfg(test)]
mod tests;
