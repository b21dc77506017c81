//! YAML to checked settings, all faults at once.
