//! Probe outcomes to up, down, draining.
