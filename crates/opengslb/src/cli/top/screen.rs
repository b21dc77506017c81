//! What is seen as lines of a terminal's size. Plain text but for the colours of standings, so that a test
//! can read it. Names come from elsewhere: nothing of them can move the cursor.

use api::agents::Agent;
use api::backends::Backend;
use api::hand::DomainLearning;
use api::status::ClusterStatus;

use super::super::output::{Hue, plain};
use super::{Key, Look, Seen, Size};

/// The lists, in the order of the tabulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Servers,
    Agents,
    Domains,
}

impl List {
    const ALL: [Self; 3] = [Self::Servers, Self::Agents, Self::Domains];

    const fn title(self) -> &'static str {
        match self {
            Self::Servers => "SERVERS",
            Self::Agents => "AGENTS",
            Self::Domains => "DOMAINS THAT LEARN",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Servers => Self::Agents,
            Self::Agents => Self::Domains,
            Self::Domains => Self::Servers,
        }
    }
}

/// What is on the screen.
#[derive(Debug)]
pub(super) struct State {
    /// Who is asked.
    place: String,
    seen: Option<Seen>,
    /// Why the last look showed nothing.
    failure: Option<String>,
    is_paused: bool,
    list: List,
    /// Rows of the list above the first one that is shown.
    above: usize,
}

/// Lines above and below the list: three of the head, tabs, heads of columns; keys.
const AROUND: usize = 6;

impl State {
    pub(super) const fn new(place: String) -> Self {
        let (seen, failure) = (None, None);
        Self { place, seen, failure, is_paused: false, list: List::Servers, above: 0 }
    }

    /// Takes a look, unless what is shown is to stay.
    pub(super) fn take(&mut self, look: Look) {
        if self.is_paused {
            return;
        }
        match look {
            Ok(seen) => (self.seen, self.failure) = (Some(seen), None),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Does what a key says.
    pub(super) fn press(&mut self, key: Key, (_, rows): Size) {
        let page = rows.saturating_sub(AROUND).max(1);
        let last = self.rows().len().saturating_sub(page);
        match key {
            Key::Quit => {}
            Key::Pause => self.is_paused = !self.is_paused,
            Key::Next => (self.list, self.above) = (self.list.next(), 0),
            Key::Up => self.above = self.above.saturating_sub(1),
            Key::Down => self.above += 1,
            Key::PageUp => self.above = self.above.saturating_sub(page),
            Key::PageDown => self.above += page,
        }
        self.above = self.above.min(last);
    }

    /// The rows of the list that is shown; what needs somebody first.
    fn rows(&self) -> Vec<Vec<String>> {
        let Some(Seen { backends, agents, learning, .. }) = &self.seen else { return Vec::new() };
        let mut rows: Vec<Vec<String>> = match self.list {
            List::Servers => backends.backends.iter().map(server).collect(),
            List::Agents => agents.agents.iter().map(agent).collect(),
            List::Domains => learning.domains.iter().map(domain).collect(),
        };
        rows.sort_by_key(|row| row.iter().filter_map(|cell| urgency(cell)).min());
        rows
    }

    const fn heads(&self) -> &'static [&'static str] {
        match self.list {
            List::Servers => &["SERVICE", "ADDRESS", "REGION", "WEIGHT", "STATUS", "SAYS", "NOTE"],
            List::Agents => &["AGENT", "REGION", "STATUS", "SERVERS", "ROWS", "OPEN", "HELD"],
            List::Domains => &["DOMAIN", "MOVES", "EXPLORES", "SHARE", "FOUND", "MOVED"],
        }
    }
}

/// The screen as lines; never more than fit, and none longer.
pub(super) fn draw(state: &State, (columns, rows): Size) -> Vec<String> {
    let mut lines = head(state);
    let tabs = List::ALL.map(|list| match list == state.list {
        true => format!("[{}]", list.title()),
        false => format!(" {} ", list.title()),
    });
    lines.push(tabs.join(" "));
    let all = state.rows();
    let room = rows.saturating_sub(AROUND);
    let shown: Vec<&Vec<String>> = all.iter().skip(state.above).take(room).collect();
    lines.extend(table(state.heads(), &shown));
    lines.truncate(rows.saturating_sub(1));
    lines.resize(rows.saturating_sub(1), String::new());
    let (first, last) = (state.above + usize::from(!shown.is_empty()), state.above + shown.len());
    let paused = if state.is_paused { "  PAUSED" } else { "" };
    lines.push(format!(
        "{first}-{last} of {}  q quit  tab next list  arrows move  space pause{paused}",
        all.len()
    ));
    lines.iter().take(rows).map(|line| coloured(&cut(line, columns))).collect()
}

fn head(state: &State) -> Vec<String> {
    let Some(Seen { status, .. }) = &state.seen else {
        let why = state.failure.as_deref().unwrap_or("asking ...");
        return vec![state.place.clone(), plain(why), String::new()];
    };
    let ClusterStatus { overwatch, agents, healthy_agents, backend_summary, .. } = status;
    let health = if status.cluster_healthy { "healthy" } else { "unhealthy" };
    let region =
        overwatch.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
    let failure = state.failure.as_ref().map(|why| format!("; NOT NOW: {why}"));
    vec![
        plain(&format!("overwatch {}{region}  {health}", overwatch.node_id)),
        format!(
            "servers {} of {} healthy, {} stale  agents {healthy_agents} of {} connected",
            backend_summary.healthy,
            backend_summary.total,
            backend_summary.stale,
            agents.len(),
        ),
        plain(&format!("as of {}{}", status.generated_at, failure.unwrap_or_default())),
    ]
}

fn server(backend: &Backend) -> Vec<String> {
    let Backend { service, address, port, region, weight, .. } = backend;
    let drained = backend.drained_share.map(|share| format!("{:.0} % drained", share * 100.0));
    let note = [drained, backend.word.reason.clone(), backend.validation_error.clone()];
    vec![
        service.clone(),
        format!("{address}:{port}"),
        region.clone(),
        weight.to_string(),
        backend.effective_status.clone(),
        backend.authority.clone(),
        note.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}

fn agent(agent: &Agent) -> Vec<String> {
    vec![
        agent.agent_id.clone(),
        agent.region.clone().unwrap_or_default(),
        agent.status.clone(),
        agent.backend_count.to_string(),
        agent.latency_rows.to_string(),
        agent.open_connections.map_or_else(String::new, |open| open.to_string()),
        agent.held.as_ref().map_or_else(String::new, |held| held.reason.clone()),
    ]
}

fn domain(domain: &DomainLearning) -> Vec<String> {
    let yes_or =
        |by: &Option<String>| by.as_ref().map_or("yes".to_owned(), |by| format!("no: {by}"));
    vec![
        domain.domain.clone(),
        yes_or(&domain.frozen_by),
        yes_or(&domain.exploration_off_by),
        format!("{:.2} %", domain.explored_share * 100.0),
        domain.found.to_string(),
        domain.moved.to_string(),
    ]
}

/// Heads and rows, each column as wide as its longest cell.
fn table(heads: &[&str], rows: &[&Vec<String>]) -> Vec<String> {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heads).chain(rows.iter().copied()).collect();
    let width = |at: usize| {
        let cells = all.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |row: &&Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", plain(cell)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

/// The words of standing, the worst first.
const WORDS: [(&str, Hue); 8] = [
    ("unhealthy", Hue::Bad),
    ("revoked", Hue::Bad),
    ("doubtful", Hue::Doubtful),
    ("draining", Hue::Doubtful),
    ("disconnected", Hue::Doubtful),
    ("pending", Hue::Doubtful),
    ("healthy", Hue::Good),
    ("connected", Hue::Good),
];

/// How much somebody should look at it; the least first.
fn urgency(cell: &str) -> Option<usize> {
    WORDS.iter().position(|(word, _)| *word == cell)
}

/// A line no longer than this.
fn cut(line: &str, columns: usize) -> String {
    line.chars().take(columns).collect()
}

/// The same, words of standing in their colour.
fn coloured(line: &str) -> String {
    let paint = |word: &str| match urgency(word).and_then(|at| WORDS.get(at)) {
        Some((_, hue)) => hue.painted(word),
        None => word.to_owned(),
    };
    line.split(' ').map(paint).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
