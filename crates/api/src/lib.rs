//! The REST contract, shared by server and command line.
