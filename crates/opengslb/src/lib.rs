//! What the two binaries share: the operator's commands, and a survey of a zone over real sockets.
//!
//! - [`cli`]: `opengslb-cli`, whole,
//! - [`configuration`]: the configuration's files, as they are read,
//! - [`survey`]: the pre-flight of `opengslb-cli preflight` and `opengslb check-config --preflight`.
//!
//! Nothing here decides: the API's documents come from the overwatch, findings from `preflight`.

pub mod cli;

pub mod configuration;

pub mod survey;
