//! The table of the guide to the learning: the same world with each part of the learning on and
//! off, so that anybody can see what it is worth.

use std::fmt::Write;
use std::sync::Arc;

use opengslb_sim::cities::DEFAULT_SITES;
use opengslb_sim::random::Random;
use opengslb_sim::{Matrix, Policy, RunSettings, Scenario, World, run};

/// One line: what is looked at, and the scenario with it and without.
struct Feature {
    name: &'static str,
    on: &'static str,
    off: &'static str,
}

/// What is looked at. Scenarios are as in a file, over the default one with ECS from everybody.
const FEATURES: &[Feature] = &[
    Feature { name: "exploration", on: "", off: "exploration: {enabled: false}" },
    Feature {
        name: "robust average, with many spikes",
        on: "robust_average: true\nspikes: {share: 0.05, ms: 200}",
        off: "spikes: {share: 0.05, ms: 200}",
    },
    Feature {
        name: "hold",
        on: "",
        off: "hold: {margin_ms: 0, margin_percent: 0, dwell: 0, moved_per_minute: 1}",
    },
    Feature {
        name: "thin rows (agent min_samples 1, not 5)",
        on: "",
        off: "agent_min_samples: 5",
    },
];

/// The figures of each feature, as a table in Markdown.
pub(crate) fn table(matrix: &Matrix, hours: u64, seed: u64) -> anyhow::Result<String> {
    let mut text = String::from(
        "| part | | captured, hour 6 | captured, last hour | p99 ms, last hour | explored | \
         switched, last hour | DNS queries |\n|---|---|---|---|---|---|---|---|\n",
    );
    for feature in FEATURES {
        for (state, scenario) in [("on", feature.on), ("off", feature.off)] {
            let line = line(matrix, hours, seed, scenario)?;
            writeln!(text, "| {} | {state} | {line} |", feature.name)?;
        }
    }
    Ok(text)
}

fn line(matrix: &Matrix, hours: u64, seed: u64, text: &str) -> anyhow::Result<String> {
    let scenario = Scenario { ecs: 1.0, ..Scenario::read(text)? };
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
