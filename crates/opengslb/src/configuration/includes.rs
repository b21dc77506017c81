//! Which files a pattern names: `*`, `?` and `**`, relative to the file that it stands in.
//!
//! Names come out clean, so that one file has one name: a file that is included twice is seen as one,
//! and a circle as one too. Links are not followed that far; `config` ends those by their depth.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Files that one pattern may name. One more is a mistake, such as `/**`.
const FILES_MAX: usize = 1_000;
/// Directories that are looked into for one pattern.
const DIRECTORIES_MAX: usize = 10_000;

/// The files that a pattern in `file` names, sorted. None where nothing fits to its signs; without a sign
/// the one file, whether or not it is there.
///
/// # Errors
///
/// There are too many, or it cannot be seen which there are: what is only hidden must not seem to have gone.
pub(super) fn find(file: &str, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let whole = whole_of(file, pattern);
    let plain = plain_of(&whole);
    let signs: Vec<String> = whole
        .components()
        .skip(plain.components().count())
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if signs.is_empty() {
        return Ok(vec![whole]);
    }
    let mut search = Search { found: Vec::new(), directories: 0 };
    search.below(&plain, &signs)?;
    let mut found = search.found;
    found.sort();
    found.dedup();
    Ok(found)
}

/// The file that a pattern names, or the directory below which it names some.
pub(super) fn place_of(file: &str, pattern: &str) -> PathBuf {
    let plain = plain_of(&whole_of(file, pattern));
    if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
}

fn whole_of(file: &str, pattern: &str) -> PathBuf {
    let directory = Path::new(file).parent().unwrap_or_else(|| Path::new(""));
    clean(&directory.join(pattern))
}

/// As far as there is no sign.
fn plain_of(whole: &Path) -> PathBuf {
    let parts = whole.components();
    parts.take_while(|part| !has_sign(&part.as_os_str().to_string_lossy())).collect()
}

struct Search {
    found: Vec<PathBuf>,
    directories: usize,
}

impl Search {
    fn below(&mut self, directory: &Path, signs: &[String]) -> Result<(), String> {
        let Some((first, rest)) = signs.split_first() else { return Ok(()) };
        if first == "**" {
            self.below(directory, rest)?;
        }
        self.directories += 1;
        if self.directories > DIRECTORIES_MAX {
            return Err(format!("it looks into more than {DIRECTORIES_MAX} directories"));
        }
        let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let entries = match std::fs::read_dir(here) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(format!("{} cannot be listed: {error}", here.display())),
        };
        for entry in entries {
            let unread = |error| format!("{} cannot be listed: {error}", here.display());
            let entry = entry.map_err(unread)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = directory.join(&name);
            // Not those that editors and package managers hide.
            if name.starts_with('.') && !first.starts_with('.') {
                continue;
            }
            match (first == "**", rest.is_empty()) {
                (true, _) if path.is_dir() && !path.is_symlink() => self.below(&path, signs)?,
                (true, _) => {}
                (false, true) if fits(first, &name) && path.is_file() => self.found.push(path),
                (false, false) if fits(first, &name) && path.is_dir() => self.below(&path, rest)?,
                (false, _) => {}
            }
            if self.found.len() > FILES_MAX {
                return Err(format!("it names more than {FILES_MAX} files"));
            }
        }
        Ok(())
    }
}

/// Without `.` and, as far as that can be seen, without `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// Whether there is nothing, so that nothing fits.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn has_sign(part: &str) -> bool {
    part.contains(['*', '?'])
}

/// Whether a name fits to a pattern in which `*` stands for any signs and `?` for one.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on if what was tried does not fit: behind the last `*`, one sign further.
    let mut again: Option<(usize, usize)> = None;
    while n < name.len() {
        match (pattern.get(p), name.get(n)) {
            (Some('*'), _) => {
                again = Some((p + 1, n + 1));
                p += 1;
            }
            (Some(sign), Some(letter)) if *sign == '?' || sign == letter => (p, n) = (p + 1, n + 1),
            _ => match again {
                Some((behind, further)) => {
                    (p, n) = (behind, further);
                    again = Some((behind, further + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_to_patterns() {
        for (pattern, name, expect) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".yaml", true),
            ("*.yaml", "a.yml", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxaxb", true),
            ("*a*b", "xaxaxc", false),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, name), expect, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_have_one_name() {
        for (path, expect) in [
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("/etc/x/conf.d/../y.yaml", "/etc/x/y.yaml"),
            ("../a", "../a"),
            ("../../a/..", "../.."),
            ("/../a", "/../a"),
        ] {
            assert_eq!(clean(Path::new(path)), Path::new(expect), "{path}");
        }
    }

    #[test]
    fn a_pattern_names_files_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["b.yaml", "a.yaml", ".hidden.yaml", "c.yml", "deep/d.yaml", "deep/er/e.yaml"] {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let file = root.join("main.yaml").display().to_string();
        let check = |pattern: &str, expect: &[&str]| {
            let found = find(&file, pattern).unwrap();
            let expect: Vec<PathBuf> = expect.iter().map(|name| root.join(name)).collect();
            assert_eq!(found, expect, "{pattern}");
        };
        check("*.yaml", &["a.yaml", "b.yaml"]);
        check("./deep/../a.yaml", &["a.yaml"]);
        check("missing.yaml", &["missing.yaml"]);
        check("missing/*.yaml", &[]);
        check("**/*.yaml", &["a.yaml", "b.yaml", "deep/d.yaml", "deep/er/e.yaml"]);
        check("d*/*.yaml", &["deep/d.yaml"]);
        check(&root.join("?.yml").display().to_string(), &["c.yml"]);
    }
}
