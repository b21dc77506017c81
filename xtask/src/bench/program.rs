//! What all benches do alike: build what they measure, and read the numbers of their options.

use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, ensure};

/// Builds what `cargo build` takes these words for; the directory in which it is.
pub(super) fn build(words: &[&str], debug: bool) -> anyhow::Result<PathBuf> {
    let mut command = Command::new("cargo");
    command.args(["build", "-q"]).args(words);
    if !debug {
        command.arg("--release");
    }
    ensure!(command.status().context("cannot start cargo")?.success(), "cargo build failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    Ok(target.join(if debug { "debug" } else { "release" }))
}

/// Builds an example of a package; where it is.
pub(super) fn example(package: &str, name: &str, debug: bool) -> anyhow::Result<PathBuf> {
    let target = build(&["-p", package, "--example", name], debug)?;
    Ok(target.join("examples").join(name))
}

/// Builds the server and the program with an agent in it; where they are.
/// Always both: cargo would else build what they share twice, with other features.
pub(super) fn agents(debug: bool) -> anyhow::Result<(PathBuf, PathBuf)> {
    let crates = ["-p", "opengslb", "-p", "runtime", "-p", "lab"];
    let words = [&crates[..], &["--bin", "opengslb", "--example", "agent_cost"]].concat();
    let target = build(&words, debug)?;
    Ok((target.join("opengslb"), target.join("examples/agent_cost")))
}

/// The number behind an option: from 1 on.
pub(super) fn number<'a, T>(
    option: &str,
    words: &mut impl Iterator<Item = &'a str>,
    most: T,
) -> anyhow::Result<T>
where
    T: FromStr + PartialOrd + From<u8> + std::fmt::Display,
{
    let text = words.next().unwrap_or_default();
    let number = text.parse().ok().filter(|number| *number >= T::from(1) && *number <= most);
    number.with_context(|| format!("{option} takes a number from 1 to {most}, not {text:?}"))
}
