//! The project's own tools: the gate, the longer checks, the repository's rules.
//!
//! - [`ci`]: `cargo xtask ci`, the one gate, the same here and in CI,
//! - [`nightly`]: `cargo xtask nightly`, what takes longer than a gate may,
//! - [`mod@bench`]: `cargo xtask bench`, what things cost beside their goals: a query, the table, an agent,
//! - [`release`]: `cargo xtask release`, what is handed out,
//! - [`steps`]: runs commands one after another and prints a table of minutes,
//! - `tests/tidy`: the repository's own rules as tests.
//!
//! Nothing here is part of the product.

mod ci;

mod nightly;

mod bench;

mod release;

mod steps;

use std::process::ExitCode;

use anyhow::Context as _;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci        fmt, clippy, tests, docs, dependency bans and licences: what must pass before a commit lands
  nightly   what takes longer: the floods with whole counts, the fuzz targets for ten minutes each
  release   static binaries, .deb, archive, SBOM and checksums, in target/release-files
  bench dns what a query costs us and other servers, side by side; says what is to be installed
  bench table  what the table of all client networks costs, in memory and time, and a map of it
  bench report what an agent costs that learns a hundred thousand networks; which closes it sees
  bench poll   what reading a hundred thousand open connections costs
  bench mesh   what reports cost on the wire, and one overwatch that a thousand agents report to
  bench health what checking ten thousand servers costs
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = words.split_first().map_or(("", &[][..]), |(word, rest)| (word, rest));
    let run: &dyn Fn() -> anyhow::Result<()> = match command {
        "ci" => &ci::run,
        "nightly" => &nightly::run,
        "release" => &release::run,
        "bench" => &|| bench::run(rest),
        _ => {
            steps::say(USAGE);
            return ExitCode::from(64);
        }
    };
    // The commands name files from the root, wherever in the repository the user stands.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    match std::env::set_current_dir(root).context(root).and_then(|()| run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            steps::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
