//! The page in the repository is the page of the table.

use super::*;

#[test]
fn the_reference_page_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference/configuration.md");
    let page = markdown();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "the table has changed: run UPDATE_EXPECT=1 cargo test -p config");
}

#[test]
fn every_key_is_on_the_page_and_described() {
    let page = markdown();
    for key in keys::all() {
        let shown = [format!("| `{}` |", key.name()), format!("# `{}`", key.path)];
        assert!(shown.iter().any(|shown| page.contains(shown)), "{}", key.path);
        assert!(key.doc.ends_with('.'), "{}: {:?} is no sentence", key.path, key.doc);
    }
}
