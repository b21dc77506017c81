//! The learning, whole: what a kernel said about one connection becomes what a region is worth to
//! a client network.
//!
//! In the order of the data. On the agent:
//!
//! - [`settings`]: the keys an operator sets,
//! - `admission`: which readings count ([`Refusal`] says why one does not),
//! - `concentration`: whether a few addresses hold most samples,
//! - `interval`, `median`: the connections of one interval become one number,
//! - `ewma`: the average that takes one step an interval,
//! - `aggregate`: one row a port and client network, bounded and expiring,
//! - `publish`: which rows are worth telling, and under which number,
//! - [`learner`]: all of that as one value.
//!
//! On both: [`limit`], which says when one begins to bind.
//!
//! Between agent and overwatch: [`report`], and its numbers in few bits: [`quantise`]. On the overwatch:
//! [`table`], the rows of all agents and what they say about a region; and on disk: [`bytes`] and
//! [`table::saved`].
//!
//! Pure: no socket, file, clock, thread, randomness or log. `now` is an argument. What the numbers
//! are used for is not known here.

#![forbid(unsafe_code)]

pub mod settings;

mod admission;

mod concentration;

mod median;

mod interval;

mod packed;

mod ewma;

mod aggregate;

mod publish;

pub mod learner;

pub mod limit;

pub mod report;

pub mod bytes;

pub mod quantise;

pub mod table;

pub use admission::refusal::{Refusal, RefusalCounts};
pub use concentration::Concentration;
pub use learner::{Learner, LearnerCounters};
pub use limit::{Limit, Turn};
pub use report::{PortReport, RefreshRow, Report, ReportRow};
pub use settings::{Averaging, LearningSettings, RttSource};
pub use table::changes::RowChange;
pub use table::estimate::RegionEstimate;
pub use table::held::{Held, Suspicion};
pub use table::lane::Lane;
pub use table::refusal::TableRefusal;
pub use table::saved::{Loaded, Loading, SavedFault, TableSnapshot};
pub use table::told::cursor::Cursor;
pub use table::{Applied, Position, Table, TableCounters, TableLimits};
