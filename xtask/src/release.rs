//! `cargo xtask release`: static binaries, and all that is handed out, in `target/release-files`.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::steps::Steps;

/// One file for any distribution: glibc is linked in.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const FLAGS: &str = "-C target-feature=+crt-static";
/// Where all goes; what was there before is removed.
pub(crate) const OUT: &str = "target/release-files";

/// Builds, packs, and writes checksums.
///
/// # Errors
///
/// The build or a tool fails.
pub(crate) fn run() -> anyhow::Result<()> {
    // The flags are for this target only: scripts and macros of the build are none of its.
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--target", TARGET, "-p", "opengslb"])
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", FLAGS)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("the static build failed ({status})");
    }
    let binaries = format!("target/{TARGET}/release");
    Steps::start().run("release", &format!("deploy/release.sh {binaries} {OUT}"))
}
