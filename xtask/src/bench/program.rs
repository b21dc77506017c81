//! What all benches do alike: build what they measure, and keep what it writes in a directory for the time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Measures with a directory that is nobody else's, and is gone afterwards: what a run leaves is of no use to
/// anybody.
pub(super) fn within<T>(
    bench: &str,
    measure: impl FnOnce(&Path) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let directory = PathBuf::from(format!("target/bench-{bench}/{}", std::process::id()));
    fs::create_dir_all(&directory).context("cannot make the directory of the bench")?;
    let directory = fs::canonicalize(directory)?;
    let measured = measure(&directory);
    drop(fs::remove_dir_all(&directory));
    measured
}
