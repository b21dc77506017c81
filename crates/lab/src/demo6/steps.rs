//! The six steps of the brief. Each runs the brief's own commands and judges what came back.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use api::latency::{LatencyEntry, LatencyTable};

use crate::demo::Verdict;
use crate::demo::stage::{Background, Stage};
use crate::topology::Topology;

/// The brief's commands.
const LATENCY: &str = "curl http://10.1.1.10:8080/api/v1/overwatch/latency | jq .";
const DIG_A: &str = "dig @10.1.1.10 app.demo.local A +short";
const DIG: &str = "dig @10.1.1.10 app.demo.local +short";
const DECISIONS: &str = "journalctl -u opengslb | grep \"routing decision\"";
const FALLBACKS: &str = "journalctl -u opengslb | grep \"geo_fallback\"";

const EAST_US: &str = "traffic-eastus";
const SINGAPORE: &str = "traffic-singapore";
const OVERWATCH: &str = "overwatch";

/// What the table must hold: client network, region, the path's true round-trip time.
const ROWS: [(&str, &str, f64); 3] = [
    ("10.1.2.0/24", "eu-west", 85.0),
    ("10.1.2.0/24", "ap-southeast", 220.0),
    ("10.3.2.0/24", "ap-southeast", 1.0),
];

/// The site that each client is nearest to.
const NEAREST: [(&str, &str); 2] = [(EAST_US, "West Europe"), (SINGAPORE, "Southeast Asia")];

/// Agents connect within some seconds, over three round trips of 220 ms.
const CLUSTER_MAX: Duration = Duration::from_secs(45);
/// A poll interval and a report interval of the brief, and as much again for a slow machine.
const LEARNED_MAX: Duration = Duration::from_secs(80);
/// A map is compiled once a second.
const DECIDED_MAX: Duration = Duration::from_secs(15);
/// After a restart, agents come back within 5 s, tell all they know, and the map is compiled; longer
/// than this breaks a promise.
const RELEARNED_MAX: Duration = Duration::from_secs(10);

/// Step 1: everything is there.
pub(super) fn verify(stage: &mut Stage) -> anyhow::Result<Verdict> {
    stage
        .screen
        .note("ssh azureuser@<traffic_eastus_public_ip> is: opengslb lab exec traffic-eastus");
    let passed = stage.wait("the agents to connect", CLUSTER_MAX, |stage| {
        let outcome = stage.run(EAST_US, "test-cluster")?;
        Ok(if outcome.ok { Ok(()) } else { Err(outcome.last_words()) })
    })?;
    let shown = stage.show(EAST_US, "test-cluster")?;
    Ok(match passed {
        Ok(()) if shown.ok => Ok("DNS answers, agents are connected, backends are healthy".into()),
        _ => {
            let first = shown.stdout.lines().find(|line| line.starts_with('✗'));
            Err(format!("the cluster is not well: {}", first.unwrap_or(&shown.last_words())))
        }
    })
}

/// Step 2: clients connect to every backend.
pub(super) fn generate(stage: &mut Stage) -> anyhow::Result<Verdict> {
    for host in [EAST_US, SINGAPORE] {
        stage.screen.command(host, "generate-traffic 5 300");
        stage.start(host, "generate-traffic 5 300")?;
    }
    stage.pause(Duration::from_secs(2))?;
    Ok(if stage.background.iter_mut().all(Background::is_running) {
        Ok("both run on in the background, until the rows of step 3 are there".into())
    } else {
        let words: Vec<String> = stage.background.iter().map(Background::last_line).collect();
        Err(format!("generate-traffic ended: {}", words.join("; ")))
    })
}

/// Step 3: the agents' kernels measured, the overwatch knows.
pub(super) fn view(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let what = "the agents' polls (10 s) and reports (30 s)";
    let learned = stage.wait(what, LEARNED_MAX, |stage| Ok(rows(stage)?.map(drop)))?;
    let lines: Vec<String> = stage.background.iter().map(Background::last_line).collect();
    stage.background.clear();
    for (host, line) in [EAST_US, SINGAPORE].iter().zip(lines) {
        stage.screen.note(&format!("{host}: stopped generate-traffic at {}", line.trim()));
    }
    let outcome = stage.show(EAST_US, LATENCY)?;
    if let Err(missing) = learned {
        return Ok(Err(missing));
    }
    let table: LatencyTable = match serde_json::from_str(&outcome.stdout) {
        Ok(table) => table,
        Err(error) => return Ok(Err(format!("this is not the table: {error}"))),
    };
    let mut faults = Vec::new();
    for (subnet, region, expected) in ROWS {
        match find(&table, subnet, region) {
            Some(entry) if is_near(f64::from(entry.rtt_us) / 1000.0, expected) => {
                let rtt = f64::from(entry.rtt_us) / 1000.0;
                let samples = entry.samples;
                stage.screen.line(&format!(
                    "{subnet:<12} {region:<13} {rtt:>6.1} ms learned, {expected:>3} ms true, \
                     {samples} connections"
                ));
            }
            Some(entry) => faults.push(format!(
                "{subnet} - {region}: learned {} ms, true are {expected} ms",
                entry.rtt_ms
            )),
            None => faults.push(format!("{subnet} - {region} is missing")),
        }
    }
    Ok(if faults.is_empty() {
        Ok("the learned times are the true ones, within 2 ms or 3 %".into())
    } else {
        Err(faults.join("\n"))
    })
}

/// Step 4: an answer from the table, and its reason.
pub(super) fn route(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let answer = stage.show(EAST_US, DIG_A)?;
    if let Err(wrong) = is_in(stage, &answer.stdout, "West Europe")? {
        return Ok(Err(wrong));
    }
    stage.screen.note("ssh azureuser@<overwatch_public_ip> is: opengslb lab exec overwatch");
    let decided = stage.wait("a decision from the table", DECIDED_MAX, |stage| {
        let log = stage.run(OVERWATCH, &format!("{DECISIONS} | grep learned_latency"))?;
        if log.ok {
            return Ok(Ok(()));
        }
        stage.run(EAST_US, DIG_A)?;
        Ok(Err("no routing decision with reason learned_latency is in the log".into()))
    })?;
    stage.screen.command(OVERWATCH, DECISIONS);
    let log = stage.run(OVERWATCH, DECISIONS)?;
    let last: Vec<&str> = log.stdout.lines().rev().take(3).collect();
    stage.screen.output(&last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    Ok(decided.map(|()| "East US goes to West Europe, 85 ms, not to Singapore, 220 ms".into()))
}

/// Step 5: what is answered before anything is known.
pub(super) fn cold_start(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let before = stage.run(OVERWATCH, FALLBACKS)?.stdout.lines().count();
    let restarted = stage.show(OVERWATCH, "sudo systemctl restart opengslb")?;
    if !restarted.ok {
        return Ok(Err(format!("the restart failed: {}", restarted.last_words())));
    }
    let answer = stage.show(OVERWATCH, DIG_A)?;
    if addresses(&answer.stdout).is_empty() {
        return Ok(Err(format!("no answer right after the restart: {}", answer.last_words())));
    }
    let logged = stage.wait("the decision in the log", DECIDED_MAX, |stage| {
        let lines = stage.run(OVERWATCH, FALLBACKS)?.stdout.lines().count();
        Ok(if lines > before { Ok(()) } else { Err("no new geo_fallback is in the log".into()) })
    })?;
    stage.screen.command(OVERWATCH, FALLBACKS);
    let log = stage.run(OVERWATCH, FALLBACKS)?.stdout;
    let new: Vec<&str> = log.lines().skip(before).take(3).collect();
    stage.screen.output(&new.join("\n"));
    Ok(logged.map(|()| "an empty table falls back to geography, and still answers".into()))
}

/// Step 6: two clients, two answers.
pub(super) fn compare(stage: &mut Stage) -> anyhow::Result<Verdict> {
    let began = Instant::now();
    let back = stage.wait("the agents to come back", RELEARNED_MAX, |stage| {
        if let Err(missing) = rows(stage)? {
            return Ok(Err(missing));
        }
        for (host, site) in NEAREST {
            let answer = stage.run(host, DIG)?;
            if let Err(wrong) = is_in(stage, &answer.stdout, site)? {
                return Ok(Err(format!("{host}: {wrong}")));
            }
        }
        Ok(Ok(()))
    })?;
    if back.is_ok() {
        let seconds = began.elapsed().as_secs_f64();
        stage.screen.note(&format!("{seconds:.1} s after step 5 the agents have told all again"));
    }
    let mut faults = Vec::from_iter(back.err());
    for (host, site) in NEAREST {
        let answer = stage.show(host, DIG)?;
        if let Err(wrong) = is_in(stage, &answer.stdout, site)? {
            faults.push(format!("{host}: {wrong}"));
        }
    }
    faults.dedup();
    Ok(if faults.is_empty() {
        Ok("each region is sent to its nearest backend".into())
    } else {
        Err(faults.join("\n"))
    })
}

/// The table, once it has all rows with enough samples to steer.
fn rows(stage: &mut Stage) -> anyhow::Result<Result<LatencyTable, String>> {
    let outcome = stage.run(EAST_US, &LATENCY.replace("curl", "curl -s"))?;
    let Ok(table) = serde_json::from_str::<LatencyTable>(&outcome.stdout) else {
        return Ok(Err(format!("the API gives no table: {}", outcome.last_words())));
    };
    let missing = ROWS.iter().find(|(subnet, region, _)| find(&table, subnet, region).is_none());
    Ok(match missing {
        Some((subnet, region, _)) => Err(format!("nothing is learned for {subnet} - {region}")),
        None => Ok(table),
    })
}

fn find<'a>(table: &'a LatencyTable, subnet: &str, region: &str) -> Option<&'a LatencyEntry> {
    table.entries.iter().find(|entry| entry.subnet == subnet && entry.region == region)
}

/// Within 2 ms or 3 %, whichever is more.
fn is_near(rtt_ms: f64, expected_ms: f64) -> bool {
    (rtt_ms - expected_ms).abs() <= (expected_ms * 0.03).max(2.0)
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// Is there an address, and does every one belong to a backend of the site?
fn is_in(stage: &Stage, text: &str, site: &str) -> anyhow::Result<Result<(), String>> {
    let topology = stage.lab.lab.topology().context("the lab's topology")?;
    let found = addresses(text);
    let wrong = found.iter().find(|address| site_of(&topology, **address) != Some(site));
    Ok(match wrong {
        _ if found.is_empty() => Err("dig got no address".into()),
        Some(address) => Err(format!("{address} is not in {site}")),
        None => Ok(()),
    })
}

fn site_of(topology: &Topology, address: IpAddr) -> Option<&str> {
    let host = topology.hosts.iter().find(|host| host.addresses.contains(&address))?;
    topology.sites.get(host.site).map(|site| site.title.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_2_ms_or_3_percent() {
        assert!(is_near(86.9, 85.0) && is_near(82.5, 85.0) && !is_near(87.7, 85.0));
        assert!(is_near(226.0, 220.0) && !is_near(213.0, 220.0));
        assert!(is_near(2.9, 1.0) && !is_near(3.1, 1.0));
    }
}
