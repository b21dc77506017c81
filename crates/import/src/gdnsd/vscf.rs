//! The language of gdnsd's files: `key => value`, `{ }` for maps, `[ ]` for lists, `#` for comments.
//!
//! The text is somebody's file: size and depth are limited. Commas and semicolons between entries may
//! be left out, as they may there. Other files (`$include`) are refused, as this is the caller's to read.

use crate::yaml::{Map, Value};

/// The longest text: some hundred thousand networks of a map.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Files of gdnsd are about ten deep.
const DEPTH_MAX: usize = 32;

/// Reads a whole file, with or without braces around it.
pub(super) fn read(text: &str) -> Result<Map, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("the file has more than {TEXT_BYTES_MAX} bytes"));
    }
    let mut reader = Reader { tokens: tokens(text)?, at: 0 };
    let is_braced = reader.peek() == Some(&Token::Mark('{'));
    if is_braced {
        reader.at += 1;
    }
    let map = reader.map(is_braced, 0)?;
    match reader.peek() {
        None => Ok(map),
        Some(_) => Err(reader.wrong("the end of the file")),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Arrow,
    /// A brace or a bracket.
    Mark(char),
}

/// Each with its line.
fn tokens(text: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '{' | '}' | '[' | ']' => tokens.push((Token::Mark(c), line)),
            '=' if chars.next_if_eq(&'>').is_some() => tokens.push((Token::Arrow, line)),
            // `=` parts a key from its value as well.
            '=' => tokens.push((Token::Arrow, line)),
            c if c.is_whitespace() || c == ',' || c == ';' => {}
            '"' => {
                let word = quoted(&mut chars)
                    .ok_or_else(|| format!("line {line}: a quote without its end"))?;
                line += word.matches('\n').count();
                tokens.push((Token::Word(word), line));
            }
            c => {
                let mut word = String::from(c);
                while let Some(c) =
                    chars.next_if(|c| !c.is_whitespace() && !",;{}[]#=\"".contains(*c))
                {
                    word.push(c);
                }
                if word.starts_with("$include") {
                    return Err(format!(
                        "line {line}: $include: put the other file in its place first"
                    ));
                }
                tokens.push((Token::Word(word), line));
            }
        }
    }
    Ok(tokens)
}

/// The rest of a quoted word; a backslash takes the next character as it is.
fn quoted(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut word = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(word),
            '\\' => word.push(chars.next()?),
            c => word.push(c),
        }
    }
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn wrong(&self, expected: &str) -> String {
        match self.tokens.get(self.at.saturating_sub(1)).or(self.tokens.last()) {
            Some((_, line)) => format!("line {line}: expected {expected}"),
            None => format!("expected {expected}"),
        }
    }

    fn map(&mut self, is_braced: bool, depth: usize) -> Result<Map, String> {
        let mut map = Map::default();
        loop {
            match self.next() {
                Some(Token::Mark('}')) if is_braced => return Ok(map),
                None if !is_braced => return Ok(map),
                Some(Token::Word(key)) => {
                    if self.next() != Some(Token::Arrow) {
                        return Err(self.wrong("`=>` behind a key"));
                    }
                    map.0.push((key, self.value(depth + 1)?));
                }
                _ => return Err(self.wrong("a key")),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(self.wrong("less depth"));
        }
        match self.next() {
            Some(Token::Word(word)) => Ok(Value::Text(word)),
            Some(Token::Mark('{')) => self.map(true, depth).map(Value::Map),
            Some(Token::Mark('[')) => {
                let mut items = Vec::new();
                while self.peek() != Some(&Token::Mark(']')) {
                    items.push(self.value(depth + 1)?);
                }
                self.at += 1;
                Ok(Value::List(items))
            }
            _ => Err(self.wrong("a value")),
        }
    }
}
