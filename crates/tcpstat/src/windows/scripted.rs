//! A Windows that says what a test tells it to, so that everything above the library is tested on
//! any system. Its structures are written byte by byte from their documentation, not with the code
//! that reads them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::functions::{FamilyFunctions, Functions, Subject, code};
use super::rows::{ESTABLISHED, Family, Row};

/// The script; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Mutex<State>>);

/// What it says.
#[derive(Debug, Default)]
pub struct State {
    /// The connections of this machine, in the order in which they are listed.
    pub connections: Vec<Connection>,
    /// What switching a subject on answers; 0 where nothing stands here.
    pub switch_on: BTreeMap<Subject, u32>,
    /// What reading answers; 0 is well.
    pub read: u32,
    /// What listing answers, by family; 0 where nothing stands here.
    pub list: BTreeMap<Family, u32>,
    /// How often a listed table was a row too long for its buffer although that was as long as
    /// Windows wanted: connections that came in between.
    pub late_rows: u32,
    /// How often timing was switched on, and how often it was read.
    pub calls: Calls,
}

/// Calls that cost something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Of `SetPer...`.
    pub switched_on: u64,
    /// Of `GetPer...`.
    pub read: u64,
}

/// One connection as Windows knows it.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The near end.
    pub local: SocketAddr,
    /// The far end.
    pub remote: SocketAddr,
    /// MIB_TCP_STATE.
    pub state: u32,
    /// What it would be read as, once it is collected.
    pub times: Times,
    /// Whether it is collected.
    pub is_collected: bool,
}

/// What Windows has measured, in the units of FineRtt; Path shows it in whole milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// SmoothedRtt.
    pub smoothed_us: u32,
    /// RttVar.
    pub deviation_us: u32,
    /// MinRtt.
    pub min_us: u32,
    /// CountRtt: how many round trips were timed.
    pub count: u32,
    /// ThruBytesAcked.
    pub bytes_acked: u64,
    /// DataSegsOut.
    pub segments: u64,
}

impl Connection {
    /// An established connection, timed as `rtt_us`, that sent some data.
    ///
    /// `None` where an address cannot be read.
    #[must_use]
    pub fn of(local: &str, remote: &str, rtt_us: u32) -> Option<Self> {
        let times = Times {
            smoothed_us: rtt_us + 20_000,
            deviation_us: 3_000,
            min_us: rtt_us,
            count: 7,
            bytes_acked: 5_000,
            segments: 4,
        };
        let (local, remote) = (local.parse().ok()?, remote.parse().ok()?);
        Some(Self { local, remote, state: ESTABLISHED, times, is_collected: false })
    }

    const fn family(&self) -> Family {
        match self.local.ip() {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }
}

impl Script {
    /// What it says, to be changed.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The functions that say it.
    #[must_use]
    pub fn functions(&self) -> Functions {
        Functions { ipv4: self.family(Family::Ipv4), ipv6: self.family(Family::Ipv6) }
    }

    fn family(&self, family: Family) -> FamilyFunctions {
        let [listing, switching, reading] = [self.clone(), self.clone(), self.clone()];
        FamilyFunctions {
            list: Some(Box::new(move |room, bytes| listing.state().list(family, room, bytes))),
            switch_on: Some(Box::new(move |row, subject| {
                switching.state().switch_on(row, subject)
            })),
            read: Some(Box::new(move |row, subject, is_collected, room| {
                reading.state().read(row, subject, is_collected, room)
            })),
        }
    }
}

impl State {
    fn list(&mut self, family: Family, room: &mut [u32], bytes: &mut u32) -> u32 {
        if let Some(code) = self.list.get(&family) {
            return *code;
        }
        let listed: Vec<&Connection> =
            self.connections.iter().filter(|c| c.family() == family).collect();
        let mut table = (listed.len() as u32).to_le_bytes().to_vec();
        for connection in listed {
            write_row(connection, &mut table);
        }
        if self.late_rows > 0 && size_of_val(room) >= table.len() {
            self.late_rows -= 1;
            *bytes = size_of_val(room) as u32 + 60;
            return code::INSUFFICIENT_BUFFER;
        }
        if size_of_val(room) < table.len() {
            *bytes = table.len() as u32;
            return code::INSUFFICIENT_BUFFER;
        }
        for (word, bytes) in room.iter_mut().zip(table.chunks_exact(4)) {
            *word = bytes.try_into().map_or(0, u32::from_ne_bytes);
        }
        code::DONE
    }

    fn named(&mut self, row: &Row) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| {
            Row::between(connection.local, connection.remote).is_some_and(|r| r.key() == row.key())
        })
    }

    /// Connections that it does not list, such as the probe's own, are timed too.
    fn switch_on(&mut self, row: &Row, subject: Subject) -> u32 {
        self.calls.switched_on += 1;
        let code = self.switch_on.get(&subject).copied().unwrap_or(code::DONE);
        if let Some(connection) = self.named(row).filter(|_| code == code::DONE) {
            connection.is_collected = true;
        }
        code
    }

    fn read(
        &mut self,
        row: &Row,
        subject: Subject,
        is_collected: &mut u8,
        room: &mut [u64],
    ) -> u32 {
        self.calls.read += 1;
        if self.read != code::DONE {
            return self.read;
        }
        let connection = self.named(row).copied();
        *is_collected = u8::from(connection.is_none_or(|connection| connection.is_collected));
        let times = connection.map(|connection| connection.times).unwrap_or_default();
        let bytes = times.bytes(subject);
        if size_of_val(room) != bytes.len() {
            return 1784; // ERROR_INVALID_USER_BUFFER
        }
        for (long, bytes) in room.iter_mut().zip(bytes.chunks_exact(8)) {
            *long = bytes.try_into().map_or(0, u64::from_ne_bytes);
        }
        code::DONE
    }
}

impl Times {
    fn bytes(&self, subject: Subject) -> Vec<u8> {
        let mut bytes = vec![0; subject.bytes()];
        let mut put = |at: usize, value: &[u8]| {
            if let Some(room) = bytes.get_mut(at..at + value.len()) {
                room.copy_from_slice(value);
            }
        };
        match subject {
            Subject::Data => {
                put(8, &self.segments.to_le_bytes());
                put(72, &self.bytes_acked.to_le_bytes());
            }
            Subject::FineRtt => {
                put(0, &self.deviation_us.to_le_bytes());
                put(4, &u32::MAX.to_le_bytes());
                put(8, &self.min_us.to_le_bytes());
                put(12, &self.smoothed_us.to_le_bytes());
            }
            Subject::Path => {
                put(108, &(self.smoothed_us / 1_000).to_le_bytes());
                put(112, &(self.deviation_us / 1_000).to_le_bytes());
                put(116, &u32::MAX.to_le_bytes());
                put(120, &(self.min_us / 1_000).to_le_bytes());
                put(128, &self.count.to_le_bytes());
            }
        }
        bytes
    }
}

/// A row as it lies in memory; the high half of a port holds dirt, as it may.
fn write_row(connection: &Connection, table: &mut Vec<u8>) {
    let end = |address: SocketAddr, table: &mut Vec<u8>| {
        match address {
            SocketAddr::V4(address) => table.extend(address.ip().octets()),
            SocketAddr::V6(address) => {
                table.extend(address.ip().octets());
                table.extend(address.scope_id().to_le_bytes());
            }
        }
        table.extend(address.port().to_be_bytes());
        table.extend([0xde, 0xad]);
    };
    let state = connection.state.to_le_bytes();
    let is_ipv4 = connection.family() == Family::Ipv4;
    if is_ipv4 {
        table.extend(state);
    }
    end(connection.local, table);
    end(connection.remote, table);
    if !is_ipv4 {
        table.extend(state);
    }
    // The process, and whether the network card does its work.
    table.extend([7, 0, 0, 0, 0, 0, 0, 0]);
}
