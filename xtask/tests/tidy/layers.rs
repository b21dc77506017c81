//! Who may depend on whom, and what a pure crate never names.

use std::fs;

use crate::complain;
use crate::repository::{crates, root, sources};

/// Crates that decide: no socket, file, clock, thread, async or log. See decision 1.
const PURE: &[&str] = &[
    "model",
    "latency",
    "health",
    "mesh",
    "geo",
    "routing",
    "dns",
    "zone",
    "dnssec",
    "config",
    "api",
    "agent",
    "overwatch",
    "preflight",
    "import",
];

/// The arrows of the house: what each crate may depend on, in the order of the data.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("tcpstat", &["model"]),
    ("latency", &["model"]),
    ("health", &["model"]),
    ("mesh", &["model", "latency", "health"]),
    ("geo", &["model"]),
    ("routing", &["model", "latency", "geo", "health"]),
    ("dns", &["model"]),
    ("zone", &["model", "dns"]),
    ("dnssec", &["model", "dns"]),
    ("config", &["model", "latency", "health", "geo", "routing", "mesh", "dns", "zone", "dnssec"]),
    ("api", &["model"]),
    ("agent", &["model", "latency", "health", "mesh"]),
    (
        "overwatch",
        &["model", "latency", "health", "geo", "routing", "dns", "zone", "dnssec", "mesh", "api"],
    ),
    ("store", &["model", "latency", "health", "mesh", "dnssec", "overwatch"]),
    (
        "runtime",
        &[
            "model",
            "tcpstat",
            "latency",
            "health",
            "mesh",
            "geo",
            "routing",
            "dns",
            "dnssec",
            "config",
            "api",
            "agent",
            "overwatch",
            "store",
        ],
    ),
    // Like the lab it sees the product from outside only: as DNS.
    ("preflight", &[]),
    ("import", &["config", "dns", "zone"]),
    // It sees the product from outside only: as files, as packets, as the API's JSON.
    ("lab", &["model", "api"]),
    (
        "sim",
        &[
            "model",
            "latency",
            "health",
            "geo",
            "routing",
            "dns",
            "zone",
            "mesh",
            "agent",
            "overwatch",
        ],
    ),
    ("opengslb", &["config", "api", "runtime", "preflight", "import", "lab"]),
    // Only tests depend on it, and it on nothing.
    ("testkit", &[]),
];

/// What no pure crate may name.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "files are read at the edge"),
    ("std::thread", "threads are started at the edge"),
    ("std::process", "processes are started at the edge"),
    ("Instant::now", "`now` is an argument"),
    ("SystemTime", "`now` is an argument"),
    ("UdpSocket", "sockets live in runtime"),
    ("TcpStream", "sockets live in runtime"),
    ("TcpListener", "sockets live in runtime"),
    ("std::env::", "settings come from config"),
    ("tokio", "async lives in runtime"),
    ("tracing", "only the edge logs"),
    ("async fn", "async lives in runtime"),
];

/// The only places that may hold unsafe code: where the kernel is spoken to.
const UNSAFE_ROOMS: &[&str] = &[
    "crates/tcpstat/src/",
    "crates/runtime/src/dns/",
    "crates/runtime/src/windows/",
    "crates/lab/src/sys",
    "crates/testkit/src/heap.rs",
];

#[test]
fn the_arrows_keep_their_direction() {
    let mut faults = Vec::new();
    let crates = crates();
    for name in &crates {
        let Some((_, may)) = LAYERS.iter().find(|(layer, _)| layer == name) else {
            faults.push(format!("{name} has no place in LAYERS: say what it may depend on"));
            continue;
        };
        let manifest = root().join("crates").join(name).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a manifest can be read");
        for dependency in dependencies(&manifest) {
            if crates.iter().any(|ours| ours == dependency) && !may.contains(&dependency) {
                faults.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    complain(faults);
}

/// What a manifest lists under `[dependencies]` and its like; not what only tests need.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_listing = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_listing = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if is_listing && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            names.extend(line.split(['.', ' ', '=']).next());
        }
    }
    names
}

#[test]
fn dependencies_are_found_wherever_they_stand() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nmodel.workspace = true\n# dns\n\
                    [target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
    assert_eq!(dependencies(manifest), ["model", "libc"]);
}

#[test]
fn pure_crates_stay_pure() {
    let mut faults = Vec::new();
    for file in sources() {
        let Some(rest) = file.path.strip_prefix("crates/") else { continue };
        let (name, path) = rest.split_once("/src/").unwrap_or_default();
        if !PURE.contains(&name) {
            continue;
        }
        if path == "lib.rs" && !file.text().contains("#![forbid(unsafe_code)]") {
            faults.push(format!("{} must forbid unsafe code", file.path));
        }
        for (number, code) in file.code() {
            let found = IMPURE.iter().filter(|(word, _)| code.contains(word));
            faults
                .extend(found.map(|(word, why)| format!("{}:{number}: {word}: {why}", file.path)));
        }
    }
    complain(faults);
}

#[test]
fn unsafe_code_lives_in_the_kernel_and_socket_modules_only() {
    let mut faults = Vec::new();
    for file in sources() {
        let is_room = UNSAFE_ROOMS.iter().any(|room| file.path.starts_with(room));
        let mut lines = file.code().filter(|(_, code)| {
            ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|word| code.contains(word))
        });
        if let Some((number, _)) = lines.next().filter(|_| !is_room) {
            faults.push(format!("{}:{number}: unsafe code has no place here", file.path));
        }
    }
    complain(faults);
}
