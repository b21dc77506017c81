//! Addresses to country, AS and region.
