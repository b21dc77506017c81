//! What is believed of a resolver whose clients an operator knows: the weighted mean of what is
//! believed of them. Guesses no weights.

use model::{Subnet, Time};

use super::{Belief, Beliefs, Source, Spot};

/// Sums over the clients of one region, in the units of the weights.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    weight: f64,
    rtt_us: f64,
    /// Squared: what is wrong about one client says nothing about another.
    variance: f64,
    samples: f64,
    evidence: f64,
    /// The weight of those of whom nothing at all is known.
    unknown: f64,
    observed_ms: f64,
    observed_weight: f64,
}

impl Beliefs {
    /// What is believed of every region for these client networks together, by number, into `out`;
    /// nothing where all weights are 0.
    pub(crate) fn of_clients(&self, clients: &[(Subnet, u32)], now: Time, out: &mut Vec<Belief>) {
        let mut sums = vec![Sums::default(); self.directions.len()];
        let mut beliefs = Vec::new();
        for (subnet, weight) in clients.iter().filter(|(_, weight)| *weight > 0) {
            let class = self.geo.locate(subnet.address()).class;
            let spot = Spot { subnet: *subnet, class, has_rows: true };
            self.all(&spot, now, &mut beliefs);
            for (sums, belief) in sums.iter_mut().zip(&beliefs) {
                sums.add(belief, f64::from(*weight));
            }
        }
        out.clear();
        out.extend(sums.iter().filter(|sums| sums.weight > 0.0).map(Sums::belief));
    }
}

impl Sums {
    fn add(&mut self, belief: &Belief, weight: f64) {
        self.weight += weight;
        self.rtt_us += weight * f64::from(belief.rtt_us);
        self.variance += (weight * f64::from(belief.deviation_us)).powi(2);
        self.samples += weight * f64::from(belief.samples);
        self.evidence += weight * belief.evidence;
        if belief.source == Source::Nothing {
            self.unknown += weight;
        }
        if let Some(at) = belief.observed_at {
            self.observed_ms += weight * at.unix_ms() as f64;
            self.observed_weight += weight;
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "means of what fits, none negative"
    )]
    fn belief(&self) -> Belief {
        let is_known = self.unknown * 2.0 < self.weight;
        let observed_ms = self.observed_ms / self.observed_weight;
        Belief {
            rtt_us: (self.rtt_us / self.weight).round() as u32,
            deviation_us: (self.variance.sqrt() / self.weight).round() as u32,
            source: if is_known { Source::Clients } else { Source::Nothing },
            samples: (self.samples / self.weight) as u32,
            evidence: self.evidence / self.weight,
            observed_at: (self.observed_weight > 0.0)
                .then(|| Time::from_unix_ms(observed_ms as u64)),
            own: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixture::{LEARNED, NOW, domain, geo, row, subnet};

    fn beliefs(clients: &[(&str, u32)]) -> Vec<Belief> {
        let mut beliefs = Beliefs::new(&domain(LEARNED), &Arc::new(geo(&[])));
        for (network, region, row) in
            [row("10.1.2.0/24", "a", 20, 100), row("10.9.2.0/24", "a", 80, 100)]
        {
            beliefs.take(network, u16::from(region.as_str() != "a"), Some(row));
        }
        let clients: Vec<_> =
            clients.iter().map(|(network, weight)| (subnet(network), *weight)).collect();
        let mut out = Vec::new();
        beliefs.of_clients(&clients, NOW, &mut out);
        out
    }

    #[test]
    fn a_resolver_is_the_weighted_mean_of_its_clients() {
        let [near, far] = ["10.1.2.0/24", "10.9.2.0/24"].map(|network| beliefs(&[(network, 1)])[0]);
        let both = beliefs(&[("10.1.2.0/24", 3), ("10.9.2.0/24", 1), ("11.0.0.0/8", 0)]);
        let mean = (f64::from(near.rtt_us) * 3.0 + f64::from(far.rtt_us)) / 4.0;
        assert!((f64::from(both[0].rtt_us) - mean).abs() < 1.0, "{both:?}");
        assert_eq!(both[0].source, Source::Clients);
        assert!(both[0].deviation_us < near.deviation_us.max(far.deviation_us), "{both:?}");
        assert!(both[0].samples >= near.samples.min(far.samples), "{both:?}");
        assert_eq!(both.len(), 3);
    }

    #[test]
    fn without_a_weight_there_is_nobody() {
        assert_eq!(beliefs(&[("10.1.2.0/24", 0)]), []);
    }
}
