//! Datagrams that the kernel dropped because a socket's buffer was full: the queries that this
//! program never saw. From `/proc/self/net/udp` and `udp6` (proc(5)), by the sockets' inodes.
//!
//! Must never guess: where the kernel's table cannot be read, there is no number.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;

use socket2::Socket;

/// Sockets that are watched.
#[derive(Clone, Debug)]
pub(in crate::process) struct KernelDrops {
    inodes: BTreeSet<u64>,
}

impl KernelDrops {
    /// Of these sockets, for as long as they are open.
    pub(in crate::process) fn of(sockets: &[Socket]) -> Self {
        let inode = |socket: &Socket| {
            let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
            Some(fs::metadata(link).ok()?.ino())
        };
        Self { inodes: sockets.iter().filter_map(inode).collect() }
    }

    /// What the kernel dropped since they were opened; `None` where it does not say.
    pub(in crate::process) fn count(&self) -> Option<u64> {
        let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"].map(|path| self.count_in(path));
        tables.into_iter().flatten().reduce(u64::saturating_add)
    }

    fn count_in(&self, path: &str) -> Option<u64> {
        let lines = BufReader::new(File::open(path).ok()?).lines().map_while(Result::ok);
        let ours = lines.filter_map(|line| read(&line)).filter(|(at, _)| self.inodes.contains(at));
        ours.map(|(_, drops)| drops).reduce(u64::saturating_add)
    }
}

/// The inode and the drops of one line of the table; `None` for its head, and for what is no line.
fn read(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_ascii_whitespace();
    let inode = words.nth(9)?.parse().ok()?;
    Some((inode, words.nth(2)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let head = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                    uid  timeout inode ref pointer drops             ";
        let line = " 1234: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   \
                    103        0 48213 2 0000000000000000 17          ";
        assert_eq!(read(head), None);
        assert_eq!(read(""), None);
        assert_eq!(read(line), Some((48_213, 17)));
    }

    #[test]
    fn what_a_full_buffer_lost_is_counted() {
        let bind = || Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        let (full, other) = (bind(), bind());
        // The kernel gives the least it has, some two kilobytes.
        full.set_recv_buffer_size(1).unwrap();
        let (ours, others) =
            (KernelDrops::of(std::slice::from_ref(&full)), KernelDrops::of(&[other]));
        assert_eq!(ours.count(), Some(0));
        let to = full.local_addr().unwrap();
        let sender = bind();
        for _ in 0..100 {
            sender.send_to(&[0; 512], &to).unwrap();
        }
        assert!(ours.count().unwrap() > 50, "{:?}", ours.count());
        assert_eq!(others.count(), None, "a socket that is closed has no line");
    }
}
