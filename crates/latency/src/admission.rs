//! Which readings count. Each filter says why it turns one away; nothing is averaged here.

mod cookies;

pub(crate) mod refusal;

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{RangeMap, Rtt, RttError, Sample, Subnet, Time};

use self::cookies::Cookies;
use self::refusal::Refusal;
use crate::settings::{LearningSettings, RttSource};

/// The most addresses that overwatches may name for exclusion: 64 overwatches with 16 sources
/// each. Those beyond it, in the order of the addresses, are not excluded.
const TOLD_MAX: usize = 1024;

/// The kernel's minimum is over this time (Linux: `tcp_min_rtt_wlen`, 300 s). A connection that is
/// read twice within it shows the same round trip twice; counted as two, one odd connection that
/// stays open would soon be all that a quiet network is known by.
const MIN_RTT_WINDOW_MS: u64 = 300_000;

/// The filters, and what they must remember.
#[derive(Debug)]
pub(crate) struct Admission {
    ports: BTreeSet<u16>,
    rtt_source: RttSource,
    min_connection_age_ms: u64,
    /// What the operator excludes.
    configured: Vec<Subnet>,
    /// The operator's networks and what the overwatches told.
    excluded: RangeMap<bool>,
    cookies: Cookies,
}

/// What is left of an admitted reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// The time that counts.
    pub(crate) rtt: Rtt,
    /// The least of the connection; the same where the kernel tells none.
    pub(crate) min_rtt: Rtt,
}

impl Admission {
    /// Admits connections to `ports`.
    pub(crate) fn new(settings: &LearningSettings, ports: BTreeSet<u16>) -> Self {
        let mut admission = Self {
            ports,
            rtt_source: settings.rtt_source,
            min_connection_age_ms: settings.min_connection_age_ms,
            configured: settings.exclude.clone(),
            excluded: RangeMap::filled(false),
            cookies: Cookies::new(),
        };
        admission.exclude(Vec::new());
        admission
    }

    /// Admits by other settings from now on; what overwatches told is to be told again. Sockets
    /// that are known stay so.
    pub(crate) fn reconfigure(&mut self, settings: &LearningSettings, ports: BTreeSet<u16>) {
        let cookies = std::mem::replace(&mut self.cookies, Cookies::new());
        *self = Self { cookies, ..Self::new(settings, ports) };
    }

    /// Excludes these addresses beside the configured networks; replaces the earlier list.
    pub(crate) fn exclude(&mut self, mut told: Vec<IpAddr>) {
        told.sort_unstable();
        told.dedup();
        let told = told.into_iter().take(TOLD_MAX).map(Subnet::host);
        let all = self.configured.iter().copied().chain(told).map(|subnet| (subnet, true));
        self.excluded = RangeMap::from_prefixes(false, all);
    }

    /// Whether a reading counts. The filters in their order:
    ///
    /// 1. the port is a backend's;
    /// 2. the client is one: no loopback, multicast or unspecified address, not this host itself,
    ///    not excluded;
    /// 3. data was sent and acknowledged (a bare connect and close acknowledges one byte, its FIN);
    /// 4. the time was measured and is one that a path can have;
    /// 5. an open socket is old enough, counted from the first poll that saw its cookie, and
    ///    acknowledged data since it last counted, which is at most once an interval; a closed one
    ///    counts unless all it acknowledged has counted while it was open.
    pub(crate) fn admit(&mut self, sample: &Sample, now: Time) -> Result<Measured, Refusal> {
        self.check_client(sample)?;
        let measured = self.measured(sample);
        // The socket's age runs from here, whatever else is missing.
        let last = self.cookies.seen(sample, now)?;
        check_data(sample)?;
        let measured = measured?;
        let window_ms = match self.rtt_source {
            RttSource::Min => MIN_RTT_WINDOW_MS,
            RttSource::Smoothed => 0,
        };
        last.check(sample, self.min_connection_age_ms, now, window_ms)?;
        last.count(sample, now);
        Ok(measured)
    }

    /// Fetches what is known of the sockets of readings that are to be admitted next.
    pub(crate) fn touch(&self, samples: &[Sample]) {
        self.cookies.touch(samples);
    }

    /// Forgets sockets that polls no longer see.
    pub(crate) fn end_interval(&mut self) {
        self.cookies.end_interval();
    }

    /// Filters 1 and 2.
    fn check_client(&self, sample: &Sample) -> Result<(), Refusal> {
        let client = sample.client;
        if !self.ports.contains(&sample.local.port()) {
            return Err(Refusal::OtherPort);
        }
        if client.is_loopback() {
            return Err(Refusal::Loopback);
        }
        if client.is_unspecified() || client.is_multicast() {
            return Err(Refusal::NoClient);
        }
        if client == sample.local.ip() {
            return Err(Refusal::OwnAddress);
        }
        if self.excluded.get(client).0 {
            return Err(Refusal::Excluded);
        }
        Ok(())
    }

    /// Filter 4.
    fn measured(&self, sample: &Sample) -> Result<Measured, Refusal> {
        let chosen_us = match self.rtt_source {
            RttSource::Min => sample.min_rtt_us.unwrap_or(sample.smoothed_rtt_us),
            RttSource::Smoothed => sample.smoothed_rtt_us,
        };
        let rtt = sane(chosen_us)?;
        let min_rtt = sample.min_rtt_us.and_then(|us| sane(us).ok()).unwrap_or(rtt);
        Ok(Measured { rtt, min_rtt })
    }
}

/// Filter 3.
const fn check_data(sample: &Sample) -> Result<(), Refusal> {
    if matches!(sample.data_segments_out, Some(0)) {
        return Err(Refusal::NoData);
    }
    if sample.bytes_acked <= 1 {
        return Err(Refusal::Unacknowledged);
    }
    Ok(())
}

/// A kernel's microseconds as a round-trip time.
fn sane(us: u32) -> Result<Rtt, Refusal> {
    // Linux: `tcpi_min_rtt` is `~0` until a round trip was timed.
    if us == u32::MAX {
        return Err(Refusal::NotMeasured);
    }
    Rtt::from_us(u64::from(us)).map_err(|fault| match fault {
        RttError::Zero => Refusal::NotMeasured,
        RttError::TooLong(_) => Refusal::TooLong,
    })
}

#[cfg(test)]
mod tests;
