//! The HTTP statuses that pass a check, as in `200-299,304` or `2xx`.
//!
//! A bit for each status from 100 to 599, so that any set has the same small size, two ways to
//! write one set are equal, and a long list from a stranger costs nothing.

use std::fmt;
use std::str::FromStr;

/// A set of HTTP statuses (RFC 9110, 15: 100 to 599).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatusSet([u64; 8]);

/// Why a text is no set of statuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusSetError {
    /// Not a status, a range or a class.
    #[error("{0:?} is no HTTP status: write 200, 200-299 or 2xx, with commas between")]
    Text(String),
    /// A range that holds nothing.
    #[error("{first}-{last} is no range of statuses: the first is higher than the last")]
    Backwards {
        /// Where the range would begin.
        first: u16,
        /// Where it would end.
        last: u16,
    },
}

impl StatusSet {
    /// No status at all: where building a set begins. No check may use it.
    pub const NONE: Self = Self([0; 8]);
    /// The lowest status.
    pub const FIRST: u16 = 100;
    /// The highest status.
    pub const LAST: u16 = 599;

    /// The statuses from `first` to `last`; what lies outside 100 to 599 is left out.
    #[must_use]
    pub fn range(first: u16, last: u16) -> Self {
        let mut set = Self::NONE;
        for status in first.max(Self::FIRST)..=last.min(Self::LAST) {
            let bit = status - Self::FIRST;
            if let Some(word) = set.0.get_mut(usize::from(bit / 64)) {
                *word |= 1 << (bit % 64);
            }
        }
        set
    }

    /// The statuses of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let mut words = self.0;
        for (word, more) in words.iter_mut().zip(other.0) {
            *word |= more;
        }
        Self(words)
    }

    /// Whether `status` passes.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        let Some(bit) = status.checked_sub(Self::FIRST) else { return false };
        self.0.get(usize::from(bit / 64)).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Whether nothing passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// The set as ranges `(first, last)`, ascending, as few as can be.
    pub fn ranges(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        let mut next = Self::FIRST;
        std::iter::from_fn(move || {
            let first = (next..=Self::LAST).find(|status| self.contains(*status))?;
            let last = (first..=Self::LAST).take_while(|status| self.contains(*status)).last()?;
            next = last + 1;
            Some((first, last))
        })
    }
}

impl fmt::Display for StatusSet {
    /// As it can be read back, as in `200-299,304`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl FromStr for StatusSet {
    type Err = StatusSetError;

    fn from_str(text: &str) -> Result<Self, StatusSetError> {
        text.split(',').try_fold(Self::NONE, |set, part| Ok(set.union(part_of(part.trim())?)))
    }
}

/// One status, range or class.
fn part_of(text: &str) -> Result<StatusSet, StatusSetError> {
    let wrong = || StatusSetError::Text(text.chars().take(32).collect());
    let status = |text: &str| -> Result<u16, StatusSetError> {
        // `parse` would take a sign.
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let status = text.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        let stands = (StatusSet::FIRST..=StatusSet::LAST).contains(&status);
        if stands { Ok(status) } else { Err(wrong()) }
    };
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        let first = status(&format!("{class}00"))?;
        return Ok(StatusSet::range(first, first + 99));
    }
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (status(first.trim())?, status(last.trim())?),
        None => (status(text)?, status(text)?),
    };
    if first > last {
        return Err(StatusSetError::Backwards { first, last });
    }
    Ok(StatusSet::range(first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let set = text.parse::<StatusSet>();
        let shown = set.as_ref().map(ToString::to_string).map_err(ToString::to_string);
        assert_eq!(shown.as_deref().map_err(String::as_str), expect, "{text}");
    }

    #[test]
    fn sets_are_read_and_written() {
        check("200", Ok("200"));
        check("2xx", Ok("200-299"));
        check("2XX, 304", Ok("200-299,304"));
        check("200-204,205-299", Ok("200-299"));
        check("100-599", Ok("100-599"));
        check("599,100", Ok("100,599"));
        check("401,401,400", Ok("400-401"));
    }

    #[test]
    fn what_is_no_set_says_why() {
        let no = |text: &str| {
            format!("{text:?} is no HTTP status: write 200, 200-299 or 2xx, with commas between")
        };
        for text in ["", "99", "600", "ok", "6xx", "0xx", "-200", "+200", "2xxx", "65536"] {
            check(text, Err(&no(text)));
        }
        check("200,", Err(&no("")));
        check("299-200", Err("299-200 is no range of statuses: the first is higher than the last"));
    }

    #[test]
    fn a_set_holds_what_it_names() {
        let set: StatusSet = "2xx,503".parse().unwrap();
        for (status, holds) in
            [(0, false), (199, false), (200, true), (299, true), (300, false), (503, true)]
        {
            assert_eq!(set.contains(status), holds, "{status}");
        }
        assert!(!StatusSet::range(100, 599).contains(611), "bits behind 599 stay clear");
        assert!(!StatusSet::range(100, u16::MAX).contains(u16::MAX));
    }
}
