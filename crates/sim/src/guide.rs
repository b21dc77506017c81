//! The table of the guide to the learning: the same world with each part of the learning on and
//! off, so that anybody can see what it is worth.

use std::fmt::Write;
use std::sync::Arc;

use opengslb_sim::cities::DEFAULT_SITES;
use opengslb_sim::random::Random;
use opengslb_sim::{Matrix, Policy, RunSettings, Scenario, World, run};

/// The first lines of the table.
const HEAD: &str = "\
| part | | captured, hour 6 | captured, last hour | p99 ms, last hour | explored | switched, last hour | DNS queries |
|---|---|---|---|---|---|---|---|
";

/// What is looked at, and the scenarios that are held beside each other.
struct Part {
    name: &'static str,
    /// What each is called, and what it says: as in a file, over the default scenario.
    states: &'static [(&'static str, &'static str)],
}

/// What is looked at. All resolvers send ECS, but where a line says otherwise.
const PARTS: &[Part] = &[
    Part {
        name: "exploration",
        states: &[("on", "ecs: 1"), ("off", "ecs: 1\nexploration: {enabled: false}")],
    },
    Part {
        name: "hold",
        states: &[
            ("on", "ecs: 1"),
            (
                "off",
                "ecs: 1\nhold: {margin_ms: 0, margin_percent: 0, dwell: 0, moved_per_minute: 1}",
            ),
        ],
    },
    Part {
        name: "networks with few connections",
        states: &[("told of", "ecs: 1"), ("kept back", "ecs: 1\nagent_min_samples: 5")],
    },
    Part {
        name: "robust average, many spikes",
        states: &[
            ("on", "ecs: 1\nspikes: {share: 0.05, ms: 200}\nrobust_average: true"),
            ("off", "ecs: 1\nspikes: {share: 0.05, ms: 200}"),
        ],
    },
    Part {
        name: "ECS of the resolvers",
        states: &[("all", "ecs: 1"), ("a quarter", "ecs: 0.25"), ("none", "ecs: 0")],
    },
    Part {
        name: "Frankfurt's agent lies from hour 12",
        states: &[
            ("by half: held", "ecs: 1\nlies: [{site: Frankfurt, from_hour: 12, times: 0.5}]"),
            (
                "by a fifth: not seen",
                "ecs: 1\nlies: [{site: Frankfurt, from_hour: 12, times: 0.8}]",
            ),
        ],
    },
];

/// The figures of each part, as a table in Markdown.
pub(crate) fn table(matrix: &Matrix, hours: u64, seed: u64) -> anyhow::Result<String> {
    let mut text = String::from(HEAD);
    for (names, scenario) in rows() {
        let figures = figures(matrix, hours, seed, scenario)?;
        writeln!(text, "{names} {figures} |")?;
    }
    Ok(text)
}

/// How each row begins, and the scenario behind it.
fn rows() -> impl Iterator<Item = (String, &'static str)> {
    PARTS.iter().flat_map(|part| {
        let row = |(state, scenario)| (format!("| {} | {state} |", part.name), scenario);
        part.states.iter().copied().map(row)
    })
}

fn figures(matrix: &Matrix, hours: u64, seed: u64, text: &str) -> anyhow::Result<String> {
    let scenario = Scenario::read(text)?;
    let sites = DEFAULT_SITES.map(ToOwned::to_owned);
    let world = World::new(matrix, &sites, &scenario, &mut Random::new(seed, "world"))?;
    let policies = vec![Policy::Geolocation, Policy::Learned];
    let settings = RunSettings { seed, hours, scenario, policies };
    let report = run(&Arc::new(world), &settings, |_, _| ())?;
    let Some(learned) = report.policy(Policy::Learned) else { return Ok(String::new()) };
    let last = usize::try_from(hours)?.saturating_sub(1);
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let captured = |hour: usize| percent(learned.captured.get(hour).copied().flatten());
    let explored = learned.explored_share.iter().sum::<f64>() / hours as f64;
    let p99_ms = learned.p99_ms.get(last).copied().flatten().unwrap_or_default();
    let cells = [
        captured(5.min(last)),
        captured(last),
        format!("{p99_ms:.0}"),
        format!("{:.2} %", explored * 100.0),
        percent(learned.switches.get(last).copied()),
        format!("{:.2} x", learned.dns_queries_ratio),
    ];
    Ok(cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guide, where the figures stand.
    const GUIDE: &str = include_str!("../../../docs/guide/learning.md");

    #[test]
    fn the_guide_has_the_rows_that_the_command_prints() {
        assert!(GUIDE.contains(HEAD), "the guide's table begins otherwise than\n{HEAD}");
        let (_, table) = GUIDE.split_once(HEAD).unwrap();
        let table: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
        let rows: Vec<String> = rows().map(|(names, _)| names).collect();
        assert_eq!(table.len(), rows.len(), "{table:#?}");
        let columns = HEAD.lines().next().unwrap().matches('|').count();
        for (line, names) in table.iter().zip(&rows) {
            assert!(line.starts_with(names.as_str()), "{line} is not {names}");
            assert_eq!(line.matches('|').count(), columns, "{line}");
        }
    }

    #[test]
    fn every_row_is_a_scenario() {
        for (names, scenario) in rows() {
            assert!(Scenario::read(scenario).is_ok(), "{names} {scenario}");
        }
    }
}
