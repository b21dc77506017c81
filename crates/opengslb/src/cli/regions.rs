//! `opengslb-cli regions`: regions, and emptying them by steps.

use api::hand::{DrainTo, Region, Regions as Document};
use clap::Subcommand;
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json, say};

/// What to do about regions.
#[derive(Debug, Subcommand)]
pub(super) enum Regions {
    /// Every region, and how far it is drained.
    #[command(after_help = "Example:\n  opengslb-cli regions list")]
    List,
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
    },
    /// Give a region its clients back.
    #[command(after_help = "Example:\n  opengslb-cli regions undrain eu-west --over 10m")]
    Undrain {
        /// Which region.
        region: String,
        /// How long it takes to get there: seconds, or with a unit as in 10m or 2h.
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        over: Option<u64>,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Regions) -> Result<bool, Failure> {
    let path = |region: &str| format!("/api/v1/routing/regions/{}/drain", escaped(region));
    let time = |over: Option<u64>| over.map_or_else(String::new, |s| format!(" over {s} s"));
    match command {
        Regions::List => return list(client, output),
        Regions::Drain { region, share, over } => {
            if !(0.0..=1.0).contains(&share) {
                return Err(Failure::Usage(format!(
                    "{share} is no share: from 0 to 1, as in 0.25"
                )));
            }
            let body = json(&DrainTo { share, over_seconds: over });
            client.say(Method::PUT, &path(&region), body)?;
            output.done(&format!("{region}: drained of {}{}", percent(share), time(over)));
        }
        Regions::Undrain { region, over } => {
            let query = over.map_or_else(String::new, |s| format!("?over_seconds={s}"));
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

/// Seconds of a text such as `90`, `90s`, `10m` or `2h`.
fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let unit_s = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let seconds = number.zip(unit_s).and_then(|(number, unit_s)| number.checked_mul(unit_s));
    seconds.ok_or_else(|| "a number of seconds, or with a unit as in 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expect) in
            [("90", Some(90)), ("90s", Some(90)), ("10m", Some(600)), ("2h", Some(7_200))]
        {
            assert_eq!(seconds(text).ok(), expect, "{text}");
        }
        for text in ["", "m", "-1", "1d", "1.5h", "99999999999999999999"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!([percent(0.0), percent(0.255), percent(1.0)], ["0 %", "25.5 %", "100 %"]);
    }
}
