//! `cargo xtask ci`: the one gate.

use crate::steps::{Steps, say};

/// What each step is called and what it runs.
const STEPS: &[(&str, &str)] = &[
    ("fmt", "cargo fmt --all --check"),
    ("fmt fuzz", "cargo fmt --manifest-path fuzz/Cargo.toml --check"),
    ("clippy", "cargo clippy --workspace --all-targets --locked -- -D warnings"),
    ("test", "cargo test --workspace --locked"),
    (
        "doc",
        "cargo doc --workspace --locked --no-deps --document-private-items \
         --config build.rustdocflags=[\"-Dwarnings\"]",
    ),
];

/// Runs the gate.
///
/// # Errors
///
/// The first step that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::start();
    let result = run_steps(&mut steps);
    steps.print_minutes();
    result
}

fn run_steps(steps: &mut Steps) -> anyhow::Result<()> {
    for (name, line) in STEPS {
        steps.run(name, line)?;
    }
    if has_cargo_deny() {
        // Not `advisories`: a flaw published today must not break an unrelated change.
        return steps.run("deny", "cargo deny --all-features check bans licenses sources");
    }
    if std::env::var_os("CI").is_some() {
        anyhow::bail!("cargo-deny is missing: cargo install --locked cargo-deny");
    }
    say(
        "\nSKIPPED: dependency bans and licences; `cargo install --locked cargo-deny` brings the tool",
    );
    Ok(())
}

fn has_cargo_deny() -> bool {
    std::process::Command::new("cargo")
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}
