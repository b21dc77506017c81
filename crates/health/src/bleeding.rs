//! A server that strains: how much of its share it should still get.
//!
//! Measured against its limits a server is over them, relieved, or between. Over them it loses its
//! share step by step; relieved it gets it back in the same steps; between, it keeps what it has. So
//! the share settles where the server copes, and does not swing. It takes two readings in a row to
//! begin either way: one is chance.
//!
//! What is measured, and where, is not known here.

use std::collections::BTreeMap;

use model::Time;

/// The whole share.
pub const WHOLE_PERMILLE: u16 = 1_000;
/// Ten steps from all to nothing: each a tenth of the clients, which is what a pool of servers takes
/// without noticing.
const STEP_PERMILLE: u16 = 100;
/// The steps from all to nothing.
const STEPS: u64 = (WHOLE_PERMILLE / STEP_PERMILLE) as u64;
/// Readings in a row that are over the limits, or relieved, before anything is done about it.
const READINGS: u8 = 2;
/// Below nine tenths of every limit a server is relieved. Between that and the limit nothing moves.
const RELIEVED: f64 = 0.9;

/// What can strain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The processors' time that is not idle, in percent.
    Cpu,
    /// The memory that is in use, in percent.
    Memory,
    /// The load average over one minute for each processor.
    Load,
    /// The agent's own checks that failed, in percent.
    ErrorRate,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Load, Self::ErrorRate];

    /// One word, for logs, the API and the metric label; as in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Load => "load",
            Self::ErrorRate => "error_rate",
        }
    }
}

/// When one signal is too much, and how fast the share goes then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// From here on it strains; above 0, in the unit of its [`Signal`].
    pub threshold: f64,
    /// From the whole share to none, in milliseconds.
    pub bleed_ms: u64,
}

/// The limits of all signals that are looked at.
pub type Limits = BTreeMap<Signal, Limit>;

/// The signal that strains most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strain {
    /// Which.
    pub signal: Signal,
    /// What it was at the last reading, in its own unit.
    pub value: f64,
    /// Its limit, in the same.
    pub threshold: f64,
}

/// One server's share.
#[derive(Clone, Debug)]
pub struct Bleeding {
    share_permille: u16,
    heading: Heading,
    /// Readings in a row that were over the limits.
    over: u8,
    /// Readings in a row that were below them by far.
    relieved: u8,
    /// What strained when the share began to go down.
    strain: Option<Strain>,
}

/// Where the share goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    Steady,
    Down { next: Time, step_ms: u64 },
    Up { next: Time, step_ms: u64 },
}

impl Default for Bleeding {
    /// With the whole share.
    fn default() -> Self {
        let (over, relieved, strain) = (0, 0, None);
        Self { share_permille: WHOLE_PERMILLE, heading: Heading::Steady, over, relieved, strain }
    }
}

impl Bleeding {
    /// Takes one reading of all signals; one that is missing counts for nothing. Tells whether the
    /// share, or why it is not whole, is another.
    pub fn read(&mut self, values: &BTreeMap<Signal, f64>, limits: &Limits, now: Time) -> bool {
        let before = self.told();
        self.advance(now);
        let worst = worst(values, limits);
        match worst {
            Some((strain, limit)) if ratio(&strain) >= 1.0 => self.is_over(strain, limit, now),
            Some((strain, _)) if ratio(&strain) > RELIEVED => self.is_between(strain),
            _ => self.is_relieved(limits, now),
        }
        self.advance(now);
        self.told() != before
    }

    /// Goes the steps that are due. Tells whether the share is another.
    pub fn advance(&mut self, now: Time) -> bool {
        let before = self.share_permille;
        while let Heading::Down { next, step_ms } | Heading::Up { next, step_ms } = self.heading {
            if next > now {
                break;
            }
            let next = next.plus_ms(step_ms);
            let (share, end) = match self.heading {
                Heading::Up { .. } => (self.share_permille + STEP_PERMILLE, WHOLE_PERMILLE),
                _ => (self.share_permille.saturating_sub(STEP_PERMILLE), 0),
            };
            self.share_permille = share.min(WHOLE_PERMILLE);
            self.heading = match self.heading {
                _ if self.share_permille == end => Heading::Steady,
                Heading::Up { .. } => Heading::Up { next, step_ms },
                _ => Heading::Down { next, step_ms },
            };
        }
        if self.share_permille == WHOLE_PERMILLE && self.heading == Heading::Steady {
            self.strain = None;
        }
        self.share_permille != before
    }

    /// When the next step is due; nothing where none is.
    #[must_use]
    pub const fn next_step(&self) -> Option<Time> {
        match self.heading {
            Heading::Steady => None,
            Heading::Down { next, .. } | Heading::Up { next, .. } => Some(next),
        }
    }

    /// The share it should get, in thousandths.
    #[must_use]
    pub const fn share_permille(&self) -> u16 {
        self.share_permille
    }

    /// Whether the share is on its way down.
    #[must_use]
    pub const fn is_going_down(&self) -> bool {
        matches!(self.heading, Heading::Down { .. })
    }

    /// Why it is not whole; nothing where it is.
    #[must_use]
    pub const fn strain(&self) -> Option<Strain> {
        self.strain
    }

    fn told(&self) -> (u16, Option<Signal>) {
        (self.share_permille, self.strain.map(|strain| strain.signal))
    }

    fn is_over(&mut self, strain: Strain, limit: Limit, now: Time) {
        self.relieved = 0;
        self.over = self.over.saturating_add(1);
        if self.over < READINGS {
            self.heading = match self.heading {
                Heading::Up { .. } => Heading::Steady,
                heading => heading,
            };
            return;
        }
        self.strain = Some(strain);
        if self.share_permille > 0 && !self.is_going_down() {
            self.heading = Heading::Down { next: now, step_ms: step_of(limit) };
        }
    }

    fn is_between(&mut self, strain: Strain) {
        (self.over, self.relieved) = (0, 0);
        self.heading = Heading::Steady;
        // What is told stays current while the share is held.
        if self.strain.is_some() {
            self.strain = Some(strain);
        }
    }

    fn is_relieved(&mut self, limits: &Limits, now: Time) {
        self.over = 0;
        self.relieved = self.relieved.saturating_add(1);
        if self.is_going_down() {
            self.heading = Heading::Steady;
        }
        let is_due = self.relieved >= READINGS && self.share_permille < WHOLE_PERMILLE;
        if is_due && self.heading == Heading::Steady {
            // As fast as it went down: by the limit that did it, or any where that one is gone.
            let limit = self.strain.and_then(|strain| limits.get(&strain.signal));
            let step_ms = limit.or(limits.values().next()).map_or(1, |limit| step_of(*limit));
            self.heading = Heading::Up { next: now, step_ms };
        }
    }
}

/// The signal that is nearest to its limit, or furthest over it.
fn worst(values: &BTreeMap<Signal, f64>, limits: &Limits) -> Option<(Strain, Limit)> {
    let strains = values.iter().filter_map(|(signal, value)| {
        let limit = limits.get(signal)?;
        let strain = Strain { signal: *signal, value: *value, threshold: limit.threshold };
        value.is_finite().then_some((strain, *limit))
    });
    strains.max_by(|(a, _), (b, _)| ratio(a).total_cmp(&ratio(b)))
}

/// How far a signal is to its limit: 1 is at it.
fn ratio(strain: &Strain) -> f64 {
    strain.value / strain.threshold
}

fn step_of(limit: Limit) -> u64 {
    (limit.bleed_ms / STEPS).max(1)
}

#[cfg(test)]
mod tests;
