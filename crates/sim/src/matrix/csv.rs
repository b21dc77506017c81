//! One line of CSV to its fields (RFC 4180, without line breaks inside a field).

/// The fields of a line. A quoted field may hold commas, and a quote written twice. What stands
/// outside the grammar is taken as it is: the columns' own checks find it.
pub(super) fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            character => field.push(character),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: &[&str]) {
        assert_eq!(fields(line), expect, "{line}");
    }

    #[test]
    fn lines_fall_into_fields() {
        check("", &[""]);
        check("a,b,,c", &["a", "b", "", "c"]);
        check(r#""Washington, D.C.",b"#, &["Washington, D.C.", "b"]);
        check(r#""say ""no""",b"#, &[r#"say "no""#, "b"]);
        check(r#"a,"open,b"#, &["a", "open,b"]);
    }
}
