//! What programs measured, beside what it may be: each goal is a ratio of figures, or a figure with a limit
//! that no machine changes. As lines, as a section of the guide, and as what was missed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::report;
use crate::steps::say;

/// The page that holds the last runs.
const PAGE: &str = "docs/guide/performance.md";

/// What programs said: a name and a number a line.
#[derive(Default)]
pub(super) struct Figures(BTreeMap<String, f64>);

/// What is measured, and what it may be.
pub(super) struct Goal {
    pub(super) what: &'static str,
    pub(super) value: fn(&Figures) -> f64,
    pub(super) limit: Limit,
}

#[derive(Clone, Copy)]
pub(super) enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
    /// It is only told.
    None,
}

/// A part of the page, between two lines of its own.
pub(super) struct Section {
    pub(super) begin: &'static str,
    pub(super) end: &'static str,
    /// In the order of the page.
    pub(super) goals: &'static [Goal],
}

impl Figures {
    /// Adds what a program says.
    ///
    /// # Errors
    ///
    /// It failed, or said something else.
    pub(super) fn measure(&mut self, program: &Path, words: &[String]) -> anyhow::Result<()> {
        let output = Command::new(program).args(words).output();
        let output = output.with_context(|| format!("cannot start {}", program.display()))?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{}: {}: {errors}", program.display(), output.status);
        self.read(&String::from_utf8_lossy(&output.stdout))
    }

    /// The same; where the program fails, what it measures is skipped, loudly, and so missed.
    pub(super) fn try_measure(&mut self, program: &Path, words: &[String]) {
        say(&format!("{} ...", words.join(" ")));
        if let Err(error) = self.measure(program, words) {
            say(&format!("SKIPPED {}: {error:#}", words.join(" ")));
        }
    }

    pub(super) fn read(&mut self, said: &str) -> anyhow::Result<()> {
        for line in said.lines() {
            let (name, value) = line.split_once(' ').with_context(|| line.to_owned())?;
            self.0.insert(name.to_owned(), value.parse().with_context(|| line.to_owned())?);
        }
        Ok(())
    }

    /// A figure; none that was not said meets a goal.
    pub(super) fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn ratio(&self, name: &str, of: &str) -> f64 {
        self.of(name) / self.of(of)
    }
}

impl Goal {
    fn is_met(&self, figures: &Figures) -> bool {
        let value = (self.value)(figures);
        match self.limit {
            Limit::AtMost(most) => value <= most,
            Limit::AtLeast(least) => value >= least,
            Limit::Exactly(wanted) => value.total_cmp(&wanted).is_eq(),
            Limit::None => true,
        }
    }

    fn line(&self, figures: &Figures) -> String {
        let missed = if self.is_met(figures) { "" } else { ", **missed**" };
        let limit = match self.limit {
            Limit::AtMost(most) => format!("at most {}", number(most)),
            Limit::AtLeast(least) => format!("at least {}", number(least)),
            Limit::Exactly(wanted) => format!("exactly {}", number(wanted)),
            Limit::None => String::new(),
        };
        format!("| {} | {} | {limit}{missed} |", self.what, number((self.value)(figures)))
    }
}

impl Section {
    /// Says each figure beside its goal, and puts them into the page where that is wanted.
    ///
    /// # Errors
    ///
    /// A goal was missed, or the page has no such section.
    pub(super) fn judge(&self, figures: &Figures, how: &str, write: bool) -> anyhow::Result<()> {
        let lines = self.lines(figures);
        lines.iter().for_each(|line| say(line));
        if write {
            let mut text = format!("\n{}; {how}.\n\n", report::machine());
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
            report::put(Path::new(PAGE), (self.begin, self.end), &format!("{text}\n"))?;
        }
        let missed = self.missed(figures);
        ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
        Ok(())
    }

    fn lines(&self, figures: &Figures) -> Vec<String> {
        let head = ["| what | measured | goal |", "|---|--:|--:|"].map(str::to_owned);
        head.into_iter().chain(self.goals.iter().map(|goal| goal.line(figures))).collect()
    }

    fn missed(&self, figures: &Figures) -> Vec<&'static str> {
        let missed = self.goals.iter().filter(|goal| !goal.is_met(figures));
        missed.map(|goal| goal.what).collect()
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.is_nan() => return "not measured".to_owned(),
        whole if whole >= 10.0 && whole.fract() == 0.0 => 0,
        small if small < 0.1 => 4,
        small if small < 10.0 => 2,
        middle if middle < 1_000.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: Section = Section {
        begin: "",
        end: "",
        goals: &[
            Goal { what: "size", value: |f| f.of("size"), limit: Limit::AtMost(10.0) },
            Goal { what: "rate", value: |f| f.of("rate"), limit: Limit::AtLeast(5.0) },
            Goal { what: "all", value: |f| f.ratio("seen", "made"), limit: Limit::Exactly(1.0) },
            Goal { what: "told", value: |f| f.of("told"), limit: Limit::None },
        ],
    };

    fn check(said: &str, missed: &[&str]) {
        let mut figures = Figures::default();
        figures.read(said).unwrap();
        assert_eq!(SECTION.missed(&figures), missed, "{said}");
    }

    #[test]
    fn a_figure_over_its_goal_or_not_told_is_missed() {
        check("size 9.4\nrate 5\nseen 7\nmade 7\ntold 1\n", &[]);
        check("size 10.1\nrate 4.9\nseen 6999999\nmade 7000000\n", &["size", "rate", "all"]);
        check("size 10\nseen 8\nmade 7\n", &["rate", "all"]);
        check("", &["size", "rate", "all"]);
        assert!(Figures::default().read("rows many").is_err());
    }

    #[test]
    fn each_figure_stands_beside_its_goal() {
        let mut figures = Figures::default();
        figures.read("size 9.4\nrate 0.01234\ntold 123456.7\nseen 7\nmade 7\n").unwrap();
        let lines = SECTION.lines(&figures);
        assert_eq!(lines[2], "| size | 9.40 | at most 10 |");
        assert_eq!(lines[3], "| rate | 0.0123 | at least 5.00, **missed** |");
        assert_eq!(lines[4], "| all | 1.00 | exactly 1.00 |");
        assert_eq!(lines[5], "| told | 123457 |  |");
        let none = SECTION.lines(&Figures::default());
        assert_eq!(none[4], "| all | not measured | exactly 1.00, **missed** |");
    }
}
