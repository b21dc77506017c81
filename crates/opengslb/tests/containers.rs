//! `deploy/container` and `deploy/kubernetes`: every configuration in them is one that a process takes, and tools that know the formats
//! look at the files. A tool that is missing is said. Whether the image runs is `deploy/container/build.sh`, nightly.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const MANIFESTS: [&str; 4] = ["agent-node", "agent-sidecar", "externaldns", "overwatch"];

/// What the guide has operators put into the secrets.
const OVERWATCH_SECRETS: &str = "\
overwatch:
  gossip: {encryption_key: cmVwbGFjZSB0aGlzOiAzMiByYW5kb20gYnl0ZXMgISE=}
  agent_tokens: [{service: app.example.com, token: replace-me-with-a-long-random-text, regions: [eu-west]}]
";
const AGENT_SECRETS: &str = "\
agent:
  identity: {service_token: replace-me-with-a-long-random-text}
  gossip: {encryption_key: cmVwbGFjZSB0aGlzOiAzMiByYW5kb20gYnl0ZXMgISE=}
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o440)).unwrap();
}

/// What a process that is given this configuration says of it.
#[track_caller]
fn takes(config: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
    let output = command.arg("check-config").arg("--config").arg(config).output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", config.display());
}

/// The text below `KEY: |` in a file of YAML, without its indentation.
fn block<'a>(text: &'a str, key: &str) -> String {
    let start = text.find(&format!("{key}: |\n")).unwrap_or_else(|| panic!("no {key}"));
    let indent = text[..start].rsplit('\n').next().unwrap().len() + 2;
    let is_in = |line: &&'a str| line.is_empty() || line.starts_with(&" ".repeat(indent));
    let lines = text[start..].lines().skip(1).take_while(is_in);
    lines.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n").collect()
}

#[test]
fn configurations_of_the_manifests_are_taken() {
    for (manifest, secrets) in [
        ("overwatch", OVERWATCH_SECRETS),
        ("agent-sidecar", AGENT_SECRETS),
        ("agent-node", AGENT_SECRETS),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        let text = read(&format!("deploy/kubernetes/{manifest}.yaml"));
        write(&at("template/config.yaml"), &block(&text, "config.yaml"));
        write(&at("secrets/secrets.yaml"), secrets);
        let config = at("etc/opengslb/config/config.yaml");
        let init =
            text.lines().find_map(|line| line.trim().strip_prefix("command: [\"sh\", \"-c\", '"));
        match init {
            // What the init container does, in this directory's paths.
            Some(script) => {
                fs::create_dir_all(config.parent().unwrap()).unwrap();
                let here = format!(" {}/", directory.path().display());
                let script = script.trim_end_matches("']").replace(" /", &here);
                let script = script.replace(">/", &format!(">{}/", directory.path().display()));
                let mut shell = Command::new("sh");
                let status = shell.args(["-c", &script]).env("ADDRESS", "192.0.2.10").status();
                assert!(status.unwrap().success(), "{script}");
                assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o7777, 0o640);
            }
            None => drop(
                fs::create_dir_all(config.parent().unwrap())
                    .map(|()| fs::copy(at("template/config.yaml"), &config)),
            ),
        }
        fs::rename(at("secrets"), at("etc/opengslb/secrets")).unwrap();
        takes(&config);
    }
}

#[test]
fn configurations_of_the_demo_are_taken() {
    let made = tempfile::tempdir().unwrap();
    let demo = root().join("deploy/container/demo.sh");
    let output = Command::new(demo).arg(made.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let compose = read("deploy/container/compose.yaml");
    let mut found = 0;
    for entry in fs::read_dir(made.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            compose.contains(&format!("\"./made/{name}:/etc/opengslb/config.yaml:ro\"")),
            "{name}"
        );
        takes(&path);
        found += 1;
    }
    assert_eq!(found, 4);
    // The addresses are those of the demo's machines.
    let topology = read("crates/lab/topologies/demo6.yaml");
    let addresses =
        compose.split("ipv4_address: ").skip(1).map(|rest| rest.split('}').next().unwrap());
    let addresses: Vec<&str> = addresses.collect();
    assert_eq!(addresses.len(), 6);
    for address in addresses {
        assert!(topology.contains(&format!("[{address},")), "{address}");
    }
}

/// What the manifests promise about rights: none, but the node's agent's one.
#[test]
fn containers_have_no_rights_but_what_is_said() {
    for manifest in MANIFESTS {
        let text = read(&format!("deploy/kubernetes/{manifest}.yaml"));
        let of_ours = text.matches("image: opengslb:").count();
        assert_eq!(of_ours, 1, "{manifest}");
        let added = text.matches("add: [").count();
        assert_eq!(
            (added, text.contains("add: [NET_BROADCAST]")),
            (usize::from(manifest == "agent-node"), manifest == "agent-node")
        );
        assert_eq!(text.contains("all_network_namespaces: true"), manifest == "agent-node");
        let containers = text.matches(" image: ").count();
        let confined =
            ["drop: [ALL]", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false"]
                .map(|word| text.matches(word).count());
        // The application of the sidecar's example is somebody else's.
        assert_eq!(
            confined,
            [containers - usize::from(manifest == "agent-sidecar"); 3],
            "{manifest}"
        );
    }
    let dockerfile = read("deploy/container/Dockerfile");
    for line in ["FROM scratch", "USER 65532:65532", "\"live\"]"] {
        assert!(dockerfile.contains(line), "{line}");
    }
}

/// Has a tool look; a missing one is said.
fn judged(tool: &str, words: &[&str]) {
    match Command::new(tool).args(words).current_dir(root()).output() {
        Ok(output) if output.status.code() == Some(69) => {
            say(&format!("SKIPPED: {tool}: {output:?}"))
        }
        Ok(output) => {
            let said = [&*output.stdout, &*output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success(), "{tool} {}: {said}", words.join(" "));
        }
        Err(error) => say(&format!("SKIPPED: {tool} {}: {error}", words.join(" "))),
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// By the schemas of Kubernetes 1.37, nothing that they do not name.
#[test]
fn kubernetes_knows_every_word_of_the_manifests() {
    let files = MANIFESTS.map(|manifest| format!("deploy/kubernetes/{manifest}.yaml"));
    let words = ["--strict", "-k", "1.37"].into_iter().chain(files.iter().map(String::as_str));
    judged("kubernetes-validate", &words.collect::<Vec<_>>());
}

#[test]
fn the_dockerfile_and_the_scripts_are_well_formed() {
    judged("hadolint", &["deploy/container/Dockerfile"]);
    for script in ["build.sh", "demo.sh", "distance.sh"] {
        judged("sh", &["-n", &format!("deploy/container/{script}")]);
    }
    let of_powershell = "deploy/windows/parse.py";
    judged(
        "python3",
        &[of_powershell, "deploy/windows/install.ps1", "deploy/azure/cloud-init/windows.ps1"],
    );
}
