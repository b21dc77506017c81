//! Columns to a report, believing nothing.

use latency::quantise::{deviation_of_code, rtt_of_code};
use latency::{PortReport, RefreshRow, Report, ReportRow};
use model::{Rtt, Subnet, Time};

use super::{GROUPS_MAX, GroupKey, ROWS_MAX, ReportFault, subnet_of};
use crate::column;
use crate::wire;

/// The report of a twin.
///
/// # Errors
///
/// Whatever no honest agent would send.
pub(crate) fn decode(twin: &wire::Report) -> Result<Report, ReportFault> {
    let wire::Report { after, through, newest_s, .. } = *twin;
    if through <= after {
        return Err(ReportFault::Sequence { after, through });
    }
    let rows = twin.groups.iter().map(|group| group.count as usize).fold(0, usize::saturating_add);
    if rows > ROWS_MAX || twin.groups.len() > GROUPS_MAX {
        return Err(ReportFault::TooManyRows);
    }
    let mut ports: Vec<PortReport> = Vec::new();
    let mut last = None;
    for group in &twin.groups {
        let key = key_of(group)?;
        if last.is_some_and(|last| last >= key) {
            return Err(ReportFault::GroupOrder);
        }
        last = Some(key);
        if ports.last().is_none_or(|port| port.port != key.port) {
            ports.push(PortReport { port: key.port, rows: Vec::new(), refreshed: Vec::new() });
        }
        if let Some(port) = ports.last_mut() {
            add_group(port, key, group, newest_s)?;
        }
    }
    ports.iter_mut().try_for_each(sort)?;
    Ok(Report { after, through, ports })
}

fn key_of(group: &wire::Group) -> Result<GroupKey, ReportFault> {
    let port = u16::try_from(group.port).ok().filter(|port| *port > 0);
    let port = port.ok_or(ReportFault::Port(group.port))?;
    let wrong_length = ReportFault::PrefixLength { length: group.prefix_length };
    let length = u8::try_from(group.prefix_length).map_err(|_| wrong_length)?;
    let key = GroupKey { port, refreshed: group.refreshed, ipv6: group.ipv6, length };
    // All of a family in one row would steer the whole Internet.
    if length == 0 || length > key.address_bits() {
        return Err(wrong_length);
    }
    let has_times =
        [&group.rtts, &group.deviations, &group.minima].map(|column| !column.is_empty());
    if group.count == 0 || has_times != [!key.refreshed; 3] {
        return Err(ReportFault::GroupShape);
    }
    Ok(key)
}

fn add_group(
    port: &mut PortReport,
    key: GroupKey,
    group: &wire::Group,
    newest_s: u64,
) -> Result<(), ReportFault> {
    let seen = seen_of(key, group, newest_s)?;
    if key.refreshed {
        port.refreshed.extend(seen);
        return Ok(());
    }
    let codes = numbers("round-trip times", &group.rtts, group)?;
    let deviations = numbers("deviations", &group.deviations, group)?;
    let minima = numbers("minima", &group.minima, group)?;
    for (((seen, code), deviation), minimum) in seen.iter().zip(codes).zip(deviations).zip(minima) {
        let code = u32::try_from(code).map_err(|_| ReportFault::RttCode)?;
        let deviation = u32::try_from(deviation).ok().and_then(deviation_of_code);
        port.rows.push(ReportRow {
            subnet: seen.subnet,
            rtt_us: rtt_of_code(code).map_err(ReportFault::Rtt)?,
            deviation_us: deviation.ok_or(ReportFault::Deviation)?,
            min_rtt: minimum_of(code, minimum)?,
            samples: seen.samples,
            observed_at: seen.observed_at,
        });
    }
    Ok(())
}

/// What rows of both kinds have.
fn seen_of(
    key: GroupKey,
    group: &wire::Group,
    newest_s: u64,
) -> Result<Vec<RefreshRow>, ReportFault> {
    let gaps = numbers("networks", &group.subnets, group)?;
    let samples = numbers("samples", &group.samples, group)?;
    let ages_s = numbers("observation times", &group.ages_s, group)?;
    let mut next = Some(0_u128);
    let mut rows = Vec::with_capacity(gaps.len());
    for ((gap, samples), age_s) in gaps.into_iter().zip(samples).zip(ages_s) {
        let prefix = next.and_then(|next| next.checked_add(gap)).ok_or(ReportFault::Prefix)?;
        let subnet = subnet_of(key, prefix).ok_or(ReportFault::Prefix)?;
        let observed_at = observed_at(newest_s, age_s).ok_or(ReportFault::ObservedAt)?;
        let counted = u32::try_from(samples).ok().filter(|samples| *samples > 0);
        let samples = counted.ok_or(ReportFault::Samples(samples))?;
        rows.push(RefreshRow { subnet, samples, observed_at });
        next = prefix.checked_add(1); // the very last IPv6 host has none after it
    }
    Ok(rows)
}

fn numbers(
    column: &'static str,
    bytes: &[u8],
    group: &wire::Group,
) -> Result<Vec<u128>, ReportFault> {
    column::decode(bytes, group.count as usize)
        .map_err(|source| ReportFault::Column { column, source })
}

fn observed_at(newest_s: u64, age_s: u128) -> Option<Time> {
    let unix_s = newest_s.checked_sub(u64::try_from(age_s).ok()?)?;
    Some(Time::from_unix_ms(unix_s.checked_mul(1000)?))
}

fn minimum_of(code: u32, zigzag: u128) -> Result<Rtt, ReportFault> {
    let zigzag = u64::try_from(zigzag).map_err(|_| ReportFault::RttCode)?;
    let less = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
    let minimum = i64::from(code).checked_sub(less).and_then(|code| u32::try_from(code).ok());
    rtt_of_code(minimum.ok_or(ReportFault::RttCode)?).map_err(ReportFault::Rtt)
}

/// Puts the groups of a port into one order, and finds a network that stands in both kinds.
fn sort(port: &mut PortReport) -> Result<(), ReportFault> {
    port.rows.sort_unstable_by_key(|row| row.subnet);
    port.refreshed.sort_unstable_by_key(|row| row.subnet);
    let in_rows =
        |subnet: Subnet| port.rows.binary_search_by_key(&subnet, |row| row.subnet).is_ok();
    match port.refreshed.iter().find(|row| in_rows(row.subnet)) {
        Some(row) => Err(ReportFault::Duplicate(row.subnet)),
        None => Ok(()),
    }
}
