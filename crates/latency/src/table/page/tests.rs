//! Pages, put together, are the table.

use model::{AgentId, Rtt, Time};
use proptest::prelude::*;

use super::*;
use crate::report::{PortReport, Report, ReportRow};
use crate::table::TableLimits;

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 1_000, rows_max: 10_000, ttl_ms: 100_000 };

/// Three agents in two regions with two ports each; one service is on both ports.
pub(in crate::table) fn table(rows: &[(u8, bool, u8, u8)]) -> Table {
    let mut table = Table::new(LIMITS);
    let now = Time::from_unix_ms(1_000_000);
    for number in 0..3u8 {
        let agent: AgentId = format!("agent-{number}").parse().unwrap();
        let region: Region = if number == 0 { "eu" } else { "us" }.parse().unwrap();
        let services = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let lane = |services| Lane { services, region: region.clone() };
        table.set_lane(&agent, 80, lane(services(&["a.example"])));
        table.set_lane(&agent, 81, lane(services(&["b.example", "a.example"])));
        let port = |port: u16| {
            let of = rows.iter().filter(|row| row.0 == number && row.1 == (port == 81));
            let rows: BTreeMap<Subnet, u64> = of
                .map(|(_, _, host, length)| {
                    let address = std::net::Ipv4Addr::new(10, *host, host / 2, 0);
                    (Subnet::of(address.into(), *length), u64::from(*host) + 1)
                })
                .collect();
            let row = |(subnet, ms): (Subnet, u64)| ReportRow {
                subnet,
                rtt_us: Rtt::from_us(ms * 1000).unwrap(),
                deviation_us: 100,
                min_rtt: Rtt::from_us(ms * 1000).unwrap(),
                // Few values, so that many rows have the same; some beyond what the bits hold.
                samples: [3, 10, 33, 47, 1_000][usize::from(subnet.length() + number) % 5],
                observed_at: Time::from_unix_ms(now.unix_ms() - ms % 4 * 9_000),
            };
            PortReport { port, rows: rows.into_iter().map(row).collect(), refreshed: Vec::new() }
        };
        let report = Report { after: 0, through: 1, ports: vec![port(80), port(81)] };
        table.apply(&agent, 1, &report, now).unwrap();
    }
    table
}

/// All pages of so many rows.
fn all(table: &Table, wanted: &Wanted, rows_max: usize) -> Page {
    let (mut wanted, mut all) = (wanted.clone(), Page::default());
    loop {
        let page = table.page(&wanted, rows_max);
        assert!(page.next.is_none() || page.rows.len() >= rows_max);
        all.rows.extend(page.rows);
        match page.next {
            None => return all,
            Some(next) => wanted.from = Some(next),
        }
    }
}

pub(in crate::table) fn rows() -> impl Strategy<Value = Vec<(u8, bool, u8, u8)>> {
    prop::collection::vec((0..3u8, any::<bool>(), 0..40u8, 8..25u8), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_put_together_are_the_table(rows in rows(), rows_max in 1..20usize) {
        let table = table(&rows);
        let mut expect = Vec::new();
        for name in ["a.example", "b.example"] {
            let service: Service = name.parse().unwrap();
            let known = table.rows(&service).into_iter();
            expect.extend(known.map(|(subnet, region, row)| (subnet, service.clone(), region, row)));
        }
        expect.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        let found = all(&table, &Wanted::default(), rows_max).rows;
        prop_assert_eq!(&found, &expect);

        let wanted = Wanted {
            services: vec!["b.example".parse().unwrap()],
            region: Some("us".parse().unwrap()),
            within: Some("10.16.0.0/12".parse().unwrap()),
            from: None,
        };
        let within = wanted.within.unwrap();
        expect.retain(|(subnet, service, region, _)| {
            within.covers(*subnet) && service.as_str() == "b.example" && region.as_str() == "us"
        });
        prop_assert_eq!(all(&table, &wanted, rows_max).rows, expect);
    }
}
