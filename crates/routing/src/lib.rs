//! Table, geography and health to a map; map and client to a decision.
