//! A zone file's text to entries (RFC 1035, 5.1): lines, quotes, parentheses and comments.
//!
//! An entry is one line, or more of them inside parentheses. Its tokens are pieces of the text:
//! quotes and escapes stay in them as they are. Must not know what any token means.

use super::{TextFault, What};

/// A piece of the text without white space outside of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t>(pub(super) &'t str);

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    /// The line where it begins, from 1.
    pub(super) line: usize,
    /// Whether white space stands before it: then its owner is left out.
    pub(super) is_indented: bool,
    /// Its tokens; none in an empty line.
    pub(super) tokens: Vec<Token<'t>>,
}

/// The entries of a text.
pub(super) struct Entries<'t> {
    text: &'t str,
    /// Where to read on.
    at: usize,
    line: usize,
}

impl<'t> Entries<'t> {
    /// The entries of a text.
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The byte at hand. What matters here is ASCII, and no part of another character is.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes on to the end of the line.
    fn skip_line(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    /// Reads a token.
    fn token(&mut self) -> Result<Token<'t>, What> {
        let start = self.at;
        let mut is_quoted = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' if is_quoted => return Err(What::Quote),
                b'\n' => break,
                b' ' | b'\t' | b'\r' | b'(' | b')' | b';' if !is_quoted => break,
                b'"' => is_quoted = !is_quoted,
                // What follows means nothing by itself; the end of the line does.
                b'\\'
                    if self.text.as_bytes().get(self.at + 1).is_some_and(|next| *next != b'\n') =>
                {
                    self.at += 1;
                }
                _ => {}
            }
            self.at += 1;
        }
        if is_quoted {
            return Err(What::Quote);
        }
        Ok(Token(self.text.get(start..self.at).unwrap_or_default()))
    }

    /// Reads the tokens up to the end of the entry.
    fn tokens(&mut self) -> Result<Vec<Token<'t>>, What> {
        let mut tokens = Vec::new();
        let mut is_open = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' if !is_open => break,
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => self.skip_line(),
                b'(' if is_open => return Err(What::Parenthesis("opened inside another one")),
                b')' if !is_open => return Err(What::Parenthesis("closed and was not opened")),
                b'(' | b')' => {
                    is_open = !is_open;
                    self.at += 1;
                }
                _ => tokens.push(self.token()?),
            }
        }
        if is_open { Err(What::Parenthesis("opened and not closed")) } else { Ok(tokens) }
    }
}

impl<'t> Iterator for Entries<'t> {
    type Item = Result<Entry<'t>, TextFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let (at, line) = (self.at, self.line);
        let is_indented = matches!(self.peek()?, b' ' | b'\t');
        let tokens = self.tokens();
        if tokens.is_err() {
            // Whatever was opened: the line behind the one where it was is the place to go on.
            (self.at, self.line) = (at, line);
        }
        self.skip_line();
        self.at += 1;
        self.line += 1;
        Some(match tokens {
            Ok(tokens) => Ok(Entry { line, is_indented, tokens }),
            Err(what) => Err(TextFault { line, what }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(usize, bool, &[&str])]) {
        let entries: Vec<Entry<'_>> = Entries::new(text).collect::<Result<_, _>>().unwrap();
        let found = entries.iter().filter(|entry| !entry.tokens.is_empty());
        let found: Vec<_> = found
            .map(|e| (e.line, e.is_indented, e.tokens.iter().map(|t| t.0).collect::<Vec<_>>()))
            .collect();
        let expect: Vec<_> = expect.iter().map(|(l, i, t)| (*l, *i, t.to_vec())).collect();
        assert_eq!(found, expect, "{text:?}");
    }

    fn fault(text: &str) -> TextFault {
        Entries::new(text).find_map(Result::err).unwrap()
    }

    #[test]
    fn lines_are_entries() {
        check(
            "a 1\n b 2\r\n\n\tc",
            &[(1, false, &["a", "1"]), (2, true, &["b", "2"]), (4, true, &["c"])],
        );
        check("; nothing\na ; 1 \"\nb;2\n", &[(2, false, &["a"]), (3, false, &["b"])]);
    }

    #[test]
    fn parentheses_join_lines() {
        check("a ( 1 ; one\n 2\n ) 3\nb", &[(1, false, &["a", "1", "2", "3"]), (4, false, &["b"])]);
        check("a(1)2", &[(1, false, &["a", "1", "2"])]);
    }

    #[test]
    fn quotes_and_escapes_stay_in_their_tokens() {
        check("a \"x ; (y)\" k=\"v w\"z", &[(1, false, &["a", "\"x ; (y)\"", "k=\"v w\"z"])]);
        check("a\\ b \\; \"\\\"\" \\", &[(1, false, &["a\\ b", "\\;", "\"\\\"\"", "\\"])]);
    }

    #[test]
    fn what_does_not_end_is_a_fault_where_it_begins() {
        assert_eq!(fault("a\nb \"x\n\"\n"), TextFault { line: 2, what: What::Quote });
        assert_eq!(fault("a \"x"), TextFault { line: 1, what: What::Quote });
        for (text, line) in [("a ( b\n\n", 1), ("\na ) b", 2), ("a ((b))", 1)] {
            let fault = fault(text);
            assert!(matches!(fault.what, What::Parenthesis(_)) && fault.line == line, "{fault}");
        }
    }

    #[test]
    fn reading_goes_on_after_a_fault() {
        let entries: Vec<_> = Entries::new("a \"\nb\nc )\nd\n").collect();
        assert!(matches!(&entries[..], [Err(_), Ok(_), Err(_), Ok(_)]));
        let entries: Vec<_> = Entries::new("a ( b\nc\nd").collect();
        assert!(matches!(&entries[..], [Err(_), Ok(_), Ok(Entry { line: 3, .. })]));
    }
}
