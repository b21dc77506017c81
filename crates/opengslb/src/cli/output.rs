//! Aligned tables and lines; colour for terminals only.

use std::io::{IsTerminal as _, Write as _};

/// How answers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// The API's own words.
    pub(crate) is_json: bool,
    /// Whether somebody looks at it as it comes.
    pub(crate) is_terminal: bool,
    is_coloured: bool,
}

/// What a word means, by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hue {
    Good,
    Doubtful,
    Bad,
}

impl Hue {
    /// A word in this colour (ECMA-48, 8.3.117).
    pub(crate) fn painted(self, word: &str) -> String {
        let code = match self {
            Self::Good => 32,
            Self::Doubtful => 33,
            Self::Bad => 31,
        };
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    }
}

impl Output {
    /// Colour where standard output is a terminal and nobody objects (no-color.org).
    pub(crate) fn new(is_json: bool) -> Self {
        let objected = std::env::var_os("NO_COLOR").is_some_and(|word| !word.is_empty());
        let is_terminal = std::io::stdout().is_terminal();
        Self { is_json, is_terminal, is_coloured: !objected && is_terminal }
    }

    /// A word in its colour, where colour is wanted.
    pub(crate) fn paint(self, hue: Hue, word: &str) -> String {
        if self.is_coloured { hue.painted(word) } else { word.to_owned() }
    }

    /// A table; columns of numbers stand to the right, words of standing have colour.
    pub(crate) fn table(self, heads: &[&str], rows: &[Vec<String>]) {
        for line in self.lines(heads, rows) {
            say(&line);
        }
    }

    /// That something was done; as JSON an object that says so.
    pub(crate) fn done(self, what: &str) {
        if self.is_json {
            say(&serde_json::json!({ "done": what }).to_string());
        } else {
            say(&plain(what));
        }
    }

    fn lines(self, heads: &[&str], rows: &[Vec<String>]) -> Vec<String> {
        let cell = |row: &[String], at: usize| row.get(at).map_or("", String::as_str).to_owned();
        let columns: Vec<(usize, bool)> = (0..heads.len())
            .map(|at| {
                let cells = || rows.iter().map(|row| cell(row, at));
                let head = heads.get(at).map_or(0, |head| head.chars().count());
                let width = cells().map(|cell| cell.chars().count()).max().unwrap_or(0).max(head);
                let is_number =
                    |cell: &String| cell.chars().all(|c| c.is_ascii_digit() || c == '.');
                (width, !rows.is_empty() && cells().all(|cell| is_number(&cell)))
            })
            .collect();
        let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
        let line = |row: &[String]| {
            let cells = columns.iter().enumerate().map(|(at, (width, is_number))| {
                let text = plain(&cell(row, at));
                let gap = " ".repeat(width.saturating_sub(text.chars().count()));
                let text = hue(&text).map_or(text.clone(), |hue| self.paint(hue, &text));
                if *is_number { format!("{gap}{text}") } else { format!("{text}{gap}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        std::iter::once(line(&heads)).chain(rows.iter().map(|row| line(row))).collect()
    }
}

/// The words of standing that the API has.
fn hue(word: &str) -> Option<Hue> {
    match word {
        "healthy" | "connected" | "active" => Some(Hue::Good),
        "doubtful" | "draining" | "pending" | "disconnected" => Some(Hue::Doubtful),
        "unhealthy" | "revoked" => Some(Hue::Bad),
        _ => None,
    }
}

/// Plain data as JSON: there is nothing in it that JSON cannot say.
pub(crate) fn json(data: &impl serde::Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

/// A text that cannot move the cursor: names come from elsewhere.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A line on standard output; a closed pipe is not our problem.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on standard error.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_aligned_and_numbers_stand_right() {
        let output = Output { is_json: false, is_terminal: false, is_coloured: false };
        let rows = [row(&["a", "9", "healthy"]), row(&["long\u{1b}name", "100", "x"])];
        assert_eq!(
            output.lines(&["NAME", "N", "STATUS"], &rows),
            ["NAME         N  STATUS", "a            9  healthy", "long?name  100  x"]
        );
        assert_eq!(output.lines(&["NAME"], &[]), ["NAME"]);
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let output = Output { is_json: false, is_terminal: true, is_coloured: true };
        let rows = [row(&["healthy", "x"]), row(&["unhealthy", "y"])];
        let lines = output.lines(&["S", "T"], &rows);
        assert_eq!(lines[1], "\u{1b}[32mhealthy\u{1b}[0m    x");
        assert_eq!(lines[2], "\u{1b}[31munhealthy\u{1b}[0m  y");
    }
}
