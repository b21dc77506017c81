//! Asks for a whole table of connections: grows its buffer until Windows is content. Keeps the
//! buffer, so that a look costs no allocation.

use super::functions::{Functions, code};
use super::rows::{Family, Row, rows};
use crate::{CollectError, FunctionAnswer};

/// How often Windows may want a longer buffer. Each is longer by an eighth than what it wanted last;
/// a table that grows faster than that is tried again at the next look.
const TRIES: u32 = 5;

/// The longest buffer: a million IPv6 connections. A machine with more is told so as an error.
const BYTES_MAX: u32 = 64 << 20;

/// The table of one family, as it was when it was last asked for.
#[derive(Debug)]
pub(crate) struct Table {
    family: Family,
    words: Vec<u32>,
    is_empty: bool,
}

impl Table {
    pub(crate) const fn new(family: Family) -> Self {
        Self { family, words: Vec::new(), is_empty: true }
    }

    /// Asks again.
    ///
    /// # Errors
    ///
    /// [`CollectError::NoTable`]; then the table is empty.
    pub(crate) fn ask(&mut self, functions: &Functions) -> Result<(), CollectError> {
        self.is_empty = true;
        let Some(list) = &functions.of(self.family).list else {
            return Err(self.refused(FunctionAnswer::Missing));
        };
        for _ in 0..TRIES {
            let mut bytes = u32::try_from(size_of_val(&*self.words)).unwrap_or(BYTES_MAX);
            match list(&mut self.words, &mut bytes) {
                code::DONE => {
                    self.is_empty = false;
                    return Ok(());
                }
                code::NO_DATA => return Ok(()),
                code::INSUFFICIENT_BUFFER if bytes <= BYTES_MAX => {
                    // Connections come while we are asked for a longer one.
                    let bytes = (bytes.saturating_add(bytes / 8)).min(BYTES_MAX);
                    let words = usize::try_from(bytes / 4).unwrap_or(0).saturating_add(64);
                    self.words.resize(words, 0);
                }
                other => return Err(self.refused(FunctionAnswer::Code(other))),
            }
        }
        Err(self.refused(FunctionAnswer::NeverEnough))
    }

    /// The rows that it held.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        let words = if self.is_empty { &[] } else { &*self.words };
        rows(self.family, words)
    }

    const fn refused(&self, answer: FunctionAnswer) -> CollectError {
        let function = self.family.function_names().list;
        CollectError::NoTable { family: self.family.name(), function, answer }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::windows::functions::FamilyFunctions;

    /// A table of no rows that wants 100 bytes more at each call, until it has answered so often.
    fn growing(content_after: u32) -> Functions {
        let calls = AtomicU32::new(0);
        let list = move |words: &mut [u32], bytes: &mut u32| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            if call < content_after {
                *bytes = 4096 * (1 + call);
                return code::INSUFFICIENT_BUFFER;
            }
            assert!(size_of_val(words) as u32 >= 4096 * call, "what was asked for is there");
            words[0] = 0;
            code::DONE
        };
        let ipv4 = FamilyFunctions { list: Some(Box::new(list)), ..FamilyFunctions::default() };
        Functions { ipv4, ..Functions::default() }
    }

    fn answer(functions: &Functions) -> Option<FunctionAnswer> {
        match Table::new(Family::Ipv4).ask(functions) {
            Ok(()) => None,
            Err(CollectError::NoTable { answer, function: "GetTcpTable2", .. }) => Some(answer),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_buffer_grows_until_windows_is_content() {
        assert_eq!(answer(&growing(1)), None);
        assert_eq!(answer(&growing(4)), None);
        assert_eq!(answer(&growing(5)), Some(FunctionAnswer::NeverEnough));
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let check = |code: u32, bytes: u32, expect| {
            let list = move |_: &mut [u32], wanted: &mut u32| {
                *wanted = bytes;
                code
            };
            let ipv4 = FamilyFunctions { list: Some(Box::new(list)), ..FamilyFunctions::default() };
            assert_eq!(answer(&Functions { ipv4, ..Functions::default() }), expect);
        };
        check(code::NO_DATA, 0, None);
        check(code::NOT_SUPPORTED, 0, Some(FunctionAnswer::Code(50)));
        check(code::INSUFFICIENT_BUFFER, u32::MAX, Some(FunctionAnswer::Code(122)));
        assert_eq!(answer(&Functions::default()), Some(FunctionAnswer::Missing));
    }
}
