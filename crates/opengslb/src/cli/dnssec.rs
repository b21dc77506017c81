//! `opengslb-cli dnssec`: the keys of signed zones, and what the zone above has to know of them.
//!
//! Keys leave an overwatch by `export` alone, over its control socket. Must never print one elsewhere.

use std::io::Read as _;

use api::dnssec::{DsRecords, SignedZone, SignedZones};
use clap::{Args, Subcommand};
use hyper::Method;
use zeroize::Zeroizing;

use super::client::{Client, Place, escaped};
use super::failure::Failure;
use super::output::{Output, plain, say, tell};

/// What to do about keys.
#[derive(Debug, Subcommand)]
pub(super) enum Dnssec {
    /// The keys, what comes next and when, and what is wrong; exit code 1 where something is.
    #[command(after_help = "Example:\n  opengslb-cli dnssec status demo.local")]
    Status {
        /// Of this zone alone.
        zone: Option<String>,
    },
    /// The DS records that the zone above should have now.
    #[command(after_help = "Example:\n  opengslb-cli dnssec ds demo.local")]
    Ds {
        /// The zone.
        zone: String,
        /// The DNSKEY records that they are made of, which some registries ask for instead.
        #[arg(long)]
        dnskey: bool,
    },
    /// Make the key that follows the one that signs.
    #[command(after_help = "Examples:\n  opengslb-cli dnssec roll demo.local\n  \
                      opengslb-cli dnssec roll demo.local --zsk")]
    Roll {
        /// The zone.
        zone: String,
        #[command(flatten)]
        which: Which,
    },
    /// Say that the DS record of a key stands in the zone above, at all its name servers.
    #[command(after_help = "Example:\n  opengslb-cli dnssec ds-seen demo.local")]
    DsSeen {
        /// The zone.
        zone: String,
        /// The key; without it the one that waits.
        #[arg(long, value_name = "N")]
        tag: Option<u16>,
    },
    /// Print a zone's keys for another overwatch. Secret: whoever has them can sign for the zone.
    #[command(
        after_help = "Example:\n  (umask 077; opengslb-cli dnssec export demo.local > demo.keys)"
    )]
    Export {
        /// The zone.
        zone: String,
    },
    /// Sign with the keys that another overwatch exported.
    #[command(after_help = "Example:\n  opengslb-cli dnssec import demo.local demo.keys")]
    Import {
        /// The zone.
        zone: String,
        /// The file, or - for standard input.
        file: String,
        /// Take them though the zone is signed with others, or with newer ones.
        #[arg(long)]
        replace: bool,
    },
}

/// Which key.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Which {
    /// The one that signs the keys.
    #[arg(long)]
    ksk: bool,
    /// The one that signs the rest.
    #[arg(long)]
    zsk: bool,
}

/// The longest text of keys that is read; the overwatch takes less.
const KEYS_BYTES_MAX: u64 = 1 << 20;

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Dnssec) -> Result<bool, Failure> {
    let path = |zone: &str, word: &str| {
        let zone = zone.trim_end_matches('.');
        format!("/api/v1/overwatch/dnssec/{}/{word}", escaped(zone))
    };
    match command {
        Dnssec::Status { zone } => return status(client, output, zone.as_deref()),
        Dnssec::Ds { zone, dnskey } => ds(client, output, &path(&zone, "ds"), dnskey)?,
        Dnssec::Roll { zone, which } => {
            let role = match (which.ksk, which.zsk) {
                (true, _) => "?role=ksk",
                (_, true) => "?role=zsk",
                _ => "",
            };
            client.say(Method::POST, &format!("{}{role}", path(&zone, "roll")), String::new())?;
            output.done(&format!(
                "{zone}: a new key is published; every overwatch needs it: export and import"
            ));
        }
        Dnssec::DsSeen { zone, tag } => {
            let tag = tag.map_or_else(String::new, |tag| format!("?tag={tag}"));
            client.say(Method::POST, &format!("{}{tag}", path(&zone, "ds-seen")), String::new())?;
            output.done(&format!(
                "{zone}: the DS record is seen; every overwatch needs to know: export and import"
            ));
        }
        Dnssec::Export { zone } => export(client, &path(&zone, "keys"))?,
        Dnssec::Import { zone, file, replace } => {
            let text = read(&file)?;
            let path = format!("{}?replace={replace}", path(&zone, "keys"));
            client.say(Method::PUT, &path, text.to_string())?;
            output.done(&format!("{zone}: signed with these keys"));
        }
    }
    Ok(true)
}

fn status(client: &Client, output: &Output, zone: Option<&str>) -> Result<bool, Failure> {
    let text = client.text("/api/v1/overwatch/dnssec")?;
    let mut document: SignedZones = client.read(&text)?;
    if let Some(name) = zone.map(|zone| zone.trim_end_matches('.').to_ascii_lowercase()) {
        document.zones.retain(|zone| zone.zone.to_ascii_lowercase() == name);
        if document.zones.is_empty() {
            return Err(Failure::Refused(format!("{name} is no zone that is signed there")));
        }
    }
    let faults = document.zones.iter().flat_map(|zone| &zone.faults).chain(&document.faults);
    let is_good = faults.clone().next().is_none();
    if output.is_json {
        say(&serde_json::to_string(&document).unwrap_or(text));
        return Ok(is_good);
    }
    let rows: Vec<Vec<String>> = document.zones.iter().flat_map(rows).collect();
    output.table(&["ZONE", "KEY", "ROLE", "ALGORITHM", "STATE", "SINCE", "DS SEEN"], &rows);
    for zone in &document.zones {
        let Some(step) = &zone.next_step else { continue };
        let at = zone.next_step_at.as_deref().map_or_else(String::new, |at| format!(", {at}"));
        say(&plain(&format!("{}: next: {step}{at}", zone.zone)));
    }
    for fault in faults {
        say(&plain(&format!("fault: {}: {}", fault.name, fault.text)));
    }
    Ok(is_good)
}

fn rows(zone: &SignedZone) -> impl Iterator<Item = Vec<String>> {
    zone.keys.iter().map(|key| {
        let seen = key.ds_seen.as_deref().unwrap_or("-");
        let cells = [&zone.zone, &key.tag.to_string(), &key.role, &key.algorithm, &key.state];
        cells.into_iter().chain([&key.since, &seen.to_owned()]).cloned().collect()
    })
}

fn ds(client: &Client, output: &Output, path: &str, is_dnskey: bool) -> Result<(), Failure> {
    let text = client.text(path)?;
    let document: DsRecords = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(());
    }
    for ds in &document.ds {
        say(&plain(if is_dnskey { &ds.dnskey } else { &ds.record }));
    }
    Ok(())
}

fn export(client: &Client, path: &str) -> Result<(), Failure> {
    if let Place::Tcp(_) = client.place() {
        let text =
            "keys leave an overwatch by its control socket alone: --api unix:PATH, on its machine";
        return Err(Failure::NotAllowed(text.to_owned()));
    }
    let text = Zeroizing::new(client.text(path)?);
    tell(
        "opengslb-cli: this is secret: whoever has it can sign for the zone. Let nobody else read the \
         file, carry it by a way that is encrypted, and remove it when it is imported.",
    );
    say(text.trim_end());
    Ok(())
}

/// A file, or what comes in.
fn read(file: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot read {file}: {error}"));
    let mut text = Zeroizing::new(String::new());
    if file == "-" {
        std::io::stdin().take(KEYS_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(KEYS_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}
