//! What the guide looks at: each part of the learning on and off, and which figures tell of it.
//!
//! Scenarios speak of places as `{site}` (where most clients go), `{next}` (where its clients go
//! without it), `{city}` (a city of clients near it) and `{other}` (a site that this city is not
//! sent to), so that they fit any matrix.

use super::figures::{self, Figure};

/// Figures that stand in one table.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) columns: &'static [(&'static str, Figure)],
    /// What each row is called, its state, and its scenario: as in a file, over [`BASE`].
    pub(super) rows: &'static [(&'static str, &'static str, &'static str)],
}

/// All worlds of the guide: small enough that all of them take minutes. A network has as many
/// connections as in the default scenario.
pub(super) const BASE: &str = "networks: 1000\nconnections_per_day: 200000\n";

const NO_HOLD: &str =
    "ecs: 1\nhold: {margin_ms: 0, margin_percent: 0, dwell: 0, moved_per_minute: 1}";

pub(super) const SECTIONS: &[Section] = &[
    Section {
        title: "Finding and staying",
        columns: &[
            ("captured, hour 6", figures::captured_hour_6),
            ("captured, last hour", figures::captured_last),
            ("p99 ms, last hour", figures::p99_last),
            ("explored", figures::explored),
            ("ms paid where geography is right", figures::right_cost),
            ("switched, hour 7", figures::switched_hour_7),
            ("switched, last hour", figures::switched_last),
            ("DNS queries", figures::queries),
        ],
        rows: &[
            ("exploration", "on", "ecs: 1"),
            ("exploration", "off", "ecs: 1\nexploration: {enabled: false}"),
            ("country, AS and distance as priors", "on", "ecs: 1"),
            ("country, AS and distance as priors", "off", "ecs: 1\ndatabases: false"),
            ("hold", "on", "ecs: 1"),
            ("hold", "off", NO_HOLD),
            ("networks with few connections", "told of", "ecs: 1"),
            ("networks with few connections", "kept back", "ecs: 1\nagent_min_samples: 5"),
            (
                "robust average, many spikes",
                "on",
                "ecs: 1\nspikes: {share: 0.05, ms: 200}\nrobust_average: true",
            ),
            ("robust average, many spikes", "off", "ecs: 1\nspikes: {share: 0.05, ms: 200}"),
            ("ECS of the resolvers", "all", "ecs: 1"),
            ("ECS of the resolvers", "a quarter", "ecs: 0.25"),
            ("ECS of the resolvers", "none", "ecs: 0"),
            (
                "no ECS, half the resolvers far away: their clients",
                "told",
                "ecs: 0\ncentral_resolvers: 0.5\nresolver_weights: true",
            ),
            (
                "no ECS, half the resolvers far away: their clients",
                "not told",
                "ecs: 0\ncentral_resolvers: 0.5",
            ),
        ],
    },
    Section {
        title: "An agent lies from hour 12 on",
        columns: &[
            ("held after", figures::held_after),
            ("drawn until then", figures::drawn_until_held),
            ("drawn since", figures::drawn_since),
            ("captured, last hour", figures::captured_last),
        ],
        rows: &[
            ("by half", "held", "ecs: 1\nlies: [{site: '{next}', from_hour: 12, times: 0.5}]"),
            (
                "by half",
                "believed",
                "ecs: 1\nlies: [{site: '{next}', from_hour: 12, times: 0.5}]\naccept_held: true",
            ),
            ("all 1 ms", "held", "ecs: 1\nlies: [{site: '{next}', from_hour: 12, ms: 1}]"),
            (
                "all 1 ms",
                "believed",
                "ecs: 1\nlies: [{site: '{next}', from_hour: 12, ms: 1}]\naccept_held: true",
            ),
            (
                "by a fifth",
                "not seen",
                "ecs: 1\nlies: [{site: '{next}', from_hour: 12, times: 0.8}]",
            ),
            ("not at all", "honest", "ecs: 1\nlies: [{site: '{next}', from_hour: 12, times: 1}]"),
        ],
    },
    Section {
        title: "A site dies at hour 12 and is back at hour 13",
        columns: &[
            ("share before", figures::share_before),
            ("sent there in minute 1", figures::failed_first),
            ("in minutes 2 to 10", figures::failed_later),
            ("share when back for 1 min", figures::back_1),
            ("10 min", figures::back_10),
            ("60 min", figures::back_60),
            ("largest step in a minute", figures::largest_step),
        ],
        rows: &[(
            "outage",
            "learned",
            "ecs: 1\noutages: [{site: '{site}', from_hour: 12, to_hour: 13}]",
        )],
    },
    Section {
        title: "Capacity: the busiest site may have 75 open connections, the next 125",
        columns: &[
            ("most open at the busiest, from hour 6", figures::open_site),
            ("at the next", figures::open_next),
            ("mean ms, last hour", figures::mean_last),
        ],
        rows: &[
            (
                "capacity",
                "on",
                "ecs: 1\nlong: {share: 0.5, seconds: 600}\n\
                 capacities: [{site: '{site}', connections: 75}, {site: '{next}', connections: 125}]",
            ),
            ("capacity", "off", "ecs: 1\nlong: {share: 0.5, seconds: 600}"),
        ],
    },
    Section {
        title: "Constraints: clients of one country may only go to one site, which is not their best",
        columns: &[
            ("went there, in all hours", figures::watched_there),
            ("their mean ms, last hour", figures::watched_mean_last),
            ("explored", figures::explored),
        ],
        rows: &[
            (
                "constraint",
                "on",
                "ecs: 1\nwatch: [{client: '{city}', sites: ['{other}']}]\n\
                 constraints: [{country_of: '{city}', sites: ['{other}']}]",
            ),
            ("constraint", "off", "ecs: 1\nwatch: [{client: '{city}', sites: ['{other}']}]"),
        ],
    },
    Section {
        title: "Shadow: geolocation answers, learned latency decides beside it",
        columns: &[
            ("would go elsewhere, hour 6", figures::shadow_other_hour_6),
            ("last hour", figures::shadow_other_last),
            ("and gain, ms each", figures::shadow_gain_last),
            ("which saves all, ms", figures::shadow_saved_last),
            ("saved where it answers and explores, ms", figures::saved_last),
        ],
        rows: &[("shadow", "on", "ecs: 1\nshadow: true"), ("shadow", "off", "ecs: 1")],
    },
    Section {
        title: "Hand work",
        columns: &[
            ("hour 6", figures::told_hour_6),
            ("hour 9", figures::told_hour_9),
            ("hour 12", figures::told_hour_12),
            ("hour 18", figures::told_hour_18),
            ("mean ms, hour 12", figures::mean_hour_12),
        ],
        rows: &[
            (
                "a city pinned to another site in hours 9 to 15: its share there",
                "on",
                "ecs: 1\nwatch: [{client: '{city}', sites: ['{other}']}]\n\
                 pins: [{client: '{city}', site: '{other}', from_hour: 8, to_hour: 15}]",
            ),
            (
                "a city pinned to another site in hours 9 to 15: its share there",
                "off",
                "ecs: 1\nwatch: [{client: '{city}', sites: ['{other}']}]",
            ),
            (
                "the busiest site drained by a quarter, then whole, then given back: its share",
                "on",
                "ecs: 1\ndrains: [{site: '{site}', at_hour: 8, share: 0.25}, \
                 {site: '{site}', at_hour: 10, share: 1, over_hours: 1}, \
                 {site: '{site}', at_hour: 15, share: 0, over_hours: 1}]",
            ),
            (
                "the busiest site drained by a quarter, then whole, then given back: its share",
                "off",
                "ecs: 1",
            ),
            (
                "60 ms more to the busiest site from hour 9 on, frozen in hours 9 to 15: its share",
                "on",
                "ecs: 1\npath_changes: [{at_hour: 8.5, site: '{site}', add_ms: 60}]\n\
                 freezes: [{from_hour: 8, to_hour: 15}]",
            ),
            (
                "60 ms more to the busiest site from hour 9 on, frozen in hours 9 to 15: its share",
                "off",
                "ecs: 1\npath_changes: [{at_hour: 8.5, site: '{site}', add_ms: 60}]",
            ),
        ],
    },
];
