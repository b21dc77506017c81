//! The machine's own numbers, from `/proc` (proc(5)). What cannot be read is absent.

use std::fs;

use ::agent::{CpuTimes, Vitals};

/// Looks at the machine now: three short files of the kernel's, which never wait for a disk.
pub(super) fn look() -> Vitals {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let stat = read("/proc/stat");
    Vitals {
        cpu: cpu_times(&stat),
        memory_percent: memory_percent(&read("/proc/meminfo")),
        load: load_of_each(&read("/proc/loadavg"), &stat),
    }
}

/// The load average of a minute for each processor of the machine: it is the machine's load, so it is the
/// machine's processors that it is of, however many of them this process may use.
fn load_of_each(loadavg: &str, stat: &str) -> Option<f64> {
    let is_one = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let processors = stat.lines().filter(is_one).count();
    load_average(loadavg).filter(|_| processors > 0).map(|load| load / processors as f64)
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal, and the
/// guests' time, which is in that of user and nice already.
fn cpu_times(text: &str) -> Option<CpuTimes> {
    let words = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let times: Vec<u64> = words.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let idle = times.get(3)?.checked_add(*times.get(4)?)?;
    let total = times.iter().try_fold(0u64, |sum, time| sum.checked_add(*time))?;
    Some(CpuTimes { busy: total.checked_sub(idle)?, total })
}

/// What is not available without swapping, in percent.
fn memory_percent(text: &str) -> Option<f64> {
    let kib = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(':')?.split_whitespace().next()?.parse().ok()
    };
    let (total, available) = (kib("MemTotal")?, kib("MemAvailable")?);
    let used = total.checked_sub(available)?;
    (total > 0).then(|| used as f64 * 100.0 / total as f64)
}

/// Of one minute.
fn load_average(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok().filter(|load: &f64| load.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "cpu  100 5 50 800 40 1 4 0 90 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(cpu_times(stat), Some(CpuTimes { busy: 160, total: 1_000 }));
        let meminfo = "MemTotal:        2000 kB\nMemFree:  1 kB\nMemAvailable:     500 kB\n";
        assert_eq!(memory_percent(meminfo), Some(75.0));
        assert_eq!(load_average("1.50 0.70 0.33 1/123 4567\n"), Some(1.5));
        for text in ["", "cpu", "cpu x", "cpu 1 2 3", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "NaN"]
        {
            assert_eq!(cpu_times(text), None);
            assert_eq!(memory_percent(text), None);
            assert_eq!(load_average(text), None);
        }
        let most = u64::MAX;
        assert_eq!(cpu_times(&format!("cpu {most} 1 1 1 1")), None);
    }

    #[test]
    fn a_quota_of_the_process_does_not_make_the_machine_smaller() {
        let stat: String = (0..32).map(|number| format!("cpu{number} 1 2 3 4\n")).collect();
        let stat = format!("cpu 1 2 3 4 5 6 7 8\n{stat}intr 5\n");
        assert_eq!(load_of_each("6.40 1 1 1/1 1\n", &stat), Some(0.2));
        assert_eq!(load_of_each("6.40 1 1 1/1 1\n", "cpu 1 2 3 4 5 6 7 8\n"), None);
    }

    #[test]
    fn this_machine_says_something() {
        let vitals = look();
        assert!(vitals.cpu.is_some_and(|cpu| cpu.total > 0), "{vitals:?}");
        assert!(vitals.memory_percent.is_some_and(|percent| percent > 0.0), "{vitals:?}");
        assert!(vitals.load.is_some(), "{vitals:?}");
    }
}
