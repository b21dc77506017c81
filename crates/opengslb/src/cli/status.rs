//! `opengslb-cli status`: the whole in short.

use api::status::{ClusterStatus, SharedStore, Version};

use super::client::Client;
use super::failure::Failure;
use super::output::{Hue, Output, plain, say};

/// Characters of a digest that tell two configurations from one another.
const DIGEST_CHARS: usize = 12;

/// Prints it; whether all is healthy.
pub(super) fn run(
    client: &Client,
    output: &Output,
    expected_agents: Option<usize>,
) -> Result<bool, Failure> {
    let query = expected_agents.map_or_else(String::new, |n| format!("?expected_agents={n}"));
    let text = client.text(&format!("/api/v1/cluster/status{query}"))?;
    let status: ClusterStatus = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(status.cluster_healthy);
    }
    let version: Version = client.read(&client.text("/api/v1/version")?)?;
    let health = if status.cluster_healthy {
        output.paint(Hue::Good, "healthy")
    } else {
        output.paint(Hue::Bad, "not healthy")
    };
    let overwatch = &status.overwatch;
    let region = overwatch.region.as_ref().map_or_else(String::new, |r| format!(" in {r}"));
    let digest: String = version.config_digest.chars().take(DIGEST_CHARS).collect();
    let backends = status.backend_summary;
    let expected = expected_agents.unwrap_or(status.agents.len());
    say(&format!("cluster        {health}"));
    say(&format!("overwatch      {}{}", plain(&overwatch.node_id), plain(&region)));
    say(&format!("up for         {}", duration(overwatch.uptime_seconds)));
    say(&format!("version        {}", plain(&version.version)));
    say(&format!("configuration  {}", plain(&digest)));
    say(&format!("agents         {} of {expected} connected", status.healthy_agents));
    say(&format!(
        "servers        {} of {} healthy, {} stale",
        backends.healthy, backends.total, backends.stale
    ));
    if let Some(etcd) = &status.etcd {
        say(&format!("etcd           {}", plain(&of_etcd(etcd))));
    }
    Ok(status.cluster_healthy)
}

fn of_etcd(etcd: &SharedStore) -> String {
    let SharedStore { in_step, since, why, holder } = etcd;
    if *in_step {
        let holder = if *holder { "; this overwatch makes the keys" } else { "" };
        return format!("in step{holder}");
    }
    let (since, why) = (since.as_deref(), why.as_deref());
    let (since, why) = (since.unwrap_or("its start"), why.unwrap_or("nobody knows why"));
    format!("unreachable since {since}, changes are refused: {why}")
}

/// The two largest units.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_two_units() {
        for (seconds, expect) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), expect);
        }
    }
}
