//! The machine's own numbers: processor time and memory. Windows has no load average. What cannot be
//! read is absent.

#![expect(unsafe_code, reason = "std knows neither processor time nor memory")]

use ::agent::{CpuTimes, Vitals};
use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::GetSystemTimes;

/// Looks at the machine now; waits for nothing.
pub(crate) fn look() -> Vitals {
    Vitals { cpu: cpu_times(), memory_percent: memory_percent(), load: None }
}

/// In units of 100 ns. The kernel's time holds the idle time too (GetSystemTimes).
fn cpu_times() -> Option<CpuTimes> {
    let none = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    let [mut idle, mut kernel, mut user] = [none; 3];
    // SAFETY: three places to write to, which live through the call.
    if unsafe { GetSystemTimes(&raw mut idle, &raw mut kernel, &raw mut user) } == 0 {
        return None;
    }
    let [idle, kernel, user] = [idle, kernel, user].map(ticks);
    let total = kernel.checked_add(user)?;
    Some(CpuTimes { busy: total.checked_sub(idle)?, total })
}

fn ticks(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

/// Physical memory that is in use, in percent.
fn memory_percent() -> Option<f64> {
    let mut memory = MEMORYSTATUSEX {
        dwLength: u32::try_from(size_of::<MEMORYSTATUSEX>()).ok()?,
        ..MEMORYSTATUSEX::default()
    };
    // SAFETY: a place to write to, which says its length and lives through the call.
    if unsafe { GlobalMemoryStatusEx(&raw mut memory) } == 0 {
        return None;
    }
    let used = memory.ullTotalPhys.checked_sub(memory.ullAvailPhys)?;
    (memory.ullTotalPhys > 0).then(|| used as f64 * 100.0 / memory.ullTotalPhys as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_says_something() {
        let vitals = look();
        assert!(vitals.cpu.is_some_and(|cpu| cpu.total > 0), "{vitals:?}");
        assert!(vitals.memory_percent.is_some_and(|percent| percent > 0.0), "{vitals:?}");
    }
}
