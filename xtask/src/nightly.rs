//! `cargo xtask nightly`: what takes longer than the gate may.

use crate::steps::Steps;

/// Ten minutes each: enough for libFuzzer to exhaust the shallow paths of parsers of this size.
const FUZZ_SECONDS: u32 = 600;

/// Runs every fuzz target.
///
/// # Errors
///
/// The first target that finds something, or a missing tool.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::start();
    for target in fuzz_targets()? {
        let line = format!(
            "cargo +nightly fuzz run {target} -- -max_total_time={FUZZ_SECONDS} -rss_limit_mb=2048"
        );
        steps.run(&target, &line, &[])?;
    }
    steps.print_minutes();
    Ok(())
}

fn fuzz_targets() -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir("fuzz/fuzz_targets")? {
        let path = entry?.path();
        if let Some(stem) = path.file_stem() {
            targets.push(stem.to_string_lossy().into_owned());
        }
    }
    targets.sort();
    Ok(targets)
}
