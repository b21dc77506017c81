//! The repository's files, as git lists them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One file.
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    /// Its text; nothing where it is none.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Whether it is of tests, benches or examples as a whole.
    pub(crate) fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"))
    }

    /// The part of a source that ships: up to its inline test module.
    pub(crate) fn production(&self) -> &str {
        if self.is_test() {
            return "";
        }
        let text = self.text();
        let inline = |at: &usize| {
            let next = text[*at..].lines().nth(1).unwrap_or_default();
            next.contains("mod ") && next.ends_with('{')
        };
        let marks = text.match_indices("#[cfg(test)]\n").map(|(at, _)| at);
        &text[..marks.into_iter().find(inline).unwrap_or(text.len())]
    }

    /// The lines that ship, with their numbers and without their comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.production().lines().enumerate();
        lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file that git tracks or would track, by path.
pub(crate) fn files() -> Vec<File> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let mut files = Vec::new();
    // Git lists what it does not track yet first.
    let names: BTreeSet<&str> = names.split_terminator('\0').collect();
    for path in names {
        // What is deleted but not committed is listed too.
        if let Ok(bytes) = fs::read(root().join(path)) {
            files.push(File { path: path.to_owned(), bytes });
        }
    }
    assert!(files.len() > 100, "the repository has more files than git lists");
    files
}

pub(crate) fn sources() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

/// The folders of `crates`.
pub(crate) fn crates() -> Vec<String> {
    let manifests = files().into_iter().filter_map(|file| {
        let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        (!name.contains('/')).then(|| name.to_owned())
    });
    manifests.collect()
}

#[test]
fn what_ships_ends_where_the_tests_begin() {
    let file = |path: &str, text: &str| File { path: path.into(), bytes: text.into() };
    let inline = "fn a() {} // b\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n";
    assert_eq!(file("src/a.rs", inline).production(), "fn a() {} // b\n");
    assert_eq!(file("src/a.rs", inline).code().collect::<Vec<_>>(), [(1, "fn a() {} ")]);
    assert_eq!(file("tests/a.rs", inline).production(), "");
    let declared = "#[cfg(test)]\nmod testdata;\n\nfn a() {}\n";
    assert_eq!(file("src/a.rs", declared).production(), declared);
}
