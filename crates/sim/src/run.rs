//! One world under every policy, hour by hour.

use std::sync::Arc;

use crate::clients::Clients;
use crate::conditions::Conditions;
use crate::policies::Policy;
use crate::random::Random;
use crate::reference::{Reference, Times};
use crate::report::{CeilingReport, PolicyReport, Report};
use crate::scenario::Scenario;
use crate::simulation::{CLIENTS_START, Plan, Simulation, SimulationError};
use crate::world::World;

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Decides all luck.
    pub seed: u64,
    /// How many hours.
    pub hours: u64,
    /// Clients, events, and how nodes are set.
    pub scenario: Scenario,
    /// The policies that are run beside the oracle.
    pub policies: Vec<Policy>,
}

/// An hour in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// Runs the policies over the same connections, each in a thread of its own: none sees another, so
/// the result is the same in whatever order they end. `progress` hears of each hour that is done.
///
/// # Errors
///
/// A fault of the code that is simulated; a scenario that does not fit the world.
pub fn run(
    world: &Arc<World>,
    settings: &RunSettings,
    progress: impl Fn(Policy, u64) + Sync,
) -> Result<Report, SimulationError> {
    let (best, policies) = std::thread::scope(|scope| {
        let progress = &progress;
        let threads: Vec<_> = settings
            .policies
            .iter()
            .map(|policy| scope.spawn(move || one(world, settings, *policy, progress)))
            .collect();
        let best = reference(world, settings);
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(report) => report,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let policies: Vec<Result<PolicyReport, SimulationError>> = done.collect();
        (best, policies)
    });
    let (oracle, ceiling) = best?;
    let mut report = Report::new(world, settings);
    report.ceiling = ceiling;
    report.policies = policies.into_iter().collect::<Result<_, _>>()?;
    report.policies.push(oracle);
    report.finish();
    Ok(report)
}

/// One policy alone.
///
/// # Errors
///
/// A fault of the code that is simulated; a scenario that does not fit the world.
pub fn one(
    world: &Arc<World>,
    settings: &RunSettings,
    policy: Policy,
    progress: impl Fn(Policy, u64),
) -> Result<PolicyReport, SimulationError> {
    let plan = Plan {
        seed: settings.seed,
        policy,
        scenario: settings.scenario.clone(),
        overwatches: 1,
        faults: None,
    };
    let mut simulation = Simulation::new(Arc::clone(world), plan)?;
    let mut report = PolicyReport::new(policy);
    for hour in 1..=settings.hours {
        simulation.run_until(CLIENTS_START.plus_ms(hour * HOUR_MS))?;
        report.push(simulation.take_hour());
        progress(policy, hour);
    }
    report.warnings.clone_from(simulation.warnings());
    let held = simulation.held().iter().map(|(site, at)| (*site, at.ms_since(CLIENTS_START)));
    report.finish(world, &settings.scenario, &held.collect::<Vec<_>>());
    Ok(report)
}

/// The oracle and the ceiling.
fn reference(
    world: &Arc<World>,
    settings: &RunSettings,
) -> Result<(PolicyReport, CeilingReport), SimulationError> {
    let scenario = &settings.scenario;
    let conditions = Conditions::new(world, scenario, CLIENTS_START)?;
    let random = Random::new(settings.seed, "clients");
    let clients = Clients::new(random, CLIENTS_START, scenario);
    let mut reference = Reference::new(Arc::clone(world), conditions, scenario, clients);
    let mut oracle = PolicyReport::new(Policy::Oracle);
    let mut ceiling = CeilingReport::default();
    for hour in 1..=settings.hours {
        let until = CLIENTS_START.plus_ms(hour * HOUR_MS);
        let Times { oracle_us, ceiling_us, switched } = reference.run_until(until);
        oracle.push_times(oracle_us);
        oracle.switches.push(switched);
        oracle.switches_back.push(0.0);
        ceiling.push(ceiling_us);
    }
    Ok((oracle, ceiling))
}

#[cfg(test)]
mod tests;
