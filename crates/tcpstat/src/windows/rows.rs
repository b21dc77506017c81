//! What the tables of both families hold, word by word (tcpmib.h), and the row that names a
//! connection to Windows. Reads words only.
//!
//! Addresses stand in memory as on the wire, ports too, in the low 16 bits of their word; the high
//! ones may hold anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// MIB_TCP_STATE_ESTAB: the only state in which a connection is open for both sides.
pub const ESTABLISHED: u32 = 5;

/// Windows keeps its tables apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// MIB_TCPTABLE2.
    Ipv4,
    /// MIB_TCP6TABLE2.
    Ipv6,
}

impl Family {
    /// Both, in the order in which they are asked about.
    pub(crate) const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// As named in errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }

    /// The words of one row of its table (MIB_TCPROW2, MIB_TCP6ROW2).
    const fn table_row_words(self) -> usize {
        match self {
            Self::Ipv4 => 7,
            Self::Ipv6 => 15,
        }
    }
}

/// A connection as Windows is asked about it (MIB_TCPROW_LH, MIB_TCP6ROW): the words of that
/// structure, with clean ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// State, local address and port, remote address and port.
    Ipv4([u32; 5]),
    /// State, local address of four words, scope and port, the same of the remote end.
    Ipv6([u32; 13]),
}

/// What tells one connection of the table from another: all of [`Row`] but its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Ipv4([u32; 4]),
    Ipv6([u32; 12]),
}

impl Row {
    /// The row of an established connection between these addresses; `None` where they are of two
    /// families.
    pub(crate) fn between(local: SocketAddr, remote: SocketAddr) -> Option<Self> {
        let port = |address: SocketAddr| u32::from(address.port().to_be());
        match (local, remote) {
            (SocketAddr::V4(here), SocketAddr::V4(there)) => {
                let word = |address: &Ipv4Addr| u32::from_ne_bytes(address.octets());
                Some(Self::Ipv4([
                    ESTABLISHED,
                    word(here.ip()),
                    port(local),
                    word(there.ip()),
                    port(remote),
                ]))
            }
            (SocketAddr::V6(here), SocketAddr::V6(there)) => {
                let mut words = [0; 13];
                words[0] = ESTABLISHED;
                words[1..5].copy_from_slice(&address_words(here.ip()));
                (words[5], words[6]) = (here.scope_id(), port(local));
                words[7..11].copy_from_slice(&address_words(there.ip()));
                (words[11], words[12]) = (there.scope_id(), port(remote));
                Some(Self::Ipv6(words))
            }
            _ => None,
        }
    }

    /// Its words, as Windows wants them.
    #[must_use]
    pub const fn words(&self) -> &[u32] {
        match self {
            Self::Ipv4(words) => words,
            Self::Ipv6(words) => words,
        }
    }

    /// Which functions to ask about it.
    pub(crate) const fn family(&self) -> Family {
        match self {
            Self::Ipv4(_) => Family::Ipv4,
            Self::Ipv6(_) => Family::Ipv6,
        }
    }

    /// How far the connection has come (MIB_TCP_STATE).
    pub(crate) const fn state(&self) -> u32 {
        match self {
            Self::Ipv4([state, ..]) | Self::Ipv6([state, ..]) => *state,
        }
    }

    pub(crate) const fn key(&self) -> Key {
        match *self {
            Self::Ipv4([_, a, b, c, d]) => Key::Ipv4([a, b, c, d]),
            Self::Ipv6([_, a, b, c, d, e, f, g, h, i, j, k, l]) => {
                Key::Ipv6([a, b, c, d, e, f, g, h, i, j, k, l])
            }
        }
    }

    /// The near end; an IPv4 address in IPv6's clothes is folded.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        match self {
            Self::Ipv4([_, address, port, ..]) => (ipv4(*address), port_of(*port)).into(),
            Self::Ipv6([_, a, b, c, d, _, port, ..]) => {
                (ipv6([*a, *b, *c, *d]), port_of(*port)).into()
            }
        }
    }

    /// The far end's address, folded likewise.
    #[must_use]
    pub fn remote(&self) -> IpAddr {
        match self {
            Self::Ipv4([.., address, _]) => ipv4(*address),
            Self::Ipv6([.., a, b, c, d, _, _]) => ipv6([*a, *b, *c, *d]),
        }
    }
}

/// The rows of a whole table, beginning with its count. A count beyond the words that are there is
/// cut to them.
pub(crate) fn rows(family: Family, table: &[u32]) -> impl Iterator<Item = Row> {
    let (count, rows) = table.split_first().unwrap_or((&0, &[]));
    let rows = rows.chunks_exact(family.table_row_words());
    rows.take(usize::try_from(*count).unwrap_or(usize::MAX)).filter_map(read_row)
}

fn read_row(words: &[u32]) -> Option<Row> {
    match *words {
        // dwState, dwLocalAddr, dwLocalPort, dwRemoteAddr, dwRemotePort; the process; offloading.
        [state, local, local_port, remote, remote_port, _, _] => {
            Some(Row::Ipv4([state, local, clean(local_port), remote, clean(remote_port)]))
        }
        // LocalAddr, dwLocalScopeId, dwLocalPort; the same of the remote end; State; the process;
        // offloading. The row that names a connection has its state first.
        [a, b, c, d, scope, port, e, f, g, h, remote_scope, remote_port, state, _, _] => {
            let (port, remote_port) = (clean(port), clean(remote_port));
            let row = [state, a, b, c, d, scope, port, e, f, g, h, remote_scope, remote_port];
            Some(Row::Ipv6(row))
        }
        _ => None,
    }
}

/// Without what the high bits happen to hold.
const fn clean(port: u32) -> u32 {
    port & 0xffff
}

fn port_of(word: u32) -> u16 {
    // The low half, whatever the machine's order; then from the wire's order to the machine's.
    u16::from_be((word & 0xffff) as u16)
}

fn ipv4(word: u32) -> IpAddr {
    Ipv4Addr::from(word.to_ne_bytes()).into()
}

fn ipv6(words: [u32; 4]) -> IpAddr {
    let mut octets = [0; 16];
    for (octets, word) in octets.chunks_exact_mut(4).zip(words) {
        octets.copy_from_slice(&word.to_ne_bytes());
    }
    IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
}

fn address_words(address: &Ipv6Addr) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = address.octets();
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of each table as its bytes lie in memory, on the little-endian machines that Windows
    /// runs on.
    fn words(bytes: &[u8]) -> Vec<u32> {
        let words = bytes.chunks_exact(4);
        words.map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect()
    }

    #[test]
    fn a_row_of_the_first_table() {
        let table = words(&[
            1, 0, 0, 0, // one row
            5, 0, 0, 0, // established
            10, 1, 1, 10, 0x1f, 0x90, 0xaa, 0xbb, // 10.1.1.10, port 8080, anything
            10, 1, 2, 5, 0xc0, 0x00, 0x12, 0x34, // 10.1.2.5, port 49152, anything
            7, 0, 0, 0, 0, 0, 0, 0, // process 7, offloading
        ]);
        let found: Vec<Row> = rows(Family::Ipv4, &table).collect();
        let [row] = found[..] else { panic!("{found:?}") };
        assert_eq!(row.local(), "10.1.1.10:8080".parse().unwrap());
        assert_eq!(row.remote(), "10.1.2.5".parse::<IpAddr>().unwrap());
        assert_eq!(row.state(), ESTABLISHED);
        let named =
            Row::between("10.1.1.10:8080".parse().unwrap(), "10.1.2.5:49152".parse().unwrap());
        assert_eq!(named, Some(row), "a name made of addresses is the row's");
    }

    #[test]
    fn a_row_of_the_second_table() {
        let table = words(&[
            1, 0, 0, 0, // one row
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // fe80::1
            9, 0, 0, 0, 0x01, 0xbb, 0xff, 0xff, // scope 9, port 443, anything
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, // 2001:db8::2
            0, 0, 0, 0, 0xd4, 0x31, 0, 0, // no scope, port 54321
            8, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, // close-wait, process 7, offloading
        ]);
        let found: Vec<Row> = rows(Family::Ipv6, &table).collect();
        let [row] = found[..] else { panic!("{found:?}") };
        assert_eq!((row.local().port(), row.state()), (443, 8));
        assert_eq!(row.remote(), "2001:db8::2".parse::<IpAddr>().unwrap());
        let Row::Ipv6(name) = row else { panic!("{row:?}") };
        // The state goes first in the row that names a connection.
        assert_eq!((name[0], name[5], name[11]), (8, 9, 0));
        let [a, b] = ["[fe80::1%9]:443", "[2001:db8::2]:54321"].map(|a| a.parse().unwrap());
        assert_eq!(Row::between(a, b).map(|row| row.key()), Some(row.key()));
        assert_eq!(Row::between(a, "10.0.0.1:1".parse().unwrap()), None);
    }

    #[test]
    fn a_mapped_address_is_folded() {
        let [here, there] =
            ["[::ffff:10.1.1.10]:80", "[::ffff:10.1.2.5]:9"].map(|a| a.parse().unwrap());
        let row = Row::between(here, there).unwrap();
        assert_eq!(row.local(), "10.1.1.10:80".parse().unwrap());
        assert_eq!(row.remote(), "10.1.2.5".parse::<IpAddr>().unwrap());
        assert_eq!(row.family(), Family::Ipv6, "it is asked about where it was listed");
    }

    #[test]
    fn a_table_that_promises_more_than_it_holds_is_cut() {
        let count = |table: &[u32]| rows(Family::Ipv4, table).count();
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[9]), 0);
        assert_eq!(count(&[u32::MAX, 1, 2, 3, 4, 5, 6]), 0);
        assert_eq!(count(&[u32::MAX, 1, 2, 3, 4, 5, 6, 7, 8]), 1);
        assert_eq!(count(&[0, 1, 2, 3, 4, 5, 6, 7]), 0);
    }
}
