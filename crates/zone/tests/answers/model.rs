//! The look-up against a model that knows nothing of order, keys or links: it goes through all
//! names of the zone at every step, as the text of RFC 1034 and RFC 4592 says it.

use std::collections::BTreeMap;

use dns::{NameBuf, RecordType};
use proptest::prelude::*;
use zone::{Chain, End, Source, SteeredName, Steering, Zone, Zones, zone_file};

use crate::dialogues::values;

/// A name below the apex: its labels, the leftmost first.
type Labels = Vec<&'static str>;

/// What stands at a name.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Address,
    Text,
    Alias(Labels),
    AliasOutside,
    Delegation,
    Steered,
}

/// A zone as a map.
type Model = BTreeMap<Labels, Kind>;

const LABELS: [&str; 4] = ["a", "b", "*", "c"];

fn labels(least: usize) -> impl Strategy<Value = Labels> {
    proptest::collection::vec(proptest::sample::select(&LABELS[..]), least..4)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::Address),
        2 => Just(Kind::Text),
        3 => labels(1).prop_map(Kind::Alias),
        1 => Just(Kind::AliasOutside),
        1 => Just(Kind::Delegation),
        1 => Just(Kind::Steered),
    ]
}

/// Leaves out what no zone may be: delegated wildcards and names below delegations.
fn model(names: Vec<(Labels, Kind)>) -> Model {
    let is_wild = |(name, kind): &(Labels, Kind)| name[0] == "*" && *kind == Kind::Delegation;
    let all: Model = names.into_iter().filter(|pair| !is_wild(pair)).collect();
    let is_cut = |name: &[&str]| all.get(name) == Some(&Kind::Delegation);
    let mut kept = all.clone();
    kept.retain(|name, _| !(1..name.len()).any(|at| is_cut(&name[at..])));
    kept
}

fn text(labels: &[&str]) -> String {
    labels.iter().map(|label| format!("{label}.")).collect::<String>() + "example"
}

/// The zone of a model; a steered name's number is its place among the names.
fn build(model: &Model) -> Zones {
    let mut file = String::new();
    let mut steered = Vec::new();
    for (index, (name, kind)) in model.iter().enumerate() {
        let data = match kind {
            Kind::Address => "A 192.0.2.1".to_owned(),
            Kind::Text => "TXT x".to_owned(),
            Kind::Alias(target) => format!("CNAME {}.", text(target)),
            Kind::AliasOutside => "CNAME www.example.org.".to_owned(),
            Kind::Delegation => "NS ns.example.org.".to_owned(),
            Kind::Steered => {
                let name = text(name).parse().unwrap();
                steered.push(SteeredName { name, index, steering: Steering::ONE_ADDRESS });
                continue;
            }
        };
        file.push_str(&format!("{}. {data}\n", text(name)));
    }
    let apex: NameBuf = "example".parse().unwrap();
    let records = zone_file::parse(&file, apex.as_name(), 60).unwrap();
    let source = Source { apex, authority: Some(values()), records, steered };
    Zones::new(vec![Zone::build(source).unwrap().0]).unwrap()
}

/// What the model answers: the aliases on the way and the end.
fn expect(model: &Model, name: &[&'static str], qtype: RecordType) -> (Vec<String>, String) {
    let mut chain: Vec<Labels> = Vec::new();
    let mut name = name.to_vec();
    let texts = |chain: &[Labels]| chain.iter().map(|name| text(name)).collect::<Vec<_>>();
    loop {
        let exists =
            |name: &[&str]| name.is_empty() || model.keys().any(|other| other.ends_with(name));
        let kind = |name: &[&'static str]| model.get(name);
        let cut = (0..name.len()).rev().find(|at| kind(&name[*at..]) == Some(&Kind::Delegation));
        if let Some(at) = cut {
            let end = match qtype == RecordType::DS && at == 0 {
                true => "no data".to_owned(),
                false => format!("referral {}", text(&name[at..])),
            };
            return (texts(&chain), end);
        }
        let at = (0..=name.len()).find(|at| exists(&name[*at..])).unwrap();
        let found = if at == 0 { name.clone() } else { [&["*"], &name[at..]].concat() };
        let end = match kind(&found) {
            None if !exists(&found) => "no name".to_owned(),
            Some(Kind::Address) if qtype == RecordType::A => format!("A {}", text(&name)),
            Some(Kind::Text) if qtype == RecordType::TXT => format!("TXT {}", text(&name)),
            Some(Kind::Steered) if qtype == RecordType::A => {
                format!("steered {}", model.keys().position(|other| *other == found).unwrap())
            }
            Some(Kind::Alias(_) | Kind::AliasOutside) if qtype == RecordType::CNAME => {
                format!("CNAME {}", text(&name))
            }
            Some(Kind::AliasOutside) => {
                chain.push(name.clone());
                "elsewhere".to_owned()
            }
            Some(Kind::Alias(target)) => {
                chain.push(name.clone());
                let is_round = chain.contains(target);
                if !is_round {
                    name.clone_from(target);
                    continue;
                }
                "elsewhere".to_owned()
            }
            _ => "no data".to_owned(),
        };
        return (texts(&chain), end);
    }
}

/// What the zone answers, in the same words.
fn found(zones: &Zones, name: &NameBuf, qtype: RecordType) -> (Vec<String>, String) {
    let mut chain = Chain::default();
    let lookup = zones.lookup(name.as_name(), qtype, &mut chain);
    let end = match lookup.end {
        End::Outside => "outside".to_owned(),
        End::Elsewhere => "elsewhere".to_owned(),
        End::Records { owner, set, .. } => format!("{} {owner}", set.record_type),
        End::Steered { index, .. } => format!("steered {index}"),
        End::OwnAddress { .. } => "own address".to_owned(),
        End::Referral { cut, .. } => format!("referral {cut}"),
        End::NoData { .. } => "no data".to_owned(),
        End::NoName { .. } => "no name".to_owned(),
    };
    (chain.iter().map(|link| link.owner.to_string()).collect(), end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_look_up_answers_as_the_text_of_the_standard(
        names in proptest::collection::vec((labels(1), kind()), 0..10),
        asked in proptest::collection::vec(labels(1), 20),
    ) {
        let model = model(names);
        let zones = build(&model);
        for name in &asked {
            for qtype in [RecordType::A, RecordType::TXT, RecordType::CNAME, RecordType::DS] {
                let buf: NameBuf = text(name).parse().unwrap();
                let answers = (found(&zones, &buf, qtype), expect(&model, name, qtype));
                prop_assert_eq!(&answers.0, &answers.1, "{} {} in {:?}", buf, qtype, &model);
            }
        }
    }
}
