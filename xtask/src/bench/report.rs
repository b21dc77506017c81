//! What the rounds came to: medians, ratios, and whether the goals were met.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::peers;
use super::rounds::{FLOOD, Rounds, Row, SIGNED, Turn};

/// The section of the guide that a run writes.
const BEGIN: &str = "<!-- The last run of `cargo xtask bench dns --write`. -->\n";
const END: &str = "<!-- End of the run. -->\n";

/// A query costs no more than gdnsd's: in the middle of all rounds, and hardly more in the worse ones.
const MEDIAN_MAX: f64 = 1.00;
const UPPER_QUARTILE_MAX: f64 = 1.05;
/// An answer with its signature, made before, may cost this many times one without.
const SIGNED_MAX: f64 = 1.5;
/// A question for a name that nobody has heard of may cost this many times one for a learned network.
const FLOOD_MAX: f64 = 1.3;
/// What a flood may add to the memory, in KiB: nothing, but for pages that were reserved at the start
/// and are touched the first time. A tenth of what its names alone would take.
const GROWTH_KIB_MAX: f64 = 256.0;

/// The figures of one run.
#[derive(Clone, Debug)]
pub(super) struct Report {
    machine: String,
    how: String,
    rows: Vec<(&'static str, Turn)>,
    to_gdnsd: Vec<(&'static str, Quartiles)>,
    signed: Quartiles,
    flood: Quartiles,
    memory_kib: u64,
    growth_kib: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Quartiles {
    lower: f64,
    median: f64,
    upper: f64,
}

impl Report {
    /// Those of these rounds, which were made so.
    pub(super) fn of(how: String, rounds: &Rounds) -> anyhow::Result<Self> {
        let row = |name: &str| {
            let row = rounds.rows.iter().find(|row| row.name == name);
            row.with_context(|| format!("no figures of {name}"))
        };
        let (ours, gdnsd) = (row("opengslb")?, row(peers::GDNSD)?);
        let own = [peers::GDNSD, SIGNED, FLOOD];
        let others = rounds.rows.iter().filter(|row| !own.contains(&row.name));
        Ok(Self {
            machine: machine(),
            how,
            rows: rounds.rows.iter().map(|row| (row.name, median_turn(row))).collect(),
            to_gdnsd: others.map(|row| (row.name, ratio(row, gdnsd))).collect(),
            signed: ratio(row(SIGNED)?, ours),
            flood: ratio(row(FLOOD)?, ours),
            memory_kib: rounds.memory_kib,
            growth_kib: quartiles(rounds.growths_kib.iter().map(|growth| *growth as f64)).median,
        })
    }

    /// The table and the ratios.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.machine, self.how);
        let head = ["server", "queries/s", "us/query", "user", "system", "unexpected"];
        let [server, rate, cpu, user, system, unexpected] = head;
        let line = format!("{server:16} {rate:>9} {cpu:>9} {user:>6} {system:>7} {unexpected:>10}");
        text += &line;
        text.push('\n');
        for (name, turn) in &self.rows {
            let Turn { queries_per_s, user_us, system_us, unexpected } = turn;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{name:16} {queries_per_s:9.0} {:9.2} {user_us:6.2} {system_us:7.2} {unexpected:10}",
                turn.cpu_us()
            );
        }
        text.push('\n');
        for ratio in self.ratios() {
            text += &ratio;
            text.push('\n');
        }
        text
    }

    fn ratios(&self) -> Vec<String> {
        let shown = |what: String, Quartiles { lower, median, upper }: Quartiles| {
            format!("ratio {what} cpu {median:.2} (quartiles {lower:.2}-{upper:.2})")
        };
        let to_gdnsd = self.to_gdnsd.iter();
        let mut lines: Vec<String> = to_gdnsd
            .map(|(name, ratio)| shown(format!("{name}/{}", peers::GDNSD), *ratio))
            .collect();
        lines.push(shown("signed/unsigned".to_owned(), self.signed));
        lines.push(shown("flood of random names/learned networks".to_owned(), self.flood));
        let (memory, growth) = (self.memory_kib / 1024, self.growth_kib);
        lines.push(format!("memory {memory} MiB; a flood adds {growth:.0} KiB"));
        lines
    }

    /// The goals that were not met.
    pub(super) fn missed(&self) -> Vec<String> {
        let user = |name: &str| {
            let row = self.rows.iter().find(|(of, _)| *of == name);
            row.map_or(0.0, |(_, turn)| turn.user_us)
        };
        let ratio = self.to_gdnsd.iter().find(|(name, _)| *name == "opengslb");
        let (median, upper) = ratio.map_or((0.0, 0.0), |(_, ratio)| (ratio.median, ratio.upper));
        let (ours, theirs) = (user("opengslb"), user(peers::GDNSD));
        let goals = [
            (median <= MEDIAN_MAX, format!("median ratio {median:.3}, not {MEDIAN_MAX:.2}")),
            (
                upper <= UPPER_QUARTILE_MAX,
                format!("upper quartile {upper:.3}, not {UPPER_QUARTILE_MAX:.2}"),
            ),
            (ours <= theirs, format!("user part {ours:.2} us, gdnsd's is {theirs:.2}")),
            (
                self.signed.median <= SIGNED_MAX,
                format!("signed answers cost {:.2}, not {SIGNED_MAX:.1}", self.signed.median),
            ),
            (
                self.flood.median <= FLOOD_MAX,
                format!("a flood costs {:.2}, not {FLOOD_MAX:.1}", self.flood.median),
            ),
            (self.growth_kib <= GROWTH_KIB_MAX, format!("a flood leaves {} KiB", self.growth_kib)),
        ];
        // Who answers something else is not compared, whoever it is.
        let unexpected = self.rows.iter().map(|(name, Turn { unexpected, .. })| {
            (*unexpected == 0, format!("{unexpected} answers of {name} are not as they should be"))
        });
        let goals = goals.into_iter().chain(unexpected);
        goals.filter(|(is_met, _)| !is_met).map(|(_, text)| text).collect()
    }

    /// Puts the figures into the guide's page, in place of those of the run before.
    pub(super) fn write(&self, page: &Path) -> anyhow::Result<()> {
        put(page, (BEGIN, END), &self.to_markdown())
    }

    fn to_markdown(&self) -> String {
        let mut text = format!("\n{}; {}.\n\n", self.machine, self.how);
        text += "| server | queries/s | CPU, us a query | user | system | unexpected answers |\n";
        text += "|---|--:|--:|--:|--:|--:|\n";
        for (name, turn) in &self.rows {
            let Turn { queries_per_s, user_us, system_us, unexpected } = turn;
            let _ = writeln!(
                text,
                "| {name} | {queries_per_s:.0} | {:.2} | {user_us:.2} | {system_us:.2} | {unexpected} |",
                turn.cpu_us()
            );
        }
        text += "\n```text\n";
        for ratio in self.ratios() {
            text += &ratio;
            text.push('\n');
        }
        for missed in self.missed() {
            let _ = writeln!(text, "missed: {missed}");
        }
        text += "```\n\n";
        text
    }
}

/// The median of each figure by itself; what was unexpected, in all.
fn median_turn(row: &Row) -> Turn {
    let median = |pick: fn(&Turn) -> f64| quartiles(row.turns.iter().map(pick)).median;
    Turn {
        queries_per_s: median(|turn| turn.queries_per_s),
        user_us: median(|turn| turn.user_us),
        system_us: median(|turn| turn.system_us),
        unexpected: row.turns.iter().map(|turn| turn.unexpected).sum(),
    }
}

/// The ratios of the turns of one round.
fn ratio(row: &Row, to: &Row) -> Quartiles {
    quartiles(row.turns.iter().zip(&to.turns).map(|(one, other)| one.cpu_us() / other.cpu_us()))
}

fn quartiles(values: impl Iterator<Item = f64>) -> Quartiles {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |quarter: usize| {
        let last = values.len().saturating_sub(1);
        values.get((last * quarter).div_ceil(4)).copied().unwrap_or(f64::NAN)
    };
    Quartiles { lower: at(1), median: at(2), upper: at(3) }
}

/// Puts figures into a page, between two of its lines, in place of those of the run before.
///
/// # Errors
///
/// The page has no such lines, or cannot be written.
pub(super) fn put(page: &Path, (begin, end): (&str, &str), figures: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let parts = text.split_once(begin).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(end)?;
        Some((head, tail))
    });
    let (head, tail) = parts.context("the page has no place for the figures")?;
    fs::write(page, format!("{head}{begin}{figures}{end}{tail}"))?;
    Ok(())
}

/// The machine in a few words; no names.
pub(super) fn machine() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = information.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim())
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split(['-', '+']).next().unwrap_or_default().trim();
    let guest = if value("flags").contains("hypervisor") { ", a virtual machine" } else { "" };
    format!(
        "{} (family {}, model {}), {cores} cores{guest}, Linux {kernel}",
        value("model name"),
        value("cpu family"),
        value("model\t"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, costs: &[f64]) -> Row {
        let turn = |cost: &f64| Turn {
            queries_per_s: 100_000.0,
            user_us: cost / 4.0,
            system_us: cost * 3.0 / 4.0,
            unexpected: 0,
        };
        Row { name, turns: costs.iter().map(turn).collect() }
    }

    fn report(ours: &[f64], (signed, flood): (f64, f64), growth_kib: f64) -> Report {
        let rows = vec![
            row("opengslb", ours),
            row(peers::GDNSD, &[4.0; 4]),
            row(SIGNED, &[signed; 4]),
            row(FLOOD, &[flood; 4]),
        ];
        let growths_kib = vec![growth_kib as u64; 3];
        Report::of("small".to_owned(), &Rounds { rows, memory_kib: 10_240, growths_kib }).unwrap()
    }

    /// What is missed, in order, by a word of each.
    fn check(report: &Report, expect: &[&str]) {
        let missed = report.missed();
        assert_eq!(missed.len(), expect.len(), "{missed:?}");
        for (text, word) in missed.iter().zip(expect) {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn goals_are_judged() {
        check(&report(&[3.0, 4.0, 4.0, 4.0], (5.0, 4.0), 20.0), &[]);
        check(&report(&[4.1; 4], (5.0, 4.0), 0.0), &["median", "user"]);
        check(&report(&[3.0, 3.0, 3.9, 4.3], (4.0, 3.0), 0.0), &["upper"]);
        check(&report(&[4.0; 4], (6.1, 4.0), 0.0), &["signed answers cost 1.5"]);
        check(&report(&[4.0; 4], (4.0, 5.3), 5_000.0), &["a flood costs", "leaves"]);
    }

    #[test]
    fn an_unexpected_answer_is_missed() {
        let mut report = report(&[4.0; 4], (4.0, 4.0), 0.0);
        check(&report, &[]);
        if let Some((_, turn)) = report.rows.last_mut() {
            turn.unexpected = 1;
        }
        check(&report, &["1 answers of opengslb, flood are not as they should be"]);
        assert!(report.to_markdown().contains("\nmissed: 1 answers of opengslb, flood"));
    }

    #[test]
    fn figures_are_told() {
        let text = report(&[3.0, 3.2, 3.4, 3.6], (3.6, 4.0), 10.0).to_text();
        assert!(text.contains("ratio opengslb/gdnsd cpu 0.85 (quartiles 0.80-0.90)"), "{text}");
        assert!(text.contains("ratio signed/unsigned cpu 1.12 (quartiles 1.06-1.20)"), "{text}");
        assert!(text.contains("memory 10 MiB; a flood adds 10 KiB"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("gdnsd ") && line.contains("4.00")));
    }

    #[test]
    fn the_page_keeps_what_is_around_the_figures() {
        let page = std::env::temp_dir().join(format!("bench-page-{}", std::process::id()));
        fs::write(&page, format!("before\n{BEGIN}old\n{END}after\n")).unwrap();
        report(&[3.0; 4], (3.0, 4.0), 0.0).write(&page).unwrap();
        let text = fs::read_to_string(&page).unwrap();
        fs::remove_file(&page).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("after\n") && !text.contains("old"));
        assert!(text.contains("| opengslb | 100000 | 3.00 | 0.75 | 2.25 | 0 |"), "{text}");
    }
}
