//! `$GENERATE` written out: many records from one line, as BIND reads it.
//!
//! `$` stands for the number; `${OFFSET,WIDTH,BASE}` for the number with an offset, filled up with zeros,
//! in base `d`, `o`, `x` or `X`; `\$` and `$$` for a dollar.

/// The most records of one line: a whole IPv4 /16.
const RECORDS_MAX: u64 = 65_536;
/// The widest number: that of a label.
const WIDTH_MAX: usize = 63;

/// The lines for a range, as in `1-254` or `0-100/2`.
pub(super) fn lines(range: &str, owner: &str, rest: &[&str]) -> Result<Vec<String>, String> {
    let wrong = || format!("$GENERATE: {range:?} is no range, as in 1-254 or 0-100/2");
    let (ends, step) = range.split_once('/').unwrap_or((range, "1"));
    let (first, last) = ends.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u32>().map(u64::from).map_err(|_| wrong());
    let (first, last, step) = (number(first)?, number(last)?, number(step)?);
    if step == 0 || last < first {
        return Err(wrong());
    }
    if (last - first) / step >= RECORDS_MAX {
        return Err(format!("$GENERATE {range}: more than {RECORDS_MAX} records"));
    }
    let line = |number: u64| -> Result<String, String> {
        let mut line = put(owner, number)?;
        for word in rest {
            line.push(' ');
            line.push_str(&put(word, number)?);
        }
        Ok(line)
    };
    (0..=(last - first) / step).map(|n| line(first + n * step)).collect()
}

/// A word with the number in it.
fn put(word: &str, number: u64) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find(['$', '\\']) {
        let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(before);
        if let Some(behind) = behind.strip_prefix("\\$").or_else(|| behind.strip_prefix("$$")) {
            text.push('$');
            rest = behind;
        } else if let Some(inside) = behind.strip_prefix("${") {
            let (inside, behind) = inside.split_once('}').ok_or("$GENERATE: `${` without `}`")?;
            text.push_str(&formed(inside, number)?);
            rest = behind;
        } else if let Some(behind) = behind.strip_prefix('$') {
            text.push_str(&number.to_string());
            rest = behind;
        } else {
            text.push('\\');
            rest = behind.strip_prefix('\\').unwrap_or(behind);
        }
    }
    text.push_str(rest);
    Ok(text)
}

/// The number as `OFFSET,WIDTH,BASE` wants it.
fn formed(inside: &str, number: u64) -> Result<String, String> {
    let wrong = || format!("$GENERATE: ${{{inside}}} is not OFFSET,WIDTH,BASE");
    let mut parts = inside.split(',').map(str::trim);
    let offset: i64 =
        parts.next().filter(|text| !text.is_empty()).unwrap_or("0").parse().map_err(|_| wrong())?;
    let width: usize = parts.next().unwrap_or("0").parse().map_err(|_| wrong())?;
    let base = parts.next().unwrap_or("d");
    let number = number.checked_add_signed(offset).ok_or_else(wrong)?;
    if width > WIDTH_MAX || parts.next().is_some() {
        return Err(wrong());
    }
    Ok(match base {
        "d" => format!("{number:0width$}"),
        "o" => format!("{number:0width$o}"),
        "x" => format!("{number:0width$x}"),
        "X" => format!("{number:0width$X}"),
        _ => return Err(wrong()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: &[&str]) {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(lines(words[0], words[1], &words[2..]).unwrap(), expect, "{line}");
    }

    #[test]
    fn numbers_are_put_where_they_belong() {
        check("1-3/2 host$ A 192.0.2.$", &["host1 A 192.0.2.1", "host3 A 192.0.2.3"]);
        check("9-10 h${1,3}x CNAME a\\$b", &["h010x CNAME a$b", "h011x CNAME a$b"]);
        check("10-10 ${0,4,x}.$$ TXT \\097", &["000a.$ TXT \\097"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (range, owner) in [
            ("3-1", "$"),
            ("1", "$"),
            ("1-2/0", "$"),
            ("0-65536", "$"),
            ("1-1", "${-2}"),
            ("1-1", "${0,64}"),
            ("1-1", "${"),
        ] {
            assert!(lines(range, owner, &["A"]).is_err(), "{range} {owner}");
        }
    }
}
