//! `docs/guide/demo-6.md` against reality: every command of the walk-through in its order, and each one is run.
//!
//! Where a command is run: here in a lab, by the demo that CI runs (`lab demo6`), or by nobody but an operator
//! on Azure, which is then listed with its reason.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{read, report};

/// Where a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    /// By the demo's steps, which hold it as a text.
    Demo,
    /// In this test's lab, on this host; the second is what has to be in its output.
    Lab(&'static str, &'static str),
    /// On Azure only, and why.
    Azure(&'static str),
}

use Where::{Azure, Demo, Lab};

const LOGIN: Where = Azure("`opengslb lab exec HOST -- COMMAND` stands for it in the lab");
const CLOUD: Where = Azure("it makes, shows or ends machines in Azure");
const WINDOWS: Where = Azure("the lab has no Windows");

/// The walk-through, in its order; the same command may come again.
const WALK: &[(&str, Where)] = &[
    (
        "git clone https://github.com/LoganRossUS/OpenGSLB.git",
        Azure("whoever reads the page has it"),
    ),
    (
        "cd OpenGSLB/demos/demo-6-advanced-passive-latency-learning/terraform",
        Azure("beside the clone"),
    ),
    ("cp terraform.tfvars.example terraform.tfvars", CLOUD),
    ("terraform init", CLOUD),
    ("terraform apply -var=\"windows_admin_password=YourComplexPassword123!\"", CLOUD),
    ("ssh azureuser@$(terraform output -raw traffic_eastus_public_ip)", LOGIN),
    ("test-cluster", Demo),
    ("ssh azureuser@<traffic_eastus_public_ip>", LOGIN),
    ("test-cluster", Demo),
    ("generate-traffic 5 300", Demo),
    ("curl http://10.1.1.10:8080/api/v1/overwatch/latency | jq .", Demo),
    ("dig @10.1.1.10 app.demo.local A +short", Demo),
    ("ssh azureuser@<overwatch_public_ip>", LOGIN),
    ("journalctl -u opengslb | grep \"routing decision\"", Demo),
    ("sudo systemctl restart opengslb", Demo),
    ("dig @10.1.1.10 app.demo.local A +short", Demo),
    ("journalctl -u opengslb | grep \"geo_fallback\"", Demo),
    ("ssh azureuser@<traffic_eastus_public_ip>", LOGIN),
    ("dig @10.1.1.10 app.demo.local +short", Demo),
    ("ssh azureuser@<traffic_singapore_public_ip>", LOGIN),
    ("dig @10.1.1.10 app.demo.local +short", Demo),
    ("journalctl -u opengslb | grep \"latency\"", Lab("backend-eu-west", "latency learning")),
    ("getcap /usr/local/bin/opengslb", Azure("the lab's agents have no capability, and say so")),
    ("ss -tn | grep ESTAB", Lab("backend-eu-west", "10.1.1.10:7946")),
    ("curl http://10.1.1.10:8080/api/v1/overwatch/latency | jq .", Demo),
    ("curl http://10.1.1.10:8080/api/v1/domains | jq .", Lab("traffic-eastus", "app.demo.local")),
    (
        "([Security.Principal.WindowsPrincipal] [Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole([Security.Principal.WindowsBuiltInRole] \"Administrator\")",
        WINDOWS,
    ),
    ("Get-Content C:\\opengslb\\logs\\agent.log | Select-String \"latency\"", WINDOWS),
    ("cd terraform", CLOUD),
    ("terraform destroy", CLOUD),
    ("az group delete --name rg-opengslb-latency-test --yes", CLOUD),
];

/// The first block of the page: the lab itself, which CI runs.
const LAB: &str = "cargo run --release -- lab demo6";

/// The commands of a page's blocks.
fn commands(page: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = ["```sh", "```powershell"].contains(&line);
        } else if is_inside {
            found.push(line.split("   #").next().unwrap().trim().to_owned());
        }
    }
    found
}

#[test]
fn the_page_has_every_command_in_its_order_and_no_other() {
    let page = commands(&read("docs/guide/demo-6.md"));
    assert_eq!(page[0], LAB);
    let walk: Vec<&str> = WALK.iter().map(|(command, _)| *command).collect();
    assert_eq!(page[1..], walk);
    let steps = read("crates/lab/src/demo6/steps.rs").replace("\\\"", "\"");
    let ci = read(".ci/run");
    assert!(ci.contains(LAB));
    for (command, place) in WALK {
        match place {
            Demo => assert!(steps.contains(command), "the demo does not run {command}"),
            Azure(reason) => assert!(!reason.is_empty()),
            Lab(..) => {}
        }
    }
}

/// What the demo does not run, on the hosts of a lab, in the words of the page.
#[test]
fn the_other_commands_run_in_the_lab() {
    let name = format!("walk-{}", std::process::id());
    let lab = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
        command.arg("lab").args(words).env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
        command.output().unwrap()
    };
    let topology = crate::root().join("crates/lab/topologies/demo6.yaml").display().to_string();
    let up = lab(&["up", &topology, "--name", &name]);
    let said = String::from_utf8_lossy(&[&*up.stdout, &*up.stderr].concat()).into_owned();
    if said.contains("does not let you make user namespaces") {
        report(&format!("SKIPPED: opengslb lab up: {said}"));
        return;
    }
    assert!(up.status.success(), "{said}");
    let until = Instant::now() + Duration::from_secs(45);
    let mut faults = Vec::new();
    for (command, place) in WALK {
        let Lab(host, part) = place else { continue };
        loop {
            let output = lab(&["exec", "--lab", &name, host, "--", "sh", "-c", command]);
            let said =
                String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
            if said.contains("ss: not found") {
                report(&format!("SKIPPED: {command}: {said}"));
                break;
            }
            if output.status.success() && said.contains(part) {
                break;
            }
            if Instant::now() > until {
                faults.push(format!("{host}: {command}: {said}"));
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    let down = lab(&["down", &name]);
    assert!(faults.is_empty() && down.status.success(), "{faults:#?}");
}
