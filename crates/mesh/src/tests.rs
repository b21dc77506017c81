//! What is tested across modules.

mod conversation;
mod fuzzing;
