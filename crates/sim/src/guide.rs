//! The tables of the guide to the learning: the same small world with each part of the learning on
//! and off, so that anybody can see what it is worth.

mod figures;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use opengslb_sim::random::Random;
use opengslb_sim::{Matrix, Policy, Report, RunSettings, Scenario, World, run};

use self::figures::Places;
use self::parts::{BASE, SECTIONS, Section};

/// Runs at once. Each has little more than one policy that takes long.
const WORKERS: usize = 2;

/// What is simulated.
pub(crate) struct Guide<'a> {
    pub(crate) matrix: &'a Matrix,
    pub(crate) sites: Vec<String>,
    pub(crate) hours: u64,
    pub(crate) seed: u64,
}

/// The names that scenarios speak of.
struct Names {
    site: String,
    next: String,
    city: String,
    other: String,
    places: Places,
}

impl Guide<'_> {
    /// All tables in Markdown. `progress` hears how many runs are done, and of how many.
    pub(crate) fn tables(&self, progress: impl Fn(usize, usize) + Sync) -> anyhow::Result<String> {
        let names = self.names()?;
        let rows = SECTIONS.iter().flat_map(|section| section.rows);
        let wanted: BTreeSet<String> = rows.map(|(_, _, text)| names.put_into(text)).collect();
        let reports = self.run_all(&wanted, progress)?;
        let mut text = String::new();
        for section in SECTIONS {
            let reports =
                section.rows.iter().map(|(_, _, text)| reports.get(&names.put_into(text)));
            write_section(section, &reports.collect::<Vec<_>>(), names.places, &mut text)?;
        }
        writeln!(
            text,
            "The busiest site is {}, the next {}; the clients watched are those of {}, the other site is {}.",
            names.site, names.next, names.city, names.other
        )?;
        Ok(text)
    }

    /// Runs each scenario once, two at a time.
    fn run_all(
        &self,
        wanted: &BTreeSet<String>,
        progress: impl Fn(usize, usize) + Sync,
    ) -> anyhow::Result<BTreeMap<String, Report>> {
        let queue = Mutex::new(wanted.iter());
        let done = Mutex::new(BTreeMap::new());
        let work = || {
            while let Some(text) = queue.lock().ok().and_then(|mut queue| queue.next()) {
                let report = self.run(text)?;
                let Ok(mut done) = done.lock() else { break };
                done.insert(text.clone(), report);
                progress(done.len(), wanted.len());
            }
            Ok(())
        };
        let ended: Vec<anyhow::Result<()>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| match worker.join() {
                Ok(ended) => ended,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.collect()
        });
        ended.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(done.into_inner().unwrap_or_default())
    }

    fn run(&self, text: &str) -> anyhow::Result<Report> {
        let (world, scenario) = self.world(text)?;
        let policies = vec![Policy::Geolocation, Policy::Learned];
        let settings = RunSettings { seed: self.seed, hours: self.hours, scenario, policies };
        Ok(run(&Arc::new(world), &settings, |_, _| ())?)
    }

    fn world(&self, text: &str) -> anyhow::Result<(World, Scenario)> {
        let scenario = Scenario::read(&format!("{BASE}{text}"))?;
        let mut random = Random::new(self.seed, "world");
        let world = World::new(self.matrix, &self.sites, &scenario, &mut random)?;
        Ok((world, scenario))
    }

    /// Where most clients are sent by who knows all; where those go without it; its city with most
    /// clients, and a site that is far from that.
    fn names(&self) -> anyhow::Result<Names> {
        let (world, _) = self.world("")?;
        let mut by_site = vec![0.0; world.sites.len()];
        let mut by_next = vec![vec![0.0; world.sites.len()]; world.sites.len()];
        let mut by_city = vec![0.0; world.cities.len()];
        for (number, network) in world.networks.iter().enumerate() {
            let share = world.share_of(number);
            let ranked = ranked(&network.paths);
            by_site[network.best] += share;
            by_next[network.best][ranked.get(1).copied().unwrap_or(network.best)] += share;
            by_city[network.city] += share;
        }
        let site = most(&by_site);
        let next = most(&by_next[site]);
        let lives_near = |city: usize| {
            let mut there = world.networks.iter().filter(|network| network.city == city);
            there.next().is_some_and(|network| network.best == site)
        };
        for city in (0..by_city.len()).filter(|city| !lives_near(*city)) {
            by_city[city] = 0.0;
        }
        let city = most(&by_city);
        let at_home = world.networks.iter().find(|network| network.city == city);
        let other = at_home.and_then(|network| ranked(&network.paths).get(2).copied());
        let name = |site: usize| world.sites[site].name.clone();
        Ok(Names {
            site: name(site),
            next: name(next),
            city: world.cities[city].name.clone(),
            other: name(other.unwrap_or(next)),
            places: Places { site, next },
        })
    }
}

impl Names {
    fn put_into(&self, text: &str) -> String {
        let named = [("{site}", &self.site), ("{next}", &self.next), ("{city}", &self.city)];
        let named = named.into_iter().chain([("{other}", &self.other)]);
        // A name may have a quote; YAML doubles it.
        named.fold(text.to_owned(), |text, (mark, name)| {
            text.replace(mark, &name.replace('\'', "''"))
        })
    }
}

/// Sites by their mean time, the best first.
fn ranked(paths: &[opengslb_sim::matrix::Path]) -> Vec<usize> {
    let mut sites: Vec<usize> = (0..paths.len()).collect();
    sites.sort_by(|a, b| paths[*a].average_ms.total_cmp(&paths[*b].average_ms));
    sites
}

fn most(values: &[f64]) -> usize {
    let numbered = values.iter().enumerate();
    numbered.max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(number, _)| number)
}

fn write_section(
    section: &Section,
    reports: &[Option<&Report>],
    places: Places,
    text: &mut String,
) -> std::fmt::Result {
    writeln!(text, "{}", head(section))?;
    for ((part, state, _), report) in section.rows.iter().zip(reports) {
        let cells = section.columns.iter().map(|(_, figure)| {
            let cell = report.and_then(|report| figure(report, places));
            cell.unwrap_or_default()
        });
        let cells: Vec<String> = cells.collect();
        writeln!(text, "| {part} | {state} | {} |", cells.join(" | "))?;
    }
    writeln!(text)
}

/// The title and the first lines of a table.
fn head(section: &Section) -> String {
    let columns: Vec<&str> = section.columns.iter().map(|(name, _)| *name).collect();
    format!(
        "### {}\n\n| part | | {} |\n{}|",
        section.title,
        columns.join(" | "),
        "|---".repeat(columns.len() + 2)
    )
}

#[cfg(test)]
mod tests {
    use opengslb_sim::cities::{self, DEFAULT_SITES};

    use super::*;

    /// The guide, where the figures stand.
    const GUIDE: &str = include_str!("../../../docs/guide/learning.md");

    #[test]
    fn the_guide_has_the_tables_that_the_command_prints() {
        for section in SECTIONS {
            let head = head(section);
            let (_, table) = GUIDE.split_once(&head).unwrap_or_else(|| panic!("no table\n{head}"));
            let table: Vec<&str> =
                table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
            assert_eq!(table.len(), section.rows.len(), "{table:#?}");
            for (line, (part, state, _)) in table.iter().zip(section.rows) {
                assert!(line.starts_with(&format!("| {part} | {state} |")), "{line}");
                assert_eq!(line.matches('|').count(), section.columns.len() + 3, "{line}");
                assert!(!line.contains(" - "), "{line}");
            }
        }
    }

    #[test]
    fn every_row_is_a_scenario_of_its_world() {
        let matrix = cities::matrix(1);
        let sites = DEFAULT_SITES.map(ToOwned::to_owned).to_vec();
        let guide = Guide { matrix: &matrix, sites, hours: 1, seed: 1 };
        let names = guide.names().unwrap();
        assert!(names.site != names.next && names.other != names.site);
        for (part, state, text) in SECTIONS.iter().flat_map(|section| section.rows) {
            let read = Scenario::read(&format!("{BASE}{}", names.put_into(text)));
            assert!(read.is_ok(), "{part} {state}: {read:?}");
        }
    }
}
