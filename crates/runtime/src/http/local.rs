//! Who is at the other end of the control socket: the user that the kernel says it is (unix(7),
//! `SO_PEERCRED`). Only for the list of changes: whoever can open the socket may do everything.

#[cfg(unix)]
use axum::extract::connect_info::Connected;
#[cfg(unix)]
use axum::serve::IncomingStream;
#[cfg(unix)]
use tokio::net::UnixListener;

/// A process at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalPeer {
    /// Its user; `None` where the kernel does not say.
    uid: Option<u32>,
}

#[cfg(unix)]
impl Connected<IncomingStream<'_, UnixListener>> for LocalPeer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}

impl LocalPeer {
    /// What the list of changes calls them.
    pub(super) fn name(self) -> String {
        let Some(uid) = self.uid else { return "control socket".to_owned() };
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = user(&users, uid).map_or_else(|| format!("uid {uid}"), str::to_owned);
        format!("control socket ({user})")
    }
}

/// The name of a user (passwd(5)); `None` where others keep the names.
fn user(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid) && is_plain(name)).then_some(name)
    })
}

/// A name that can stand in a line of a log.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_their_names() {
        let users = "root:x:0:0::/root:/bin/sh\nodd name:x:7:7::/:/\nanna:x:1000:1000::/:/\nbad\n";
        for (uid, expect) in [(0, Some("root")), (1000, Some("anna")), (7, None), (8, None)] {
            assert_eq!(user(users, uid), expect, "{uid}");
        }
    }
}
