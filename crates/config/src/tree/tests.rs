//! What YAML becomes, where it stands, and what is refused.

use super::*;

fn read(text: &str) -> (Option<Node>, Vec<String>) {
    let mut faults = Faults::new("f");
    let node = parse(text, 0, &mut faults);
    (node, faults.into_sorted().0.iter().map(ToString::to_string).collect())
}

/// The tree in one line, with positions.
fn show(node: &Node) -> String {
    let Position { line, column, .. } = node.at;
    let value = match &node.value {
        Value::Null => "~".to_owned(),
        Value::Text(text) => text.clone(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        Value::Map(entries) => {
            let shown = |e: &Entry| format!("{}={}", e.key, show(&e.node));
            format!("{{{}}}", entries.iter().map(shown).collect::<Vec<_>>().join(" "))
        }
    };
    format!("{value}@{line}:{column}")
}

fn check(text: &str, expect: &str) {
    let (node, faults) = read(text);
    assert_eq!(faults, [""; 0], "{text}");
    assert_eq!(show(&node.unwrap()), expect, "{text}");
}

fn check_fault(text: &str, expect: &str) {
    let (_, faults) = read(text);
    assert_eq!(faults, [expect], "{text}");
}

#[test]
fn every_node_knows_its_place() {
    check("a: 1\nb:\n  - x\n  - y: z\n", "{a=1@1:4 b=[x@3:5 {y=z@4:8}@4:5]@3:3}@1:1");
    check("{a: [1, \"two\"]}", "{a=[1@1:6 two@1:9]@1:5}@1:1");
    check("ä: ö\n", "{ä=ö@1:4}@1:1");
    check("\u{feff}a: 1\n", "{a=1@1:4}@1:1");
    check("a: |\n  x\n  y\n", "{a=x\ny\n@2:3}@1:1");
}

#[test]
fn nothing_is_nothing_and_quotes_are_text() {
    check("", "{}@1:1");
    check("# only a comment\n", "{}@1:1");
    check("a: [~, null, \"null\", '']\n", "{a=[~@1:5 ~@1:8 null@1:14 @1:22]@1:4}@1:1");
}

#[test]
fn aliases_repeat_their_anchor() {
    check("a: &x {b: 1}\nc: *x\n", "{a={b=1@1:11}@1:4 c={b=1@1:11}@1:4}@1:1");
}

#[test]
fn what_is_not_read_is_refused() {
    check_fault("a: 1\nb: 2\na: 3\n", "f:3:1: \"a\" is here twice, first on line 1");
    check_fault("a: !!str 1\n", "f:1:4: tags (words that begin with `!`) are not read here");
    check_fault("a: 1\n---\nb: 2\n", "f:2:1: a second document starts here: one file holds one");
    check_fault("[a]: 1\n", "f:1:1: expected a key: a plain word");
    check_fault("a: &x [*x]\n", "f:1:8: this alias lies within its own anchor");
    let (_, faults) = read("a: 1\n\tb: 2\n");
    assert!(faults[0].starts_with("f:1:4: no YAML: "), "{faults:?}");
}

#[test]
fn no_file_costs_more_than_its_limits() {
    check_fault(&"[".repeat(40), "f:1:34: nested deeper than 32");
    // The parser has a limit of its own, which it reaches before it hands anything out.
    let (node, faults) = read(&"[".repeat(100_000));
    assert_eq!((node, faults.len()), (None, 1));
    // Each line holds the line before it ten times: 10^9 values, were they all made.
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for n in 1..10 {
        let inside = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{inside}]\n"));
    }
    let (node, faults) = read(&bomb);
    assert_eq!(node, None);
    assert!(faults[0].ends_with("the file holds more than 1000000 values"), "{faults:?}");
    let (node, faults) = read(&" ".repeat(TEXT_BYTES_MAX + 1));
    assert_eq!((node, faults.len()), (None, 1));
}
