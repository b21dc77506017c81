//! Which block tries what, when: a function of block, region and slot, and of nothing else. So
//! every overwatch, every worker and both questions for A and AAAA come to the same. Learns nothing.

use std::net::IpAddr;

use model::{Subnet, Time};

use crate::ranking::Trial;

/// The trial that a block is in now, and for how much longer, in milliseconds. Of two, the first
/// that has its turn.
pub(crate) fn trial_now(
    mut trials: impl Iterator<Item = Trial>,
    block: Subnet,
    slot_ms: u64,
    now: Time,
) -> Option<(u16, u64)> {
    let now_ms = now.unix_ms();
    let slot = now_ms.checked_div(slot_ms)?;
    let tried = trials.find(|trial| draw(block, trial.region, slot) < trial.share)?;
    Some((tried.region, slot_ms - now_ms % slot_ms))
}

/// How long until the block's next trial, in milliseconds, if that is in the next slot. What is
/// answered now must not be kept into it: who still has it would not take part.
pub(crate) fn until_trial(
    mut trials: impl Iterator<Item = Trial>,
    block: Subnet,
    slot_ms: u64,
    now: Time,
) -> Option<u64> {
    let now_ms = now.unix_ms();
    let next = now_ms.checked_div(slot_ms)? + 1;
    let tries = trials.any(|trial| draw(block, trial.region, next) < trial.share);
    tries.then(|| next * slot_ms - now_ms)
}

/// The block of a client that tries something: no wider than an IPv4 /16 or an IPv6 /32, so that
/// never half the world tries at once. Narrower blocks stay as they are.
pub(crate) fn trial_block(block: Subnet, client: IpAddr) -> Subnet {
    let widest = if block.is_ipv4() { 16 } else { 32 };
    if block.length() < widest { Subnet::of(client, widest) } else { block }
}

/// A number of a network that says nothing about where it is.
pub(crate) fn lot(network: Subnet) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    let (low, high) = match network.address() {
        IpAddr::V4(v4) => (u64::from(v4.to_bits()), 4),
        IpAddr::V6(v6) => (v6.to_bits() as u64, (v6.to_bits() >> 64) as u64),
    };
    let parts = [low, high, u64::from(network.length())];
    parts.into_iter().fold(0, |sum: u64, part| mix(sum ^ part))
}

/// An even draw from 0 to 65,535.
pub(crate) fn draw(block: Subnet, region: u16, slot: u64) -> u16 {
    let mixed = mix(mix(lot(block) ^ u64::from(region)) ^ slot);
    (mixed >> 48) as u16
}

/// Spreads every bit over all of them: the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014).
const fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT_MS: u64 = 60_000;

    fn at(slot: u64) -> Time {
        Time::from_unix_ms(slot * SLOT_MS + 15_000)
    }

    fn share(trials: &[Trial], region: u16) -> f64 {
        let blocks =
            (0..200u32).map(|i| Subnet::of(IpAddr::V4((0x0a00_0000 + (i << 8)).into()), 24));
        let hits = blocks.flat_map(|block| (0..1_000).map(move |slot| (block, slot)));
        let hits = hits.filter(|(block, slot)| {
            trial_now(trials.iter().copied(), *block, SLOT_MS, at(*slot)) == Some((region, 45_000))
        });
        hits.count() as f64 / 200_000.0
    }

    #[test]
    fn each_region_gets_its_share_of_blocks_and_slots() {
        for wanted in [0.002, 0.01, 0.0625] {
            let trial = Trial::new(3, wanted).unwrap();
            assert!(trial.part() <= wanted && trial.part() > wanted * 0.6, "{trial:?}");
            let had = share(&[trial], 3);
            assert!((had / trial.part() - 1.0).abs() < 0.12, "{wanted}: {had} {}", trial.part());
        }
        let two = [Trial { region: 1, share: 4_096 }, Trial { region: 2, share: 2_048 }];
        assert!((share(&two, 1) - 4_096.0 / 65_536.0).abs() < 0.004);
        assert!((share(&two, 2) - 2_048.0 / 65_536.0).abs() < 0.004);
        assert_eq!(share(&two, 3), 0.0);
    }

    #[test]
    fn neighbours_do_not_try_together() {
        let trial = [Trial { region: 1, share: 6_554 }];
        let block = |i: u32| Subnet::of(IpAddr::V4((0x0a00_0000 + (i << 8)).into()), 24);
        let tries = |i, slot| trial_now(trial.into_iter(), block(i), SLOT_MS, at(slot)).is_some();
        let both = (0..20_000).filter(|slot| tries(1, *slot) && tries(2, *slot)).count();
        assert!((150..260).contains(&both), "a tenth of a tenth: {both}");
    }

    #[test]
    fn no_trial_is_wider_than_its_limit() {
        let check = |block: &str, client: &str, expect: &str| {
            let cut = trial_block(block.parse().unwrap(), client.parse().unwrap());
            assert_eq!(cut.to_string(), expect);
        };
        check("10.0.0.0/8", "10.1.2.3", "10.1.0.0/16");
        check("10.1.2.0/24", "10.1.2.3", "10.1.2.0/24");
        check("2000::/3", "2001:db8:1::7", "2001:db8::/32");
        check("2001:db8:1::/48", "2001:db8:1::7", "2001:db8:1::/48");
    }
}
