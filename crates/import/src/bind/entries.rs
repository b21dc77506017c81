//! A zone file's text to entries, each with its own words as they stand (RFC 1035, 5.1).
//!
//! Broken entries, as one whose parenthesis stays open, run to the end of the text: what reads the result
//! says so. Must not know what an entry means, but for where its type stands.

/// One entry, which may be several lines, or none at all but a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    /// Where it begins, from 1.
    pub(super) line: usize,
    /// Its text without the last line end.
    pub(super) text: &'t str,
    /// Whether it leaves its owner out.
    pub(super) is_indented: bool,
    /// Its words; quotes and escapes stay in them.
    pub(super) tokens: Vec<&'t str>,
}

impl Entry<'_> {
    /// The name of its type, in capitals.
    pub(super) fn record_type(&self) -> Option<String> {
        let is_before = |word: &&&str| {
            word.starts_with(|c: char| c.is_ascii_digit())
                || ["IN", "CH", "HS", "CLASS1"].iter().any(|class| word.eq_ignore_ascii_case(class))
        };
        let mut words = self.tokens.iter().skip(usize::from(!self.is_indented));
        words.find(|word| !is_before(word)).map(|word| word.to_ascii_uppercase())
    }
}

/// All entries of a text.
pub(super) fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (length, tokens) = one(rest);
        let (own, behind) = rest.split_at_checked(length)?;
        let entry = Entry {
            line,
            text: own.strip_suffix('\n').unwrap_or(own).trim_end_matches('\r'),
            is_indented: own.starts_with([' ', '\t']),
            tokens,
        };
        line += own.matches('\n').count();
        rest = behind;
        Some(entry)
    })
}

/// The length of the first entry with its line end, and its words.
fn one(text: &str) -> (usize, Vec<&str>) {
    let mut tokens = Vec::new();
    let (mut start, mut is_quoted, mut depth) = (None, false, 0_usize);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let ends =
            !is_quoted && (c.is_whitespace() || ";()".contains(c)) || c == '\n' && depth == 0;
        if let Some(from) = start.filter(|_| ends) {
            tokens.extend(text.get(from..at));
            start = None;
        }
        match c {
            '\n' if depth == 0 => return (at + 1, tokens),
            ';' if !is_quoted => {
                // The line end is looked at again.
                let skip =
                    text.get(at..).and_then(|rest| rest.find('\n')).unwrap_or(text.len() - at);
                while chars.as_str().len() > text.len() - at - skip {
                    chars.next();
                }
            }
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && !is_quoted => {}
            c => {
                start = start.or(Some(at));
                is_quoted ^= c == '"';
                if c == '\\' {
                    chars.next();
                }
            }
        }
    }
    tokens.extend(start.and_then(|from| text.get(from..)));
    (text.len(), tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_their_lines_words_and_types() {
        let text =
            "; a (\nwww 300 IN A 192.0.2.1 ; b\n\tTXT \"a;b c\" (x\n y) ; z\n\nlast IN RRSIG";
        let found: Vec<_> = entries(text)
            .map(|e| (e.line, e.is_indented, e.tokens.len(), e.record_type()))
            .collect();
        let kind = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                (1, false, 0, None),
                (2, false, 5, kind("A")),
                (3, true, 4, kind("TXT")),
                (5, false, 0, None),
                (6, false, 3, kind("RRSIG"))
            ]
        );
    }
}
