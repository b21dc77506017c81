//! The words behind a bench: its sizes, and whether its figures go into the guide.
//!
//! Only those of a whole run ever do: figures of another size would stand beside goals of which they say
//! nothing.

use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};

/// A number that says how large a bench is.
pub(super) struct Size {
    /// The word before it.
    pub(super) word: &'static str,
    /// That of a whole run.
    pub(super) whole: u32,
    pub(super) most: u32,
    /// What is told of it.
    pub(super) what: &'static str,
}

/// What a bench takes.
pub(super) struct Usage<const SIZES: usize> {
    pub(super) bench: &'static str,
    pub(super) sizes: [Size; SIZES],
    /// Whether the guide has a place for its figures.
    pub(super) has_page: bool,
}

/// How a bench is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options<const SIZES: usize> {
    /// In the order of the usage.
    pub(super) sizes: [u32; SIZES],
    pub(super) write: bool,
    pub(super) debug: bool,
}

impl<const SIZES: usize> Usage<SIZES> {
    /// Reads the words behind the bench's name.
    ///
    /// # Errors
    ///
    /// The usage, for a word that it does not have; what is wrong with a number; `--write` with another
    /// size than the whole, or for a build that is not optimised.
    pub(super) fn read(&self, words: &[String]) -> anyhow::Result<Options<SIZES>> {
        let whole = self.sizes.each_ref().map(|size| size.whole);
        let mut options = Options { sizes: whole, write: false, debug: false };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut sizes = self.sizes.iter().zip(&mut options.sizes);
            match (word, sizes.find(|(size, _)| size.word == word)) {
                (_, Some((size, number))) => {
                    *number = size.read(words.next().unwrap_or_default())?;
                }
                ("--write", None) if self.has_page => options.write = true,
                ("--debug", None) => options.debug = true,
                _ => bail!("{}", self.help()),
            }
        }
        let is_whole = options.sizes == whole && !options.debug;
        ensure!(
            is_whole || !options.write,
            "--write puts the figures of a whole run into the guide: give it alone, without --debug \
             and without sizes"
        );
        Ok(options)
    }

    fn help(&self) -> String {
        let (mut first, mut rest) =
            (format!("usage: cargo xtask bench {}", self.bench), String::new());
        for Size { word, whole, most, what } in &self.sizes {
            // Writing to a string does not fail.
            let _ = write!(first, " [{word} {whole}]");
            let _ = writeln!(rest, "  {word:12} {what}; at most {most}");
        }
        if self.has_page {
            first += " [--write]";
            rest +=
                "  --write      puts the figures of a whole run into docs/guide/performance.md\n";
        }
        format!(
            "{first} [--debug]\n\n{rest}  --debug      measures the debug build: to try the bench\n"
        )
    }
}

impl Size {
    fn read(&self, text: &str) -> anyhow::Result<u32> {
        let number = text.parse().ok().filter(|number| (1..=self.most).contains(number));
        number.with_context(|| {
            format!("{} takes a number from 1 to {}, not {text:?}", self.word, self.most)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: Usage<2> = Usage {
        bench: "this",
        sizes: [
            Size { word: "--most", whole: 5, most: 1_000, what: "how many" },
            Size { word: "--rounds", whole: 6, most: 10, what: "how often" },
        ],
        has_page: true,
    };

    fn read(usage: &Usage<2>, line: &str) -> Result<Options<2>, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        usage.read(&words).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(line: &str, sizes: [u32; 2], write: bool, debug: bool) {
        assert_eq!(read(&USAGE, line), Ok(Options { sizes, write, debug }), "{line}");
    }

    #[track_caller]
    fn refuses(line: &str, why: &str) {
        let error = read(&USAGE, line).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }

    #[test]
    fn options_are_read() {
        check("", [5, 6], false, false);
        check("--rounds 1 --most 1000 --debug", [1_000, 1], false, true);
        check("--write", [5, 6], true, false);
        for wrong in ["this", "--most 1 2", "--seconds 1", "--help"] {
            refuses(
                wrong,
                "usage: cargo xtask bench this [--most 5] [--rounds 6] [--write] [--debug]\n",
            );
        }
        for wrong in ["--most", "--most 0", "--most 1001", "--rounds 11", "--rounds x"] {
            refuses(wrong, " takes a number from 1 to ");
        }
    }

    #[test]
    fn only_a_whole_run_is_written() {
        check("--most 5 --write --rounds 6", [5, 6], true, false);
        for wrong in ["--write --most 4", "--rounds 7 --write", "--write --debug"] {
            refuses(wrong, "--write puts the figures of a whole run into the guide");
        }
        let nowhere = Usage { has_page: false, ..USAGE };
        assert!(read(&nowhere, "--write").is_err_and(|error| !error.contains("[--write]")));
    }
}
