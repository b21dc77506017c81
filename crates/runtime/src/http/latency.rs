//! The learned table over HTTP: a page of it in the order of the networks, the first rows of another
//! order, or all of it as it comes.
//!
//! The node is asked for slices, one after the other, so that its loop does other things between
//! two. What changes meanwhile may be seen or not.

use std::io;
use std::str::FromStr;

use api::latency::{LatencyEntry, LatencyTable};
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use latency::table::ranking::{By, Order};
use model::Subnet;
use overwatch::{LatencyPage, LatencySearch, LatencyWanted};

use super::call::Call;
use super::refusal::Refusal;
use super::stream::stream;
use super::{Question, Server, Told, json};

/// Rows that are asked for at a time: a millisecond of the loop.
const SLICE_ROWS: usize = 1_000;
/// Rows of one answer where nothing is said, and at most: two megabytes. A table that is larger goes
/// on with `next`.
const LIMIT_MAX: usize = 10_000;
/// Slices that wait for a slow reader: then the node is not asked for more.
const SLICES_WAITING: usize = 2;

/// A place in the table, as `after` takes it: the row that was the last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    subnet: Subnet,
    domain: String,
    region: String,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').collect();
        let [subnet, domain, region] = parts.as_slice() else {
            return Err("take `next` of the page before as it is".to_owned());
        };
        let subnet = subnet.parse().map_err(|why: model::SubnetError| why.to_string())?;
        let (domain, region) = ((*domain).to_owned(), (*region).to_owned());
        Ok(Self { subnet, domain, region })
    }
}

impl Place {
    fn of(entry: &LatencyEntry) -> String {
        format!("{},{},{}", entry.subnet, entry.domain, entry.region)
    }

    /// Whether a row stands behind this place.
    fn is_before(&self, entry: &LatencyEntry) -> bool {
        let here = (&self.domain, &self.region);
        let is_here = entry.subnet.parse() == Ok(self.subnet);
        !is_here || here < (&entry.domain, &entry.region)
    }
}

/// The order of the rows: that of the networks, or another.
struct Sort(Option<Order>);

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, is_descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let by = match name {
            "subnet" if !is_descending => return Ok(Self(None)),
            "rtt" => By::Rtt,
            "samples" => By::Samples,
            "last_updated" => By::Observed,
            _ => {
                return Err(
                    "subnet, rtt, samples or last_updated, the latter with - before it too",
                );
            }
        };
        Ok(Self(Some(Order { by, is_descending })))
    }
}

pub(super) async fn page(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let limit = call.query::<usize>("limit")?.unwrap_or(LIMIT_MAX);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let detail = format!("limit: {limit}: from 1 to {LIMIT_MAX}; `after` goes on from a page");
        return Err(Refusal::parameter(detail));
    }
    let after: Option<Place> = call.query("after")?;
    let mut wanted = wanted(call)?;
    let table = match call.query::<Sort>("sort")?.and_then(|Sort(order)| order) {
        None => {
            wanted.from = after.as_ref().map(|after| after.subnet);
            in_order(server, call, wanted, (limit, after)).await?
        }
        Some(_) if after.is_some() => {
            let detail = "after: only where the rows are sorted by subnet";
            return Err(Refusal::parameter(detail));
        }
        Some(order) => {
            first_of(server, call, Box::new(LatencySearch::new(wanted, order, limit))).await?
        }
    };
    // Plain data: there is nothing in it that JSON cannot say.
    Ok(json(StatusCode::OK, serde_json::to_string(&table).unwrap_or_default()))
}

fn wanted(call: &Call) -> Result<LatencyWanted, Refusal> {
    Ok(LatencyWanted {
        domain: call.query("domain")?,
        region: call.query("region")?,
        within: call.query("prefix")?,
        from: None,
    })
}

async fn slice(
    server: &Server,
    call: &Call,
    wanted: &LatencyWanted,
    rows_max: usize,
) -> Result<LatencyPage, Refusal> {
    let question = Question::Latency { wanted: wanted.clone(), rows_max };
    match server.ask(call, question).await? {
        Told::Latency(page) => Ok(page),
        _ => Err(Refusal::going_down()),
    }
}

/// The rows behind a place, as many as are asked for.
async fn in_order(
    server: &Server,
    call: &Call,
    mut wanted: LatencyWanted,
    (limit, after): (usize, Option<Place>),
) -> Result<LatencyTable, Refusal> {
    let mut entries: Vec<LatencyEntry> = Vec::new();
    loop {
        // One more than is shown: whether there is one decides about `next`.
        let rows_max = SLICE_ROWS.min(limit + 1 - entries.len());
        let LatencyPage { entries: more, next } = slice(server, call, &wanted, rows_max).await?;
        let is_behind = |entry: &LatencyEntry| {
            after.as_ref().is_none_or(|after: &Place| after.is_before(entry))
        };
        entries.extend(more.into_iter().filter(is_behind));
        if entries.len() > limit {
            entries.truncate(limit);
            let next = entries.last().map(Place::of);
            return Ok(LatencyTable { entries, next });
        }
        match next {
            Some(next) => wanted.from = Some(next),
            None => return Ok(LatencyTable { entries, next: None }),
        }
    }
}

/// The first rows of another order. The search goes to the node for a slice of the table and comes back.
async fn first_of(
    server: &Server,
    call: &Call,
    mut search: Box<LatencySearch>,
) -> Result<LatencyTable, Refusal> {
    loop {
        match server.ask(call, Question::LatencySearch(search)).await? {
            Told::Searched { search: more, is_done: false } => search = more,
            Told::Searched { search, is_done: true } => {
                return Ok(LatencyTable { entries: search.into_entries(), next: None });
            }
            _ => return Err(Refusal::going_down()),
        }
    }
}

/// How the whole table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("json or csv"),
        }
    }
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv",
        }
    }

    const fn begin(self) -> &'static str {
        match self {
            Self::Json => "{\"entries\":[",
            Self::Csv => "subnet,domain,region,rtt_ms,samples,last_updated,rtt_us\r\n",
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::Json => "]}",
            Self::Csv => "",
        }
    }

    /// Rows. No field has a comma, a quote or a line's end in it: names have none, times neither.
    fn rows(self, entries: &[LatencyEntry], is_first: bool) -> String {
        let mut out = String::new();
        for (at, entry) in entries.iter().enumerate() {
            match self {
                Self::Json => {
                    out += if is_first && at == 0 { "" } else { "," };
                    // Plain data: there is nothing in it that JSON cannot say.
                    out += &serde_json::to_string(entry).unwrap_or_default();
                }
                Self::Csv => {
                    let LatencyEntry { subnet, domain, region, .. } = entry;
                    let LatencyEntry { rtt_ms, samples, last_updated, rtt_us, .. } = entry;
                    out += &format!(
                        "{subnet},{domain},{region},{rtt_ms},{samples},{last_updated},{rtt_us}\r\n"
                    );
                }
            }
        }
        out
    }
}

/// All rows that are wanted, one slice after the other, as fast as they are read.
pub(super) async fn export(server: &Server, call: &Call) -> Result<Response, Refusal> {
    let format = call.query("format")?.unwrap_or(Format::Json);
    let mut wanted = wanted(call)?;
    let first = slice(server, call, &wanted, SLICE_ROWS).await?;
    let (parts, body) = stream(SLICES_WAITING);
    let asker = server.asker(call)?;
    tokio::spawn(async move {
        let mut text = format.begin().to_owned() + &format.rows(&first.entries, true);
        let (mut is_first, mut next) = (first.entries.is_empty(), first.next);
        while let Some(from) = next {
            if parts.send(Ok(Bytes::from(text))).await.is_err() {
                return;
            }
            wanted.from = Some(from);
            let question = Question::Latency { wanted: wanted.clone(), rows_max: SLICE_ROWS };
            let Some(Told::Latency(page)) = asker.ask(question).await else {
                let _ = parts.send(Err(io::Error::other("the node is gone"))).await;
                return;
            };
            text = format.rows(&page.entries, is_first);
            is_first &= page.entries.is_empty();
            next = page.next;
        }
        let _ = parts.send(Ok(Bytes::from(text + format.end()))).await;
    });
    let name = format!(
        "attachment; filename=\"latency.{}\"",
        match format {
            Format::Json => "json",
            Format::Csv => "csv",
        }
    );
    let head = [(CONTENT_TYPE, format.media_type().to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((head, body).into_response())
}
