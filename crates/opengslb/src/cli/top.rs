//! `opengslb-cli top`: the whole on one screen, again and again, until `q`.
//!
//! ```text
//! thread: Client --(Seen)--> loop: keys -> State -> screen::draw -> terminal
//! ```
//!
//! - `screen`: what is seen as lines of a given size; knows no terminal,
//! - `terminal`: the terminal while it is ours: raw, and given back as it was; `no_terminal` where none
//!   can be taken.
//!
//! Must never leave a terminal changed, and never wait for an answer while a key is pressed.

mod screen;

#[cfg(not(unix))]
mod no_terminal;

#[cfg(unix)]
mod terminal;

use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use api::agents::Agents;
use api::backends::Backends;
use api::hand::Learning;
use api::status::ClusterStatus;
use clap::Args;
use serde::Serialize;

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, json, say};
use super::words::seconds;
#[cfg(not(unix))]
use no_terminal as terminal;
use screen::State;
use terminal::Terminal;

/// How often.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// How long to wait between two looks: seconds, or with a unit as in 10s or 1m.
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "2s")]
    every: u64,
}

/// What an overwatch says of itself at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Seen {
    pub(super) status: ClusterStatus,
    pub(super) backends: Backends,
    pub(super) agents: Agents,
    pub(super) learning: Learning,
}

/// A look, or why there is nothing to see.
type Look = Result<Seen, String>;

/// Columns and rows of a terminal.
type Size = (usize, usize);

/// What a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "no key is ever pressed there"))]
enum Key {
    Quit,
    Pause,
    /// To the next list.
    Next,
    Up,
    Down,
    PageUp,
    PageDown,
}

/// How long a key waits for its answer at most.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// Shows it until `q`; with `--json` once.
pub(super) fn run(client: Client, output: &Output, wanted: &Wanted) -> Result<bool, Failure> {
    if output.is_json {
        let seen = look(&client)?;
        say(&json(&seen));
        return Ok(seen.status.cluster_healthy);
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        let text = "top needs a terminal: `opengslb-cli --json top` says the same to programs";
        return Err(Failure::Usage(text.to_owned()));
    }
    let place = client.place().to_string();
    // One look waits for the screen; the next one begins once it was taken.
    let (looks, seen) = sync_channel(0);
    let every = Duration::from_secs(wanted.every.max(1));
    std::thread::spawn(move || look_again(&client, every, &looks));
    let unavailable = |error: std::io::Error| Failure::Unavailable(format!("terminal: {error}"));
    let mut terminal = Terminal::take().map_err(unavailable)?;
    let ended = converse(&mut terminal, State::new(place), &seen);
    drop(terminal);
    ended.map(|()| true).map_err(unavailable)
}

/// Everything at once.
fn look(client: &Client) -> Result<Seen, Failure> {
    Ok(Seen {
        status: client.read(&client.text("/api/v1/cluster/status")?)?,
        backends: client.read(&client.text("/api/v1/overwatch/backends")?)?,
        agents: client.read(&client.text("/api/v1/overwatch/agents")?)?,
        learning: client.read(&client.text("/api/v1/routing/learning")?)?,
    })
}

/// Looks until nobody listens any more.
fn look_again(client: &Client, every: Duration, looks: &SyncSender<Look>) {
    while looks.send(look(client).map_err(|failure| failure.to_string())).is_ok() {
        std::thread::sleep(every);
    }
}

/// Draws what comes, and does what keys say, until one says that it is enough.
fn converse(
    terminal: &mut Terminal,
    mut state: State,
    seen: &Receiver<Look>,
) -> std::io::Result<()> {
    loop {
        let size = terminal.size();
        terminal.show(&screen::draw(&state, size))?;
        match terminal.key(KEY_WAIT)? {
            Some(Key::Quit) => return Ok(()),
            Some(key) => state.press(key, size),
            None => {}
        }
        match seen.recv_timeout(Duration::ZERO) {
            Ok(look) => state.take(look),
            Err(RecvTimeoutError::Timeout) => {}
            // It ends with this function only.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
