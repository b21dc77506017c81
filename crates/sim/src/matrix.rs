//! How far clients are from sites: one [`Path`] for each pair of cities, read from a file.
//!
//! The file is CSV with a header line that names at least the columns of [`COLUMNS`], in any order,
//! plain or gzip. Knows nothing of networks or time.

mod csv;

use std::collections::BTreeMap;
use std::io::Read;

/// The columns, as the header names them. The maximum is not used and may be missing.
pub const COLUMNS: [&str; 6] =
    ["client", "site", "distance_km", "rtt_avg_ms", "rtt_min_ms", "rtt_mdev_ms"];

/// 1 GiB: twenty times all pairs of 1,000 cities. A longer text is refused, so that a gzip file
/// cannot fill the memory.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// No path takes longer, in milliseconds: the most that `model::Rtt` can be.
const TIME_MS_MAX: f64 = 60_000.0;

/// The way between a client's city and a site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Great-circle distance in kilometres.
    pub distance_km: f64,
    /// The least round-trip time in milliseconds.
    pub min_ms: f64,
    /// The mean round-trip time in milliseconds; not below the least.
    pub average_ms: f64,
    /// The standard deviation of round-trip times in milliseconds.
    pub deviation_ms: f64,
}

impl Path {
    /// From a city to itself, where the file has no line for it: a metropolitan network.
    pub const LOCAL: Self =
        Self { distance_km: 0.0, min_ms: 1.0, average_ms: 1.3, deviation_ms: 0.2 };
}

/// Every measured pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// By client city, then by site.
    paths: BTreeMap<String, BTreeMap<String, Path>>,
}

/// Why a file is no matrix.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The gzip stream is broken.
    #[error("the file cannot be unpacked")]
    Gzip(#[source] std::io::Error),
    /// More text than anything sensible.
    #[error("the unpacked file is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// Not text.
    #[error("the file is no UTF-8 text")]
    Text(#[source] std::str::Utf8Error),
    /// A column is missing.
    #[error("line 1: the header has no column {0:?} (needed are {columns})", columns = COLUMNS.join(", "))]
    Header(&'static str),
    /// A field is missing or holds what it cannot.
    #[error("line {line}: {text:?} cannot stand in column {column}")]
    Field {
        /// Counted from 1.
        line: usize,
        /// The column's name.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// A pair stands twice.
    #[error("line {line}: the pair {client} - {site} stands there twice")]
    Twice {
        /// The second line.
        line: usize,
        /// The client city.
        client: String,
        /// The site.
        site: String,
    },
    /// A header and nothing behind it.
    #[error("the file has no pair of cities")]
    Empty,
}

impl Matrix {
    /// Reads a file's bytes.
    ///
    /// # Errors
    ///
    /// The first fault, with its line.
    pub fn read(bytes: &[u8]) -> Result<Self, MatrixError> {
        let unpacked;
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
            unpacked = unpack(bytes)?;
            &unpacked
        } else {
            bytes
        };
        Self::parse(std::str::from_utf8(bytes).map_err(MatrixError::Text)?)
    }

    fn parse(text: &str) -> Result<Self, MatrixError> {
        let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
        let header = csv::fields(lines.next().map_or("", |(_, line)| line));
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let found = header.iter().position(|name| name.trim() == column);
            *place = found.ok_or(MatrixError::Header(column))?;
        }
        let mut matrix = Self::default();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let fields = csv::fields(text);
            let row = Row { line, fields: &fields, places: &places };
            let path = row.path()?;
            let (client, site) = (row.city(0)?, row.city(1)?);
            if !matrix.insert(&client, &site, path) {
                return Err(MatrixError::Twice { line, client, site });
            }
        }
        if matrix.paths.is_empty() { Err(MatrixError::Empty) } else { Ok(matrix) }
    }

    /// Adds a pair. False where it was there already; then nothing changes.
    pub fn insert(&mut self, client: &str, site: &str, path: Path) -> bool {
        let sites = self.paths.entry(client.to_owned()).or_default();
        let is_new = !sites.contains_key(site);
        if is_new {
            sites.insert(site.to_owned(), path);
        }
        is_new
    }

    /// The cities that clients are in, sorted.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        self.paths.keys().map(String::as_str)
    }

    /// The names of all sites, each once a client city that has a way to it.
    pub fn sites(&self) -> impl Iterator<Item = &str> {
        self.paths.values().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// The site of this name, however its letters are cased, as the matrix writes it.
    #[must_use]
    pub fn site(&self, name: &str) -> Option<&str> {
        self.sites().find(|site| site.eq_ignore_ascii_case(name.trim()))
    }

    /// The way between a client's city and a site. Within one city it is short, whether or not
    /// anybody measured it.
    #[must_use]
    pub fn path(&self, client: &str, site: &str) -> Option<Path> {
        let measured = self.paths.get(client).and_then(|sites| sites.get(site)).copied();
        measured.or_else(|| (client == site).then_some(Path::LOCAL))
    }
}

/// One line of the file.
struct Row<'a> {
    line: usize,
    fields: &'a [String],
    /// Where each of [`COLUMNS`] stands.
    places: &'a [usize; COLUMNS.len()],
}

impl Row<'_> {
    fn text(&self, column: usize) -> &str {
        let place = self.places.get(column).copied().unwrap_or(usize::MAX);
        self.fields.get(place).map_or("", |field| field.trim())
    }

    fn fault(&self, column: usize) -> MatrixError {
        let name = COLUMNS.get(column).copied().unwrap_or_default();
        MatrixError::Field { line: self.line, column: name, text: self.text(column).to_owned() }
    }

    fn city(&self, column: usize) -> Result<String, MatrixError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.fault(column)) } else { Ok(text.to_owned()) }
    }

    fn number(&self, column: usize, max: f64) -> Result<f64, MatrixError> {
        let number = self.text(column).parse().ok();
        number.filter(|n| (0.0..=max).contains(n)).ok_or_else(|| self.fault(column))
    }

    fn path(&self) -> Result<Path, MatrixError> {
        let min_ms = self.number(4, TIME_MS_MAX)?;
        Ok(Path {
            // Half of the equator.
            distance_km: self.number(2, 20_038.0)?,
            min_ms,
            // Rounding alone can put a mean a little below its least.
            average_ms: self.number(3, TIME_MS_MAX)?.max(min_ms),
            deviation_ms: self.number(5, TIME_MS_MAX)?,
        })
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, MatrixError> {
    let mut text = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(TEXT_BYTES_MAX + 1);
    reader.read_to_end(&mut text).map_err(MatrixError::Gzip)?;
    if text.len() as u64 > TEXT_BYTES_MAX { Err(MatrixError::TooLong) } else { Ok(text) }
}

#[cfg(test)]
mod tests;
