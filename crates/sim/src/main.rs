//! Agents and overwatches over virtual time against a ping matrix.

fn main() {}
