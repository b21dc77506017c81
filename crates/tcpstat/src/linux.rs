//! Linux: both sources over netlink SOCK_DIAG. Neither needs a capability, but
//! for hearing other network namespaces.
//!
//! ```text
//!   sys            the libc calls, the only unsafe code of the crate
//!   socket         a netlink socket that is believed only if the kernel speaks
//!   destroy_events, dump     the two sources; `netlink` reads what they receive
//!   probe          tries both
//!   kernel         all of them, as the other systems have them
//! ```

mod sys;

mod socket;

mod destroy_events;

mod dump;

mod probe;

mod kernel;

#[cfg(test)]
mod loopback;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod unprivileged;

pub use destroy_events::DestroyEvents;
pub use dump::Dump;
pub use kernel::Kernel;
