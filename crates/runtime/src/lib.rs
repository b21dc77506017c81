//! Sockets, clocks, files, signals and logs.
