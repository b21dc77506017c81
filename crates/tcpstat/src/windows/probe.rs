//! What this Windows has: the tables are asked for, and a connection of our own in each family is
//! asked to be timed. Nothing is inferred from a version.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

use super::estats::{read, switch_on};
use super::functions::Functions;
use super::rows::{Family, Row};
use super::table::Table;
use crate::{CollectError, NoTimes, Sources, Unavailable};

/// Finds out which sources work here, as the user that runs this. Makes one connection on loopback
/// for each family.
pub(super) fn probe(functions: &Functions) -> Sources {
    let dump = list(functions).map_err(Unavailable::Failed);
    // Both rest on the same tables; asking again is for the words of the error.
    let destroy_events =
        if dump.is_ok() { Ok(()) } else { list(functions).map_err(Unavailable::Failed) };
    Sources {
        destroy_events,
        dump,
        ipv4_times: times(functions, Ipv4Addr::LOCALHOST.into()),
        ipv6_times: times(functions, Ipv6Addr::LOCALHOST.into()),
    }
}

/// Whether any table can be had.
fn list(functions: &Functions) -> Result<(), CollectError> {
    let ask = |family| Table::new(family).ask(functions);
    ask(Family::Ipv4).or_else(|error| ask(Family::Ipv6).map_err(|_| error))
}

fn times(functions: &Functions, loopback: IpAddr) -> Result<(), NoTimes> {
    // A machine that does not speak the family has no connections of it.
    let Ok((row, _ends)) = connection(loopback) else { return Ok(()) };
    let subject = switch_on(functions, &row)?;
    read(functions, &row, subject).map(drop)
}

/// A connection to ourselves, and the row that names one end of it. Both ends live with it.
fn connection(loopback: IpAddr) -> io::Result<(Row, [TcpStream; 2])> {
    let listener = TcpListener::bind((loopback, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    let row = Row::between(near.local_addr()?, near.peer_addr()?);
    let row = row.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((row, [near, far]))
}

#[cfg(test)]
mod tests;
