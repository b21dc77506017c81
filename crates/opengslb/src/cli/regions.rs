//! `opengslb-cli regions`: regions, and emptying them by steps.

use api::hand::{DrainTo, Region, Regions as Document};
use clap::Subcommand;
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json, say};
use super::things::{self, Things};
use super::words::{Because, Reason, ending, query, seconds};

/// What to do about regions.
#[derive(Debug, Subcommand)]
pub(super) enum Regions {
    /// Every region, and how far it is drained.
    #[command(after_help = "Example:\n  opengslb-cli regions list")]
    List,
    #[command(flatten)]
    One(Things),
    /// Send a share of a region's clients elsewhere; a larger share only adds clients.
    #[command(after_help = "Examples:\n  opengslb-cli regions drain eu-west --share 0.25\n  \
                      opengslb-cli regions drain eu-west --over 10m")]
    Drain {
        /// Which region.
        region: String,
        /// The share, from 0 to 1.
        #[arg(long, default_value_t = 1.0)]
        share: f64,
        /// How long it takes to get there: seconds, or with a unit as in 10m or 2h.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        over: Option<u64>,
        #[command(flatten)]
        because: Because,
    },
    /// Give a region its clients back.
    #[command(after_help = "Example:\n  opengslb-cli regions undrain eu-west --over 10m")]
    Undrain {
        /// Which region.
        region: String,
        /// How long it takes to get there: seconds, or with a unit as in 10m or 2h.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        over: Option<u64>,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Regions) -> Result<bool, Failure> {
    let path = |region: &str| format!("/api/v1/routing/regions/{}/drain", escaped(region));
    let time = |over: Option<u64>| over.map_or_else(String::new, |s| format!(" over {s} s"));
    match command {
        Regions::List => return list(client, output),
        Regions::One(command) => {
            return things::run(client, output, ("region", "/api/v1/regions"), command);
        }
        Regions::Drain { region, share, over, because } => {
            if !(0.0..=1.0).contains(&share) {
                return Err(Failure::Usage(format!(
                    "{share} is no share: from 0 to 1, as in 0.25"
                )));
            }
            let Because { reason, for_seconds } = because;
            let body = json(&DrainTo { share, over_seconds: over, reason, for_seconds });
            client.say(Method::PUT, &path(&region), body)?;
            let (share, ending) = (percent(share), ending(for_seconds));
            output.done(&format!("{region}: drained of {share}{}{ending}", time(over)));
        }
        Regions::Undrain { region, over, reason } => {
            let over_word = over.map(|over| over.to_string());
            let query = query(&[("over_seconds", over_word), ("reason", reason.reason)]);
            client.say(Method::DELETE, &(path(&region) + &query), String::new())?;
            output.done(&format!("{region}: no longer drained{}", time(over)));
        }
    }
    Ok(true)
}

fn list(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/routing/regions")?;
    let Document { regions } = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let row = |region: Region| {
        let target = match (region.target_share, region.reached_at) {
            (Some(share), Some(at)) => format!("{} at {at}", percent(share)),
            _ => String::new(),
        };
        let since = region.since.unwrap_or_default();
        let (drained, domains) = (percent(region.drained_share), region.domains.join(", "));
        vec![region.region, drained, since, target, domains]
    };
    let rows: Vec<Vec<String>> = regions.into_iter().map(row).collect();
    output.table(&["REGION", "DRAINED", "SINCE", "ON THE WAY TO", "DOMAINS"], &rows);
    Ok(true)
}

fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percent() {
        assert_eq!([percent(0.0), percent(0.255), percent(1.0)], ["0 %", "25.5 %", "100 %"]);
    }
}
