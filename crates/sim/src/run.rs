//! One world under every policy, hour by hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::policies::Policy;
use crate::report::{PolicyReport, Report};
use crate::settings::MIN_SAMPLES;
use crate::simulation::{CLIENTS_START, Plan, Simulation, SimulationError, Tally};
use crate::world::World;

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunSettings {
    /// Decides all luck.
    pub seed: u64,
    /// How many hours.
    pub hours: u64,
    /// Connections an hour, strays among them.
    pub connections_per_hour: f64,
    /// The share of connections that go to any site, whatever DNS says.
    pub stray_share: f64,
}

/// An hour in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// Runs every policy over the same connections. `progress` hears of each hour that is done.
///
/// # Errors
///
/// A fault of the code that is simulated.
pub fn run(
    world: &Arc<World>,
    settings: &RunSettings,
    mut progress: impl FnMut(Policy, u64),
) -> Result<Report, SimulationError> {
    let mut report = Report::new(world, settings);
    for policy in [Policy::RoundRobin, Policy::Geolocation, Policy::Learned] {
        let plan = Plan {
            seed: settings.seed,
            policy,
            connections_per_hour: settings.connections_per_hour,
            stray_share: settings.stray_share,
            min_samples: MIN_SAMPLES,
            overwatches: 1,
            faults: None,
        };
        let mut simulation = Simulation::new(Arc::clone(world), plan)?;
        let mut hours = PolicyReport::new(policy);
        // Every run has the same oracle; the last one's is kept.
        let mut oracle = PolicyReport::new(Policy::Oracle);
        for hour in 1..=settings.hours {
            simulation.run_until(CLIENTS_START.plus_ms(hour * HOUR_MS))?;
            let Tally { chosen_us, oracle_us, reasons, unanswered, .. } = simulation.take_tally();
            hours.push(chosen_us, unanswered, &reasons);
            oracle.push(oracle_us, 0, &BTreeMap::new());
            progress(policy, hour);
        }
        report.take(hours, oracle, simulation.warnings());
    }
    report.finish();
    Ok(report)
}

#[cfg(test)]
mod tests;
