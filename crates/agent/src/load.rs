//! How busy the own ports are: connections that are open, and those that closed. Counts what the
//! kernel tells; judges nothing.

use std::collections::BTreeMap;

use mesh::PortLoad;
use mesh::frame::{HEARTBEAT_MS_MAX, LOAD_PORTS_MAX};
use model::{Sample, SocketState, Time};

/// The load of all ports, between two times that it is told.
#[derive(Debug)]
pub(crate) struct Load {
    /// What the dump under way has shown so far.
    shown: BTreeMap<u16, u32>,
    /// What the last whole dump showed; `None` before the first. A dump that fails leaves it as it
    /// was: who cannot see is not idle.
    open: Option<BTreeMap<u16, u32>>,
    /// Connections that closed since then.
    closed: BTreeMap<u16, u32>,
    since: Time,
}

impl Load {
    /// Nothing is known yet.
    pub(crate) const fn new(now: Time) -> Self {
        Self { shown: BTreeMap::new(), open: None, closed: BTreeMap::new(), since: now }
    }

    /// Counts one reading. Ports beyond [`LOAD_PORTS_MAX`] are not counted; no agent has so many.
    pub(crate) fn count(&mut self, sample: &Sample) {
        let counts = match sample.state {
            SocketState::Open => &mut self.shown,
            SocketState::Closed => &mut self.closed,
        };
        let port = sample.local.port();
        if counts.len() < LOAD_PORTS_MAX || counts.contains_key(&port) {
            let count = counts.entry(port).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// A dump ended; one that failed says nothing.
    pub(crate) fn end_dump(&mut self, is_whole: bool) {
        let shown = std::mem::take(&mut self.shown);
        if is_whole {
            self.open = Some(shown);
        }
    }

    /// What to tell now; `None` where no dump was whole yet. Then closed ones are counted anew.
    pub(crate) fn take(&mut self, now: Time) -> Option<mesh::Load> {
        let period_ms = now.ms_since(self.since).clamp(1, HEARTBEAT_MS_MAX);
        let closed = std::mem::take(&mut self.closed);
        self.since = now;
        let open = self.open.as_ref()?;
        let mut ports: Vec<u16> = open.keys().chain(closed.keys()).copied().collect();
        ports.sort_unstable();
        ports.dedup();
        ports.truncate(LOAD_PORTS_MAX);
        let of = |counts: &BTreeMap<u16, u32>, port| counts.get(&port).copied().unwrap_or(0);
        let load = |port| PortLoad { port, open: of(open, port), closed: of(&closed, port) };
        Some(mesh::Load { period_ms, ports: ports.into_iter().map(load).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(port: u16, state: SocketState) -> Sample {
        Sample {
            client: "10.1.2.3".parse().unwrap(),
            local: (std::net::Ipv4Addr::LOCALHOST, port).into(),
            smoothed_rtt_us: 0,
            rtt_deviation_us: 0,
            min_rtt_us: None,
            bytes_acked: 0,
            data_segments_out: None,
            cookie: 1,
            state,
        }
    }

    fn tell(load: &mut Load, now_s: u64) -> Option<String> {
        let load = load.take(Time::from_unix_ms(now_s * 1_000))?;
        let port = |p: &PortLoad| format!(" {}:{}/{}", p.port, p.open, p.closed);
        let ports: String = load.ports.iter().map(port).collect();
        Some(format!("{}s{ports}", load.period_ms / 1_000))
    }

    #[test]
    fn what_is_open_is_the_last_whole_dump_and_what_closed_is_counted_anew() {
        let mut load = Load::new(Time::EPOCH);
        let count = |load: &mut Load, port, state, times| {
            (0..times).for_each(|_| load.count(&sample(port, state)));
        };
        count(&mut load, 80, SocketState::Closed, 3);
        assert_eq!(tell(&mut load, 10), None, "nobody has looked yet");
        count(&mut load, 443, SocketState::Open, 5);
        count(&mut load, 80, SocketState::Closed, 2);
        assert_eq!(tell(&mut load, 20), None);
        count(&mut load, 443, SocketState::Open, 2);
        load.end_dump(true);
        count(&mut load, 80, SocketState::Closed, 2);
        assert_eq!(tell(&mut load, 35).unwrap(), "15s 80:0/2 443:7/0");
        count(&mut load, 443, SocketState::Open, 1);
        load.end_dump(false);
        assert_eq!(tell(&mut load, 50).unwrap(), "15s 443:7/0");
        load.end_dump(true);
        assert_eq!(tell(&mut load, 65).unwrap(), "15s");
    }
}
