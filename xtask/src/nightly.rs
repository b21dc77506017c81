//! `cargo xtask nightly`: what takes longer than the gate may.

use std::fs;
use std::path::Path;

use crate::steps::Steps;

/// Ten minutes each: enough for libFuzzer to exhaust the shallow paths of parsers of this size.
const FUZZ_SECONDS: u32 = 600;

/// Inputs that the repository holds anyway; the other targets have theirs in `fuzz/seeds`.
const SEEDS_ELSEWHERE: &[(&str, &str)] =
    &[("config", "examples crates/config/testdata"), ("zone_file", "crates/zone/testdata")];

/// The floods with whole counts: a million names, two million forged sources. In the release build, which
/// is the one that is flooded.
const FLOOD: &str = "env OPENGSLB_FLOOD=whole cargo test --release --locked -p opengslb \
                     --test flood -- --nocapture --test-threads=1";

/// A hundred reloads and ten hand-overs under the load of `dnsperf` and clients of its own, in the
/// release build.
const RELOAD: &str = "env OPENGSLB_RELOAD=whole cargo test --release --locked -p opengslb \
                      --test reload -- --nocapture --test-threads=1";

/// Bad days over virtual time: a thousand seeds of an hour each. One that breaks something prints the line
/// that does it again.
const CHAOS: &str = "cargo run --release --locked -p opengslb-sim -- chaos --seeds 1..1000 \
                     --agents 20 --overwatches 3 --minutes 60";

/// Ten minutes of bad days between real processes, in namespaces. It prints the seed that does it again.
const BAD_DAYS: &str = "cargo run --release --locked -- lab chaos --minutes 10";
/// The same where operators change things all the while, and what holds their words dies too. Needs etcd.
const BAD_DAYS_ETCD: &str = "cargo run --release --locked -- lab chaos --minutes 10 --etcd";

/// Two hundred kills in the middle of writing.
const MADE: &str = "env OPENGSLB_MADE=whole cargo test --release --locked -p opengslb --test made \
                    -- --nocapture nothing_acknowledged";

/// The agent for Windows, under wine. Says that it is skipped where Debian's compiler and wine are missing.
const WINDOWS: &str = "deploy/windows/under-wine.sh";

/// The package in a clean Debian root, and the Terraform files against the provider's schema.
const PACKAGE: &str = "deploy/check-package.sh";
const AZURE: &str = "deploy/azure/check.sh";
/// What cloud-init does on each of Azure's machines, on copies of this one.
const INSTALL: &str = "deploy/azure/try-install.sh";
/// The image from the release's binaries. Says that it is skipped where buildah is missing.
const IMAGE: &str = "deploy/container/build.sh target/x86_64-unknown-linux-gnu/release";

/// Floods the server, kills it, reloads it and hands it over, runs the agent for Windows, then every fuzz target. What a run
/// learns stays in `fuzz/corpus`, for the next one here; the part of it that is worth a place in the repository is in `fuzz/kept` (libFuzzer's
/// `-merge=1` picks it).
///
/// # Errors
///
/// The flood or the first target that finds something, or a missing tool.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::start();
    let flooded = steps.run("flood", FLOOD);
    let reloaded = flooded.and_then(|()| steps.run("reload", RELOAD));
    let lived = reloaded.and_then(|()| steps.run("chaos", CHAOS));
    let lived = lived.and_then(|()| steps.run("bad days", BAD_DAYS));
    let lived = lived.and_then(|()| steps.run("bad days with etcd", BAD_DAYS_ETCD));
    let killed = lived.and_then(|()| steps.run("kills", MADE));
    let crossed = killed.and_then(|()| steps.run("windows", WINDOWS));
    let crossed = crossed
        .and_then(|()| crate::release::run())
        .and_then(|()| steps.run("package", PACKAGE))
        .and_then(|()| steps.run("azure", AZURE))
        .and_then(|()| steps.run("install", INSTALL))
        .and_then(|()| steps.run("image", IMAGE));
    let result = crossed
        .and_then(|()| fuzz_targets()?.iter().try_for_each(|target| fuzz(&mut steps, target)));
    steps.print_minutes();
    result
}

fn fuzz(steps: &mut Steps, target: &str) -> anyhow::Result<()> {
    let corpus = format!("fuzz/corpus/{target}");
    fs::create_dir_all(&corpus)?;
    let elsewhere = SEEDS_ELSEWHERE.iter().find(|(name, _)| *name == target);
    let seeds = elsewhere.map_or_else(|| format!("fuzz/seeds/{target}"), |(_, s)| (*s).to_owned());
    let kept = format!("fuzz/kept/{target}");
    // libFuzzer refuses a directory that is not there.
    let seeds = seeds.split(' ').chain([&*kept]).filter(|seed| Path::new(seed).is_dir());
    let seeds = seeds.collect::<Vec<_>>().join(" ");
    let line = format!(
        "cargo +nightly fuzz run {target} {corpus} {seeds} -- -max_total_time={FUZZ_SECONDS} \
         -rss_limit_mb=2048"
    );
    steps.run(target, &line)
}

fn fuzz_targets() -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir("fuzz/fuzz_targets")? {
        let path = entry?.path();
        if let Some(stem) = path.file_stem() {
            targets.push(stem.to_string_lossy().into_owned());
        }
    }
    targets.sort();
    Ok(targets)
}
