//! A global server load balancer that learns from the kernels of the servers.

fn main() {}
