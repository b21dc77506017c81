//! What the service manager is told: that the process is ready, and that it ends. Where the process
//! is no service nobody listens.
//!
//! Windows asks for no signs of life; it starts a service anew that ended.

use std::future::pending;
use std::sync::OnceLock;

/// How far the process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It does its work.
    Ready,
    /// It is about to end.
    Stopping,
}

static LISTENER: OnceLock<Box<dyn Fn(Told) + Send + Sync>> = OnceLock::new();

/// Tells `listener` from now on; the first one stays.
pub fn listen(listener: impl Fn(Told) + Send + Sync + 'static) {
    let _ = LISTENER.set(Box::new(listener));
}

fn tell(what: Told) {
    if let Some(listener) = LISTENER.get() {
        listener(what);
    }
}

/// The process is ready, or ready again.
pub(crate) fn ready() {
    tell(Told::Ready);
}

/// The configuration is being read again. Windows has no word for it.
pub(crate) const fn reloading() {}

/// The process is about to end.
pub(crate) fn stopping() {
    tell(Told::Stopping);
}

/// Signs of life, which nobody wants here.
#[derive(Debug)]
pub(crate) struct Heart;

impl Heart {
    pub(crate) const fn of_this_process() -> Self {
        Self
    }

    /// Never.
    pub(crate) async fn due(&self) {
        pending().await
    }

    /// Tells nobody.
    pub(crate) const fn beat(&mut self, _status: &str) {}
}
