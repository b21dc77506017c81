//! Identity, sessions and reports on the wire.
