//! Kernel sockets to samples.
