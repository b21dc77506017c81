//! The agent as a value: events in, effects out.
