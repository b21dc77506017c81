//! A backend's web server, as a service manager runs it: started, killed, held, and started again.

use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::files::Layout;
use crate::sys::process;

/// The web server of one host.
pub(super) struct WebServer<'a> {
    layout: &'a Layout,
    child: Option<Child>,
}

impl<'a> WebServer<'a> {
    pub(super) const fn new(layout: &'a Layout) -> Self {
        Self { layout, child: None }
    }

    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let child = Command::new(self.layout.binary())
            .args(["lab", "__web"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting the web server")?;
        self.child = Some(child);
        Ok(())
    }

    pub(super) fn signal(&mut self, signal: libc::c_int) -> anyhow::Result<()> {
        let child = self.child.as_mut().context("the web server is not running")?;
        process::kill(child.id(), signal)?;
        if signal == libc::SIGKILL {
            child.wait()?;
            self.child = None;
        }
        Ok(())
    }

    pub(super) fn describe(&mut self) -> String {
        let word = if self.is_running() { "active" } else { "inactive" };
        format!("{word}: the web server")
    }

    fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }
}
