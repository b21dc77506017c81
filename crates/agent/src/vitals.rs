//! What a machine says of itself, as the edge reads it.

use std::collections::BTreeMap;

use health::Signal;

/// One look at the machine. What could not be read is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vitals {
    /// Processor time since the machine started.
    pub cpu: Option<CpuTimes>,
    /// Memory that could not be had without swapping, in percent of all.
    pub memory_percent: Option<f64>,
    /// The load average of one minute for each processor.
    pub load: Option<f64>,
}

/// Processor time since some moment, in one unit, whichever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTimes {
    /// Time that was not idle.
    pub busy: u64,
    /// All of it.
    pub total: u64,
}

impl Vitals {
    /// The signals of the whole machine. Processor time is that since the look before.
    pub(crate) fn signals(&self, before: Option<CpuTimes>) -> BTreeMap<Signal, f64> {
        let cpu = self.cpu.zip(before).and_then(|(now, before)| now.percent_since(before));
        let signals =
            [(Signal::Cpu, cpu), (Signal::Memory, self.memory_percent), (Signal::Load, self.load)];
        signals.into_iter().filter_map(|(signal, value)| Some((signal, value?))).collect()
    }
}

impl CpuTimes {
    /// How much of the time since then was not idle; nothing where no time went by, or where the
    /// counters began anew.
    fn percent_since(self, before: Self) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        let busy = self.busy.checked_sub(before.busy)?;
        Some(busy.min(total) as f64 * 100.0 / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_since_the_look_before() {
        let check = |before: (u64, u64), now: (u64, u64), expect: Option<f64>| {
            let [before, now] = [before, now].map(|(busy, total)| CpuTimes { busy, total });
            let vitals = Vitals { cpu: Some(now), ..Vitals::default() };
            assert_eq!(vitals.signals(Some(before)).get(&Signal::Cpu).copied(), expect);
        };
        check((100, 1_000), (190, 1_100), Some(90.0));
        check((100, 1_000), (100, 1_100), Some(0.0));
        check((100, 1_000), (100, 1_000), None);
        check((100, 1_000), (5, 50), None);
        check((100, 1_000), (99, 1_100), None);
        assert!(Vitals::default().signals(None).is_empty());
    }
}
