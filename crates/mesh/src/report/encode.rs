//! A report to columns.

use std::collections::BTreeMap;

use latency::quantise::{deviation_code, rtt_code};
use latency::{RefreshRow, Report, ReportRow};
use model::{Subnet, Time};

use super::{GROUPS_MAX, GroupKey, ROWS_MAX, prefix_of};
use crate::codec::EncodeError;
use crate::column;
use crate::wire;

/// The twin of a report of `epoch`. Ports without rows are left out.
///
/// # Errors
///
/// More than [`ROWS_MAX`] rows or [`GROUPS_MAX`] groups.
pub(crate) fn encode(epoch: u64, report: &Report) -> Result<wire::Report, EncodeError> {
    if report.len() > ROWS_MAX {
        return Err(EncodeError::TooMany("rows"));
    }
    let newest_s = newest_s(report);
    let mut rows: BTreeMap<GroupKey, Vec<&ReportRow>> = BTreeMap::new();
    let mut refreshed: BTreeMap<GroupKey, Vec<&RefreshRow>> = BTreeMap::new();
    for port in &report.ports {
        for row in &port.rows {
            rows.entry(key_of(port.port, false, row.subnet)).or_default().push(row);
        }
        for row in &port.refreshed {
            refreshed.entry(key_of(port.port, true, row.subnet)).or_default().push(row);
        }
    }
    if rows.len() + refreshed.len() > GROUPS_MAX {
        return Err(EncodeError::TooMany("groups of rows"));
    }
    let full = rows.into_iter().map(|(key, rows)| (key, group_of_rows(key, &rows, newest_s)));
    let short = refreshed.into_iter().map(|(key, rows)| (key, group_of_seen(key, &rows, newest_s)));
    let groups: BTreeMap<GroupKey, wire::Group> = full.chain(short).collect();
    Ok(wire::Report {
        epoch,
        after: report.after,
        through: report.through,
        newest_s,
        groups: groups.into_values().collect(),
    })
}

fn newest_s(report: &Report) -> u64 {
    let rows = report.ports.iter().flat_map(|port| &port.rows).map(|row| row.observed_at);
    let seen = report.ports.iter().flat_map(|port| &port.refreshed).map(|row| row.observed_at);
    rows.chain(seen).max().map_or(0, Time::unix_s)
}

const fn key_of(port: u16, refreshed: bool, subnet: Subnet) -> GroupKey {
    GroupKey { port, refreshed, ipv6: !subnet.is_ipv4(), length: subnet.length() }
}

fn group_of_rows(key: GroupKey, rows: &[&ReportRow], newest_s: u64) -> wire::Group {
    let rtts = column_of(rows, |row| rtt_code(row.rtt_us).into());
    let deviations = column_of(rows, |row| deviation_code(row.deviation_us).into());
    let minima = column_of(rows, |row| {
        zigzag(i64::from(rtt_code(row.rtt_us)) - i64::from(rtt_code(row.min_rtt))).into()
    });
    let seen: Vec<RefreshRow> = rows
        .iter()
        .map(|row| RefreshRow {
            subnet: row.subnet,
            samples: row.samples,
            observed_at: row.observed_at,
        })
        .collect();
    let seen: Vec<&RefreshRow> = seen.iter().collect();
    wire::Group { rtts, deviations, minima, ..group_of_seen(key, &seen, newest_s) }
}

fn group_of_seen(key: GroupKey, rows: &[&RefreshRow], newest_s: u64) -> wire::Group {
    wire::Group {
        port: key.port.into(),
        refreshed: key.refreshed,
        ipv6: key.ipv6,
        prefix_length: key.length.into(),
        count: u32::try_from(rows.len()).unwrap_or(u32::MAX), // at most ROWS_MAX
        subnets: column::encode(&gaps(rows)),
        samples: column_of(rows, |row| row.samples.into()),
        ages_s: column_of(rows, |row| newest_s.saturating_sub(row.observed_at.unix_s()).into()),
        ..wire::Group::default()
    }
}

fn column_of<Row>(rows: &[&Row], number: impl Fn(&Row) -> u128) -> Vec<u8> {
    column::encode(&rows.iter().map(|row| number(row)).collect::<Vec<u128>>())
}

/// The first prefix, then how many lie between each and the next.
fn gaps(rows: &[&RefreshRow]) -> Vec<u128> {
    let mut next = 0;
    let mut gap = |row: &&RefreshRow| {
        let prefix = prefix_of(row.subnet);
        let gap = prefix.saturating_sub(next);
        next = prefix.saturating_add(1);
        gap
    };
    rows.iter().map(&mut gap).collect()
}

/// 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
const fn zigzag(number: i64) -> u64 {
    (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned()
}
