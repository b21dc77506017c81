//! `deploy/container` and `deploy/kubernetes`: every configuration in them is one that a process takes, tools that know the formats
//! look at the files, and an agent of a whole node learns from its pods. A tool that is missing is said. Whether the image runs is `deploy/container/build.sh`, nightly.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "process/daemon.rs"]
#[expect(dead_code, reason = "other suites end and signal processes, too")]
mod daemon;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use daemon::Daemon;

/// How many readings counted.
const READINGS: &str = "opengslb_agent_latency_observations_total ";

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
                let status = shell
                    .args(["-c", &script])
                    .env("ADDRESS", "192.0.2.10")
                    .env("NODE", "node-1")
                    .status();
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

/// Agents and resolvers get to a pod that is ready, and to no other: one that waited for servers to be ready would wait for the agents
/// that cannot reach it.
#[test]
fn an_overwatch_without_a_server_is_ready_for_its_service() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = read("deploy/kubernetes/overwatch.yaml");
    let config = block(&manifest, "config.yaml")
        .replace("/var/lib/opengslb", &directory.path().join("state").display().to_string())
        .replace("0.0.0.0:5353", "127.0.0.1:0")
        .replace("0.0.0.0:7946", "127.0.0.1:0")
        .replace("0.0.0.0:8080", "127.0.0.1:0")
        .replace("0.0.0.0:9090", "127.0.0.1:0");
    let file = directory.path().join("config/config.yaml");
    write(&file, &config);
    write(&directory.path().join("secrets/secrets.yaml"), OVERWATCH_SECRETS);
    let daemon = Daemon::start(&file, &[]);
    let api = daemon.word_after("serving the API on ");
    let api = api.trim_end_matches(['"', '}']);
    daemon.line("answering DNS on ");
    let (_, probe) = manifest.split_once("readinessProbe:").unwrap();
    let (_, path) = probe.split_once("path: ").unwrap();
    let path = path.split(',').next().unwrap();
    let mut stream = TcpStream::connect(api).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
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
    for line in ["FROM scratch", "USER 65532:65532"] {
        assert!(dockerfile.contains(line), "{line}");
    }
    // An agent would fail an overwatch's, for ever: who starts it says which it is.
    assert!(!dockerfile.contains("HEALTHCHECK"));
    let compose = read("deploy/container/compose.yaml");
    let checks: Vec<&str> = compose.lines().filter(|line| line.contains("healthcheck:")).collect();
    assert!(matches!(checks[..], [one] if one.contains("\"live\"]")), "{checks:?}");
}

/// Names the pod's network to the process that stands in the node's.
const POD: &str = "OPENGSLB_TEST_POD";

/// A network for a node and one for a pod of it, with a pair of interfaces between.
const NODE: &str = r#"
set -e
ip link set lo up
unshare --net sleep 60 &
pod=$!
trap 'kill $pod' EXIT
mine=$(readlink /proc/self/ns/net)
until [ "$(readlink /proc/$pod/ns/net)" != "$mine" ]; do :; done
ip link add veth0 type veth peer name veth1 netns $pod
ip addr add 192.0.2.1/24 dev veth0
ip link set veth0 up
nsenter --net=/proc/$pod/ns/net sh -c 'ip link set lo up; ip addr add 192.0.2.2/24 dev veth1; ip link set veth1 up'
OPENGSLB_TEST_POD=/proc/$pod/ns/net "$@"
"#;

/// The node's agent, with the one right that its manifest gives it, in its sandbox.
#[test]
fn the_agent_of_a_node_learns_from_its_pods() {
    if let Some(pod) = std::env::var_os(POD) {
        return on_the_node(&fs::File::open(pod).unwrap());
    }
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", NODE, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_agent_of_a_node_learns_from_its_pods", "--nocapture"])
        .output();
    let output = match run {
        Ok(output) => output,
        Err(error) => return say(&format!("SKIPPED: unshare (of util-linux): {error}")),
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if said.contains("learned from a pod") {
        assert!(output.status.success(), "{said}");
        return;
    }
    let is_missing = ["not found", "Operation not permitted", "unshare failed"];
    assert!(is_missing.iter().any(|why| said.contains(why)), "{said}");
    say(&format!("SKIPPED: no namespaces here: {said}"));
}

fn on_the_node(pod: &fs::File) {
    let listener = std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            rustix::thread::move_into_link_name_space(
                pod.as_fd(),
                Some(rustix::thread::LinkNameSpaceType::Network),
            )
            .unwrap();
            TcpListener::bind("192.0.2.2:0").unwrap()
        });
        inside.join().unwrap()
    });
    let server = listener.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().display();
    let text = format!(
        "\
mode: agent
agent:
  identity: {{agent_id: node, service_token: replace-me-with-a-long-random-text, region: eu-west, cert_path: {state}/a.crt, key_path: {state}/a.key}}
  backends: [{{service: app.example.com, address: 192.0.2.1, port: 443, listen_port: {port}, health_check: {{type: tcp}}}}]
  gossip: {{encryption_key: cmVwbGFjZSB0aGlzOiAzMiByYW5kb20gYnl0ZXMgISE=, overwatch_nodes: [\"192.0.2.9:9\"]}}
  latency_learning: {{all_network_namespaces: true, poll_interval: 1s}}
logging: {{format: text}}
metrics: {{enabled: true, address: \"127.0.0.1:0\"}}
",
        port = server.port()
    );
    let config = directory.path().join("config.yaml");
    write(&config, &text);
    let mut agent = Command::new(env!("CARGO_BIN_EXE_opengslb"));
    let agent = agent.arg("--config").arg(&config).stderr(Stdio::piped()).spawn().unwrap();
    let mut agent = Ended(agent);
    let mut lines = BufReader::new(agent.0.stderr.take().unwrap()).lines();
    let mut log = Vec::new();
    let mut line_with = |part: &str| {
        while !log.iter().any(|line: &String| line.contains(part)) {
            log.push(lines.next().unwrap_or_else(|| panic!("no {part}: {log:#?}")).unwrap());
        }
        log.iter().find(|line| line.contains(part)).unwrap().clone()
    };
    let rights = line_with("CAP_NET_BROADCAST");
    assert!(!rights.contains("CAP_SYS_ADMIN"), "{rights}");
    let sources = line_with("reads the kernel's connections");
    assert!(sources.contains("destroy events active"), "{sources}");
    let metrics = line_with("serving metrics on ");
    let metrics = metrics.split("serving metrics on ").nth(1).unwrap().split(' ').next().unwrap();

    let until = Instant::now() + Duration::from_secs(20);
    loop {
        // A client of the node, a server in the pod: some bytes, acknowledged.
        let mut client = TcpStream::connect(server).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        served.write_all(&[7; 1_000]).unwrap();
        client.read_exact(&mut [0; 1_000]).unwrap();
        drop((served, client));
        let mut page = String::new();
        let mut stream = TcpStream::connect(metrics).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_string(&mut page).unwrap();
        let readings = page.lines().find_map(|line| line.strip_prefix(READINGS));
        if readings.is_some_and(|readings| readings.trim().parse::<f64>().unwrap() >= 1.0) {
            break;
        }
        assert!(Instant::now() < until, "nothing is learned: {page}");
        std::thread::sleep(Duration::from_millis(100));
    }
    say("learned from a pod");
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has a tool look; a missing one is said.
fn judged(tool: &str, words: &[&str]) {
    match Command::new(tool).args(words).current_dir(root()).output() {
        Ok(output) if output.status.code() == Some(69) => {
            say(&format!("SKIPPED: {tool}: {output:?}"));
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
