//! Why a reading does not count: a closed list, each with a counter of its own.

/// Why a reading does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// To a port that no backend listens on.
    #[error("the port is no backend's")]
    OtherPort,
    /// From this host over loopback.
    #[error("the client is a loopback address")]
    Loopback,
    /// From an address that no client has: unspecified or multicast.
    #[error("the address is no client's")]
    NoClient,
    /// From the address it goes to: this host's own checks.
    #[error("the client is this host")]
    OwnAddress,
    /// From an excluded network or an overwatch's probe.
    #[error("the client is excluded")]
    Excluded,
    /// Nothing was sent to the client.
    #[error("no data was sent")]
    NoData,
    /// The client acknowledged no data.
    #[error("no data was acknowledged")]
    Unacknowledged,
    /// The kernel timed no round trip.
    #[error("no round-trip time was measured")]
    NotMeasured,
    /// Over the limit of 60 s.
    #[error("the round-trip time is over 60 s")]
    TooLong,
    /// Open for less than `min_connection_age`.
    #[error("the open socket is too young")]
    TooYoung,
    /// Open, and no new data was acknowledged since it last counted.
    #[error("the open socket acknowledged nothing new")]
    NothingNew,
    /// Open, and already counted in this interval.
    #[error("the open socket has counted in this interval")]
    OncePerInterval,
    /// Counted before, and so lately that the kernel's minimum is of the same round trips.
    #[error("the kernel's minimum is the one that has counted")]
    SameMinimum,
    /// Closed, and all that it acknowledged has counted while it was open.
    #[error("the closed socket acknowledged nothing since it last counted")]
    ClosedNothingNew,
    /// Read after its end: a dump that was overtaken by the destroy event, or a repeated event.
    #[error("the socket is already closed")]
    AlreadyClosed,
    /// Open, and no room to remember one more socket. It counts when it closes.
    #[error("too many open sockets to remember this one")]
    TooManySockets,
}

impl Refusal {
    /// Every variant, in declaration order.
    pub const ALL: [Self; 16] = [
        Self::OtherPort,
        Self::Loopback,
        Self::NoClient,
        Self::OwnAddress,
        Self::Excluded,
        Self::NoData,
        Self::Unacknowledged,
        Self::NotMeasured,
        Self::TooLong,
        Self::TooYoung,
        Self::NothingNew,
        Self::OncePerInterval,
        Self::SameMinimum,
        Self::ClosedNothingNew,
        Self::AlreadyClosed,
        Self::TooManySockets,
    ];

    /// One word, as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherPort => "other_port",
            Self::Loopback => "loopback",
            Self::NoClient => "no_client",
            Self::OwnAddress => "own_address",
            Self::Excluded => "excluded",
            Self::NoData => "no_data",
            Self::Unacknowledged => "unacknowledged",
            Self::NotMeasured => "not_measured",
            Self::TooLong => "too_long",
            Self::TooYoung => "too_young",
            Self::NothingNew => "nothing_new",
            Self::OncePerInterval => "once_per_interval",
            Self::SameMinimum => "same_minimum",
            Self::ClosedNothingNew => "closed_nothing_new",
            Self::AlreadyClosed => "already_closed",
            Self::TooManySockets => "too_many_sockets",
        }
    }
}

/// A counter for each [`Refusal`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusalCounts([u64; Refusal::ALL.len()]);

impl RefusalCounts {
    /// How often this one happened.
    #[must_use]
    pub const fn get(&self, refusal: Refusal) -> u64 {
        self.0[refusal as usize]
    }

    /// All of them, in declaration order.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.into_iter().zip(self.0)
    }

    pub(crate) const fn count(&mut self, refusal: Refusal) {
        self.0[refusal as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_own_counter_and_word() {
        let mut counts = RefusalCounts::default();
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place);
            counts.count(refusal);
        }
        assert!(counts.iter().all(|(refusal, n)| n == 1 && counts.get(refusal) == 1));
        let words: std::collections::BTreeSet<_> = Refusal::ALL.map(Refusal::as_str).into();
        assert_eq!(words.len(), Refusal::ALL.len());
    }
}
