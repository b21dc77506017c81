//! `deploy/azure` against the facts of the demo: a table here, the files there.
//!
//! What is checked by tools says loudly where a tool is missing; the providers' schema is checked by
//! `deploy/azure/check_schema.py`, nightly.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod facts;

mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use facts::{FROM_WHERE, MACHINES, OUTPUTS, PEERINGS, REGIONS, VARIABLES};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The words of a text without how far they stand apart.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lines `NAME = { ... }` of a table in Terraform, its fields by name.
fn table(text: &str, name: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let start = text.find(&format!("\n  {name} = {{")).unwrap_or_else(|| panic!("no table {name}"));
    let lines = text[start..].lines().skip(2).take_while(|line| line.trim() != "}");
    let field = |field: &str| {
        let (key, value) = field.split_once('=').unwrap();
        (key.trim().to_owned(), value.trim().trim_matches('"').to_owned())
    };
    let row = |line: &str| {
        let (name, fields) = line.split_once('=').unwrap();
        let fields = fields.trim().trim_start_matches('{').trim_end_matches('}');
        (name.trim().to_owned(), fields.split(',').map(field).collect())
    };
    lines.map(row).collect()
}

#[test]
fn regions_machines_and_addresses_are_the_facts() {
    let text = read("deploy/azure/main.tf");
    let (regions, subnets) = (table(&text, "regions"), table(&text, "subnets"));
    let found: Vec<_> = regions.values().map(|r| (&*r["location"], &*r["network"])).collect();
    let expected: BTreeSet<_> = REGIONS.into_iter().collect();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    let machines = table(&text, "machines");
    let found: BTreeSet<_> = machines
        .iter()
        .map(|(name, machine)| {
            let subnet = &subnets[&machine["subnet"]];
            let network = subnet["network"].trim_end_matches(".0/24");
            assert!(machine["address"].starts_with(&format!("{network}.")), "{name}: {subnet:?}");
            let location = &*regions[&subnet["region"]]["location"];
            (&**name, location, &*machine["address"], &*machine["role"])
        })
        .collect();
    assert_eq!(found, MACHINES.into_iter().collect());
    assert!(text.contains("resource \"azurerm_resource_group\" \"demo\""));
    let network = read("deploy/azure/network.tf");
    let pairs = "setproduct(keys(local.regions), keys(local.regions))";
    assert!(network.contains(pairs) && network.contains("if pair[0] != pair[1]"));
    assert_eq!(PEERINGS, regions.len() * (regions.len() - 1));
}

#[test]
fn outputs_and_variables_are_the_facts() {
    let outputs = squeezed(&read("deploy/azure/outputs.tf"));
    for (name, machine) in OUTPUTS {
        let value = format!("value = azurerm_public_ip.machine[\"{machine}\"].ip_address");
        let block =
            outputs.split("output ").find(|block| block.starts_with(&format!("\"{name}\"")));
        assert!(block.is_some_and(|block| block.contains(&value)), "{name}: {block:?}");
    }
    let variables = squeezed(&read("deploy/azure/variables.tf"));
    for (name, default) in VARIABLES {
        let block =
            variables.split("variable ").find(|block| block.starts_with(&format!("\"{name}\"")));
        let block = block.unwrap_or_else(|| panic!("no variable {name}"));
        match default {
            Some(default) => {
                assert!(block.contains(&format!("default = \"{default}\"")), "{block}");
            }
            None => assert!(!block.contains("default ="), "{block}"),
        }
    }
    // Whoever copies the example has named all that has no default, but for the password.
    let example = read("deploy/azure/terraform.tfvars.example");
    for (name, default) in VARIABLES {
        let is_named = example.lines().any(|line| line.starts_with(name));
        assert_eq!(is_named, default.is_none() && name != "windows_admin_password", "{name}");
    }
    assert!(!example.contains("password ="));
}

/// Only what is needed comes in, and the rest is refused explicitly.
#[test]
fn security_groups_are_no_more_open_than_needed() {
    let text = read("deploy/azure/security.tf");
    let mut found = BTreeSet::new();
    let mut role = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(" = [") {
            role = name;
        } else if let Some(fields) = line.strip_prefix("{ name = ") {
            let of = |key: &str| {
                let (_, rest) = fields.split_once(&format!("{key} = ")).unwrap();
                rest.split([',', ' ']).next().unwrap().trim_matches('"').to_owned()
            };
            found.insert((role.to_owned(), of("protocol"), of("port"), of("from")));
        }
    }
    let own = |(role, protocol, port, from): &(&str, &str, &str, &str)| {
        ((*role).to_owned(), (*protocol).to_owned(), (*port).to_owned(), (*from).to_owned())
    };
    assert_eq!(found, FROM_WHERE.iter().map(own).collect());
    let text = squeezed(&text);
    assert!(text.contains(
        "name = \"deny-the-rest\" priority = 4000 direction = \"Inbound\" access = \"Deny\""
    ));
    assert!(!text.contains("0.0.0.0/0") && !text.contains("\"Internet\""));
}

/// The configurations with the words put in are ones that a process takes; the machines are the lab's.
#[test]
fn configurations_are_taken_and_machines_are_the_labs() {
    let directory = tempfile::tempdir().unwrap();
    let key = "uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=";
    for (file, state) in
        [("overwatch", ""), ("agent", "/var/lib/opengslb"), ("agent", "C:/opengslb")]
    {
        let words = [
            ("name", "backend-eu-west"),
            ("address", "10.2.1.10"),
            ("region", "eu-west"),
            ("state", state),
            ("overwatch", "10.1.1.10"),
            ("mesh_key", key),
            ("token", "0123456789abcdefghij"),
            ("eu_west", "0123456789abcdefghij"),
            ("ap_southeast", "abcdefghij0123456789"),
        ];
        let mut text = read(&format!("deploy/azure/config/{file}.yaml"));
        for (word, value) in words {
            text = text.replace(&format!("${{{word}}}"), value);
        }
        assert!(!text.contains("${"), "{text}");
        let path = directory.path().join("config.yaml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
        let checked = command.arg("check-config").arg("--config").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{file}: {checked:?}");
    }
    // `test-cluster` finds the machines that the lab has, by IPv4.
    let topology = read("deploy/azure/config/topology.yaml");
    let lab = read("crates/lab/topologies/demo6.yaml");
    for (name, _, address, _) in MACHINES {
        for text in [&topology, &lab] {
            let host = text.split("- name: ").find(|host| host.starts_with(&format!("{name}\n")));
            assert!(host.is_some_and(|host| host.contains(address)), "{name} {address}");
        }
    }
}

/// What each role's machine is given, and that its installation is told the same role.
#[test]
fn cloud_init_is_whole() {
    for role in ["overwatch", "agent", "traffic"] {
        let path = format!("deploy/azure/cloud-init/{role}.yaml");
        let text = read(&path);
        assert!(text.starts_with("#cloud-config\n"), "{path}");
        let run = format!(
            "[/usr/local/sbin/opengslb-install, {role}, \"${{release_url}}\", \"${{release_sha256}}\"]"
        );
        assert!(text.contains(&run), "{path}: {run}");
        let mut filled = String::new();
        for line in text.lines() {
            let (start, is_word) = (line.find("${"), line.contains("_b64}"));
            filled += &if is_word {
                format!("{}YQ==\n", &line[..start.unwrap()])
            } else {
                format!("{line}\n")
            };
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("user-data");
        fs::write(&file, filled).unwrap();
        let file = file.display().to_string();
        judged("cloud-init", &["schema", "--config-file", &file]);
    }
    let install = read("deploy/azure/cloud-init/install.sh");
    for step in [
        "sha256sum --check",
        "setcap cap_net_admin+ep /usr/local/bin/opengslb",
        "DNSStubListener=no",
        "check-config",
    ] {
        assert!(install.contains(step), "{step}");
    }
    judged("sh", &["-n", "deploy/azure/cloud-init/install.sh"]);
}

/// The archive that the Windows machine unpacks has what it then runs, at the same place.
#[test]
fn windows_finds_its_installation_in_the_archive() {
    let script = read("deploy/azure/cloud-init/windows.ps1");
    assert!(script.contains("Expand-Archive -Force -Path $archive -DestinationPath C:\\opengslb"));
    assert!(script.contains("& C:\\opengslb\\install.ps1"));
    let workflow = read(".github/workflows/ci.yml");
    let staged = workflow
        .lines()
        .find_map(|line| line.trim().strip_prefix("Copy-Item ")?.strip_suffix(" stage"));
    let names = staged.unwrap().split(", ").map(|path| path.rsplit('\\').next().unwrap());
    let expected = ["opengslb.exe", "opengslb-cli.exe", "install.ps1", "LICENSE"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert!(workflow.contains("Compress-Archive -Path stage\\*"));
    // It copies these from where it lies, and there they are.
    let install = read("deploy/windows/install.ps1");
    for name in &expected[..3] {
        assert!(install.contains(&format!("'{name}'")), "{name}");
    }
}

#[test]
fn terraform_finds_the_files_well_formed() {
    let demo = "demos/demo-6-advanced-passive-latency-learning/terraform";
    let link = fs::read_link(root().join(demo)).unwrap();
    assert_eq!(link, Path::new("../../deploy/azure"));
    judged("terraform", &["fmt", "-check", "-diff", demo]);
}

/// Has a tool look; a missing one is said.
fn judged(tool: &str, words: &[&str]) {
    match Command::new(tool).args(words).current_dir(root()).output() {
        Ok(output) => {
            let said = [&*output.stdout, &*output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success(), "{tool} {}: {said}", words.join(" "));
        }
        Err(error) => report(&format!("SKIPPED: {tool} {}: {error}", words.join(" "))),
    }
}
