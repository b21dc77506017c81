//! Real kernels' round-trip times on one machine: namespaces joined by a delaying relay.
