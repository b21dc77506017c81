//! The dialogues in `testdata`: zones and questions, and what is answered.

use std::fmt::Write as _;
use std::path::Path;

use dns::{NameBuf, RecordType};
use zone::{
    AliasTargets, HttpsTerms, SoaValues, Source, SteeredName, Steering, Zone, Zones, zone_file,
};

use crate::render::render;

/// The TTL of records that have none.
pub(crate) const TTL_S: u32 = 3600;

/// What a bare zone says of itself.
pub(crate) fn values() -> SoaValues {
    SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 7200,
        retry_s: 900,
        expire_s: 86_400,
        minimum_s: 60,
        ttl_s: 300,
    }
}

/// A zone in the making.
struct Draft {
    apex: NameBuf,
    text: String,
    steered: Vec<SteeredName>,
}

impl Draft {
    /// The zone with its warnings, or its faults.
    fn build(self) -> Result<(Zone, Vec<String>), Vec<String>> {
        fn texts(faults: Vec<impl ToString>) -> Vec<String> {
            faults.iter().map(ToString::to_string).collect()
        }
        let records = zone_file::parse(&self.text, self.apex.as_name(), TTL_S).map_err(texts)?;
        let has_soa = records.iter().any(|record| record.record_type == RecordType::SOA);
        let authority = (!has_soa).then(values);
        let source = Source { apex: self.apex, authority, records, steered: self.steered };
        let (zone, warnings) = Zone::build(source).map_err(texts)?;
        Ok((zone, texts(warnings)))
    }
}

/// `NAME INDEX [alias TARGET | https]`.
fn steered(text: &str) -> SteeredName {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap().parse().unwrap();
    let index = words.next().unwrap().parse().unwrap();
    let steering = match words.clone().next() {
        None => Steering::ONE_ADDRESS,
        Some("alias") => {
            let targets: Vec<NameBuf> = words.skip(1).map(|word| word.parse().unwrap()).collect();
            Steering::Alias(AliasTargets::new(&targets, TTL_S))
        }
        Some(_) => Steering::Addresses { answers: 1, https: HttpsTerms::new(&["h2"], None) },
    };
    SteeredName { name, index, steering }
}

/// A dialogue with the answers that are given now.
fn play(text: &str) -> String {
    let mut out = String::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut zones: Option<Zones> = None;
    for line in text.lines().filter(|line| !line.starts_with("= ")) {
        writeln!(out, "{line}").unwrap();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut answers: Vec<String> = Vec::new();
        match word {
            "zone" => {
                if zones.take().is_some() {
                    drafts.clear();
                }
                let apex = rest.parse().unwrap();
                drafts.push(Draft { apex, text: String::new(), steered: Vec::new() });
            }
            "|" => writeln!(drafts.last_mut().unwrap().text, "{rest}").unwrap(),
            "steered" => drafts.last_mut().unwrap().steered.push(steered(rest)),
            "load" => {
                let mut built = Vec::new();
                for draft in drafts.drain(..) {
                    match draft.build() {
                        Ok((zone, warnings)) => {
                            answers.extend(warnings.iter().map(|text| format!("warning: {text}")));
                            built.push(zone);
                        }
                        Err(faults) => {
                            answers.extend(faults.iter().map(|text| format!("fault: {text}")));
                        }
                    }
                }
                match Zones::new(built) {
                    Ok(new) => zones = Some(new),
                    Err(faults) => {
                        zones = Some(Zones::new(Vec::new()).unwrap());
                        answers.extend(faults.iter().map(|text| format!("fault: {text}")));
                    }
                }
            }
            "ask" => {
                let (name, qtype) = rest.split_once(' ').unwrap();
                let name: NameBuf = name.parse().unwrap();
                let zones = zones.as_ref().expect("load before ask");
                answers = render(zones, name.as_name(), qtype.parse().unwrap());
            }
            _ => assert!(line.is_empty() || word.starts_with('#'), "what is {line:?}?"),
        }
        for answer in answers {
            writeln!(out, "= {answer}").unwrap();
        }
    }
    out
}

#[test]
fn the_dialogues_are_as_they_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let played = play(&text);
        if std::env::var("DIALOGUES").as_deref() == Ok("write") {
            std::fs::write(&path, &played).unwrap();
            continue;
        }
        let first = text.lines().zip(played.lines()).position(|(old, new)| old != new);
        let line = first.map_or(text.lines().count(), |at| at) + 1;
        assert_eq!(text, played, "{} differs from line {line} on", path.display());
        count += 1;
    }
    let is_writing = std::env::var("DIALOGUES").is_ok();
    assert!(count >= 5 || is_writing, "the dialogues are in {}", folder.display());
}
