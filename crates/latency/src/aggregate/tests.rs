//! The rows against a naive model, and their limits.

use std::collections::VecDeque;

use model::Rtt;
use proptest::prelude::*;

use super::*;

fn measured(us: u64) -> Measured {
    let rtt = Rtt::from_us(us).unwrap();
    Measured { rtt, min_rtt: rtt }
}

fn subnet(number: u8) -> Subnet {
    Subnet::of([10, number / 16, number % 16, 0].into(), 24)
}

fn at(ms: u64) -> Time {
    Time::from_unix_ms(ms)
}

/// The rows as they should be, slowly: the oldest in front.
#[derive(Default)]
struct Naive {
    rows: VecDeque<NaiveRow>,
    evicted: usize,
    expired: u64,
}

struct NaiveRow {
    key: (u16, Subnet),
    samples: u32,
    last_seen: Time,
    pending: Vec<u64>,
    average: Option<f64>,
}

impl Naive {
    fn record(&mut self, key: (u16, Subnet), us: u64, now: Time, rows_max: usize) {
        let known = self.rows.iter().position(|row| row.key == key);
        let mut row = known.and_then(|place| self.rows.remove(place)).unwrap_or(NaiveRow {
            key,
            samples: 0,
            last_seen: now,
            pending: Vec::new(),
            average: None,
        });
        if self.rows.len() >= rows_max {
            self.rows.pop_front();
            self.evicted += 1;
        }
        row.samples += 1;
        row.last_seen = now;
        row.pending.push(us);
        self.rows.push_back(row);
    }

    fn end_interval(&mut self, alpha: f64) {
        for row in &mut self.rows {
            row.pending.sort_unstable();
            let half = row.pending.len() / 2;
            let median = match row.pending.len() {
                0 => continue,
                odd if odd % 2 == 1 => row.pending[half],
                _ => u64::midpoint(row.pending[half - 1], row.pending[half]),
            } as f64;
            row.pending.clear();
            row.average = Some(match row.average {
                Some(old) => f64::from((alpha * median + (1.0 - alpha) * old) as f32),
                None => median,
            });
        }
    }

    fn expire(&mut self, ttl_ms: u64, now: Time) {
        let before = self.rows.len();
        self.rows.retain(|row| now.ms_since(row.last_seen) < ttl_ms);
        self.expired += (before - self.rows.len()) as u64;
    }
}

#[derive(Clone, Debug)]
enum Step {
    Record { port: u16, number: u8, us: u64 },
    EndInterval,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (80u16..82, 0u8..12, 1u64..1_000_000)
            .prop_map(|(port, number, us)| Step::Record { port, number, us }),
        2 => Just(Step::EndInterval),
        1 => (0u64..400).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn it_behaves_like_the_naive_model(
        steps in prop::collection::vec(step(), 0..300),
        rows_max in 1usize..16,
    ) {
        const TTL_MS: u64 = 300;
        let (mut rows, mut naive) = (Aggregate::new(rows_max), Naive::default());
        let (mut now, mut evicted, mut expired) = (at(1000), 0, 0);
        for step in steps {
            match step {
                Step::Record { port, number, us } => {
                    let key = (port, subnet(number));
                    evicted += usize::from(rows.record(Key::new(key.0, key.1), measured(us), now));
                    naive.record(key, us, now, rows_max);
                }
                Step::EndInterval => {
                    rows.end_interval(0.3, Averaging::Ewma);
                    naive.end_interval(0.3);
                }
                Step::Wait(ms) => now = now.plus_ms(ms),
            }
            expired += rows.expire(TTL_MS, now);
            naive.expire(TTL_MS, now);
            prop_assert!(rows.len() <= rows_max);
        }
        prop_assert_eq!((evicted, expired), (naive.evicted, naive.expired));
        let mut got: Vec<_> = rows
            .rows()
            .map(|row| {
                let average = row.average.as_ref().map(|average| average.rtt.get());
                ((row.port, row.subnet), row.samples, row.last_seen.time(), average)
            })
            .collect();
        let mut expect: Vec<_> = naive
            .rows
            .iter()
            .map(|row| (row.key, row.samples, row.last_seen, row.average))
            .collect();
        got.sort_by_key(|row| row.0);
        expect.sort_by_key(|row| row.0);
        prop_assert_eq!(got.len(), rows.len());
        for (got, expect) in got.iter().zip(&expect) {
            prop_assert_eq!((got.0, got.1, got.2), (expect.0, expect.1, expect.2));
            // Single precision against single precision: equal but for a last bit.
            let difference = (got.3.unwrap_or(0.0) - expect.3.unwrap_or(0.0)).abs();
            prop_assert_eq!(got.3.is_some(), expect.3.is_some());
            prop_assert!(difference <= 1.0, "{:?} {:?}", got, expect);
        }
        prop_assert_eq!(got.len(), expect.len());
    }
}

#[test]
fn a_place_given_to_another_row_brings_no_values_along() {
    let mut rows = Aggregate::new(1);
    rows.record(Key::new(80, subnet(1)), measured(900_000), at(0));
    rows.record(Key::new(80, subnet(2)), measured(100), at(1));
    rows.record(Key::new(80, subnet(1)), measured(7_000), at(2));
    rows.end_interval(0.3, Averaging::Ewma);
    let row = rows.rows().next().unwrap();
    assert_eq!((row.subnet, row.samples), (subnet(1), 1));
    assert_eq!(row.average.unwrap().rtt.rounded_us(), 7_000);
}

#[test]
fn memory_stays_within_its_limit_while_strangers_come_and_go() {
    let mut rows = Aggregate::new(1000);
    for number in 0..20_000u32 {
        let stranger = Subnet::of(std::net::IpAddr::V4((number << 8).into()), 24);
        rows.record(Key::new(80, stranger), measured(100), at(u64::from(number)));
    }
    assert_eq!((rows.len(), rows.rows.len()), (1000, 1000));
    assert_eq!(rows.interval.values_len(), 1000);
    assert_eq!(rows.expire(1, at(30_000)), 1000);
    assert_eq!((rows.len(), rows.free.len()), (0, 1000));
}
