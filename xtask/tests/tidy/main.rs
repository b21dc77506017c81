//! The repository's own rules, as tests.
//!
//! - `repository`: its files, as git lists them,
//! - `layers`: who may depend on whom, and what a pure crate never names,
//! - `sources`: what every source file keeps to,
//! - `modules`: no source file, test or fuzz target that nobody runs,
//! - `documents`: what the pages must hold,
//! - `dns_rules`: the page of the DNS server's rules, and the dialogues that it names.
//!
//! A rule is here only if neither the compiler nor clippy can keep it. A fault says where it is and
//! what to do.

#![expect(clippy::expect_used, reason = "a broken rule or repository should stop the test")]

mod dns_rules;
mod documents;
mod layers;
mod modules;
mod repository;
mod sources;

fn complain(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
