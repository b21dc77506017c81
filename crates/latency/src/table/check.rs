//! Whether a report may be applied, decided before anything is touched: this is why the table
//! never half-applies.

use model::{Rtt, Subnet};

use super::TableRefusal;
use super::agent::AgentRows;
use crate::report::{PortReport, Report, WIDEST_IPV4_PREFIX, WIDEST_IPV6_PREFIX};

/// Checks everything that can be wrong with a report.
pub(crate) fn check(known: &AgentRows, epoch: u64, report: &Report) -> Result<(), TableRefusal> {
    check_sequence(known, epoch, report)?;
    check_rows_of(known, report)
}

/// The same, whatever its epoch and sequence.
pub(crate) fn check_rows_of(known: &AgentRows, report: &Report) -> Result<(), TableRefusal> {
    let mut previous = None;
    for port in &report.ports {
        if !known.ports.contains_key(&port.port) {
            return Err(TableRefusal::UnknownPort { port: port.port });
        }
        if previous >= Some(port.port) {
            return Err(TableRefusal::Unordered { port: port.port });
        }
        previous = Some(port.port);
        check_rows(port)?;
    }
    Ok(())
}

/// Epoch and sequence: a report continues exactly where the table is.
fn check_sequence(known: &AgentRows, epoch: u64, report: &Report) -> Result<(), TableRefusal> {
    let (after, through) = (report.after, report.through);
    let expected = match known.position {
        Some(at) if at.epoch > epoch => {
            return Err(TableRefusal::StaleEpoch { epoch, known: at.epoch });
        }
        Some(at) if at.epoch == epoch => at.sequence,
        _ => 0,
    };
    if after != expected {
        return Err(TableRefusal::OutOfSequence { after, expected });
    }
    if through <= after {
        return Err(TableRefusal::Backwards { after, through });
    }
    Ok(())
}

/// Each row by itself, and their order.
fn check_rows(port: &PortReport) -> Result<(), TableRefusal> {
    let ascending = port.rows.is_sorted_by(|a, b| a.subnet < b.subnet)
        && port.refreshed.is_sorted_by(|a, b| a.subnet < b.subnet);
    if !ascending {
        return Err(TableRefusal::Unordered { port: port.port });
    }
    for row in &port.rows {
        check_network(row.subnet, row.samples)?;
        if row.deviation_us > Rtt::MAX_US {
            return Err(TableRefusal::DeviationTooLong {
                subnet: row.subnet,
                deviation_us: row.deviation_us,
            });
        }
    }
    port.refreshed.iter().try_for_each(|row| check_network(row.subnet, row.samples))
}

/// A network narrow enough to be one, with connections from it.
const fn check_network(subnet: Subnet, samples: u32) -> Result<(), TableRefusal> {
    let widest = if subnet.is_ipv4() { WIDEST_IPV4_PREFIX } else { WIDEST_IPV6_PREFIX };
    if subnet.length() < widest {
        return Err(TableRefusal::TooWide { subnet });
    }
    if samples == 0 {
        return Err(TableRefusal::NoSamples { subnet });
    }
    Ok(())
}
