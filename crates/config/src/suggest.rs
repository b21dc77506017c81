//! "Did you mean": the known word that is nearest to one that was mistyped.
//!
//! Never guesses far: a wrong suggestion costs more than none.

/// The nearest of `known`, where it is near enough to be what was meant.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Longer texts are no typing errors, and comparing them costs their product.
    const WORD_CHARS_MAX: usize = 64;
    let word: Vec<char> = word.chars().take(WORD_CHARS_MAX + 1).collect();
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    // One error in three characters; a word of one or two has no near ones.
    let near = (word.len() / 3).min(3);
    let scored = known.map(|candidate| (distance(&word, candidate), candidate));
    scored.filter(|(distance, _)| *distance <= near).min().map(|(_, candidate)| candidate)
}

/// Characters to insert, drop, change or swap with their neighbour.
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let change = at(&last, j) + usize::from(from != to);
            let mut best = change.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let is_swap = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if is_swap {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["interval", "timeout", "failure_threshold", "ttl"];
        for (word, expect) in [
            ("intervall", Some("interval")),
            ("inetrval", Some("interval")),
            ("time_out", Some("timeout")),
            ("failure_treshhold", Some("failure_threshold")),
            ("tll", Some("ttl")),
            ("t", None),
            ("period", None),
            ("", None),
            (&"x".repeat(10_000), None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), expect, "{word}");
        }
    }
}
