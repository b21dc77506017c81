//! Words that several commands share: why something is done, for how long, and times as people write
//! them.

use clap::Args;

use super::client::escaped;

/// Why.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Reason {
    /// Why; kept in the list of changes.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// Why, and for how long.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Because {
    /// Why; kept with it, and in the list of changes.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Ends by itself after this time: seconds, or with a unit as in 90s, 10m, 2h or 1d.
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    pub(super) for_seconds: Option<u64>,
}

/// A query of those values that are there.
pub(super) fn query(values: &[(&str, Option<String>)]) -> String {
    let given = values
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_ref()?))));
    let given: Vec<String> = given.collect();
    if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
}

/// How a word ends, for people.
pub(super) fn ending(for_seconds: Option<u64>) -> String {
    for_seconds.map_or_else(String::new, |seconds| format!(", for {seconds} s"))
}

/// Seconds of a text such as `90`, `90s`, `10m`, `2h` or `1d`.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let unit_s = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let seconds = number.zip(unit_s).and_then(|(number, unit_s)| number.checked_mul(unit_s));
    seconds.ok_or_else(|| "seconds, or with a unit as in 90s, 10m, 2h or 1d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, expect) in [
            ("90", Some(90)),
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("2h", Some(7_200)),
            ("1d", Some(86_400)),
            ("", None),
            ("h", None),
            ("1w", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(seconds(text).ok(), expect, "{text}");
        }
    }

    #[test]
    fn a_query_has_what_is_given() {
        let values = [("a", Some("x y".to_owned())), ("b", None), ("c", Some("1".to_owned()))];
        assert_eq!(query(&values), "?a=x%20y&c=1");
        assert_eq!(query(&[("a", None)]), "");
    }
}
