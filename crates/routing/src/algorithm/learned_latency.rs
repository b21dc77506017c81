//! `learned_latency`: the region with the lowest round-trip time to the client's own network.
//!
//! **What.** Agents read the round-trip times of real connections from their kernels and report
//! them by client network. What they say of a network, of its neighbours, its operator, its place
//! and of distances becomes one time per region and how sure it is
//! ([`belief`](crate::belief)). A network is sent to the region with the lowest time, once that is
//! surely lower than the present one's by a margin; until then it stays where it is, and begins
//! where geography puts it.
//!
//! **When.** Wherever agents run. Nothing else sees the path between client and server. A region
//! without an agent is never tried; it keeps the clients that geography sends there.
//!
//! **Exploring.** A region that nobody is sent to is never measured. So a small share of
//! connections, the budget, goes to regions that may turn out better: block by block, for one slot
//! of time, the most promising first, with a TTL that ends with the slot (`exploration`). A region
//! that is down, drained, forbidden, known or without an agent is never tried
//! (docs/decisions/0030-exploring-by-slots.md).
//!
//! **Holding.** A network leaves its region for another only if that is better by the margin and
//! surely so, stays for the dwell time, and only so much of the traffic moves in a minute
//! (docs/decisions/0029-holding-on.md). A region that is down is left at once.
//!
//! **Keys.** `learning`, for both. `latency_config.min_samples`: what rests on fewer connections is
//! a guess, not learned. `latency_config.max_latency_ms`: a region above it is out, unless every
//! other allowed region is out or down; then the lowest is taken, with the reason
//! `learned_over_limit`. A network that is there leaves it without a margin, and otherwise as it
//! would leave any region. Without the key there is no limit. `regions`, `countries`, `continents`,
//! `default_region` and the custom networks, for what was not learned.
//!
//! **Order.** The present region; then the others by their times, in steps of a fifth, so that
//! neighbours who differ by little are one block; then those of which nothing is known; last others
//! over the limit (`learned_over_limit`). Equal steps keep the order of
//! [`geolocation`](super::geolocation). A region whose time was learned has the reason
//! `learned_latency`, any other one `geo_fallback`.
//!
//! **Falls back** to [`geolocation`](super::geolocation) for a network of which nothing is known,
//! as it is at every cold start. The reason is then `geo_fallback`.
//!
//! **Servers** of the region take turns by weight.
//!
//! **Scope.** The widest network around the client that ranks the same regions for the same reasons
//! and tries the same ones; at most a /16 (IPv4) or /32 (IPv6) where anything is tried.
