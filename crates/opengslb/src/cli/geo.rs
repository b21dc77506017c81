//! `opengslb-cli geo`: where geography has an address.

use std::net::IpAddr;

use api::geo::GeoTest;
use clap::Subcommand;

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, plain, say};

/// What to do about geography.
#[derive(Debug, Subcommand)]
pub(super) enum Geo {
    /// Where an address is, and where geography alone would send it.
    #[command(after_help = "Example:\n  opengslb-cli geo test 10.1.2.10")]
    Test {
        /// The address.
        address: IpAddr,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: &Geo) -> Result<bool, Failure> {
    let Geo::Test { address } = command;
    let text = client.text(&format!("/api/v1/geo/test?address={address}"))?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let found: GeoTest = client.read(&text)?;
    lines(&found).iter().for_each(|line| say(&plain(line)));
    let rows =
        found.domains.into_iter().map(|domain| vec![domain.domain, domain.region, domain.by]);
    output.table(&["DOMAIN", "REGION", "BY"], &rows.collect::<Vec<_>>());
    Ok(true)
}

/// What is known of it, a line each.
fn lines(found: &GeoTest) -> Vec<String> {
    let GeoTest { address, network, mapped_region, country, continent, asn, .. } = found;
    let degrees = found.latitude.zip(found.longitude);
    let known = [
        Some(format!("address    {address}, known as one with {network}")),
        mapped_region.as_ref().map(|region| format!("mapping    {region}")),
        country.as_ref().map(|country| format!("country    {country}")),
        continent.as_ref().map(|continent| format!("continent  {continent}")),
        degrees.map(|(north, east)| format!("place      {north}, {east}")),
        asn.map(|asn| format!("system     AS{asn}")),
    ];
    let mut lines: Vec<String> = known.into_iter().flatten().collect();
    if lines.len() == 1 {
        lines.push("nothing is known of it: is a database configured?".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_shown() {
        let mut found = GeoTest {
            address: "10.1.2.3".to_owned(),
            network: "10.0.0.0/8".to_owned(),
            mapped_region: None,
            country: None,
            continent: None,
            asn: None,
            latitude: None,
            longitude: None,
            domains: Vec::new(),
        };
        assert_eq!(lines(&found).len(), 2);
        (found.mapped_region, found.asn) = (Some("eu-west".to_owned()), Some(64500));
        let expect = [
            "address    10.1.2.3, known as one with 10.0.0.0/8",
            "mapping    eu-west",
            "system     AS64500",
        ];
        assert_eq!(lines(&found), expect);
    }
}
