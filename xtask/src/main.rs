//! The gate, the benches and the repository's own rules.

fn main() {}
