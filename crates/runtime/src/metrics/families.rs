//! The one table of metrics: every family there is, once.
//!
//! The page is written from it, and so is `docs/reference/metrics.md`; dashboards and alerts are held
//! against it by a test. A number without a family here does not compile. In the order of the page:
//!
//! - [`process`]: of every process,
//! - [`dns`]: what became of queries,
//! - [`routing`]: what was decided, regions and servers,
//! - [`learning`]: what the decisions rest on,
//! - [`health`]: checks, and servers that strain,
//! - [`mesh`]: agents, as an overwatch sees them,
//! - [`signing`]: keys and clocks,
//! - [`api`](mod@api): requests to the API,
//! - [`shared`]: the store, and etcd where something is shared,
//! - [`agent`]: what an agent sees.

use super::family::Family;

/// Families: a name for the code, the name on the page, its labels, and what it says.
macro_rules! families {
    ($($name:ident = $kind:ident($text:literal, $labels:expr, $help:literal);)*) => {
        $(
            #[doc = $help]
            pub static $name: Family = Family::$kind($text, $labels, $help);
        )*
        /// All of this part, in the order of the page.
        pub(super) static PART: &[&Family] = &[$(&$name),*];
    };
}

pub mod process;

#[cfg(unix)]
pub mod dns;

#[cfg(unix)]
pub mod routing;

pub mod learning;

pub mod health;

pub mod mesh;

pub mod signing;

pub mod api;

#[cfg(unix)]
pub mod shared;

pub mod agent;

/// A part of the table.
pub struct Part {
    /// Its heading in the reference.
    pub title: &'static str,
    /// Its families, in the order of the page.
    pub families: &'static [&'static Family],
}

/// The whole table.
pub static PARTS: &[Part] = &[
    Part { title: "Every process", families: process::PART },
    #[cfg(unix)]
    Part { title: "Overwatch: DNS", families: dns::PART },
    #[cfg(unix)]
    Part { title: "Overwatch: decisions, regions and servers", families: routing::PART },
    Part { title: "Overwatch: learning", families: learning::PART },
    Part { title: "Checks of servers, by either", families: health::PART },
    Part { title: "Overwatch: agents", families: mesh::PART },
    Part { title: "Overwatch: signing", families: signing::PART },
    Part { title: "Overwatch: the API", families: api::PART },
    #[cfg(unix)]
    Part {
        title: "Overwatch: the store, and etcd where something is shared",
        families: shared::PART,
    },
    Part { title: "Agent", families: agent::PART },
];

/// Every family, in the order of the page.
pub fn all() -> impl Iterator<Item = &'static Family> {
    PARTS.iter().flat_map(|part| part.families.iter().copied())
}
